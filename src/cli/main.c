#include "cli/cli.h"
#include "cli/command_table.h"
#include "cli/options.h"
#include "cli/output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_help(const struct command *command)
{
	bool first = command == &command_table[0];
	printf("usage: clipcls %s [OPTIONS] %s\n", first ? "[classify]" : command->name,
	       command->operands);
	printf("%s %s\n\n", "Zero-shot image classification:", command->summary);
	options_print_help(command);
	if (!first)
		return;
	puts("\nSubcommands, as the first words:");
	for (size_t i = 0; i < command_count; i++)
		printf("  %-11s %-27s %s\n", command_table[i].name, command_table[i].operands,
		       command_table[i].summary);
	puts(
	    "\nExit status: 0 every input classified, 1 some failed or were not as expected,\n2 usage, "
	    "model, labels or output error.\n\nExample: clipcls photo.jpg --label cat --label dog");
}

static enum exit_code print_version(void)
{
	char *info = clipcls_build_info();
	if (info == NULL) {
		complain("out of memory");
		return EXIT_FATAL;
	}
	printf("clipcls %s\n%s", CLIPCLS_VERSION, info);
	free(info);
	return EXIT_DONE;
}

/* A closed standard stream's number would go to the next file opened, and what is meant for the
 * stream into that file. Remembers whether stdout was there. */
static bool secure_streams(void)
{
	bool stdout_open = fcntl(STDOUT_FILENO, F_GETFD) != -1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return false;
	return stdout_open;
}

static enum exit_code run(const struct command *command, int argc, char **argv)
{
	struct options options;
	enum exit_code code = EXIT_FATAL;
	if (options_parse(&options, command, argc, argv)) {
		if (options.help) {
			print_help(command);
			code = EXIT_DONE;
		} else if (options.version) {
			code = print_version();
		} else {
			code = command->run(&options);
		}
	}
	options_free(&options);
	return output_finish(code);
}

/* Whether `word` is the first one of the command's name. */
static bool begins_with(const struct command *command, const char *word)
{
	size_t n = command_first_word(command);
	return strlen(word) == n && memcmp(command->name, word, n) == 0;
}

/* The command that the first words name, which are taken off; classify when they name none. NULL
 * when a second word is missing. */
static const struct command *take_command(int *argc, char ***argv)
{
	const struct command *found = &command_table[0];
	for (size_t i = 0; *argc > 1 && i < command_count; i++) {
		if (!begins_with(&command_table[i], (*argv)[1]))
			continue;
		found = NULL;
		const char *rest = command_second_word(&command_table[i]);
		int words = rest[0] == '\0' ? 1 : 2;
		if (words == 2 && (*argc == 2 || strcmp((*argv)[2], rest) != 0))
			continue;
		*argc -= words;
		*argv += words;
		return &command_table[i];
	}
	return found;
}

/* What there is of commands that begin with this word: asked for with --help, else an error. */
static enum exit_code explain_word(const char *word, const char *next)
{
	bool asked = next != NULL && (strcmp(next, "-h") == 0 || strcmp(next, "--help") == 0);
	for (size_t i = 0; asked && i < command_count; i++)
		if (begins_with(&command_table[i], word))
			printf("usage: clipcls %s [OPTIONS] %s\n", command_table[i].name,
			       command_table[i].operands);
	if (!asked)
		complain("%s takes another word; see 'clipcls %s --help'", word, word);
	return asked ? EXIT_DONE : EXIT_FATAL;
}

int main(int argc, char **argv)
{
	if (!secure_streams()) {
		complain("stdout is closed");
		return EXIT_FATAL;
	}
	const struct command *command = take_command(&argc, &argv);
	if (command == NULL)
		return output_finish(explain_word(argv[1], argv[2]));
	return run(command, argc, argv);
}
