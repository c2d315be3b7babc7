#include "cli/manual/offer.h"

#include <string.h>

/* What names of arguments, in the table of options and in the usage of commands, stand for. */
static const struct {
	const char *name;
	unsigned kinds;
} names[] = {
	{ "FILE", OFFER_FILES },
	{ "LIST", OFFER_FILES },
	{ "MANIFEST", OFFER_FILES },
	{ "IMAGE", OFFER_FILES },
	{ "PICTURE", OFFER_FILES },
	{ "INDEX", OFFER_FILES },
	{ "OUT.safetensors", OFFER_FILES },
	{ "DIR", OFFER_DIRECTORIES },
	{ "DIRECTORY", OFFER_DIRECTORIES },
	{ "PATH", OFFER_FILES | OFFER_DOWNLOADED },
	{ "MODEL", OFFER_FILES | OFFER_DOWNLOADED },
	{ "SRC", OFFER_FILES | OFFER_DOWNLOADED },
	{ "NAME", OFFER_CATALOGUE },
};

static void add_word(struct offer *offer, const char *word, size_t n)
{
	if (offer->words.size > 0)
		buffer_byte(&offer->words, ' ');
	buffer_append(&offer->words, word, n);
}

/* One name; a word in small letters stands for itself. */
static void add_name(struct offer *offer, const char *name, size_t n)
{
	if (name[0] >= 'a' && name[0] <= 'z')
		add_word(offer, name, n);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == n && memcmp(names[i].name, name, n) == 0)
			offer->kinds |= names[i].kinds;
}

/* "DIRECTORY|MANIFEST -o PROBE": all that may stand somewhere in it. */
static void add_names(struct offer *offer, const char *text)
{
	static const char between[] = " |[]";
	for (text += strspn(text, between); *text != '\0'; text += strspn(text, between)) {
		size_t n = strcspn(text, between);
		add_name(offer, text, n);
		text += n;
	}
	if ((offer->kinds & OFFER_FILES) != 0)
		offer->kinds &= ~(unsigned)OFFER_DIRECTORIES;
	/* A name is one that is there wherever a path may stand as well: what is to be downloaded is
	 * not opened. */
	if ((offer->kinds & OFFER_DOWNLOADED) != 0)
		offer->kinds &= ~(unsigned)OFFER_CATALOGUE;
}

void offer_of_option(struct offer *offer, const struct option_row *row)
{
	const char *name;
	for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
		add_word(offer, row->choices[i], strlen(row->choices[i]));
	bool sets = strstr(row->argument, "SET") != NULL;
	const char *(*set_name)(size_t) = row->offset == offsetof(struct options, label_sources)
	                                      ? clipcls_labels_set_name
	                                      : clipcls_templates_set_name;
	for (size_t i = 0; sets && (name = set_name(i)) != NULL; i++)
		add_word(offer, name, strlen(name));
	add_names(offer, row->argument);
}

void offer_of_operands(struct offer *offer, const struct command *command)
{
	add_names(offer, command->operands);
}

void offer_append_kinds(struct buffer *out, const struct offer *offer)
{
	static const char *const words[] = { "files", "directories", "downloaded", "catalogue" };
	const char *space = "";
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if ((offer->kinds >> i & 1) != 0) {
			buffer_format(out, "%s%s", space, words[i]);
			space = " ";
		}
}
