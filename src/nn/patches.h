/* A convolution whose stride is its size, as a matrix product: pictures cut into patches. */
#ifndef CLIPCLS_NN_PATCHES_H
#define CLIPCLS_NN_PATCHES_H

#include <stddef.h>

/* out: (S/P, 3*P*P) = the patches beside each other whose first pixel row is y; what is left over
 * at the right belongs to none.   pixels: (3, S, S). */
void cut_patches(float *out, const float *pixels, size_t S, size_t P, size_t y);

#endif
