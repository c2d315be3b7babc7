/* The files of a vocabulary of few tokens. */
#ifndef CLIPCLS_TESTS_TEST_TOKENIZER_H
#define CLIPCLS_TESTS_TEST_TOKENIZER_H

#include "unit.h"

#define SMALL_TOKENS "\"a\":0,\"b\":1,\"a</w>\":2,\"b</w>\":3,\"ab</w>\":4,\"aa\":5,\"aab</w>\":6"
#define SPECIAL_TOKENS "\"<|startoftext|>\":8,\"<|endoftext|>\":9"
#define SMALL_VOCAB "{" SMALL_TOKENS "," SPECIAL_TOKENS "}"
#define SMALL_MERGES "#version: 0.2\na b</w>\na a\naa b</w>\n"

/* The parts of a tokenizer.json. */
#define NORMALIZER                                                                         \
	"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":" \
	"\"Replace\",\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\" \"},{\"type\":\"Lowercase\"}]}"
#define PRE_TOKENIZER                                                                              \
	"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":" \
	"{\"Regex\":\"'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+\"},"    \
	"\"behavior\":\"Removed\",\"invert\":true},{\"type\":\"ByteLevel\","                           \
	"\"add_prefix_space\":false,\"trim_offsets\":true}]}"
#define ADDED                                                       \
	"\"added_tokens\":[{\"id\":8,\"content\":\"<|startoftext|>\"}," \
	"{\"id\":9,\"content\":\"<|endoftext|>\"}]"
#define MODEL(type, merges)                  \
	"\"model\":{" type "\"merges\":[" merges \
	"],\"end_of_word_suffix\":\"</w>\",\"vocab\":{" SMALL_TOKENS "}}"
#define BPE "\"type\":\"BPE\","
#define TOKENIZER_JSON \
	"{" ADDED "," NORMALIZER "," PRE_TOKENIZER "," MODEL(BPE, "\"a b</w>\",\"a a\"") "}"

#endif
