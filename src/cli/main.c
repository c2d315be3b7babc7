#include "cli/cli.h"
#include "cli/option_table.h"
#include "cli/options.h"
#include "cli/output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
	{ "classify", "IMAGE|DIRECTORY|- ...", "ranks labels for each picture", FOR_CLASSIFY,
	  command_classify },
	{ "eval", "DIRECTORY|MANIFEST", "measures accuracy on pictures whose class is known", FOR_EVAL,
	  command_eval },
	{ "search", "IMAGE|DIRECTORY|INDEX ...", "ranks pictures for a text or a picture", FOR_SEARCH,
	  command_search },
	{ "embed", "IMAGE|DIRECTORY|- ...", "writes embeddings of pictures or labels", FOR_EMBED,
	  command_embed },
	{ "probe train", "DIRECTORY|MANIFEST -o PROBE", "learns classes from some pictures of each",
	  FOR_PROBE, command_probe_train },
	{ "probe apply", "--probe PROBE IMAGE ...", "ranks a probe's classes for each picture",
	  FOR_CLASSIFY, command_probe_apply },
	{ "convert", "SRC OUT.safetensors", "writes a checkpoint directory as a single file",
	  FOR_CONVERT, command_convert },
	{ "inspect", "MODEL", "says what a checkpoint is", FOR_INSPECT, command_inspect },
	{ "bench", "[PICTURE]", "measures the speed of this machine with a model", FOR_BENCH,
	  command_bench },
	{ "models", "", "lists the catalogue, and what of it is downloaded", FOR_MODELS,
	  command_models },
	{ "get", "NAME", "downloads and verifies a model of the catalogue", FOR_GET, command_get },
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void print_help(const struct command *command)
{
	bool first = command == &commands[0];
	printf("usage: clipcls %s [OPTIONS] %s\n", first ? "[classify]" : command->name,
	       command->operands);
	printf("%s %s\n\n", "Zero-shot image classification:", command->summary);
	options_print_help(command);
	if (!first)
		return;
	puts("\nSubcommands, as the first words:");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-11s %-27s %s\n", commands[i].name, commands[i].operands, commands[i].summary);
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

/* Whether `word` is the first one of the command's name; *rest becomes what follows it, "" when it
 * is the whole. */
static bool begins_with(const struct command *command, const char *word, const char **rest)
{
	size_t n = strcspn(command->name, " ");
	*rest = command->name + n + (command->name[n] != '\0');
	return strlen(word) == n && memcmp(word, command->name, n) == 0;
}

/* The command that the first words name, which are taken off; classify when they name none. NULL
 * when a second word is missing. */
static const struct command *take_command(int *argc, char ***argv)
{
	const struct command *found = &commands[0];
	for (size_t i = 0; *argc > 1 && i < COMMAND_COUNT; i++) {
		const char *rest;
		if (!begins_with(&commands[i], (*argv)[1], &rest))
			continue;
		found = NULL;
		int words = rest[0] == '\0' ? 1 : 2;
		if (words == 2 && (*argc == 2 || strcmp((*argv)[2], rest) != 0))
			continue;
		*argc -= words;
		*argv += words;
		return &commands[i];
	}
	return found;
}

/* What there is of commands that begin with this word: asked for with --help, else an error. */
static enum exit_code explain_word(const char *word, const char *next)
{
	bool asked = next != NULL && (strcmp(next, "-h") == 0 || strcmp(next, "--help") == 0);
	const char *rest;
	for (size_t i = 0; asked && i < COMMAND_COUNT; i++)
		if (begins_with(&commands[i], word, &rest))
			printf("usage: clipcls %s [OPTIONS] %s\n", commands[i].name, commands[i].operands);
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
