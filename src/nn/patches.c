#include "nn/patches.h"

#include <string.h>

void cut_patches(float *out, const float *pixels, size_t S, size_t P, size_t y)
{
	for (size_t x = 0; x + P <= S; x += P)
		for (size_t channel = 0; channel < 3; channel++)
			for (size_t row = 0; row < P; row++, out += P)
				memcpy(out, pixels + (channel * S + y + row) * S + x, P * sizeof *out);
}
