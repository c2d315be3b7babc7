#include "cli/input/feed.h"

#include <stdlib.h>

/* The library borrows an input until its record comes; records come in order. */
struct pending {
	clipcls_input input;
	struct pending *next;
};

bool feed_open(struct feed *feed, const struct options *options)
{
	*feed = (struct feed){ 0 };
	return inputs_open(&feed->inputs, options);
}

/* Lets an input go that `skip` says needs no record. */
static bool skipped(const clipcls_input *input, feed_skip skip, void *user)
{
	if (skip == NULL || !skip(user, input))
		return false;
	inputs_release(input);
	return true;
}

int feed_next(struct feed *feed, clipcls_input *out, feed_skip skip, void *user)
{
	struct pending *pending = calloc(1, sizeof *pending);
	int said;
	if (pending == NULL) {
		complain("out of memory");
		feed->inputs.failed = true;
		return CLIPCLS_NEXT_END;
	}
	do
		said = inputs_next(&feed->inputs, &pending->input, feed->first == NULL);
	while (said == CLIPCLS_NEXT_GIVEN && skipped(&pending->input, skip, user));
	if (said != CLIPCLS_NEXT_GIVEN) {
		free(pending);
		return said;
	}
	if (feed->first == NULL)
		feed->first = pending;
	else
		feed->last->next = pending;
	feed->last = pending;
	*out = pending->input;
	return CLIPCLS_NEXT_GIVEN;
}

const clipcls_input *feed_current(const struct feed *feed)
{
	return &feed->first->input;
}

void feed_delivered(struct feed *feed)
{
	struct pending *pending = feed->first;
	feed->first = pending->next;
	inputs_release(&pending->input);
	free(pending);
}

bool feed_failed(const struct feed *feed)
{
	return feed->inputs.failed;
}

void feed_close(struct feed *feed)
{
	while (feed->first != NULL)
		feed_delivered(feed);
	inputs_close(&feed->inputs);
}
