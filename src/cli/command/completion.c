/* clipcls completion: the script with which a shell completes command lines of clipcls. */
#include "cli/cli.h"
#include "cli/manual/manual.h"
#include "cli/output/output.h"

#include <string.h>

static const struct {
	const char *name;
	void (*script)(struct buffer *out);
} shells[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
};

enum exit_code command_completion(const struct options *options)
{
	struct buffer script = { 0 };
	const struct strings *operands = &options->operands;
	if (operands->count != 1) {
		complain("completion: wants one of bash, zsh, fish");
		return EXIT_FATAL;
	}
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(shells[i].name, operands->items[0]) == 0) {
			shells[i].script(&script);
			return output_text_once(&script);
		}
	complain("completion: %s: not a shell that is known; wants one of bash, zsh, fish",
	         operands->items[0]);
	return EXIT_FATAL;
}
