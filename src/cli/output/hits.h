/* What a search found, query by query. */
#ifndef CLIPCLS_CLI_OUTPUT_HITS_H
#define CLIPCLS_CLI_OUTPUT_HITS_H

#include "cli/output/output.h"

struct found {
	const char *path;
	double similarity;
};

struct hits_output {
	const struct options *options;
	bool escape; /* stdout is a terminal */
	bool single; /* text: one query alone, which need not be named */
	size_t queries;
	struct buffer line;
};

bool hits_begin(struct hits_output *output);
/* kind: "query" or "query_image".   found: n pictures, best first. False when stdout failed. */
bool hits_print(struct hits_output *output, const char *kind, const char *query,
                const struct found *found, size_t n);
bool hits_end(struct hits_output *output);
void hits_free(struct hits_output *output);

#endif
