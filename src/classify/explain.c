/* Heat of a picture's parts: what covering them costs a label. */
#include "classify/classifier.h"
#include "classify/decode.h"
#include "classify/model.h"

#include "base/checked.h"
#include "base/memory.h"
#include "image/preprocess.h"
#include "model/family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cells along a side at most: passes grow with their square. */
#define MOST_CELLS 14
/* A window's side in eighths of the picture's: smaller ones say less of a label than of the edges
 * that covering makes (docs/explain.md has figures). */
#define WINDOW_EIGHTHS 3

/* S pixels a side, C cells, W window positions. */
struct grid {
	size_t S, cell; /* pixels of a cell's side */
	size_t C;
	size_t window; /* cells of a window's side */
	size_t W;
};

static struct grid grid_of(const struct model_config *config)
{
	struct tower_shape shape = { 0 };
	struct grid grid = { .S = config->vision.image_size };
	family_image_tower(config)->describe(&shape, &config->vision);
	size_t unit = size_max(shape.patch_size, 1), units = (grid.S + unit - 1) / unit;
	size_t together = (units + MOST_CELLS - 1) / MOST_CELLS;
	grid.cell = unit * together;
	grid.C = (units + together - 1) / together;
	grid.window = size_max((WINDOW_EIGHTHS * grid.C + 4) / 8, 1);
	grid.W = grid.C - grid.window + 1;
	return grid;
}

struct explaining {
	const clipcls_classifier *classifier;
	clipcls_model *model;
	struct grid grid;
	size_t label, batch;
	double log_odds;  /* of the whole picture */
	float *pixels;    /* (3, S, S) */
	float mean[3];    /* of the pixels of each channel */
	float *embedding; /* (W * W, E), first that of the whole picture */
	double *worth;    /* (W, W), of each window */
	double *cells;    /* (2, C, C), of each cell, and the same sorted */
};

static void take_mean(struct explaining *of)
{
	size_t n = of->grid.S * of->grid.S;
	for (size_t c = 0; c < 3; c++) {
		double sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += of->pixels[c * n + i];
		of->mean[c] = (float)(sum / (double)n);
	}
}

/* out: (3, S, S), the picture with one window covered. */
static void cover(float *out, const struct explaining *of, size_t window)
{
	const struct grid *grid = &of->grid;
	size_t S = grid->S, top = window / grid->W * grid->cell, left = window % grid->W * grid->cell;
	size_t bottom = size_min(top + grid->window * grid->cell, S);
	size_t right = size_min(left + grid->window * grid->cell, S);
	memcpy(out, of->pixels, 3 * S * S * sizeof *out);
	for (size_t c = 0; c < 3; c++)
		for (size_t y = top; y < bottom; y++)
			for (size_t x = left; x < right; x++)
				out[(c * S + y) * S + x] = of->mean[c];
}

static void run_windows(void *context, size_t task, size_t worker)
{
	const struct explaining *of = context;
	struct image_worker *own = &of->model->image_workers[worker];
	size_t S = of->grid.S, E = clipcls_model_embedding_size(of->model);
	size_t first = task * of->batch, n = size_min(of->batch, of->grid.W * of->grid.W - first);
	float *embeddings = of->embedding + first * E;
	for (size_t i = 0; i < n; i++)
		cover(own->pixels + i * 3 * S * S, of, first + i);
	image_tower_forward(embeddings, own->pixels, n, of->model->image_tower, &own->arena, NULL);
	for (size_t i = 0; i < n; i++)
		of->worth[first + i] =
		    of->log_odds - classifier_log_odds(of->classifier, embeddings + i * E, of->label);
}

static clipcls_status measure_windows(struct explaining *of, clipcls_error *error)
{
	size_t n = of->grid.W * of->grid.W;
	model_expect_images(of->model, n);
	of->batch = model_batch_for(of->model, n);
	pool_run(of->model->pool, (n + of->batch - 1) / of->batch, run_windows, of);
	return checkpoint_intact(of->model->checkpoint, error);
}

/* The mean worth of the windows over a cell. */
static double mean_worth(const struct explaining *of, size_t y, size_t x)
{
	const struct grid *grid = &of->grid;
	size_t from_y = y < grid->window ? 0 : y - grid->window + 1;
	size_t from_x = x < grid->window ? 0 : x - grid->window + 1;
	size_t to_y = size_min(y, grid->W - 1), to_x = size_min(x, grid->W - 1);
	double sum = 0;
	for (size_t i = from_y; i <= to_y; i++)
		for (size_t j = from_x; j <= to_x; j++)
			sum += of->worth[i * grid->W + j];
	return sum / (double)((to_y - from_y + 1) * (to_x - from_x + 1));
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Whatever is covered, the cover changes the picture: what it does to the median cell is no cell's
 * doing, and is taken off. */
static void put_heat(clipcls_explanation *out, float *heat, struct explaining *of)
{
	size_t C = of->grid.C, n = C * C;
	double *sorted = of->cells + n;
	for (size_t i = 0; i < n; i++)
		sorted[i] = of->cells[i] = mean_worth(of, i / C, i % C);
	qsort(sorted, n, sizeof *sorted, compare_doubles);
	out->baseline = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
	out->max_heat = sorted[n - 1] - out->baseline;
	for (size_t i = 0; i < n; i++)
		heat[i] = (float)(of->cells[i] - out->baseline);
}

/* What the label is and scores in the whole picture. */
static clipcls_status take_label(clipcls_explanation *out, struct explaining *of,
                                 const size_t *label, clipcls_error *error)
{
	size_t L = classifier_label_count(of->classifier), i = 0;
	clipcls_result *results = memory_new(L, sizeof *results);
	if (results == NULL)
		return error_memory(error);
	clipcls_status status = clipcls_embed_pixels(of->model, of->pixels, 1, of->embedding, error);
	if (status == CLIPCLS_OK) {
		clipcls_classifier_rank(of->classifier, of->embedding, results);
		while (label != NULL && results[i].index != *label)
			i++;
		of->label = out->label = results[i].index;
		of->log_odds = out->log_odds =
		    classifier_log_odds(of->classifier, of->embedding, of->label);
		out->score = results[i].score;
		out->similarity = results[i].similarity;
	}
	free(results);
	return status;
}

/* The picture to look at, and where in it the tower's square lies. */
static clipcls_status take_picture(clipcls_explanation *out, const struct explaining *of,
                                   const struct thumbnail *thumbnail, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(of->model->checkpoint);
	size_t bytes = (size_t)thumbnail->width * thumbnail->height * 3;
	unsigned char *picture = memory_new(bytes, 1);
	if (picture == NULL)
		return error_memory(error);
	memcpy(picture, thumbnail->rgb, bytes);
	out->picture = picture;
	out->width = thumbnail->width;
	out->height = thumbnail->height;
	struct image_box box =
	    preprocess_box(&config->preprocess, thumbnail->full_width, thumbnail->full_height);
	out->left = box.left;
	out->top = box.top;
	out->right = box.right;
	out->bottom = box.bottom;
	return CLIPCLS_OK;
}

static clipcls_status read_picture(clipcls_explanation *out, struct explaining *of,
                                   const clipcls_input *input, const clipcls_image_options *options,
                                   clipcls_error *error)
{
	clipcls_model *model = of->model;
	const struct model_config *config = checkpoint_config(model->checkpoint);
	clipcls_image_options own = options != NULL ? *options : (clipcls_image_options){ 0 };
	uint8_t *rgb = model->image_workers[0].rgb;
	if (own.thumbnail_size == 0)
		own.thumbnail_size = CLIPCLS_THUMBNAIL_LIMIT;
	clipcls_error why;
	clipcls_status status = decode_picture(rgb, model->jail, 0, input, config, &own, &why);
	if (status != CLIPCLS_OK)
		return error_set(error, status, "%s", decode_reason(why.message));
	preprocess_normalize(of->pixels, rgb, &config->preprocess, of->grid.S);
	take_mean(of);
	return take_picture(out, of, decode_thumbnail(rgb, of->grid.S), error);
}

static clipcls_status check(const clipcls_classifier *classifier,
                            const clipcls_image_options *options, const size_t *label,
                            clipcls_error *error)
{
	if (label != NULL && *label >= classifier_label_count(classifier))
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "there is no label %zu to explain", *label);
	return decode_check_options(options, error);
}

/* Whatever is allocated is freed by the caller. */
static clipcls_status explain(clipcls_explanation *out, struct explaining *of,
                              const clipcls_input *input, const clipcls_image_options *options,
                              const size_t *label, clipcls_error *error)
{
	const struct grid *grid = &of->grid;
	size_t windows = grid->W * grid->W, size;
	float *heat = memory_floats(grid->C * grid->C);
	out->heat = heat;
	of->pixels = memory_floats(3 * grid->S * grid->S);
	of->worth = memory_new(windows, sizeof *of->worth);
	if (size_mul(windows, clipcls_model_embedding_size(of->model), &size))
		of->embedding = memory_floats(size);
	of->cells = memory_new(2 * grid->C * grid->C, sizeof *of->cells);
	if (heat == NULL || of->pixels == NULL || of->worth == NULL || of->embedding == NULL ||
	    of->cells == NULL)
		return error_memory(error);
	clipcls_status status = read_picture(out, of, input, options, error);
	if (status == CLIPCLS_OK)
		status = take_label(out, of, label, error);
	if (status == CLIPCLS_OK)
		status = measure_windows(of, error);
	if (status != CLIPCLS_OK)
		return status;
	out->rows = out->columns = grid->C;
	out->cell = (double)grid->cell / (double)grid->S;
	out->passes = windows + 1;
	put_heat(out, heat, of);
	return CLIPCLS_OK;
}

clipcls_status clipcls_explain(clipcls_explanation **out, clipcls_classifier *classifier,
                               const clipcls_input *input, const clipcls_image_options *options,
                               const size_t *label, clipcls_error *error)
{
	struct explaining of = { .classifier = classifier, .model = classifier_model(classifier) };
	*out = NULL;
	clipcls_status status = check(classifier, options, label, error);
	if (status == CLIPCLS_OK)
		status = model_need_images(of.model, error);
	if (status != CLIPCLS_OK)
		return status;
	of.grid = grid_of(checkpoint_config(of.model->checkpoint));
	clipcls_explanation *explanation = memory_new(1, sizeof *explanation);
	status = explanation == NULL ? error_memory(error)
	                             : explain(explanation, &of, input, options, label, error);
	free(of.pixels);
	free(of.worth);
	free(of.cells);
	free(of.embedding);
	if (status == CLIPCLS_OK)
		*out = explanation;
	else
		clipcls_explanation_free(explanation);
	return status;
}

void clipcls_explanation_free(clipcls_explanation *explanation)
{
	if (explanation == NULL)
		return;
	free((void *)(uintptr_t)explanation->heat);
	free((void *)(uintptr_t)explanation->picture);
	free(explanation);
}
