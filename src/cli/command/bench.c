/* clipcls bench: this machine with this model.
 *
 * Everything is measured through the library as its users call it. A measurement runs once
 * unmeasured, then as often as its share of the time allows, and its median counts. */
#include "cli/command/bench.h"

#include "cli/command/bench_picture.h"
#include "base/clock.h"
#include "cli/sources.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MOST_REPEATS 1000
/* Of a quick measurement; a slow one runs as often as fits. */
#define LEAST_REPEATS 3
/* How many labels a first result and a ranking have. */
enum { FIRST_LABELS = 10, PROMPTS = 100 };

/* Parts of --seconds; what loads and warms up comes on top. */
static const double share_of_batches = 0.25, share_of_files = 0.2, share_of_prompts = 0.15,
                    share_of_machine = 0.15, share_of_picture = 0.1, share_of_others = 0.05;

struct bench {
	const struct options *options;
	struct bench_report report;
	clipcls_model *model;
	clipcls_labels *first_labels, *labels;
	clipcls_classifier *first_classifier, *classifier;
	clipcls_result *results; /* (PROMPTS) */
	char *picture;           /* a picture file's bytes */
	float *pixels;           /* (batch_pictures, 3, S, S) */
	float *embeddings;       /* (max(batch_pictures, PROMPTS), E) */
	char *prompts[PROMPTS];
	size_t inputs_left; /* of a run of clipcls_classify_files */
	clipcls_error picture_error;
};

/* One thing to be timed. */
typedef clipcls_status (*measured_fn)(struct bench *bench, clipcls_error *error);

/* What is wrong with a picture stands in its record, not in the run's error. */
static int take_record(void *user, const clipcls_record *record)
{
	struct bench *bench = user;
	const char *name = bench->report.picture_name;
	bench->picture_error.status = record->status;
	if (record->status != CLIPCLS_OK)
		snprintf(bench->picture_error.message, sizeof bench->picture_error.message,
		         "%.500s: %.500s", name != NULL ? name : "picture", record->message);
	return record->status != CLIPCLS_OK;
}

static int next_input(void *user, clipcls_input *out)
{
	struct bench *bench = user;
	if (bench->inputs_left == 0)
		return 0;
	bench->inputs_left--;
	*out = (clipcls_input){ .path = "picture",
		                    .bytes = bench->picture,
		                    .size = bench->report.picture_bytes };
	return 1;
}

static clipcls_status classify(struct bench *bench, size_t pictures, clipcls_error *error)
{
	bench->inputs_left = pictures;
	clipcls_status status = clipcls_classify_files(bench->first_classifier, NULL, next_input,
	                                               take_record, bench, error);
	if (status == CLIPCLS_ERR_STOPPED)
		*error = bench->picture_error;
	return status;
}

static clipcls_status run_files(struct bench *bench, clipcls_error *error)
{
	return classify(bench, 2 * bench->report.batch_pictures, error);
}

static clipcls_status run_batch(struct bench *bench, clipcls_error *error)
{
	return clipcls_embed_pixels(bench->model, bench->pixels, bench->report.batch_pictures,
	                            bench->embeddings, error);
}

static clipcls_status run_picture(struct bench *bench, clipcls_error *error)
{
	return clipcls_embed_pixels(bench->model, bench->pixels, 1, bench->embeddings, error);
}

static clipcls_status run_prompts(struct bench *bench, clipcls_error *error)
{
	return clipcls_embed_texts(bench->model, (const char *const *)bench->prompts, PROMPTS,
	                           bench->embeddings, error);
}

static clipcls_status run_prompt(struct bench *bench, clipcls_error *error)
{
	return clipcls_embed_texts(bench->model, (const char *const *)bench->prompts, 1,
	                           bench->embeddings, error);
}

static clipcls_status run_ranking(struct bench *bench, clipcls_error *error)
{
	(void)error;
	clipcls_classifier_rank(bench->classifier, bench->embeddings, bench->results);
	return CLIPCLS_OK;
}

static int compare_times(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *times, size_t n)
{
	qsort(times, n, sizeof *times, compare_times);
	return n % 2 == 1 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
}

/* The median time of `run`, of about `share` of the time that the user gave. */
static clipcls_status measure(double *out, struct bench *bench, measured_fn run, double share,
                              clipcls_error *error)
{
	double times[MOST_REPEATS], begin = clock_seconds();
	double seconds = bench->options->seconds;
	clipcls_status status = run(bench, error);
	bool slow = clock_seconds() - begin > share * seconds;
	size_t n = 0, least = slow ? 1 : LEAST_REPEATS;
	double end = clock_seconds() + share * seconds;
	while (status == CLIPCLS_OK && n < MOST_REPEATS && (n < least || clock_seconds() < end)) {
		double start = clock_seconds();
		status = run(bench, error);
		times[n++] = clock_seconds() - start;
	}
	if (status == CLIPCLS_OK)
		*out = median(times, n);
	return status;
}

/* Decoding, resizing and normalising, each with a median of its own. */
static clipcls_status measure_stages(struct bench *bench, clipcls_error *error)
{
	double decode[MOST_REPEATS], resize[MOST_REPEATS], normalize[MOST_REPEATS];
	double seconds = bench->options->seconds;
	double end = clock_seconds() + share_of_others * seconds;
	clipcls_picture_times *times = &bench->report.picture;
	clipcls_status status = CLIPCLS_OK;
	size_t n = 0;
	while (status == CLIPCLS_OK && n < MOST_REPEATS && (n == 0 || clock_seconds() < end)) {
		status = clipcls_measure_picture(bench->model, bench->picture, bench->report.picture_bytes,
		                                 NULL, times, error);
		decode[n] = times->decode;
		resize[n] = times->resize;
		normalize[n++] = times->normalize;
	}
	if (status != CLIPCLS_OK)
		return status;
	times->decode = median(decode, n);
	times->resize = median(resize, n);
	times->normalize = median(normalize, n);
	return CLIPCLS_OK;
}

/* The most memory that the process has held. What getrusage says begins, after an exec, with what
 * the program before it held. */
static size_t peak_memory(void)
{
	char line[256];
	size_t kilobytes = 0;
	FILE *file = fopen("/proc/self/status", "re");
	while (file != NULL && kilobytes == 0 && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "VmHWM: %zu kB", &kilobytes) != 1)
			kilobytes = 0;
	if (file != NULL)
		fclose(file);
	struct rusage usage;
	if (kilobytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
		kilobytes = (size_t)usage.ru_maxrss;
	return kilobytes * 1024;
}

/* Labels spread over the ImageNet names: prompts share beginnings, as labels' prompts do. */
static clipcls_status make_labels(struct bench *bench, clipcls_error *error)
{
	clipcls_labels *names = NULL;
	clipcls_status status = clipcls_labels_new(&names, error);
	if (status == CLIPCLS_OK)
		status = clipcls_labels_add_set(names, "imagenet1k", error);
	if (status == CLIPCLS_OK)
		status = clipcls_labels_new(&bench->first_labels, error);
	if (status == CLIPCLS_OK)
		status = clipcls_labels_new(&bench->labels, error);
	size_t step = clipcls_labels_count(names) / PROMPTS;
	for (size_t i = 0; status == CLIPCLS_OK && i < PROMPTS; i++) {
		const char *name = clipcls_labels_text(names, i * step);
		if (asprintf(&bench->prompts[i], "a photo of a %s.", name) < 0) {
			bench->prompts[i] = NULL;
			status = memory_error(error);
		}
		if (status == CLIPCLS_OK)
			status = clipcls_labels_add(bench->labels, name, NULL, 0, error);
		if (status == CLIPCLS_OK && i < FIRST_LABELS)
			status = clipcls_labels_add(bench->first_labels, name, NULL, 0, error);
	}
	clipcls_labels_free(names);
	return status;
}

/* From nothing to the first result, as a run of the program has it. */
static clipcls_status start_up(struct bench *bench, clipcls_error *error)
{
	const struct options *options = bench->options;
	struct bench_report *report = &bench->report;
	clipcls_model_options model_options = { .threads = options->threads,
		                                    .batch = options->batch,
		                                    .layout = options->layout,
		                                    .precision = options->precision };
	double begin = clock_seconds();
	clipcls_status status =
	    clipcls_model_open(&bench->model, sources_model(options), &model_options, error);
	double opened = clock_seconds();
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_new(&bench->first_classifier, bench->model, bench->first_labels,
		                                NULL, error);
	double encoded = clock_seconds();
	if (status == CLIPCLS_OK)
		status = classify(bench, 1, error);
	report->open = opened - begin;
	report->first_labels = encoded - opened;
	report->first_picture = clock_seconds() - encoded;
	report->first_label_count = FIRST_LABELS;
	report->first_peak = peak_memory();
	return status;
}

/* What the measurements read and write. */
static clipcls_status make_buffers(struct bench *bench, clipcls_error *error)
{
	struct bench_report *report = &bench->report;
	clipcls_model_work(bench->model, &report->work);
	clipcls_status status = clipcls_model_describe(bench->model, &report->model, error);
	if (status != CLIPCLS_OK)
		return status;
	report->batch_pictures = report->work.threads * report->work.batch;
	report->prompt_count = PROMPTS;
	size_t S = report->model.image_size, E = report->model.projection_dim;
	size_t rows = report->batch_pictures > PROMPTS ? report->batch_pictures : PROMPTS;
	size_t floats = 3 * S * S;
	uint32_t state = 1;
	bench->pixels = calloc(report->batch_pictures, floats * sizeof *bench->pixels);
	bench->embeddings = calloc(rows, E * sizeof *bench->embeddings);
	bench->results = calloc(PROMPTS, sizeof *bench->results);
	if (bench->pixels == NULL || bench->embeddings == NULL || bench->results == NULL)
		return memory_error(error);
	for (size_t i = 0; i < report->batch_pictures * floats; i++)
		bench->pixels[i] = (float)bench_random(&state) / 64.0f - 2.0f;
	return clipcls_classifier_new(&bench->classifier, bench->model, bench->labels, NULL, error);
}

static clipcls_status measure_all(struct bench *bench, clipcls_error *error)
{
	struct bench_report *report = &bench->report;
	double batch = 0, files = 0, prompts = 0;
	const struct {
		double *out;
		measured_fn run;
		double share;
	} measurements[] = {
		{ &report->one_picture, run_picture, share_of_picture },
		{ &batch, run_batch, share_of_batches },
		{ &files, run_files, share_of_files },
		{ &report->one_prompt, run_prompt, share_of_others },
		{ &prompts, run_prompts, share_of_prompts },
		{ &report->ranking, run_ranking, share_of_others },
	};
	clipcls_status status = measure_stages(bench, error);
	/* What a long run comes to; the first pictures are measured as the first result. */
	if (status == CLIPCLS_OK)
		status = clipcls_model_prepare(bench->model, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < sizeof measurements / sizeof *measurements; i++)
		status =
		    measure(measurements[i].out, bench, measurements[i].run, measurements[i].share, error);
	if (status == CLIPCLS_OK)
		status = clipcls_measure_machine(bench->model, share_of_machine * bench->options->seconds,
		                                 &report->machine, error);
	report->batch_rate = (double)report->batch_pictures / batch;
	report->file_rate = 2 * (double)report->batch_pictures / files;
	report->prompt_rate = PROMPTS / prompts;
	report->last_peak = peak_memory();
	return status;
}

/* The line of the library's build that says who multiplies matrices. */
static void find_products(struct bench_report *report)
{
	char *info = clipcls_build_info();
	const char *line = info != NULL ? strstr(info, "matrix products: ") : NULL;
	if (line != NULL)
		sscanf(line, "matrix products: %159[^\n]", report->products);
	free(info);
}

static void bench_free(struct bench *bench)
{
	for (size_t i = 0; i < PROMPTS; i++)
		free(bench->prompts[i]);
	free(bench->picture);
	free(bench->pixels);
	free(bench->embeddings);
	free(bench->results);
	clipcls_classifier_free(bench->first_classifier);
	clipcls_classifier_free(bench->classifier);
	clipcls_labels_free(bench->first_labels);
	clipcls_labels_free(bench->labels);
	clipcls_model_free(bench->model);
}

static clipcls_status get_picture(struct bench *bench, clipcls_error *error)
{
	struct bench_report *report = &bench->report;
	if (bench->options->operands.count == 0)
		return bench_picture_make(&bench->picture, &report->picture_bytes, error);
	report->picture_name = bench->options->operands.items[0];
	return bench_picture_read(&bench->picture, &report->picture_bytes, report->picture_name, error);
}

enum exit_code command_bench(const struct options *options)
{
	struct bench bench = { .options = options };
	clipcls_error error = { 0 };
	if (options->operands.count > 1) {
		complain("bench: takes one picture at most; see 'clipcls bench --help'");
		return EXIT_FATAL;
	}
	clipcls_status status = get_picture(&bench, &error);
	if (status == CLIPCLS_OK)
		status = make_labels(&bench, &error);
	if (status == CLIPCLS_OK)
		status = start_up(&bench, &error);
	if (status == CLIPCLS_OK)
		status = make_buffers(&bench, &error);
	if (status == CLIPCLS_OK)
		status = measure_all(&bench, &error);
	find_products(&bench.report);
	enum exit_code code = EXIT_DONE;
	if (status != CLIPCLS_OK)
		code = complain_error(&error);
	else if (options->format == FORMAT_JSON)
		code = bench_print_json(&bench.report);
	else
		bench_print_text(&bench.report);
	bench_free(&bench);
	return code;
}
