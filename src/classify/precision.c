#include "classify/precision.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What "auto" asks of every probe. */
#define LEAST_COSINE 0.995
#define PROBES 3

static const char *const names[] = { "f32", "bf16", "int8", "auto" };

const char *precision_name(enum precision precision)
{
	return names[precision];
}

clipcls_status precision_parse(enum precision *out, const char *name, clipcls_error *error)
{
	size_t i = 0, count = sizeof names / sizeof *names;
	*out = PRECISION_F32;
	while (name != NULL && i < count && strcmp(names[i], name) != 0)
		i++;
	if (i == count)
		return error_set(error, CLIPCLS_ERR_ARGUMENT,
		                 "precision %s: must be one of f32, bf16, int8, auto", name);
	*out = (enum precision)i;
	const char *missing = NULL;
	if (*out == PRECISION_BF16 || *out == PRECISION_INT8)
		missing = low_products_missing(*out == PRECISION_INT8 ? LOW_INT8 : LOW_BF16);
	if (missing != NULL)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "precision %s: %s", name, missing);
	return CLIPCLS_OK;
}

/* A picture of waves and grain, different for every `probe`: large and small forms, as photographs
 * have. pixels: (3, S, S), about as large as normalised ones. */
static void draw_probe(float *pixels, size_t S, size_t probe)
{
	uint32_t state = (uint32_t)probe + 1;
	for (size_t channel = 0; channel < 3; channel++) {
		float fx = (float)(1 + probe) * 6.28f / (float)S,
		      fy = (float)(2 + channel) * 3.14f / (float)S;
		for (size_t y = 0; y < S; y++) {
			for (size_t x = 0; x < S; x++) {
				state = state * 1664525u + 1013904223u;
				float grain = (float)(state >> 8) / 16777216.0f - 0.5f;
				*pixels++ = sinf(fx * (float)x + (float)channel) + cosf(fy * (float)y) + grain;
			}
		}
	}
}

/* embeddings: (PROBES, E), one picture at a time. */
static clipcls_status embed_probes(float *embeddings, float *pixels,
                                   const struct image_tower *tower, size_t S, size_t E,
                                   struct pool *pool, clipcls_error *error)
{
	struct arena arena;
	clipcls_status status =
	    arena_init(&arena, image_tower_scratch(tower, 1, pool_threads(pool)), error);
	for (size_t i = 0; status == CLIPCLS_OK && i < PROBES; i++) {
		draw_probe(pixels, S, i);
		image_tower_forward(embeddings + i * E, pixels, 1, tower, &arena, pool);
	}
	arena_free(&arena);
	return status;
}

static bool agree(const float *a, const float *b, size_t E)
{
	for (size_t probe = 0; probe < PROBES; probe++, a += E, b += E) {
		double cosine = 0;
		for (size_t i = 0; i < E; i++)
			cosine += (double)a[i] * b[i];
		if (!(cosine >= LEAST_COSINE)) /* NaN does not agree */
			return false;
	}
	return true;
}

static enum low_type type_of(enum precision precision)
{
	return precision == PRECISION_INT8 ? LOW_INT8 : LOW_BF16;
}

/* Leaves the tower in the first that agrees. */
static clipcls_status choose(enum precision *precision, struct image_tower *tower, size_t S,
                             size_t E, struct pool *pool, clipcls_error *error)
{
	static const enum precision order[] = { PRECISION_INT8, PRECISION_BF16 };
	float *pixels = memory_floats(3 * S * S), *exact = memory_floats(PROBES * E);
	float *lowered = memory_floats(PROBES * E);
	clipcls_status status = CLIPCLS_OK;
	*precision = PRECISION_F32;
	if (pixels == NULL || exact == NULL || lowered == NULL)
		status = error_memory(error);
	if (status == CLIPCLS_OK)
		status = embed_probes(exact, pixels, tower, S, E, pool, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < sizeof order / sizeof *order; i++) {
		if (low_products_missing(type_of(order[i])) != NULL ||
		    image_tower_lower(tower, type_of(order[i]), pool, NULL) != CLIPCLS_OK)
			continue;
		status = embed_probes(lowered, pixels, tower, S, E, pool, error);
		if (status == CLIPCLS_OK && agree(exact, lowered, E)) {
			*precision = order[i];
			break;
		}
		image_tower_raise(tower);
	}
	free(pixels);
	free(exact);
	free(lowered);
	return status;
}

clipcls_status precision_apply(enum precision *precision, struct image_tower *tower, size_t S,
                               size_t E, struct pool *pool, clipcls_error *error)
{
	if (*precision == PRECISION_F32)
		return CLIPCLS_OK;
	if (*precision == PRECISION_AUTO)
		return choose(precision, tower, S, E, pool, error);
	return image_tower_lower(tower, type_of(*precision), pool, error);
}
