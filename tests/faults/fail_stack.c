/* Whose an allocation or a system call is, and whether it fails. */
#define _GNU_SOURCE
#include "fail.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

struct table *fail_table;

/* ---- modules -------------------------------------------------------------------------------- */

#define MODULES 64
#define OTHERS "libopenblas libdnnl libgomp libgfortran libgcc_s ld-linux libstdc++"

static struct module {
	uintptr_t base, start, end;
	bool left_alone;
} modules[MODULES];
static int module_count, own_module;
static unsigned c_library;

static bool is_other(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	for (const char *other = OTHERS; *other != '\0'; other += strspn(other, " ")) {
		size_t n = strcspn(other, " ");
		if (strncmp(name, other, n) == 0)
			return true;
		other += n;
	}
	return false;
}

static int add_module(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size, (void)unused;
	struct module *module = &modules[module_count];
	*module = (struct module){ info->dlpi_addr, UINTPTR_MAX, 0, is_other(info->dlpi_name) };
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + part->p_vaddr, end = start + part->p_memsz;
		if (part->p_type != PT_LOAD)
			continue;
		module->start = start < module->start ? start : module->start;
		module->end = end > module->end ? end : module->end;
	}
	return ++module_count == MODULES;
}

static int module_of(uintptr_t address)
{
	for (int again = 0; again < 2; again++) {
		for (int i = 0; i < module_count; i++)
			if (address >= modules[i].start && address < modules[i].end)
				return i;
		/* One that was opened in the meantime. */
		module_count = 0;
		dl_iterate_phdr(add_module, NULL);
	}
	return -1;
}

/* Who asks decides, if need be by way of the C library. */
static bool is_left_alone(const uint64_t *frames)
{
	while (frames[0] >> 48 == c_library)
		frames++;
	uint64_t module = frames[0] >> 48, offset = frames[0] & 0xffffffffffff;
	if (modules[module].left_alone)
		return true;
	for (int i = 0; module == 0 && i < RANGES; i++)
		if (offset >= fail_table->left_alone[i].start && offset < fail_table->left_alone[i].end)
			return true;
	return false;
}

/* ---- stacks --------------------------------------------------------------------------------- */

/* The entry of this hash, made where there is none; the order is that of the first allocations. */
static struct stack *entry_of(uint64_t hash, const char *call, const uint64_t *frames,
                              uint32_t depth)
{
	for (size_t i = hash % STACKS;; i = (i + 1) % STACKS) {
		struct stack *stack = &fail_table->stacks[i];
		uint64_t found = 0;
		if (atomic_compare_exchange_strong(&stack->hash, &found, hash)) {
			memcpy(stack->frames, frames, depth * sizeof *frames);
			stack->depth = depth;
			strncpy(stack->call, call, sizeof stack->call - 1);
			stack->order = ++fail_table->count;
			if (fail_table->count > STACKS / 2)
				abort();
			return stack;
		}
		if (found == hash)
			return stack;
	}
}

/* The caller's stack; NULL where it is to be left alone. */
static struct stack *stack_here(const char *call, bool program_only)
{
	static _Thread_local bool inside __attribute__((tls_model("initial-exec")));
	void *addresses[DEPTH + 4];
	uint64_t frames[DEPTH], hash = 1469598103934665603u;
	bool of_program = false;
	uint32_t depth = 0;
	if (inside)
		return NULL;
	inside = true;
	int n = backtrace(addresses, DEPTH + 4);
	for (int i = 0; i < n && depth < DEPTH; i++) {
		uintptr_t address = (uintptr_t)addresses[i];
		int module = module_of(address);
		if (module < 0)
			break;
		if (module == own_module)
			continue;
		frames[depth] = (uint64_t)module << 48 | (address - modules[module].base);
		hash = (hash ^ frames[depth++]) * 1099511628211u;
		of_program = of_program || module == 0;
	}
	struct stack *stack = NULL;
	if (of_program && !is_left_alone(frames) && (!program_only || frames[0] >> 48 == 0))
		stack = entry_of(hash, call, frames, depth);
	inside = false;
	return stack;
}

bool fail_here(struct stack **stack, enum mode mode, const char *call, bool program_only)
{
	*stack = fail_table != NULL && fail_table->mode == mode ? stack_here(call, program_only) : NULL;
	if (*stack == NULL)
		return false;
	bool chosen = atomic_fetch_add(&(*stack)->hits, 1) == 0 && (*stack)->hash == fail_table->fail;
	if (chosen && fail_table->ever)
		fail_table->failing = 1;
	if (!chosen && !fail_table->failing)
		return false;
	fail_table->failed++;
	errno = (int)fail_table->error;
	return true;
}

bool fail_call(const char *call)
{
	struct stack *stack;
	return fail_here(&stack, FAIL_CALLS, call, true);
}

/* ---- signals -------------------------------------------------------------------------------- */

static void do_nothing(int number)
{
	(void)number;
}

static void begin_storm(void)
{
	const struct sigaction action = { .sa_handler =
		                                  do_nothing }; /* and no call goes on by itself */
	const struct itimerval often = { { 0, 300 }, { 0, 300 } };
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

/* ---- start ---------------------------------------------------------------------------------- */

__attribute__((constructor)) static void begin(void)
{
	void *addresses[1];
	const char *path = getenv("FAIL_TABLE");
	int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	backtrace(addresses, 1); /* which opens a library, the first time */
	own_module = module_of((uintptr_t)&begin);
	c_library = (unsigned)module_of((uintptr_t)&abort);
	void *shared = (void *)syscall(SYS_mmap, NULL, sizeof *fail_table, PROT_READ | PROT_WRITE,
	                               MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (shared == MAP_FAILED)
		abort();
	fail_table = shared;
	if (fail_table->mode == FAIL_STORM)
		begin_storm();
}
