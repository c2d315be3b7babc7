/* What a search looks for: texts and pictures, as embeddings. */
#ifndef CLIPCLS_CLI_COMMAND_SEARCH_QUERIES_H
#define CLIPCLS_CLI_COMMAND_SEARCH_QUERIES_H

#include "cli/session.h"

/* Texts first, then pictures, each in the order of the command line. */
struct queries {
	size_t count, texts;
	float *rows; /* (count, E) */
};

/* Opens the session's model and encodes the queries. False after a message: also where a picture
 * cannot be decoded. queries_free whatever it returns. */
bool queries_open(struct queries *queries, struct session *session, const struct options *options);
/* As given, and what it is: "query" or "query_image". */
const char *queries_name(const struct queries *queries, const struct options *options, size_t i);
const char *queries_kind(const struct queries *queries, size_t i);
void queries_free(struct queries *queries);

#endif
