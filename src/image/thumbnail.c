#include "image/thumbnail.h"
#include "image/transform.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Rows looked at for one row of the thumbnail, and columns: more change nothing that can be seen,
 * and all of a large picture would take as long as decoding it. */
#define LOOKED_AT 8
/* Squares behind transparent pixels. */
#define SQUARE 8
#define SQUARE_DARK 204
#define SQUARE_LIGHT 255

/* Weighted sums of premultiplied colours, and of alpha. */
struct sums {
	uint64_t color[3], alpha;
};

/* A picture of W columns becomes one of w: each old one is w units wide, each new one W, so that
 * all weights are whole numbers. The same holds for rows. */
struct reduction {
	struct thumbnail *out;
	const uint8_t *background;
	size_t W, H, w, h; /* W, H: of the columns and rows that are looked at */
	struct sums *row;  /* (w) of the row in hand */
	struct sums *all;  /* (w) of the thumbnail's row in hand */
};

static void add_pixel(struct sums *sums, const uint8_t *rgba, uint64_t weight)
{
	weight *= rgba[3];
	for (int c = 0; c < 3; c++)
		sums->color[c] += rgba[c] * weight;
	sums->alpha += weight;
}

/* rgba: the first pixel that is looked at; step: from one to the next. */
static void sum_row(struct reduction *reduction, const uint8_t *rgba, size_t step)
{
	struct sums *sums = reduction->row;
	size_t room = reduction->W;
	memset(sums, 0, reduction->w * sizeof *sums);
	for (size_t x = 0; x < reduction->W; x++, rgba += 4 * step) {
		size_t now = size_min(reduction->w, room), later = reduction->w - now;
		add_pixel(sums, rgba, now);
		room -= now;
		if (room > 0)
			continue;
		sums++;
		room = reduction->W - later;
		if (later > 0)
			add_pixel(sums, rgba, later);
	}
}

static void add_row(struct reduction *reduction, uint64_t weight)
{
	for (size_t x = 0; x < reduction->w; x++) {
		for (int c = 0; c < 3; c++)
			reduction->all[x].color[c] += reduction->row[x].color[c] * weight;
		reduction->all[x].alpha += reduction->row[x].alpha * weight;
	}
}

static void put_row(struct reduction *reduction, size_t y)
{
	/* Sums are below 2^53: double has them exactly, and its division takes a fifth of the time. */
	const double whole = (double)reduction->W * (double)reduction->H * 255;
	uint8_t *out = reduction->out->rgb + y * reduction->w * 3;
	for (size_t x = 0; x < reduction->w; x++) {
		const struct sums *sums = &reduction->all[x];
		const double clear = whole - (double)(int64_t)sums->alpha;
		uint8_t square = (x / SQUARE + y / SQUARE) % 2 == 0 ? SQUARE_LIGHT : SQUARE_DARK;
		for (int c = 0; c < 3; c++) {
			double back = reduction->background != NULL ? reduction->background[c] : square;
			double sum = (double)(int64_t)sums->color[c] + back * clear;
			*out++ = (uint8_t)(int)(sum / whole + 0.5);
		}
	}
	memset(reduction->all, 0, reduction->w * sizeof *reduction->all);
}

static void reduce(struct reduction *reduction, const struct image *image, uint8_t *rgba)
{
	size_t step = image->height / reduction->H, room = reduction->H, y = 0;
	size_t columns_step = image->width / reduction->W;
	for (size_t i = 0; i < reduction->H; i++) {
		size_t now = size_min(reduction->h, room), later = reduction->h - now;
		image_row_rgba(rgba, image, i * step + step / 2);
		sum_row(reduction, rgba + columns_step / 2 * 4, columns_step);
		add_row(reduction, now);
		room -= now;
		if (room > 0)
			continue;
		put_row(reduction, y++);
		room = reduction->H - later;
		if (later > 0)
			add_row(reduction, later);
	}
}

/* How many of n rows or columns are looked at for `out`: every one, or every so many. */
static size_t looked_at(size_t n, size_t out)
{
	return n / size_max(1, n / (out * LOOKED_AT));
}

/* The shorter side where the longer one becomes `size`. */
static size_t shorter(size_t low, size_t high, size_t size)
{
	return size_max(1, (low * size + high / 2) / high);
}

clipcls_status thumbnail_make(struct thumbnail *out, const struct image *image, size_t size,
                              const uint8_t *background, clipcls_error *error)
{
	const size_t W = image->width, H = image->height;
	size_t w = W, h = H;
	if (W > size || H > size) {
		w = W >= H ? size : shorter(W, H, size);
		h = H >= W ? size : shorter(H, W, size);
	}
	struct reduction reduction = { out,  background, looked_at(W, w), looked_at(H, h), w, h,
		                           NULL, NULL };
	uint8_t *rgba = memory_new(W, 4);
	struct sums *sums = memory_new(2 * w, sizeof *sums);
	clipcls_status status = CLIPCLS_OK;
	if (rgba == NULL || sums == NULL) {
		status = error_memory(error);
		goto cleanup;
	}
	reduction.row = sums;
	reduction.all = sums + w;
	out->width = (uint32_t)w;
	out->height = (uint32_t)h;
	out->full_width = (uint32_t)image->full_width;
	out->full_height = (uint32_t)image->full_height;
	reduce(&reduction, image, rgba);
cleanup:
	free(rgba);
	free(sums);
	return status;
}

size_t thumbnail_bytes(size_t size)
{
	return sizeof(struct thumbnail) + size * size * 3;
}

bool thumbnail_is_possible(const struct thumbnail *thumbnail, size_t size)
{
	return thumbnail->width >= 1 && thumbnail->width <= size && thumbnail->height >= 1 &&
	       thumbnail->height <= size && thumbnail->full_width >= 1 && thumbnail->full_height >= 1 &&
	       size <= CLIPCLS_THUMBNAIL_LIMIT;
}
