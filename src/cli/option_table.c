#include "cli/option_table.h"

#include "cli/option_values.h"

#define AT(member) offsetof(struct options, member)
/* What several commands share: those that encode pictures, those that take any number of them, and
 * those with labels in prompts. */
#define FOR_PICTURES (FOR_CLASSIFY | FOR_EVAL | FOR_EMBED | FOR_SEARCH | FOR_PROBE)
#define FOR_INPUTS (FOR_CLASSIFY | FOR_EMBED | FOR_SEARCH)
#define FOR_LABELS (FOR_CLASSIFY | FOR_EVAL | FOR_EMBED | FOR_PROBE)

static const char *const formats[] = { "text", "tsv", "csv", "json", "jsonl", "junit", NULL };
static const char *const rankings[] = { "text", "tsv", "csv", "json", "jsonl", NULL };
static const char *const embeddings[] = { "jsonl", "npy", "index", NULL };
static const char *const reports[] = { "text", "json", NULL };
static const char *const dtypes[] = { "f32", "f16", "bf16", "int8", NULL };
static const char *const precisions[] = { "f32", "bf16", "int8", "auto", NULL };
static const char *const layouts[] = { "huggingface", "openclip", "single", NULL };
static const char *const sandboxes[] = { "auto", "require", "none", NULL };
static const char *const whens[] = { "auto", "always", "never", NULL };

const struct option_row option_table[] = {
	{ 'l', "labels", "FILE|SET", FOR_LABELS, take_text_item, AT(label_sources), NULL,
	  "labels, one a line; - is stdin; a set: imagenet1k" },
	{ 'L', "label", "TEXT", FOR_LABELS, take_text_item, AT(labels), NULL, "one label; repeatable" },
	{ 'm', "model", "PATH|NAME", FOR_PICTURES | FOR_BENCH, take_text, AT(model), NULL,
	  "single file, checkpoint directory or downloaded model\n"
	  "(default: $CLIPCLS_MODEL, else the built-in model)" },
	{ 't', "template", "TEXT", FOR_LABELS | FOR_SEARCH, take_template, AT(templates), NULL,
	  "prompt with {} for the label; repeatable (ensemble)" },
	{ 0, "templates", "FILE|SET", FOR_LABELS, take_text_item, AT(template_sources), NULL,
	  "templates, one a line; sets: simple (default), imagenet80,\nopenai7, none" },
	{ 0, "templates", "FILE|SET", FOR_SEARCH, take_text_item, AT(template_sources), NULL,
	  "templates, one a line; sets: simple, imagenet80, openai7,\nnone (default: the query as it "
	  "is)" },
	{ 0, "query", "TEXT", FOR_SEARCH, take_text_item, AT(queries), NULL,
	  "what to look for; repeatable" },
	{ 0, "query-image", "FILE", FOR_SEARCH, take_text_item, AT(pictures), NULL,
	  "a picture to look for more of; repeatable" },
	{ 0, "index", "FILE", FOR_SEARCH, take_text, AT(index), NULL,
	  "keep the pictures' embeddings in FILE: only new and changed\npictures are encoded again" },
	{ 'o', "output", "FILE", FOR_EMBED, take_text, AT(output), NULL, "where to (default: stdout)" },
	{ 0, "probe", "FILE", FOR_CLASSIFY | FOR_EVAL, take_text, AT(probe), NULL,
	  "a probe's classes instead of labels and their prompts\n('clipcls probe train' makes one)" },
	{ 'o', "output", "FILE", FOR_PROBE, take_text, AT(output), NULL, "the file to write" },
	{ 0, "shots", "N", FOR_PROBE, take_count, AT(shots), NULL,
	  "learn from N pictures of each class, chosen at random\n(default: from all)" },
	{ 0, "seed", "N", FOR_PROBE, take_size, AT(seed), NULL,
	  "another choice of pictures for each number (default: 0)" },
	{ 0, "c", "C", FOR_PROBE, take_positive, AT(c), NULL,
	  "inverse strength of the L2 penalty, scikit-learn's C\n(default: " NUMBER_TEXT(
	      CLIPCLS_PROBE_C) ", good for 1 to 16 shots: docs/probes.md)" },
	{ 0, "curve", NULL, FOR_PROBE, take_flag, AT(curve), NULL,
	  "print the accuracy with 1, 2, 4, 8 and 16 shots, and zero-shot" },
	{ 0, "test", "DIR|LIST", FOR_PROBE, take_text, AT(test), NULL,
	  "pictures to measure the curve on\n(default: those that no shot is taken from)" },
	{ 'k', "top-k", "N", FOR_CLASSIFY, take_size, AT(top_k), NULL,
	  "results per picture; 0 = all (default: 5)" },
	{ 'k', "top-k", "N", FOR_SEARCH, take_size, AT(top_k), NULL,
	  "pictures per query; 0 = all (default: 5)" },
	{ 0, "threshold", "S", FOR_SEARCH, take_cosine, AT(least_similarity), NULL,
	  "drop pictures less similar than S" },
	{ 0, "threshold", "P", FOR_CLASSIFY, take_probability, AT(threshold), NULL,
	  "drop results scored below P (default: 0)" },
	{ 0, "expect", "LABEL", FOR_CLASSIFY, take_text, AT(expect), NULL,
	  "exit with 1 unless this is every picture's first label" },
	{ 0, "min-score", "P", FOR_CLASSIFY, take_probability, AT(min_score), NULL,
	  "with --match, or else expected of every picture: the first\nlabel is scored at least P" },
	{ 0, "match", "LABEL", FOR_CLASSIFY, take_text_item, AT(matches), NULL,
	  "print only pictures whose first label this is; repeatable" },
	{ 0, "print0", NULL, FOR_CLASSIFY, take_print0, AT(format), NULL,
	  "print the paths of classified pictures alone, each ending in NUL" },
	{ 'f', "format", "F", FOR_CLASSIFY, take_format, AT(format), formats,
	  "text (default), tsv, csv, json, jsonl, junit" },
	{ 'f', "format", "F", FOR_SEARCH, take_format, AT(format), rankings,
	  "text (default), tsv, csv, json, jsonl" },
	{ 0, "print0", NULL, FOR_SEARCH, take_print0, AT(format), NULL,
	  "print the paths of found pictures alone, each ending in NUL" },
	{ 'f', "format", "F", FOR_EMBED, take_format, AT(format), embeddings,
	  "jsonl, npy (a row per input, NaN where it failed), index\n"
	  "(default: what FILE ends in, else jsonl)" },
	{ 'r', "recursive", NULL, FOR_INPUTS, take_off, AT(no_recursive), NULL,
	  "walk directories, sorted by name (default)" },
	{ 0, "no-recursive", NULL, FOR_INPUTS, take_flag, AT(no_recursive), NULL,
	  "take a directory's own pictures, not those further down" },
	{ 0, "files-from", "FILE", FOR_INPUTS, take_text, AT(files_from), NULL,
	  "read input paths from FILE, one a line; - is stdin" },
	{ 0, "stream", "FILE", FOR_INPUTS, take_text, AT(stream), NULL,
	  "read pictures one behind the other (PNM, JPEG, PNG, BMP) from\nFILE; - is stdin" },
	{ 0, "report", "FILE", FOR_CLASSIFY | FOR_EVAL, take_text, AT(report), NULL,
	  "also write a page to look at, of this run's pictures: an HTML\nfile that needs nothing "
	  "else" },
	{ 0, "explain", "DIR", FOR_CLASSIFY, take_text, AT(explain), NULL,
	  "also write heat maps into DIR: which parts of each picture\nspoke for its first label "
	  "(docs/explain.md)" },
	{ 0, "explain-label", "LABEL", FOR_CLASSIFY, take_text, AT(explain_label), NULL,
	  "with --explain: for this label instead" },
	{ 0, "resume", "FILE", FOR_CLASSIFY, take_text, AT(resume), NULL,
	  "skip inputs that FILE, the jsonl output of an earlier run, has" },
	{ '0', "null", NULL, FOR_INPUTS, take_flag, AT(nul_separated), NULL,
	  "paths of --files-from end in NUL, not in a newline" },
	{ 0, "shard", "I/N", FOR_CLASSIFY | FOR_EMBED, take_shard, AT(shard), NULL,
	  "of N machines' work the I-th part: every picture is in one" },
	{ 'j', "threads", "N", FOR_PICTURES | FOR_BENCH, take_count, AT(threads), NULL,
	  "threads (default: all cores)" },
	{ 'b', "batch", "N", FOR_PICTURES | FOR_BENCH, take_count, AT(batch), NULL,
	  "pictures per forward pass and thread (default: auto)" },
	{ 0, "precision", "P", FOR_PICTURES | FOR_BENCH, take_word, AT(precision), precisions,
	  "of the image tower: f32 (default), bf16, int8, or auto: the\nfastest that agrees with f32" },
	{ 0, "no-exif", NULL, FOR_PICTURES, take_switch, AT(image.ignore_exif), NULL,
	  "do not turn pictures as their EXIF data says" },
	{ 0, "max-pixels", "N", FOR_PICTURES, take_count, AT(image.max_pixels), NULL,
	  "refuse larger pictures (default: 178956970)" },
	{ 0, "fast-decode", NULL, FOR_PICTURES, take_switch, AT(image.fast_decode), NULL,
	  "decode large JPEGs at reduced size; scores differ a little\n"
	  "(no effect in builds without libjpeg-turbo)" },
	{ 0, "background", "COLOR", FOR_PICTURES, take_color, AT(image), NULL,
	  "put transparent pictures on white, black, gray or #rrggbb\n(default: drop alpha)" },
	{ 0, "no-cache", NULL, FOR_PICTURES, take_flag, AT(no_cache), NULL,
	  "neither use nor keep label embeddings of other runs" },
	{ 0, "cache-dir", "DIR", FOR_PICTURES, take_directory, AT(cache_directory), NULL,
	  "where label embeddings are kept\n(default: $XDG_CACHE_HOME/clipcls or ~/.cache/clipcls)" },
	{ 0, "sandbox", "MODE", FOR_PICTURES, take_word, AT(sandbox), sandboxes,
	  "decode pictures in processes that can do nothing else: auto\n"
	  "(default: as far as the system has it), require, none" },
	{ 0, "no-sandbox", NULL, FOR_PICTURES, take_none, AT(sandbox), NULL,
	  "decode pictures in this process" },
	{ 0, "decode-limit", "N", FOR_PICTURES, take_seconds, AT(decode_seconds), NULL,
	  "seconds that decoding a picture may take (default: 60)" },
	{ 0, "layout", "L", FOR_PICTURES | FOR_CONVERT | FOR_INSPECT | FOR_BENCH, take_word, AT(layout),
	  layouts, "read a checkpoint as huggingface, openclip or single\n(default: found out)" },
	{ 0, "dtype", "D", FOR_CONVERT, take_word, AT(dtype), dtypes,
	  "f32, f16 or bf16; int8: the transformer blocks' linear weights,\nall else as stored "
	  "(default: as stored)" },
	{ 0, "progress", "WHEN", FOR_PICTURES, take_when, AT(progress), whens,
	  "auto (default), always, never" },
	{ 0, "color", "WHEN", FOR_CLASSIFY, take_when, AT(color), whens,
	  "auto (default; NO_COLOR is honoured), always, never" },
	{ 'f', "format", "F", FOR_EVAL | FOR_INSPECT | FOR_BENCH | FOR_PROBE, take_format, AT(format),
	  reports, "text (default), json" },
	{ 0, "names", "FILE", FOR_EVAL | FOR_PROBE, take_text, AT(names), NULL,
	  "which labels are right for a class: class<TAB>label<TAB>...,\n"
	  "a label being its text or # and its place from 0" },
	{ 0, "subset", NULL, FOR_EVAL | FOR_PROBE, take_flag, AT(subset), NULL,
	  "only labels that are right for some class may be an answer" },
	{ 0, "suggest-templates", NULL, FOR_EVAL, take_flag, AT(suggest_templates), NULL,
	  "say which templates help, each of --templates and -t alone\n(default: imagenet80), and "
	  "which to use" },
	{ 0, "explain-labels", NULL, FOR_EVAL, take_flag, AT(explain_labels), NULL,
	  "say what each label does to the error" },
	{ 0, "explain-labels", NULL, FOR_CLASSIFY, take_flag, AT(explain_labels), NULL,
	  "no pictures: for each label the one most like it" },
	{ 0, "seconds", "N", FOR_BENCH, take_seconds, AT(seconds), NULL,
	  "about how long to measure (default: 5)" },
	{ 'q', "quiet", NULL, FOR_PICTURES, take_flag, AT(quiet), NULL,
	  "no notices and no progress; errors still show" },
	{ 'v', "verbose", NULL, FOR_PICTURES, take_flag, AT(verbose), NULL,
	  "say what is loaded and how long it takes" },
	{ 'h', "help", NULL, FOR_ALL, take_flag, AT(help), NULL, "show this help" },
	{ 'V', "version", NULL, FOR_ALL, take_flag, AT(version), NULL,
	  "show version, libraries and decoders" },
};
const size_t option_count = sizeof option_table / sizeof *option_table;
_Static_assert(sizeof option_table / sizeof *option_table <= OPTION_LIMIT,
               "OPTION_LIMIT is too small");
