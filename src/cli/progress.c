#include "cli/progress.h"

#include "cli/clock.h"

#include <stdio.h>
#include <unistd.h>

#define SECONDS_BETWEEN_LINES 0.1

void progress_begin(struct progress *progress, const struct options *options, bool stdout_terminal)
{
	bool automatic = isatty(STDERR_FILENO) && !stdout_terminal && !options->quiet;
	*progress = (struct progress){
		.shown = options->progress == WHEN_ALWAYS || (options->progress == WHEN_AUTO && automatic),
		.start = clock_seconds(),
	};
}

void progress_advance(struct progress *progress)
{
	double now = progress->shown ? clock_seconds() : 0;
	progress->count++;
	if (!progress->shown || now - progress->last < SECONDS_BETWEEN_LINES)
		return;
	double rate = (double)progress->count / (now - progress->start);
	fprintf(stderr, "\r%zu pictures, %.1f/s\033[K", progress->count, rate);
	progress->drawn = true;
	progress->last = now;
}

void progress_erase(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}
