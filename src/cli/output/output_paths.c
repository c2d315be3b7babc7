/* --print0: the paths of pictures alone, each ending in NUL, for xargs -0. */
#include "cli/output/output.h"

#include <string.h>

static void paths_record(struct output *output, const clipcls_record *record, size_t results)
{
	(void)results;
	if (record->status != CLIPCLS_OK)
		complain("%s: %s", record->path, record->message);
	else
		buffer_append(&output->line, record->path, strlen(record->path) + 1);
}

const struct output_writer output_paths = { .record = paths_record };
