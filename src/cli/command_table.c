#include "cli/command_table.h"

#include "cli/option_table.h"

#include <string.h>

const struct command command_table[] = {
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
	{ "man", "", "prints the manual page clipcls(1)", FOR_MAN, command_man },
	{ "completion", "bash|zsh|fish", "prints a shell's completion script", FOR_COMPLETION,
	  command_completion },
};
const size_t command_count = sizeof command_table / sizeof *command_table;

size_t command_first_word(const struct command *command)
{
	return strcspn(command->name, " ");
}

const char *command_second_word(const struct command *command)
{
	const char *rest = command->name + command_first_word(command);
	return rest + (*rest != '\0');
}

const char *command_first_summary(const struct command *command)
{
	return *command_second_word(command) != '\0' ? "takes another word" : command->summary;
}

bool command_is_first(size_t i)
{
	size_t n = command_first_word(&command_table[i]);
	for (size_t j = 0; j < i; j++)
		if (command_first_word(&command_table[j]) == n &&
		    memcmp(command_table[j].name, command_table[i].name, n) == 0)
			return false;
	return true;
}
