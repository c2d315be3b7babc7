/* A collection and its index file. */
#ifndef CLIPCLS_CLI_COLLECTION_SAVE_H
#define CLIPCLS_CLI_COLLECTION_SAVE_H

#include "cli/collection/collection.h"

/* Opens the index at collection->path. may_miss: a file that is not there is no error. */
clipcls_status save_reopen(struct collection *collection, bool may_miss, clipcls_error *error);

/* Writes the pictures that have an embedding, and opens the index again: all of them are
 * PICTURE_SAVED then. unfinished: pictures of the index that were not met stay in it, behind the
 * others. Writes nothing where nothing would change. False after a message. */
bool save_all(struct collection *collection, bool unfinished);

#endif
