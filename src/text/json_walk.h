/* Walks JSON text without building a tree: a vocabulary is one object of 49,408 members, and a
 * tree of it would take longer to build than the rest of the program's start. Everything that is
 * not vocabulary or merges goes to base/json.h. */
#ifndef CLIPCLS_TEXT_JSON_WALK_H
#define CLIPCLS_TEXT_JSON_WALK_H

#include "base/buffer.h"
#include "base/error.h"

/* Every call moves `at` on and keeps the first error; after one, nothing moves any more. */
struct json_walk {
	const char *start, *at, *end;
	const char *name; /* in messages, borrowed */
	clipcls_status status;
	clipcls_error *error;
};

/* Takes the character c (one of {}[]:,), after white space, if it stands there. */
bool json_walk_take(struct json_walk *walk, char c);
/* Takes it or fails. */
void json_walk_expect(struct json_walk *walk, char c);
/* Whether a string is next. */
bool json_walk_at_string(struct json_walk *walk);
/* Reads a string, unescaped, into *out (cleared first). UTF-8 is not checked. */
void json_walk_string(struct json_walk *walk, struct buffer *out);
/* Reads a whole number >= 0. */
size_t json_walk_size(struct json_walk *walk);
/* Reads a number of any kind; it is finite. */
double json_walk_number(struct json_walk *walk);
/* Steps over one value of any kind and gives where it stands; nesting is not checked. */
void json_walk_value(struct json_walk *walk, const char **text, size_t *n);
/* Nothing but white space may be left. */
void json_walk_end(struct json_walk *walk);
void json_walk_fail(struct json_walk *walk, const char *what);

/* For members and elements: `first` starts true; false when `close` was taken or an error
 * stands. */
bool json_walk_more(struct json_walk *walk, bool *first, char close);

#endif
