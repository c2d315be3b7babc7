/* What tokenizer_config.json says beside the vocabulary. Internal to src/model. */
#ifndef CLIPCLS_MODEL_TOKENIZER_SETTINGS_H
#define CLIPCLS_MODEL_TOKENIZER_SETTINGS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct tokenizer_settings {
	char name[64];        /* of the class, without "Fast"; "" = the file says none */
	int32_t pad_token_id; /* -1 = the file says none */
	bool has_side, pad_left;
	bool masks_padding; /* the model is to be given a mask that hides the padding */
};

/* Of a directory; without the file all is as if it said nothing. */
clipcls_status tokenizer_settings_read(struct tokenizer_settings *out, const char *directory,
                                       clipcls_error *error);

#endif
