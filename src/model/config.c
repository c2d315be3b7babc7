#include "model/config.h"

#include <string.h>

const char *const activation_words[] = { "quick_gelu", "gelu", "gelu_pytorch_tanh",
	                                     "relu",       "silu", NULL };
const char *const resize_mode_words[] = { "shortest", "squash", "longest", NULL };
const char *const interpolation_words[] = { "bilinear", "bicubic", NULL };

bool word_find(size_t *out, const char *const *words, const char *word)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], word) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}
