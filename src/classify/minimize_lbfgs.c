#include "classify/minimize.h"

#include <lbfgs.h>

#include <limits.h>
#include <math.h>
#include <string.h>

/* As in SciPy; each costs two vectors. */
#define CORRECTIONS 10
#define MOST_ITERATIONS 10000
/* The library rounds n up to a multiple of its vectors. */
#define ROUNDING 16
/* A line search ends early where steps are too small for the function's last digits to tell. Within
 * this factor of the tolerance such a place is as good as one can be found. */
#define ROUNDING_FACTOR 1000

struct problem {
	minimize_fn function;
	void *context;
};

static lbfgsfloatval_t evaluate(void *user, const lbfgsfloatval_t *x, lbfgsfloatval_t *gradient,
                                const int n, const lbfgsfloatval_t step)
{
	const struct problem *problem = user;
	(void)step;
	return problem->function(problem->context, gradient, x, (size_t)n);
}

static double length(const double *x, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sqrt(sum);
}

/* The gradient's length at x, as a part of that of x. */
static double distance(const struct problem *problem, double *gradient, const double *x, size_t n)
{
	problem->function(problem->context, gradient, x, n);
	return length(gradient, n) / fmax(1, length(x, n));
}

clipcls_status minimize(double *x, size_t n, minimize_fn function, void *context, double tolerance,
                        clipcls_error *error)
{
	struct problem problem = { function, context };
	lbfgs_parameter_t parameters;
	clipcls_status status = CLIPCLS_OK;
	if (n > INT_MAX - ROUNDING)
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "%zu weights to train are too many", n);
	lbfgsfloatval_t *place = lbfgs_malloc((int)n), *gradient = lbfgs_malloc((int)n);
	if (place == NULL || gradient == NULL) {
		status = error_memory(error);
		goto cleanup;
	}
	memcpy(place, x, n * sizeof *x);
	lbfgs_parameter_init(&parameters);
	parameters.m = CORRECTIONS;
	parameters.epsilon = tolerance;
	parameters.max_iterations = MOST_ITERATIONS;
	int said = lbfgs((int)n, place, NULL, evaluate, NULL, &problem, &parameters);
	if (said == LBFGSERR_OUTOFMEMORY) {
		status = error_memory(error);
		goto cleanup;
	}
	/* What ends a search matters less than where: a failed one goes back to its best place. */
	double reached = distance(&problem, gradient, place, n);
	if (said >= 0 || reached <= ROUNDING_FACTOR * tolerance)
		memcpy(x, place, n * sizeof *x);
	else
		status = error_set(error, CLIPCLS_ERR_ARGUMENT,
		                   "training came to no end: the gradient is %.2g of the weights, code %d",
		                   reached, said);
cleanup:
	lbfgs_free(place);
	lbfgs_free(gradient);
	return status;
}

const char *minimize_name(void)
{
	return "liblbfgs " CLIPCLS_LBFGS_VERSION;
}
