#include "nn/low_library_dnnl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Constant for the life of the process: written once, under pthread_once. */
static struct low_library lib;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool find(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);
	memcpy(function, &found, sizeof found);
	if (found == NULL)
		snprintf(lib.missing, sizeof lib.missing, LIBRARY " lacks %s", name);
	return found != NULL;
}

static bool find_functions(void *library)
{
#define FIND(function)                            \
	if (!find(library, #function, &lib.function)) \
		return false;
	FUNCTIONS(FIND)
#undef FIND
	switch (lib.dnnl_version()->cpu_runtime) {
	case DNNL_RUNTIME_SEQ:
	case DNNL_RUNTIME_THREADPOOL: return true; /* no pool is given */
	case DNNL_RUNTIME_OMP:
		return find(library, "omp_set_num_threads", &lib.omp_set_num_threads) &&
		       find(library, "omp_get_max_threads", &lib.omp_get_max_threads);
	default:
		snprintf(lib.missing, sizeof lib.missing,
		         "this " LIBRARY " brings threads of its own, which cannot be switched off");
		return false;
	}
}

static void look(void)
{
	void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
	if (library == NULL) {
		snprintf(lib.missing, sizeof lib.missing, "oneDNN is not installed: %.110s", dlerror());
		return;
	}
	if (!find_functions(library))
		return;
	const dnnl_version_t *version = lib.dnnl_version();
	snprintf(lib.name, sizeof lib.name, "oneDNN %d.%d.%d", version->major, version->minor,
	         version->patch);
	/* Bits: a later instruction set holds those of the earlier ones that it includes. */
	unsigned isa = (unsigned)lib.dnnl_get_effective_cpu_isa();
	lib.bf16 = (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
	switch (isa) {
	case dnnl_cpu_isa_sse41:
	case dnnl_cpu_isa_avx:
	case dnnl_cpu_isa_avx2:
	case dnnl_cpu_isa_avx512_core: lib.whole_bytes = false; break;
	default: lib.whole_bytes = true;
	}
}

const struct low_library *low_library(void)
{
	pthread_once(&once, look);
	return &lib;
}
