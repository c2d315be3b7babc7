#include "cli/command/bench.h"

#include "cli/output/output.h"

#include <stdio.h>
#include <string.h>

#define MS(seconds) (1e3 * (seconds))
#define MIB(bytes) ((double)(bytes) / (1 << 20))

/* What the products of `pictures` a second come to, in operations a second. */
static double tower_speed(const struct bench_report *report, double pictures)
{
	return pictures * report->work.picture_flops;
}

static double until_first_result(const struct bench_report *report)
{
	return report->open + report->first_labels + report->first_picture;
}

static void print_speed(const struct bench_report *report, const char *name, double pictures)
{
	double speed = tower_speed(report, pictures);
	printf("  %-16s %.1f GFLOP/s: %.0f %% of the products' peak, %.0f %% of the multiply-adds'\n",
	       name, speed / 1e9, 100 * speed / report->machine.product_flops,
	       100 * speed / report->machine.fma_flops);
}

static void print_stage(const char *name, double seconds, const char *what)
{
	printf("  %-16s %9.3f ms%s%s\n", name, MS(seconds), what[0] != '\0' ? "  " : "", what);
}

static void print_towers(const struct bench_report *report)
{
	printf("%-18s %.2f GFLOP per picture (%.2f with every token in the last block)\n",
	       "image tower", report->work.picture_flops / 1e9, report->work.tower_flops / 1e9);
	printf("  %-16s %.2f pictures/s, %zu at a time\n", "batches", report->batch_rate,
	       report->batch_pictures);
	print_speed(report, "", report->batch_rate);
	printf("  %-16s %.2f ms\n", "one alone", MS(report->one_picture));
	print_speed(report, "", 1 / report->one_picture);
	printf("%-18s %.1f prompts/s, %zu at a time\n", "text tower", report->prompt_rate,
	       report->prompt_count);
	printf("%-18s %.2f pictures/s, %.0f %% of the image tower's\n", "bytes to results",
	       report->file_rate, 100 * report->file_rate / report->batch_rate);
}

void bench_print_text(const struct bench_report *report)
{
	const char *picture = report->picture_name;
	printf("%-18s %s (%s layout, weights %s)\n", "model", report->model.path, report->model.layout,
	       report->model.dtype);
	printf("%-18s %zu, %zu pictures per forward pass, %s\n", "threads", report->work.threads,
	       report->work.batch, report->products);
	printf("%-18s %.1f GFLOP/s in products of %zu x %zu, %.1f in multiply-adds alone\n", "machine",
	       report->machine.product_flops / 1e9, report->machine.product_size,
	       report->machine.product_size, report->machine.fma_flops / 1e9);
	print_towers(report);
	printf("%-18s %.1f ms\n", "first result", MS(until_first_result(report)));
	print_stage("model", report->open, "");
	print_stage("text tower", report->first_labels, "loading it, labels encoded");
	print_stage("first picture", report->first_picture, "loading the image tower, picture");
	printf("%-18s %s, %zu x %zu\n", "stages", picture != NULL ? picture : "a picture made here",
	       report->picture.width, report->picture.height);
	print_stage("decode", report->picture.decode, "");
	print_stage("resize", report->picture.resize, "");
	print_stage("normalize", report->picture.normalize, "");
	print_stage("image tower", report->one_picture, "");
	print_stage("text tower", report->one_prompt, "one prompt");
	char labels[40];
	snprintf(labels, sizeof labels, "%zu labels", report->prompt_count);
	print_stage("ranking", report->ranking, labels);
	printf("%-18s %.1f MiB at the first result, %.1f MiB in all\n", "peak memory",
	       MIB(report->first_peak), MIB(report->last_peak));
}

static void put_string(struct buffer *out, const char *key, const char *value)
{
	buffer_format(out, "\"%s\":", key);
	if (value != NULL)
		json_write_text(out, value);
	else
		buffer_text(out, "null");
	buffer_byte(out, ',');
}

static void put_tower(struct buffer *out, const struct bench_report *report)
{
	double batches = tower_speed(report, report->batch_rate);
	double alone = tower_speed(report, 1 / report->one_picture);
	double products = report->machine.product_flops, fma = report->machine.fma_flops;
	buffer_format(out,
	              "\"image_tower\":{\"gflop_per_picture\":%.6g,\"gflop_every_token\":%.6g,"
	              "\"pictures_per_second\":%.6g,\"pictures_at_a_time\":%zu,\"gflops\":%.6g,"
	              "\"share_of_products\":%.4g,\"share_of_fma\":%.4g,",
	              report->work.picture_flops / 1e9, report->work.tower_flops / 1e9,
	              report->batch_rate, report->batch_pictures, batches / 1e9, batches / products,
	              batches / fma);
	buffer_format(out,
	              "\"one_picture_ms\":%.6g,\"one_picture_gflops\":%.6g,"
	              "\"one_picture_share_of_products\":%.4g,\"one_picture_share_of_fma\":%.4g},",
	              MS(report->one_picture), alone / 1e9, alone / products, alone / fma);
}

enum exit_code bench_print_json(const struct bench_report *report)
{
	struct buffer out = { 0 };
	buffer_byte(&out, '{');
	put_string(&out, "model", report->model.path);
	put_string(&out, "layout", report->model.layout);
	put_string(&out, "dtype", report->model.dtype);
	put_string(&out, "products", report->products);
	buffer_format(&out, "\"threads\":%zu,\"batch\":%zu,", report->work.threads, report->work.batch);
	buffer_format(&out,
	              "\"machine\":{\"product_gflops\":%.6g,\"product_size\":%zu,\"fma_gflops\":%.6g},",
	              report->machine.product_flops / 1e9, report->machine.product_size,
	              report->machine.fma_flops / 1e9);
	put_tower(&out, report);
	buffer_format(&out, "\"text_tower\":{\"prompts_per_second\":%.6g,\"prompts_at_a_time\":%zu},",
	              report->prompt_rate, report->prompt_count);
	buffer_text(&out, "\"bytes_to_results\":{");
	put_string(&out, "picture", report->picture_name);
	buffer_format(&out,
	              "\"width\":%zu,\"height\":%zu,\"bytes\":%zu,\"pictures_per_second\":%.6g,"
	              "\"share_of_image_tower\":%.4g},",
	              report->picture.width, report->picture.height, report->picture_bytes,
	              report->file_rate, report->file_rate / report->batch_rate);
	buffer_format(&out,
	              "\"start_up_ms\":{\"model\":%.6g,\"text_tower\":%.6g,\"first_picture\":%.6g,"
	              "\"first_result\":%.6g,\"labels\":%zu},",
	              MS(report->open), MS(report->first_labels), MS(report->first_picture),
	              MS(until_first_result(report)), report->first_label_count);
	buffer_format(&out,
	              "\"stages_ms\":{\"decode\":%.6g,\"resize\":%.6g,\"normalize\":%.6g,"
	              "\"image_tower\":%.6g,\"text_tower\":%.6g,\"ranking\":%.6g},",
	              MS(report->picture.decode), MS(report->picture.resize),
	              MS(report->picture.normalize), MS(report->one_picture), MS(report->one_prompt),
	              MS(report->ranking));
	buffer_format(&out, "\"peak_memory_bytes\":{\"first_result\":%zu,\"in_all\":%zu}}\n",
	              report->first_peak, report->last_peak);
	return output_text_once(&out);
}
