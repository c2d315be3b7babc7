/* The names that stand in an index file: a safetensors file of
 *
 *     embeddings       (N, E) F32
 *     sizes            (N) I64     bytes of each picture's file
 *     modified_ns      (N) I64     its time of modification
 *     path_ends        (N) I64     where in `paths` each path ends, behind its NUL
 *     paths            (bytes) U8  one behind the other, each ending in NUL
 *     model_signature  (S) F32     signature.h
 *
 * with `format`, `format_version` and `note` as metadata. */
#ifndef CLIPCLS_CLASSIFY_INDEX_FILE_H
#define CLIPCLS_CLASSIFY_INDEX_FILE_H

#define INDEX_FORMAT "clipcls-index"
#define INDEX_VERSION "1"

#define INDEX_EMBEDDINGS "embeddings"
#define INDEX_SIZES "sizes"
#define INDEX_MODIFIED "modified_ns"
#define INDEX_PATH_ENDS "path_ends"
#define INDEX_PATHS "paths"
#define INDEX_SIGNATURE "model_signature"

#endif
