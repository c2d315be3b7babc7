/* Pictures with their embeddings: those of a run's inputs, each once. Where they are kept in an
 * index file, only pictures that are new or have changed are encoded. */
#ifndef CLIPCLS_CLI_COLLECTION_COLLECTION_H
#define CLIPCLS_CLI_COLLECTION_COLLECTION_H

#include "cli/input/feed.h"
#include "cli/input/path_set.h"
#include "cli/progress.h"
#include "cli/session.h"

enum picture_state {
	PICTURE_WAITS, /* is being encoded */
	PICTURE_SAVED, /* has its embedding in the index */
	PICTURE_FRESH, /* has it in memory */
	PICTURE_FAILED
};

struct picture {
	char *path;
	uint64_t size;
	int64_t modified_ns;
	enum picture_state state;
	size_t row; /* of its embedding, in the index or in `fresh` */
};

struct collection {
	const struct session *session;
	const struct options *options; /* that name the inputs */
	const char *path;              /* of the index; NULL = there is none */
	char note[128];                /* what embeddings depend on besides the model */
	clipcls_index *index;          /* as last saved; NULL = not yet */
	bool *met;                     /* (pictures of the index): are among the inputs */
	struct picture *pictures;      /* in the order of the inputs */
	size_t count, capacity;
	size_t delivered; /* the first of them that may wait */
	float *fresh;     /* (fresh_count, E) */
	size_t fresh_count, fresh_capacity, encoded, failed;
	struct path_set seen;
	struct feed feed;
	struct progress progress;
	double saved_at, save_seconds; /* when it was saved last, and how long that took */
	bool broken;                   /* memory is out, or an input cannot be kept: said on stderr */
};

/* path: of the index to keep, made when it is missing; NULL = none. The session's model must be
 * open. An index of another model, or that was made with other options, is an error.
 * collection_close whatever it returns. */
clipcls_status collection_open(struct collection *collection, const struct session *session,
                               const char *path, clipcls_error *error);
/* Takes the inputs that the options name; the index then holds these and no others. Pictures that
 * fail are told on stderr. EXIT_DONE, EXIT_SOME_FAILED, or EXIT_FATAL after a message; then the
 * index has what was encoded, beside what it had. Ends the process where SIGINT or SIGTERM does,
 * after saving. */
enum exit_code collection_fill(struct collection *collection, const struct options *options);
/* After collection_fill: how many, their embeddings (count, E), and paths. */
size_t collection_count(const struct collection *collection);
const float *collection_rows(const struct collection *collection);
const char *collection_path(const struct collection *collection, size_t i);
/* As clipcls_index_intact, where there is an index. */
clipcls_status collection_intact(const struct collection *collection, clipcls_error *error);
void collection_close(struct collection *collection);

#endif
