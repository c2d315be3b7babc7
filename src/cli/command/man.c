/* clipcls man: the manual page. */
#include "cli/cli.h"
#include "cli/manual/manual.h"
#include "cli/output/output.h"

enum exit_code command_man(const struct options *options)
{
	struct buffer page = { 0 };
	if (options->operands.count > 0) {
		complain("man: takes no operands");
		return EXIT_FATAL;
	}
	man_page(&page);
	return output_text_once(&page);
}
