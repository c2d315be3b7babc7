#include "nn/transformer.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/blocked.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void weight_want(struct weight_list *list, const float **out, const char *format, ...)
{
	if (list->failed)
		return;
	struct weight_request *grown =
	    memory_grow(list->requests, &list->capacity, list->count + 1, sizeof *list->requests);
	if (grown == NULL) {
		list->failed = true;
		return;
	}
	list->requests = grown;
	struct weight_request *request = &list->requests[list->count++];
	request->out = out;
	va_list args;
	va_start(args, format);
	vsnprintf(request->name, sizeof request->name, format, args);
	va_end(args);
}

void weight_want_norm(struct weight_list *list, struct norm *norm, const char *name)
{
	weight_want(list, &norm->weight, "%s.weight", name);
	weight_want(list, &norm->bias, "%s.bias", name);
}

void weight_want_linear(struct weight_list *list, struct linear *linear, const char *name, size_t n,
                        size_t k, bool biased)
{
	*linear = (struct linear){ .n = n, .k = k };
	struct linear **grown = memory_grow(list->linears, &list->linear_capacity,
	                                    list->linear_count + 1, sizeof *grown);
	if (grown == NULL) {
		list->failed = true;
		return;
	}
	list->linears = grown;
	list->linears[list->linear_count++] = linear;
	weight_want(list, &linear->weight, "%s.weight", name);
	if (biased)
		weight_want(list, &linear->bias, "%s.bias", name);
}

/* Puts the weights of all linears into blocks, in one piece of memory. */
static clipcls_status make_blocks(float **blocks, const struct weight_list *list,
                                  struct pool *pool, clipcls_error *error)
{
	size_t total = 0, size;
	struct blocked_job *jobs = memory_new(list->linear_count, sizeof *jobs);
	bool fits = jobs != NULL;
	for (size_t i = 0; fits && i < list->linear_count; i++)
		fits = blocked_floats(&size, list->linears[i]->n, list->linears[i]->k) &&
		       size_add(total, size, &total);
	*blocks = fits ? memory_floats(total) : NULL;
	if (*blocks == NULL) {
		free(jobs);
		return error_memory(error);
	}
	float *next = *blocks;
	for (size_t i = 0; i < list->linear_count; i++) {
		struct linear *linear = list->linears[i];
		jobs[i] = (struct blocked_job){ next, linear->weight, linear->n, linear->k };
		linear->blocks = next;
		blocked_floats(&size, linear->n, linear->k);
		next += size;
	}
	blocked_fill(jobs, list->linear_count, pool);
	free(jobs);
	return CLIPCLS_OK;
}

clipcls_status weight_fetch(struct weight_list *list, float **blocks,
                            struct checkpoint *checkpoint, struct pool *pool,
                            clipcls_error *error)
{
	clipcls_status status =
	    list->failed ? error_memory(error)
	                 : checkpoint_weights(checkpoint, list->requests, list->count, pool, error);
	*blocks = NULL;
	if (status == CLIPCLS_OK && blocked_usable())
		status = make_blocks(blocks, list, pool, error);
	free(list->requests);
	free(list->linears);
	*list = (struct weight_list){ 0 };
	return status;
}
