/* oneDNN 2 and 3, through its C API. The library is opened when it is first asked for: it is large,
 * and a run in f32 should not wait for it. */
#ifndef CLIPCLS_NN_LOW_LIBRARY_DNNL_H
#define CLIPCLS_NN_LOW_LIBRARY_DNNL_H

#include <dnnl.h>
#include <stdbool.h>

/* 3 made the memory descriptor an object; LAYOUT(d) is what functions take of one of our own. */
#if DNNL_VERSION_MAJOR >= 3
#define LIBRARY "libdnnl.so.3"
#define LAYOUT(descriptor) (descriptor)
typedef const_dnnl_memory_desc_t layout;
#define VERSION_FUNCTIONS(X)            \
	X(dnnl_memory_desc_create_with_tag) \
	X(dnnl_memory_desc_destroy)         \
	X(dnnl_matmul_primitive_desc_create)
#else
#define LIBRARY "libdnnl.so.2"
#define LAYOUT(descriptor) (&(descriptor))
typedef const dnnl_memory_desc_t *layout;
#define VERSION_FUNCTIONS(X)        \
	X(dnnl_memory_desc_init_by_tag) \
	X(dnnl_matmul_desc_init)        \
	X(dnnl_primitive_desc_create)
#endif

#define FUNCTIONS(X)                           \
	VERSION_FUNCTIONS(X)                       \
	X(dnnl_version)                            \
	X(dnnl_get_effective_cpu_isa)              \
	X(dnnl_engine_create)                      \
	X(dnnl_engine_destroy)                     \
	X(dnnl_stream_create)                      \
	X(dnnl_stream_destroy)                     \
	X(dnnl_memory_desc_get_size)               \
	X(dnnl_memory_create)                      \
	X(dnnl_memory_destroy)                     \
	X(dnnl_memory_set_data_handle)             \
	X(dnnl_primitive_attr_create)              \
	X(dnnl_primitive_attr_set_scratchpad_mode) \
	X(dnnl_primitive_attr_destroy)             \
	X(dnnl_primitive_desc_query)               \
	X(dnnl_primitive_desc_query_md)            \
	X(dnnl_primitive_desc_destroy)             \
	X(dnnl_reorder_primitive_desc_create)      \
	X(dnnl_primitive_create)                   \
	X(dnnl_primitive_execute)                  \
	X(dnnl_primitive_destroy)

/* The library's functions under their own names. */
struct low_library {
#define MEMBER(function) __typeof__(&function) function;
	FUNCTIONS(MEMBER)
#undef MEMBER
	/* OpenMP's, of the thread that calls; NULL when the library has no threads of its own. */
	void (*omp_set_num_threads)(int threads);
	int (*omp_get_max_threads)(void);
	bool whole_bytes, bf16; /* what the processor has */
	char name[32];
	char
	    missing[160]; /* why the library cannot be used; "" when it can, else nothing else is set */
};

const struct low_library *low_library(void);

#endif
