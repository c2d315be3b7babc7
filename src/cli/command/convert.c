/* clipcls convert: checkpoint directory -> single file. */
#include "cli/cli.h"

enum exit_code command_convert(const struct options *options)
{
	clipcls_error error = { 0 };
	if (options->operands.count != 2) {
		complain("convert: wants SRC and OUT.safetensors; see 'clipcls convert --help'");
		return EXIT_FATAL;
	}
	const char *source = options->operands.items[0], *path = options->operands.items[1];
	if (clipcls_convert(source, path, options->dtype, options->layout, &error) != CLIPCLS_OK)
		return complain_error(&error);
	return EXIT_DONE;
}
