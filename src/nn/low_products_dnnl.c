/* Products by oneDNN. It must work in the calling thread alone, since the rows and columns are
 * shared out by our own pool: builds for OpenMP are told so around every call, those without
 * threads of their own need nothing, and those for TBB, which cannot be told, are not used. */
#include "nn/low_products.h"

#include "base/memory.h"
#include "base/taken.h"
#include "nn/low_library_dnnl.h"

#include <stdlib.h>
#include <string.h>

const char *low_products_missing(enum low_type type)
{
	if (low_library()->missing[0] != '\0')
		return low_library()->missing;
	return type == LOW_BF16 && !low_library()->bf16 ? "this processor has no bf16 instructions"
	                                                : NULL;
}

const char *low_products_name(void)
{
	return low_products_missing(LOW_INT8) == NULL ? low_library()->name : NULL;
}

int low_products_weight_limit(void)
{
	return low_products_missing(LOW_INT8) != NULL || low_library()->whole_bytes ? 127 : 63;
}

/* Keeps OpenMP to the calling thread until leave(); both touch that thread's setting alone. */
static int enter(void)
{
	int threads = 1;
	if (low_library()->omp_set_num_threads != NULL) {
		threads = low_library()->omp_get_max_threads();
		low_library()->omp_set_num_threads(1);
	}
	return threads;
}

static void leave(int threads)
{
	if (low_library()->omp_set_num_threads != NULL && threads != 1)
		low_library()->omp_set_num_threads(threads);
}

/* ---- kernels -------------------------------------------------------------------------------- */

/* A product of a certain number of rows. */
struct kernel {
	size_t rows;
	dnnl_memory_desc_t x, products; /* (rows, k), (rows, n) */
	dnnl_primitive_desc_t description;
	dnnl_primitive_t primitive;
};

struct low_slot {
	atomic_bool taken;
	struct low_kernels *kernels;
	dnnl_stream_t stream;
	dnnl_memory_t weight;
	dnnl_memory_t x[2], products[2], scratch[2]; /* of the two kernels */
	float *values;                               /* (larger rows, n) f32, or as many s32 */
};

struct low_kernels {
	size_t n, k, slot_count;
	dnnl_engine_t engine;
	dnnl_memory_desc_t plain;         /* (k, n), stored as (n, k) */
	dnnl_primitive_desc_t reordering; /* plain -> as the kernels want it */
	dnnl_primitive_t reorder;
	struct kernel kernels[2];
	struct low_slot *slots;
};

/* A matrix (rows, columns). */
static bool describe(dnnl_memory_desc_t *out, size_t rows, size_t columns, dnnl_data_type_t type,
                     dnnl_format_tag_t tag)
{
	const dnnl_dims_t dims = { (dnnl_dim_t)rows, (dnnl_dim_t)columns };
#if DNNL_VERSION_MAJOR >= 3
	return low_library()->dnnl_memory_desc_create_with_tag(out, 2, dims, type, tag) == dnnl_success;
#else
	return low_library()->dnnl_memory_desc_init_by_tag(out, 2, dims, type, tag) == dnnl_success;
#endif
}

static void forget(dnnl_memory_desc_t *descriptor)
{
#if DNNL_VERSION_MAJOR >= 3
	if (*descriptor != NULL)
		low_library()->dnnl_memory_desc_destroy(*descriptor);
#else
	(void)descriptor;
#endif
}

static bool describe_product(dnnl_primitive_desc_t *out, layout x, layout weight, layout products,
                             const_dnnl_primitive_attr_t attributes, dnnl_engine_t engine)
{
#if DNNL_VERSION_MAJOR >= 3
	return low_library()->dnnl_matmul_primitive_desc_create(out, engine, x, weight, NULL, products,
	                                                        attributes) == dnnl_success;
#else
	dnnl_matmul_desc_t operation;
	return low_library()->dnnl_matmul_desc_init(&operation, x, weight, NULL, products) ==
	           dnnl_success &&
	       low_library()->dnnl_primitive_desc_create(out, &operation, attributes, engine, NULL) ==
	           dnnl_success;
#endif
}

static layout weight_layout(const struct low_kernels *kernels)
{
	return low_library()->dnnl_primitive_desc_query_md(kernels->kernels[0].description,
	                                                   dnnl_query_weights_md, 0);
}

/* oneDNN's plain loops would be slower than f32. */
static bool has_fast_code(const_dnnl_primitive_desc_t description)
{
	const char *name = NULL;
	return low_library()->dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0,
	                                                &name) == dnnl_success &&
	       strncmp(name, "ref", 3) != 0;
}

static bool make_kernel(struct kernel *kernel, const struct low_kernels *kernels, layout weight,
                        enum low_type type)
{
	bool int8 = type == LOW_INT8;
	dnnl_primitive_attr_t attributes = NULL;
	bool made =
	    low_library()->dnnl_primitive_attr_create(&attributes) == dnnl_success &&
	    low_library()->dnnl_primitive_attr_set_scratchpad_mode(
	        attributes, dnnl_scratchpad_mode_user) == dnnl_success &&
	    describe(&kernel->x, kernel->rows, kernels->k, int8 ? dnnl_u8 : dnnl_bf16, dnnl_ab) &&
	    describe(&kernel->products, kernel->rows, kernels->n, int8 ? dnnl_s32 : dnnl_f32,
	             dnnl_ab) &&
	    describe_product(&kernel->description, LAYOUT(kernel->x), weight, LAYOUT(kernel->products),
	                     attributes, kernels->engine) &&
	    has_fast_code(kernel->description) &&
	    low_library()->dnnl_primitive_create(&kernel->primitive, kernel->description) ==
	        dnnl_success;
	if (attributes != NULL)
		low_library()->dnnl_primitive_attr_destroy(attributes);
	return made;
}

static bool make_kernels(struct low_kernels *kernels, enum low_type type)
{
	dnnl_data_type_t element = type == LOW_INT8 ? dnnl_s8 : dnnl_bf16;
	dnnl_memory_desc_t any = { 0 };
	bool made = low_library()->dnnl_engine_create(&kernels->engine, dnnl_cpu, 0) == dnnl_success &&
	            describe(&any, kernels->k, kernels->n, element, dnnl_format_tag_any) &&
	            describe(&kernels->plain, kernels->k, kernels->n, element, dnnl_ba) &&
	            make_kernel(&kernels->kernels[0], kernels, LAYOUT(any), type) &&
	            make_kernel(&kernels->kernels[1], kernels, weight_layout(kernels), type) &&
	            low_library()->dnnl_reorder_primitive_desc_create(
	                &kernels->reordering, LAYOUT(kernels->plain), kernels->engine,
	                weight_layout(kernels), kernels->engine, NULL) == dnnl_success &&
	            low_library()->dnnl_primitive_create(&kernels->reorder, kernels->reordering) ==
	                dnnl_success;
	forget(&any);
	return made;
}

static bool make_memory(dnnl_memory_t *out, layout descriptor, const struct low_kernels *kernels,
                        void *bytes)
{
	return low_library()->dnnl_memory_create(out, descriptor, kernels->engine, bytes) ==
	       dnnl_success;
}

static bool make_slot(struct low_slot *slot, struct low_kernels *kernels)
{
	size_t rows[2] = { kernels->kernels[0].rows, kernels->kernels[1].rows };
	slot->kernels = kernels;
	slot->values = memory_floats((rows[0] > rows[1] ? rows[0] : rows[1]) * kernels->n);
	bool made = slot->values != NULL &&
	            low_library()->dnnl_stream_create(&slot->stream, kernels->engine,
	                                              dnnl_stream_default_flags) == dnnl_success &&
	            make_memory(&slot->weight, weight_layout(kernels), kernels, DNNL_MEMORY_NONE);
	for (size_t i = 0; made && i < 2; i++) {
		struct kernel *kernel = &kernels->kernels[i];
		layout scratch = low_library()->dnnl_primitive_desc_query_md(kernel->description,
		                                                             dnnl_query_scratchpad_md, 0);
		made = make_memory(&slot->x[i], LAYOUT(kernel->x), kernels, DNNL_MEMORY_NONE) &&
		       make_memory(&slot->products[i], LAYOUT(kernel->products), kernels, slot->values) &&
		       make_memory(&slot->scratch[i], scratch, kernels, DNNL_MEMORY_ALLOCATE);
	}
	return made;
}

clipcls_status low_kernels_new(struct low_kernels **out, enum low_type type, const size_t rows[2],
                               size_t n, size_t k, size_t threads, clipcls_error *error)
{
	*out = NULL;
	if (low_products_missing(type) != NULL)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s", low_products_missing(type));
	struct low_kernels *kernels = memory_new(1, sizeof *kernels);
	if (kernels == NULL)
		return error_memory(error);
	kernels->n = n;
	kernels->k = k;
	kernels->kernels[0].rows = rows[0];
	kernels->kernels[1].rows = rows[1];
	int before = enter();
	bool exist = make_kernels(kernels, type), made = exist;
	if (made) {
		kernels->slots = memory_new(threads, sizeof *kernels->slots);
		kernels->slot_count = kernels->slots != NULL ? threads : 0;
		made = kernels->slots != NULL;
	}
	for (size_t i = 0; made && i < threads; i++)
		made = make_slot(&kernels->slots[i], kernels);
	leave(before);
	if (!made) {
		low_kernels_free(kernels);
		if (exist) /* the rest takes memory alone */
			return error_memory(error);
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s has no fast product of %zu rows, %zu x %zu, on this processor",
		                 low_library()->name, rows[0], k, n);
	}
	*out = kernels;
	return CLIPCLS_OK;
}

static void free_memory(dnnl_memory_t memory)
{
	if (memory != NULL)
		low_library()->dnnl_memory_destroy(memory);
}

static void free_slot(struct low_slot *slot)
{
	free_memory(slot->weight);
	for (size_t i = 0; i < 2; i++) {
		free_memory(slot->x[i]);
		free_memory(slot->products[i]);
		free_memory(slot->scratch[i]);
	}
	if (slot->stream != NULL)
		low_library()->dnnl_stream_destroy(slot->stream);
	free(slot->values);
}

static void free_primitive(dnnl_primitive_t primitive, dnnl_primitive_desc_t description)
{
	if (primitive != NULL)
		low_library()->dnnl_primitive_destroy(primitive);
	if (description != NULL)
		low_library()->dnnl_primitive_desc_destroy(description);
}

void low_kernels_free(struct low_kernels *kernels)
{
	if (kernels == NULL)
		return;
	for (size_t i = 0; i < kernels->slot_count; i++)
		free_slot(&kernels->slots[i]);
	free(kernels->slots);
	for (size_t i = 0; i < 2; i++) {
		struct kernel *kernel = &kernels->kernels[i];
		free_primitive(kernel->primitive, kernel->description);
		forget(&kernel->x);
		forget(&kernel->products);
	}
	free_primitive(kernels->reorder, kernels->reordering);
	forget(&kernels->plain);
	if (kernels->engine != NULL)
		low_library()->dnnl_engine_destroy(kernels->engine);
	free(kernels);
}

size_t low_kernels_weight_bytes(const struct low_kernels *kernels)
{
	return low_library()->dnnl_memory_desc_get_size(weight_layout(kernels));
}

bool low_kernels_pack(void *packed, const void *weight, const struct low_kernels *kernels)
{
	dnnl_memory_t from = NULL, to = NULL;
	dnnl_stream_t stream = NULL;
	int before = enter();
	/* The library takes what it reads as void *, too; it does not write there. */
	bool done = make_memory(&from, LAYOUT(kernels->plain), kernels, (void *)(uintptr_t)weight) &&
	            make_memory(&to, weight_layout(kernels), kernels, packed) &&
	            low_library()->dnnl_stream_create(&stream, kernels->engine,
	                                              dnnl_stream_default_flags) == dnnl_success;
	if (done) {
		const dnnl_exec_arg_t arguments[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
		done = low_library()->dnnl_primitive_execute(kernels->reorder, stream, 2, arguments) ==
		       dnnl_success;
	}
	leave(before);
	free_memory(from);
	free_memory(to);
	if (stream != NULL)
		low_library()->dnnl_stream_destroy(stream);
	return done;
}

/* ---- slots ---------------------------------------------------------------------------------- */

struct low_slot *low_slot_take(struct low_kernels *kernels)
{
	for (size_t i = 0;; i = i + 1 < kernels->slot_count ? i + 1 : 0) {
		struct low_slot *slot = &kernels->slots[i];
		if (taken_try(&slot->taken))
			return slot;
	}
}

void low_slot_give(struct low_slot *slot)
{
	taken_give(&slot->taken);
}

const void *low_slot_multiply(struct low_slot *slot, const void *x, size_t rows, const void *packed)
{
	struct low_kernels *kernels = slot->kernels;
	size_t which = rows == kernels->kernels[0].rows ? 0 : 1;
	const dnnl_exec_arg_t arguments[] = { { DNNL_ARG_SRC, slot->x[which] },
		                                  { DNNL_ARG_WEIGHTS, slot->weight },
		                                  { DNNL_ARG_DST, slot->products[which] },
		                                  { DNNL_ARG_SCRATCHPAD, slot->scratch[which] } };
	int before = enter();
	bool done = low_library()->dnnl_memory_set_data_handle(slot->x[which], (void *)(uintptr_t)x) ==
	                dnnl_success &&
	            low_library()->dnnl_memory_set_data_handle(
	                slot->weight, (void *)(uintptr_t)packed) == dnnl_success &&
	            low_library()->dnnl_primitive_execute(kernels->kernels[which].primitive,
	                                                  slot->stream, 4, arguments) == dnnl_success;
	leave(before);
	return done ? slot->values : NULL;
}
