/* The seam to the library that minimises smooth functions. */
#ifndef CLIPCLS_CLASSIFY_MINIMIZE_H
#define CLIPCLS_CLASSIFY_MINIMIZE_H

#include "base/error.h"

/* The function at x (n); its gradient goes to `gradient` (n). */
typedef double (*minimize_fn)(void *context, double *gradient, const double *x, size_t n);

/* x (n): where to start, then a place where the gradient's length is at most `tolerance` times that
 * of x (of 1, where x is shorter), or as close to it as rounding lets one come.
 * Errors: CLIPCLS_ERR_UNSUPPORTED in a build without the library, _ARGUMENT when n is too large or
 * no such place is reached, _MEMORY. */
clipcls_status minimize(double *x, size_t n, minimize_fn function, void *context, double tolerance,
                        clipcls_error *error);

/* "liblbfgs 1.10", or NULL in a build without; static text. */
const char *minimize_name(void);

#endif
