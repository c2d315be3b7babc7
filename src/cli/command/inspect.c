/* clipcls inspect: what a checkpoint is. */
#include "cli/cli.h"

#include "cli/output/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_bytes(const char *name, uint64_t bytes)
{
	printf("%-16s %.1f MiB\n", name, (double)bytes / (1 << 20));
}

static void print_tower(const char *name, const clipcls_tower_info *tower)
{
	printf("%-16s %zu layers, width %zu, ", name, tower->layers, tower->width);
	if (tower->heads > 0)
		printf("%zu heads, ", tower->heads);
	if (tower->mlp_width > 0)
		printf("MLP %zu, ", tower->mlp_width);
	printf("%s, eps %g, %.1f M parameters\n", tower->activation, tower->layer_norm_eps,
	       (double)tower->parameters / 1e6);
}

static void print_text(const clipcls_model_info *info)
{
	printf("%-16s %s\n", "model", info->path);
	printf("%-16s %s (%s layout), weights %s\n", "family", info->family, info->layout, info->dtype);
	print_tower("vision tower", &info->vision);
	printf("%-16s %zu px", "image", info->image_size);
	if (info->patch_size > 0)
		printf(", patches of %zu px", info->patch_size);
	printf("\n");
	printf("%-16s %s, %s, mean %g %g %g, std %g %g %g\n", "preprocessing", info->resize_mode,
	       info->interpolation, info->image_mean[0], info->image_mean[1], info->image_mean[2],
	       info->image_std[0], info->image_std[1], info->image_std[2]);
	print_tower("text tower", &info->text);
	printf("%-16s %zu tokens, vocabulary %zu\n", "context", info->context_length, info->vocab_size);
	printf("%-16s %zu dimensions, logit scale %.4f", "embedding", info->projection_dim,
	       info->logit_scale);
	if (info->has_logit_bias)
		printf(", logit bias %.4f: scores are sigmoids", info->logit_bias);
	printf("\n");
	printf("%-16s %zu in %zu tensors\n", "parameters", info->parameters, info->tensors);
	print_bytes("file size", info->file_bytes);
	print_bytes("memory", info->memory_bytes);
}

static void tower_json(struct buffer *out, const char *name, const clipcls_tower_info *tower)
{
	buffer_format(out,
	              "\"%s\":{\"width\":%zu,\"layers\":%zu,\"heads\":%zu,\"mlp_width\":%zu,"
	              "\"activation\":\"%s\",\"layer_norm_eps\":%g,\"parameters\":%zu},",
	              name, tower->width, tower->layers, tower->heads, tower->mlp_width,
	              tower->activation, tower->layer_norm_eps, tower->parameters);
}

static enum exit_code print_json(const clipcls_model_info *info)
{
	struct buffer out = { 0 };
	buffer_text(&out, "{\"model\":");
	json_write_text(&out, info->path);
	buffer_format(&out, ",\"family\":\"%s\",\"layout\":\"%s\",\"dtype\":\"%s\",", info->family,
	              info->layout, info->dtype);
	tower_json(&out, "vision", &info->vision);
	tower_json(&out, "text", &info->text);
	buffer_format(&out, "\"image_size\":%zu,\"patch_size\":%zu,\"context_length\":%zu,",
	              info->image_size, info->patch_size, info->context_length);
	buffer_format(&out, "\"vocab_size\":%zu,\"projection_dim\":%zu,\"logit_scale\":%.9g,",
	              info->vocab_size, info->projection_dim, info->logit_scale);
	if (info->has_logit_bias)
		buffer_format(&out, "\"logit_bias\":%.9g,", info->logit_bias);
	buffer_format(&out, "\"resize_mode\":\"%s\",\"interpolation\":\"%s\",", info->resize_mode,
	              info->interpolation);
	buffer_format(&out, "\"image_mean\":[%.9g,%.9g,%.9g],\"image_std\":[%.9g,%.9g,%.9g],",
	              info->image_mean[0], info->image_mean[1], info->image_mean[2], info->image_std[0],
	              info->image_std[1], info->image_std[2]);
	buffer_format(&out, "\"tensors\":%zu,\"parameters\":%zu,", info->tensors, info->parameters);
	buffer_format(&out, "\"file_bytes\":%" PRIu64 ",\"memory_bytes\":%" PRIu64 "}\n",
	              info->file_bytes, info->memory_bytes);
	return output_text_once(&out);
}

enum exit_code command_inspect(const struct options *options)
{
	clipcls_model *model = NULL;
	clipcls_model_info info;
	clipcls_error error = { 0 };
	clipcls_model_options model_options = { .threads = 1, .layout = options->layout };
	enum exit_code code = EXIT_DONE;
	if (options->operands.count > 1) {
		complain("inspect: wants one MODEL; see 'clipcls inspect --help'");
		return EXIT_FATAL;
	}
	/* Without an operand: the built-in model. */
	const char *name = options->operands.count == 1 ? options->operands.items[0] : NULL;
	if (clipcls_model_open(&model, name, &model_options, &error) != CLIPCLS_OK ||
	    clipcls_model_describe(model, &info, &error) != CLIPCLS_OK)
		code = complain_error(&error);
	else if (options->format == FORMAT_JSON)
		code = print_json(&info);
	else
		print_text(&info);
	clipcls_model_free(model);
	return code;
}
