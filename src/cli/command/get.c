/* clipcls get: runs the installed get-model script, which downloads and verifies. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the script stands relative to the program: installed, or built inside the source tree. */
static const char *const places[] = {
	CLIPCLS_LIBEXEC "/clipcls/get-model.sh",
	"../scripts/get-model.sh",
	"../../scripts/get-model.sh",
};

/* Writes the script's path into `path`; false when it is nowhere. */
static bool find_script(char *path, size_t size)
{
	const char *override = getenv("CLIPCLS_GET_MODEL");
	char program[PATH_MAX];
	if (override != NULL && override[0] != '\0') {
		snprintf(path, size, "%s", override);
		return true;
	}
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	if (n <= 0)
		return false;
	program[n] = '\0';
	char *slash = strrchr(program, '/');
	if (slash != NULL)
		*slash = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		int length = snprintf(path, size, "%s/%s", program, places[i]);
		if (length > 0 && (size_t)length < size && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

enum exit_code command_get(const struct options *options)
{
	char path[2 * PATH_MAX];
	if (options->operands.count != 1) {
		complain("get: wants one NAME; 'clipcls models' lists them");
		return EXIT_FATAL;
	}
	if (!find_script(path, sizeof path)) {
		complain("get: cannot find get-model.sh beside the program; CLIPCLS_GET_MODEL names it");
		return EXIT_FATAL;
	}
	/* The script takes over this process: its output, signals and exit status are the command's. */
	execl("/bin/sh", "sh", path, "--", options->operands.items[0], (char *)NULL);
	complain("get: cannot run %s: %s", path, strerror(errno));
	return EXIT_FATAL;
}
