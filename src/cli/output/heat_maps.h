/* --explain: a folder of heat maps, a PNG file for each picture. */
#ifndef CLIPCLS_CLI_OUTPUT_HEAT_MAPS_H
#define CLIPCLS_CLI_OUTPUT_HEAT_MAPS_H

#include "base/json.h"
#include "cli/session.h"

struct heat_maps {
	const struct options *options;
	struct buffer path; /* of the last one made */
	size_t failed;      /* pictures that have a record and no heat map */
};

/* Makes the folder where it is missing; before any work. False after a message. Without --explain
 * nothing happens here. heat_maps_close whatever it returns. */
bool heat_maps_open(struct heat_maps *maps, const struct options *options);
/* Explains the record of an input. *file: its heat map, valid until the next call; NULL = it has
 * none, which is said on stderr where it should have. False, after a message, when the file could
 * not be written or memory is out. */
bool heat_maps_make(const char **file, struct heat_maps *maps, const struct session *session,
                    const clipcls_input *input, const clipcls_record *record);
void heat_maps_close(struct heat_maps *maps);

/* Appends the name of a picture's heat map, which no other path gets: '/' becomes '+'; what could
 * be taken for that, hide the file or end a line becomes %XX; of a long one the start stays, with
 * a hash of all of it. */
void heat_maps_name(struct buffer *name, const char *path);

#endif
