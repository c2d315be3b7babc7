/* Allocation of arrays whose length comes from outside, and of memory for vector code. */
#ifndef CLIPCLS_BASE_MEMORY_H
#define CLIPCLS_BASE_MEMORY_H

#include <stddef.h>

#define MEMORY_ALIGNMENT 64

/* n * size zeroed bytes, or NULL when that overflows or memory is out. n = 0 gives a valid block.
 */
void *memory_new(size_t n, size_t size);

/* n floats aligned to MEMORY_ALIGNMENT, not initialised; freed with free(). */
float *memory_floats(size_t n);

/* Grows an array for at least `needed` elements, doubling. *capacity is in elements.
 * Returns the array, or NULL with the old one still valid:
 *     T *grown = memory_grow(list, &capacity, n + 1, sizeof *list); */
void *memory_grow(void *array, size_t *capacity, size_t needed, size_t size);

/* A copy of n bytes with a terminating zero. */
char *memory_string(const char *bytes, size_t n);

#endif
