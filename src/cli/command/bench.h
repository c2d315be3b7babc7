/* What `clipcls bench` measures, and printing it. Times in seconds, rates per second. */
#ifndef CLIPCLS_CLI_COMMAND_BENCH_H
#define CLIPCLS_CLI_COMMAND_BENCH_H

#include "cli/cli.h"

struct bench_report {
	clipcls_model_info model;
	clipcls_work work;
	clipcls_machine machine;
	char products[160]; /* who computes the matrix products */
	/* From opening the model to the first result, one after the other. */
	double open, first_labels, first_picture;
	size_t first_label_count;
	/* The image tower: seconds of one picture alone, pictures per second in batches. */
	double one_picture, batch_rate;
	size_t batch_pictures;
	/* The text tower: one prompt alone, prompts per second of many together. */
	double one_prompt, prompt_rate;
	size_t prompt_count;
	/* From a picture's bytes to ranked labels. */
	const char *picture_name; /* NULL: made here */
	size_t picture_bytes;
	double file_rate;
	clipcls_picture_times picture;
	double ranking; /* prompt_count labels for one picture */
	/* Bytes: when the first result was there, and at the end with the bench's own buffers. */
	size_t first_peak, last_peak;
};

void bench_print_text(const struct bench_report *report);
enum exit_code bench_print_json(const struct bench_report *report);

#endif
