/* What a checkpoint's results depend on, as bytes: for the keys of caches. */
#include "base/hash.h"
#include "model/layout.h"
#include "model/single.h"

static void append_file(struct buffer *out, const char *bytes, size_t size)
{
	struct hash128 hash = { 0, 0 };
	uint64_t length = bytes != NULL ? size : UINT64_MAX;
	if (bytes != NULL)
		hash = hash128_bytes(bytes, size);
	buffer_append(out, &length, sizeof length);
	buffer_append(out, &hash, sizeof hash);
}

void checkpoint_identity(struct buffer *out, const struct checkpoint *checkpoint)
{
	const struct tokenizer_files *files = &checkpoint->tokenizer;
	buffer_format(out, "%s\n", checkpoint->layout);
	single_config_write(out, &checkpoint->config);
	buffer_byte(out, '\n');
	append_file(out, files->vocab, files->vocab_size);
	append_file(out, files->merges, files->merges_size);
	append_file(out, files->tokenizer_json, files->tokenizer_json_size);
	append_file(out, files->spiece, files->spiece_size);
	append_file(out, files->vocab_txt, files->vocab_txt_size);
	safetensors_identity(out, checkpoint->weights);
}

bool checkpoint_unchanged(const struct checkpoint *checkpoint)
{
	return safetensors_unchanged(checkpoint->weights);
}

clipcls_status checkpoint_intact(const struct checkpoint *checkpoint, clipcls_error *error)
{
	return safetensors_intact(checkpoint->weights, error);
}
