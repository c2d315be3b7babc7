/* Stands in where there is no liblbfgs. */
#include "classify/minimize.h"

clipcls_status minimize(double *x, size_t n, minimize_fn function, void *context, double tolerance,
                        clipcls_error *error)
{
	(void)x, (void)n, (void)function, (void)context, (void)tolerance;
	return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
	                 "training is not part of this build: liblbfgs was not there");
}

const char *minimize_name(void)
{
	return NULL;
}
