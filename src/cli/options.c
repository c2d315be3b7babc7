#include "cli/options.h"

#include "cli/option_values.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long-only options need a code of their own for getopt_long. */
enum {
	OPT_TEMPLATES = 256,
	OPT_THRESHOLD,
	OPT_EXPECT,
	OPT_MIN_SCORE,
	OPT_MATCH,
	OPT_PRINT0,
	OPT_STREAM,
	OPT_RESUME,
	OPT_NAMES,
	OPT_SUBSET,
	OPT_NO_RECURSIVE,
	OPT_FILES_FROM,
	OPT_NO_EXIF,
	OPT_MAX_PIXELS,
	OPT_FAST_DECODE,
	OPT_BACKGROUND,
	OPT_PROGRESS,
	OPT_COLOR,
	OPT_LAYOUT,
	OPT_DTYPE,
	OPT_NO_CACHE,
	OPT_CACHE_DIR,
	OPT_SECONDS,
	OPT_PRECISION
};

struct option_row {
	int code; /* the short option's letter, or OPT_* */
	const char *name;
	const char *argument; /* NULL = takes none */
	unsigned commands;
	const char *help;
};

static const struct option_row rows[] = {
	{ 'l', "labels", "FILE|SET", FOR_CLASSIFY | FOR_EVAL,
	  "labels, one a line; - is stdin; a set: imagenet1k" },
	{ 'L', "label", "TEXT", FOR_CLASSIFY | FOR_EVAL, "one label; repeatable" },
	{ 'm', "model", "PATH|NAME", FOR_CLASSIFY | FOR_EVAL | FOR_BENCH,
	  "single file, checkpoint directory or downloaded model\n"
	  "(default: $CLIPCLS_MODEL, else the built-in model)" },
	{ 't', "template", "TEXT", FOR_CLASSIFY | FOR_EVAL,
	  "prompt with {} for the label; repeatable (ensemble)" },
	{ OPT_TEMPLATES, "templates", "FILE|SET", FOR_CLASSIFY | FOR_EVAL,
	  "templates, one a line; sets: simple (default), imagenet80,\nopenai7, none" },
	{ 'k', "top-k", "N", FOR_CLASSIFY, "results per picture; 0 = all (default: 5)" },
	{ OPT_THRESHOLD, "threshold", "P", FOR_CLASSIFY, "drop results scored below P (default: 0)" },
	{ OPT_EXPECT, "expect", "LABEL", FOR_CLASSIFY,
	  "exit with 1 unless this is every picture's first label" },
	{ OPT_MIN_SCORE, "min-score", "P", FOR_CLASSIFY,
	  "with --match, or else expected of every picture: the first\nlabel is scored at least P" },
	{ OPT_MATCH, "match", "LABEL", FOR_CLASSIFY,
	  "print only pictures whose first label this is; repeatable" },
	{ OPT_PRINT0, "print0", NULL, FOR_CLASSIFY,
	  "print the paths of classified pictures alone, each ending in NUL" },
	{ 'f', "format", "F", FOR_CLASSIFY, "text (default), tsv, csv, json, jsonl, junit" },
	{ 'r', "recursive", NULL, FOR_CLASSIFY, "walk directories, sorted by name (default)" },
	{ OPT_NO_RECURSIVE, "no-recursive", NULL, FOR_CLASSIFY,
	  "take a directory's own pictures, not those further down" },
	{ OPT_FILES_FROM, "files-from", "FILE", FOR_CLASSIFY,
	  "read input paths from FILE, one a line; - is stdin" },
	{ OPT_STREAM, "stream", "FILE", FOR_CLASSIFY,
	  "read pictures one behind the other (PNM, JPEG, PNG, BMP) from\nFILE; - is stdin" },
	{ OPT_RESUME, "resume", "FILE", FOR_CLASSIFY,
	  "skip inputs that FILE, the jsonl output of an earlier run, has" },
	{ '0', "null", NULL, FOR_CLASSIFY, "paths of --files-from end in NUL, not in a newline" },
	{ 'j', "threads", "N", FOR_CLASSIFY | FOR_EVAL | FOR_BENCH, "threads (default: all cores)" },
	{ 'b', "batch", "N", FOR_CLASSIFY | FOR_EVAL | FOR_BENCH,
	  "pictures per forward pass and thread (default: auto)" },
	{ OPT_PRECISION, "precision", "P", FOR_CLASSIFY | FOR_EVAL | FOR_BENCH,
	  "of the image tower: f32 (default), bf16, int8, or auto: the\nfastest that agrees with f32" },
	{ OPT_NO_EXIF, "no-exif", NULL, FOR_CLASSIFY | FOR_EVAL,
	  "do not turn pictures as their EXIF data says" },
	{ OPT_MAX_PIXELS, "max-pixels", "N", FOR_CLASSIFY | FOR_EVAL,
	  "refuse larger pictures (default: 178956970)" },
	{ OPT_FAST_DECODE, "fast-decode", NULL, FOR_CLASSIFY | FOR_EVAL,
	  "decode large JPEGs at reduced size; scores differ a little\n"
	  "(no effect in builds without libjpeg-turbo)" },
	{ OPT_BACKGROUND, "background", "COLOR", FOR_CLASSIFY | FOR_EVAL,
	  "put transparent pictures on white, black, gray or #rrggbb\n(default: drop alpha)" },
	{ OPT_NO_CACHE, "no-cache", NULL, FOR_CLASSIFY | FOR_EVAL,
	  "neither use nor keep label embeddings of other runs" },
	{ OPT_CACHE_DIR, "cache-dir", "DIR", FOR_CLASSIFY | FOR_EVAL,
	  "where label embeddings are kept\n(default: $XDG_CACHE_HOME/clipcls or ~/.cache/clipcls)" },
	{ OPT_LAYOUT, "layout", "L", FOR_CLASSIFY | FOR_EVAL | FOR_CONVERT | FOR_INSPECT | FOR_BENCH,
	  "read a checkpoint as huggingface, openclip or single\n(default: found out)" },
	{ OPT_DTYPE, "dtype", "D", FOR_CONVERT,
	  "f32, f16 or bf16; int8: the transformer blocks' linear weights,\nall else as stored "
	  "(default: as stored)" },
	{ OPT_PROGRESS, "progress", "WHEN", FOR_CLASSIFY | FOR_EVAL, "auto (default), always, never" },
	{ OPT_COLOR, "color", "WHEN", FOR_CLASSIFY,
	  "auto (default; NO_COLOR is honoured), always, never" },
	{ 'f', "format", "F", FOR_EVAL | FOR_INSPECT | FOR_BENCH, "text (default), json" },
	{ OPT_NAMES, "names", "FILE", FOR_EVAL,
	  "which labels are right for a class: class<TAB>label<TAB>...,\n"
	  "a label being its text or # and its place from 0" },
	{ OPT_SUBSET, "subset", NULL, FOR_EVAL,
	  "only labels that are right for some class may be an answer" },
	{ OPT_SECONDS, "seconds", "N", FOR_BENCH, "about how long to measure (default: 5)" },
	{ 'q', "quiet", NULL, FOR_CLASSIFY | FOR_EVAL,
	  "no notices and no progress; errors still show" },
	{ 'v', "verbose", NULL, FOR_CLASSIFY | FOR_EVAL, "say what is loaded and how long it takes" },
	{ 'h', "help", NULL, FOR_ALL, "show this help" },
	{ 'V', "version", NULL, FOR_ALL, "show version, libraries and decoders" },
};
#define ROW_COUNT (sizeof rows / sizeof *rows)

bool strings_add(struct strings *strings, const char *item)
{
	if (strings->count == strings->capacity) {
		size_t capacity = strings->capacity > 0 ? 2 * strings->capacity : 8;
		const char **grown = realloc(strings->items, capacity * sizeof *grown);
		if (grown == NULL) {
			complain("out of memory");
			return false;
		}
		strings->items = grown;
		strings->capacity = capacity;
	}
	strings->items[strings->count++] = item;
	return true;
}

static const struct option_row *find_row(int code, unsigned command)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].code == code && (rows[i].commands & command) != 0)
			return &rows[i];
	return NULL;
}

static bool print0_alone(void)
{
	complain("--print0 is a format of its own: --format does not go with it");
	return false;
}

static bool parse_print0(struct options *o)
{
	if (o->format != FORMAT_TEXT)
		return print0_alone();
	o->format = FORMAT_PATHS;
	return true;
}

static bool parse_format(struct options *o, const char *value, const struct command *command)
{
	static const char *const all[] = { "text", "tsv", "csv", "json", "jsonl", "junit", NULL };
	static const char *const report[] = { "text", "json", NULL };
	bool reporting = (command->options & (FOR_EVAL | FOR_INSPECT | FOR_BENCH)) != 0;
	int choice = 0;
	if (o->format == FORMAT_PATHS)
		return print0_alone();
	bool known = parse_choice(&choice, "format", value, reporting ? report : all);
	if (reporting && choice == 1)
		choice = FORMAT_JSON;
	o->format = (enum output_format)choice;
	return known;
}

static bool check_template(const char *text)
{
	return strstr(text, "{}") != NULL || bad_value("template", text, "holds no {} for the label");
}

static bool parse_directory(const char **out, const char *option, const char *value)
{
	*out = value;
	return value[0] != '\0' || bad_value(option, value, "names no directory");
}

static bool apply(struct options *o, int code, const char *value, const struct command *command)
{
	static const char *const dtypes[] = { "f32", "f16", "bf16", "int8", NULL };
	static const char *const precisions[] = { "f32", "bf16", "int8", "auto", NULL };
	static const char *const layouts[] = { "huggingface", "openclip", "single", NULL };
	int choice;
	switch (code) {
	case 'l': return strings_add(&o->label_sources, value);
	case 'L': return strings_add(&o->labels, value);
	case 'm': o->model = value; return true;
	case 't': return check_template(value) && strings_add(&o->templates, value);
	case OPT_TEMPLATES: return strings_add(&o->template_sources, value);
	case 'k': return parse_size(&o->top_k, "top-k", value, 0);
	case OPT_THRESHOLD: return parse_probability(&o->threshold, "threshold", value);
	case OPT_EXPECT: o->expect = value; return true;
	case OPT_MIN_SCORE: return parse_probability(&o->min_score, "min-score", value);
	case OPT_MATCH: return strings_add(&o->matches, value);
	case OPT_PRINT0: return parse_print0(o);
	case OPT_STREAM: o->stream = value; return true;
	case OPT_RESUME: o->resume = value; return true;
	case OPT_NAMES: o->names = value; return true;
	case OPT_SUBSET: o->subset = true; return true;
	case 'f': return parse_format(o, value, command);
	case 'r': o->no_recursive = false; return true;
	case OPT_NO_RECURSIVE: o->no_recursive = true; return true;
	case OPT_FILES_FROM: o->files_from = value; return true;
	case '0': o->nul_separated = true; return true;
	case 'j': return parse_size(&o->threads, "threads", value, 1);
	case 'b': return parse_size(&o->batch, "batch", value, 1);
	case OPT_PRECISION:
		o->precision = value;
		return parse_choice(&choice, "precision", value, precisions);
	case OPT_NO_EXIF: o->image.ignore_exif = 1; return true;
	case OPT_MAX_PIXELS: return parse_size(&o->image.max_pixels, "max-pixels", value, 1);
	case OPT_FAST_DECODE: o->image.fast_decode = 1; return true;
	case OPT_BACKGROUND: return parse_color(&o->image, "background", value);
	case OPT_NO_CACHE: o->no_cache = true; return true;
	case OPT_CACHE_DIR: return parse_directory(&o->cache_directory, "cache-dir", value);
	case OPT_LAYOUT: o->layout = value; return parse_choice(&choice, "layout", value, layouts);
	case OPT_DTYPE: o->dtype = value; return parse_choice(&choice, "dtype", value, dtypes);
	case OPT_SECONDS: return parse_seconds(&o->seconds, "seconds", value);
	case OPT_PROGRESS: return parse_when(&o->progress, "progress", value);
	case OPT_COLOR: return parse_when(&o->color, "color", value);
	case 'q': o->quiet = true; return true;
	case 'v': o->verbose = true; return true;
	case 'h': o->help = true; return true;
	case 'V': o->version = true; return true;
	default: return false;
	}
}

/* Fills what getopt_long wants from the rows that `command` takes. */
static void make_getopt(char *letters, struct option *longs, const struct command *command)
{
	*letters++ = ':'; /* a missing argument is told from an unknown option */
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct option_row *row = &rows[i];
		if ((row->commands & command->options) == 0)
			continue;
		*longs++ = (struct option){
			.name = row->name,
			.has_arg = row->argument != NULL ? required_argument : no_argument,
			.val = row->code,
		};
		if (row->code < 256) {
			*letters++ = (char)row->code;
			if (row->argument != NULL)
				*letters++ = ':';
		}
	}
	*letters = '\0';
	*longs = (struct option){ 0 };
}

bool options_parse(struct options *options, const struct command *command, int argc, char **argv)
{
	char letters[2 * ROW_COUNT + 2];
	struct option longs[ROW_COUNT + 1];
	*options = (struct options){ .top_k = 5, .seconds = 5 };
	make_getopt(letters, longs, command);
	opterr = 0;
	optind = 1;
	for (;;) {
		int place = optind < argc ? optind : argc - 1;
		int code = getopt_long(argc, argv, letters, longs, NULL);
		if (code == -1)
			break;
		if (code == ':' || code == '?') {
			const char *word = argv[optind - 1 < place ? place : optind - 1];
			complain("%s: %s; see 'clipcls %s --help'", word,
			         code == ':' ? "needs a value" : "unknown option", command->name);
			return false;
		}
		if (find_row(code, command->options) == NULL || !apply(options, code, optarg, command))
			return false;
	}
	for (int i = optind; i < argc; i++)
		if (!strings_add(&options->operands, argv[i]))
			return false;
	return true;
}

void options_free(struct options *options)
{
	free(options->label_sources.items);
	free(options->labels.items);
	free(options->templates.items);
	free(options->matches.items);
	free(options->template_sources.items);
	free(options->operands.items);
}

void options_print_help(const struct command *command)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct option_row *row = &rows[i];
		if ((row->commands & command->options) == 0)
			continue;
		char left[64];
		snprintf(left, sizeof left, "  %c%c%s --%s%s%s", row->code < 256 ? '-' : ' ',
		         row->code < 256 ? row->code : ' ', row->code < 256 ? "," : " ", row->name,
		         row->argument != NULL ? " " : "", row->argument != NULL ? row->argument : "");
		printf("%-30s ", left);
		for (const char *c = row->help; *c != '\0'; c++) {
			putchar(*c);
			if (*c == '\n')
				printf("%31s", "");
		}
		putchar('\n');
	}
}
