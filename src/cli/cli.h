/* What the program's parts share: exit codes, messages, options. The program uses the library
 * through clipcls.h alone (and base/json.h, base/xml.h for escaping what it prints). */
#ifndef CLIPCLS_CLI_CLI_H
#define CLIPCLS_CLI_CLI_H

#include "clipcls.h"

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
	EXIT_DONE = 0,        /* every input classified */
	EXIT_SOME_FAILED = 1, /* some inputs failed, or were not as expected */
	EXIT_FATAL = 2,       /* usage, model, labels or output error */
	EXIT_PIPE_CLOSED = 141
};

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };
enum output_format {
	FORMAT_TEXT,
	FORMAT_TSV,
	FORMAT_CSV,
	FORMAT_JSON,
	FORMAT_JSONL,
	FORMAT_JUNIT,
	FORMAT_NPY,   /* embed */
	FORMAT_INDEX, /* embed */
	FORMAT_PATHS  /* --print0 */
};

/* Strings given one after another: "-L cat -L dog". Entries are borrowed from argv. */
struct strings {
	const char **items;
	size_t count, capacity;
};
bool strings_add(struct strings *strings, const char *item);

/* --shard: inputs whose path's hash modulo `count` is `index`; count 0 = all of them. */
struct shard {
	size_t index, count;
};

/* Everything the command line can say. Filled by options_parse, which does no I/O. */
struct options {
	const char *model; /* NULL = built-in */
	const char *layout;
	struct strings label_sources; /* -l: files, "-" or set names */
	struct strings labels;        /* -L */
	struct strings templates;     /* -t */
	struct strings template_sources;
	size_t top_k; /* 0 = all */
	double threshold;
	double least_similarity; /* search; -2 = any */
	const char *expect;      /* --expect: a label; NULL = none */
	double min_score;
	struct strings matches; /* --match */
	enum output_format format;
	bool no_recursive;
	const char *files_from;
	const char *stream;
	const char *output;        /* embed, probe train: where to; NULL = stdout, or nowhere */
	const char *index;         /* search: the file that keeps embeddings; NULL = none */
	struct strings queries;    /* search: texts */
	struct strings pictures;   /* search: --query-image */
	const char *explain;       /* the folder of heat maps; NULL = none */
	const char *explain_label; /* which label they explain; NULL = each picture's first */
	const char *report;        /* the page to write; NULL = none */
	const char *resume;        /* the file of an earlier run; NULL = none */
	bool nul_separated;
	struct shard shard;
	size_t threads, batch;
	bool no_cache;
	const char *cache_directory; /* NULL = the user's */
	const char *precision;       /* NULL = f32 */
	const char *sandbox;
	double decode_seconds;
	clipcls_image_options image;
	enum when progress, color;
	bool quiet, verbose, help, version;
	const char *names;      /* eval: which labels are right for a class; NULL = by name */
	bool subset;            /* eval */
	bool suggest_templates; /* eval */
	bool explain_labels;
	const char *dtype;       /* convert */
	const char *probe;       /* classify, eval: a probe's file; NULL = labels and their prompts */
	size_t shots;            /* probe train: pictures of each class; 0 = all */
	size_t seed;             /* probe train */
	double c;                /* probe train: C of the penalty */
	bool curve;              /* probe train */
	const char *test;        /* probe train: pictures for the curve; NULL = of the training ones */
	double seconds;          /* bench */
	struct strings operands; /* what is not an option */
};

/* One subcommand. */
struct command {
	const char *name;
	const char *operands; /* "IMAGE|DIRECTORY|- ...", for the usage line */
	const char *summary;
	unsigned options; /* bit of this command in the option table */
	enum exit_code (*run)(const struct options *options);
};

/* "clipcls: TEXT\n" on stderr. Control characters are printed as escapes. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);
/* The same for a failed library call; returns EXIT_FATAL. */
enum exit_code complain_error(const clipcls_error *error);
/* CLIPCLS_ERR_MEMORY with its message, as the library has it. */
clipcls_status memory_error(clipcls_error *error);

enum exit_code command_classify(const struct options *options);
enum exit_code command_eval(const struct options *options);
enum exit_code command_embed(const struct options *options);
enum exit_code command_search(const struct options *options);
enum exit_code command_probe_train(const struct options *options);
enum exit_code command_probe_apply(const struct options *options);
enum exit_code command_convert(const struct options *options);
enum exit_code command_inspect(const struct options *options);
enum exit_code command_bench(const struct options *options);
enum exit_code command_models(const struct options *options);
enum exit_code command_get(const struct options *options);
enum exit_code command_man(const struct options *options);
enum exit_code command_completion(const struct options *options);

#endif
