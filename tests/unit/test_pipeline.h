/* A tokenizer.json of each model that is not CLIP's. */
#ifndef CLIPCLS_TESTS_TEST_PIPELINE_H
#define CLIPCLS_TESTS_TEST_PIPELINE_H

#define UNDERLINE "\xe2\x96\x81"

/* after: the end token's name and id. */
#define TEMPLATE(before, name, id)                                                  \
	"\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[" before       \
	"{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"" name \
	"\"}}],\"special_tokens\":{\"" name "\":{\"id\":\"" name "\",\"ids\":[" id "]}}}"

#define UNIGRAM_JSON                                                                               \
	"{\"version\":\"1.0\",\"added_tokens\":["                                                      \
	"{\"id\":1,\"content\":\"</s>\",\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"       \
	"\"special\":true},{\"id\":9,\"content\":\"<mask>\",\"lstrip\":true,\"rstrip\":true,"          \
	"\"normalized\":false,\"special\":true}],\"normalizer\":null,\"pre_tokenizer\":{\"type\":"     \
	"\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},{\"type\":\"Metaspace\","      \
	"\"replacement\":\"" UNDERLINE "\",\"prepend_scheme\":\"always\",\"split\":true}]}," TEMPLATE( \
	    "", "</s>", "1") ",\"model\":{\"type\":\"Unigram\",\"unk_id\":2,\"vocab\":["               \
	                     "[\"<pad>\",0.0],[\"</s>\",0.0],[\"<unk>\",0.0],[\"" UNDERLINE            \
	                     "\",-2.0],[\"" UNDERLINE "cat\",-3],[\"a\",-4e0],[\"c\",-4.0],[\"t\",-4." \
	                     "0],[\"ca\",-5.0]],\"byte_fallback\":false}}"

/* Two ways to make "abc": ranks 1 and 2. */
#define BPE_JSON                                                                                   \
	"{\"added_tokens\":[{\"id\":1,\"content\":\"<eos>\",\"normalized\":false,\"special\":true},"   \
	"{\"id\":11,\"content\":\"A B\",\"normalized\":true}],"                                        \
	"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"},"             \
	"{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" UNDERLINE "\"}]},"       \
	"\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":"           \
	"\"MergedWithPrevious\",\"invert\":false}," TEMPLATE(                                          \
	    "", "<eos>",                                                                               \
	    "1") ",\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":\"<unk>\",\"fuse_unk\":" \
	         "true,"                                                                               \
	         "\"byte_fallback\":false,\"ignore_merges\":false,\"vocab\":{\"<pad>\":0,\"<eos>\":1," \
	         "\"<unk>\":2,\"a\":3,\"b\":4,\"c\":5,\"bc\":6,\"ab\":7,\"abc\":8,\"" UNDERLINE        \
	         "\":9,\"" UNDERLINE "a\":10},\"merges\":[\"b "                                        \
	         "c\",[\"a\",\"bc\"],[\"a\",\"b\"],[\"ab\",\"c\"],\"" UNDERLINE " a\"]}}"

#define WORDPIECE_JSON                                                                            \
	"{\"added_tokens\":[{\"id\":3,\"content\":\"[SEP]\",\"normalized\":false,\"special\":true}]," \
	"\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":"   \
	"true,\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":"                \
	"\"BertPreTokenizer\"},\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\","   \
	"3],\"cls\":[\"[CLS]\",2]},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","        \
	"\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":10,\"vocab\":{"            \
	"\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"cat\":4,\"##s\":5,\"##ca\":6,\"##cat\":"   \
	"7,\"!\":8,\"e\":9,\"\xe4\xb8\xad\":10,\"##\":11,\"c\":12}}}"

#endif
