#include "nn/rotary.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/vector.h"

#include <math.h>
#include <stdlib.h>

#define LONGEST_WAVE 10000.0 /* Vaswani et al. 2017 */

clipcls_status rotary_init(struct rotary *out, size_t side, size_t reference_side, size_t first,
                           size_t head_width, clipcls_error *error)
{
	size_t patches = side * side, pairs = head_width / 2, bands = pairs / 2;
	size_t floats; /* patches: of a side that is in range (config_fields.c) */
	float *angles = size_mul(patches, 2 * pairs, &floats) ? memory_floats(floats) : NULL;
	if (angles == NULL)
		return error_memory(error);
	*out = (struct rotary){ first + patches, first, head_width, angles, angles + patches * pairs };
	for (size_t patch = 0; patch < patches; patch++) {
		for (size_t pair = 0; pair < pairs; pair++) {
			size_t place = pair < bands ? patch / side : patch % side;
			/* In floats as the reference has it: angles go up to 16. */
			float scaled = (float)place / (float)side * (float)reference_side;
			double exponent = (double)(pair % bands) / (double)bands;
			float angle = scaled * (float)(1 / pow(LONGEST_WAVE, exponent));
			out->cosines[patch * pairs + pair] = (float)cos(angle);
			out->sines[patch * pairs + pair] = (float)sin(angle);
		}
	}
	return CLIPCLS_OK;
}

void rotary_free(struct rotary *rotary)
{
	free(rotary->cosines);
	*rotary = (struct rotary){ 0 };
}

VECTOR_CLONES
static void rotate(float *x, const float *cosines, const float *sines, size_t pairs)
{
	for (size_t i = 0; i < pairs; i++) {
		float a = x[2 * i], b = x[2 * i + 1];
		x[2 * i] = a * cosines[i] - b * sines[i];
		x[2 * i + 1] = b * cosines[i] + a * sines[i];
	}
}

void rotary_apply(float *x, const struct rotary *rotary, const uint32_t *places, size_t rows,
                  size_t H)
{
	size_t Dh = rotary->head_width, pairs = Dh / 2;
	for (size_t row = 0; row < rows; row++) {
		size_t token = (places != NULL ? places[row] : row) % rotary->tokens;
		if (token < rotary->first)
			continue;
		size_t angle = (token - rotary->first) * pairs;
		for (size_t head = 0; head < H; head++)
			rotate(x + (row * H + head) * Dh, rotary->cosines + angle, rotary->sines + angle,
			       pairs);
	}
}
