#include "cli/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

#define SECONDS_BETWEEN_LINES 0.1
#define BAR_WIDTH 24

void progress_begin(struct progress *progress, const struct options *options, bool stdout_terminal)
{
	bool automatic = isatty(STDERR_FILENO) && !stdout_terminal && !options->quiet;
	*progress = (struct progress){
		.shown = options->progress == WHEN_ALWAYS || (options->progress == WHEN_AUTO && automatic),
		.start = clock_seconds(),
	};
}

/* "[=====>    ]  45 %  " and, behind the count, "of 2741" and "1:02 left". */
static void draw_bar(const struct progress *progress)
{
	size_t done = progress->count < progress->total ? progress->count : progress->total;
	size_t filled = done * BAR_WIDTH / progress->total;
	fputc('[', stderr);
	for (size_t i = 0; i < BAR_WIDTH; i++)
		fputc(i < filled ? '=' : i == filled ? '>' : ' ', stderr);
	fprintf(stderr, "] %3zu %%  ", done * 100 / progress->total);
}

static void draw_time_left(const struct progress *progress, double rate)
{
	double seconds = (double)(progress->total - progress->count) / rate;
	unsigned long whole = seconds < 1e8 ? (unsigned long)seconds : 100000000;
	if (whole >= 3600)
		fprintf(stderr, ", %lu:%02lu:%02lu left", whole / 3600, whole / 60 % 60, whole % 60);
	else
		fprintf(stderr, ", %lu:%02lu left", whole / 60, whole % 60);
}

void progress_advance(struct progress *progress, bool failed)
{
	double now = progress->shown ? clock_seconds() : 0;
	progress->count++;
	progress->failed += failed;
	if (!progress->shown || now - progress->last < SECONDS_BETWEEN_LINES)
		return;
	double rate = (double)progress->count / (now - progress->start);
	fputc('\r', stderr);
	if (progress->total > 0)
		draw_bar(progress);
	fprintf(stderr, "%zu pictures, %.1f/s", progress->count, rate);
	if (progress->count < progress->total)
		draw_time_left(progress, rate);
	if (progress->failed > 0)
		fprintf(stderr, ", %zu failed", progress->failed);
	fputs("\033[K", stderr);
	progress->drawn = true;
	progress->last = now;
}

void progress_erase(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}
