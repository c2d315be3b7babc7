#include "nn/transformer.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/blocked.h"
#include "nn/conv.h"

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
	*request = (struct weight_request){ .out = out };
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

void weight_want_batch_norm(struct weight_list *list, struct batch_norm *norm, const char *name)
{
	weight_want(list, &norm->weight, "%s.weight", name);
	weight_want(list, &norm->bias, "%s.bias", name);
	weight_want(list, &norm->mean, "%s.running_mean", name);
	weight_want(list, &norm->variance, "%s.running_var", name);
}

void weight_want_linear(struct weight_list *list, struct linear *linear, const char *name, size_t n,
                        size_t k, bool biased)
{
	*linear = (struct linear){ .n = n, .k = k };
	weight_want(list, &linear->weight, "%s.weight", name);
	struct weight_request *request = list->failed ? NULL : &list->requests[list->count - 1];
	if (request != NULL &&
	    (list->form == WEIGHTS_STORED || (list->form == WEIGHTS_FAST && blocked_usable())))
		request->blocks = &linear->blocks;
	if (request != NULL && list->form != WEIGHTS_FAST) {
		request->quantized = &linear->quantized;
		request->dequantized = list->form == WEIGHTS_ROWS;
	}
	if (biased)
		weight_want(list, &linear->bias, "%s.bias", name);
}

clipcls_status weight_fetch(struct weight_list *list, struct checkpoint *checkpoint,
                            struct pool *pool, clipcls_error *error)
{
	clipcls_status status =
	    list->failed ? error_memory(error)
	                 : checkpoint_weights(checkpoint, list->requests, list->count, pool, error);
	free(list->requests);
	*list = (struct weight_list){ 0 };
	return status;
}

float *weights_settle(struct linear *const *linears, size_t count, struct pool *pool)
{
	size_t total = 0, size = 0;
	bool fits = blocked_usable();
	for (size_t i = 0; fits && i < count; i++)
		fits = blocked_floats(&size, linears[i]->n, linears[i]->k) && size_add(total, size, &total);
	float *settled = fits ? memory_floats(total) : NULL, *next = settled;
	for (size_t i = 0; next != NULL && i < count; i++) {
		struct linear *linear = linears[i];
		const struct blocked_weight weight = { NULL, linear->weight, linear->n, linear->k };
		blocked_fill(next, &weight, pool);
		linear->blocks = next;
		blocked_floats(&size, linear->n, linear->k);
		next += size;
	}
	return settled;
}
