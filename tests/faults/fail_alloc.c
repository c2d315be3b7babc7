/* Preloaded into the program: fails an allocation of its choice, and finds what is never freed.
 *
 * FAIL_TABLE names a file of sizeof(struct table) zeroed bytes, shared with the test and with all
 * processes that are forked. Each distinct call stack that allocates gets an entry in it. Where
 * table.fail is an entry's hash, that entry's first allocation fails; with table.ever, all that
 * come later fail too, whatever their stack and process. At the main process's exit, entries say
 * how many of their blocks were not freed.
 *
 * Return addresses are taken relative to their module, so that a stack's hash is the same in every
 * run. Left alone are allocations outside the program's own functions (the dynamic loader, what
 * libraries do when they are loaded), and those that the modules and functions below ask for. */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- what is shared with the test ----------------------------------------------------------- */

#define DEPTH 24
#define STACKS 8192
#define RANGES 16

struct stack {
	_Atomic uint64_t hash; /* 0: the entry is free */
	_Atomic uint32_t order, hits, live;
	uint32_t depth;
	uint64_t frames[DEPTH]; /* of the innermost: module << 48 | offset; module 0 is the program */
};

struct table {
	uint64_t fail;
	uint32_t ever;
	_Atomic uint32_t failing, failed, count;
	/* Functions of the program that are another's code: offsets, [start, end) */
	struct {
		uint64_t start, end;
	} left_alone[RANGES];
	struct stack stacks[STACKS];
};

static struct table *table;

/* ---- the allocator below -------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

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
		if (offset >= table->left_alone[i].start && offset < table->left_alone[i].end)
			return true;
	return false;
}

/* ---- stacks --------------------------------------------------------------------------------- */

/* The entry of this hash, made where there is none; the order is that of the first allocations. */
static struct stack *entry_of(uint64_t hash, const uint64_t *frames, uint32_t depth)
{
	for (size_t i = hash % STACKS;; i = (i + 1) % STACKS) {
		struct stack *stack = &table->stacks[i];
		uint64_t found = 0;
		if (atomic_compare_exchange_strong(&stack->hash, &found, hash)) {
			memcpy(stack->frames, frames, depth * sizeof *frames);
			stack->depth = depth;
			stack->order = ++table->count;
			if (table->count > STACKS / 2)
				abort();
			return stack;
		}
		if (found == hash)
			return stack;
	}
}

/* The caller's stack; NULL where it is to be left alone. */
static struct stack *stack_here(bool program_only)
{
	static _Thread_local bool inside __attribute__((tls_model("initial-exec")));
	void *addresses[DEPTH + 4];
	uint64_t frames[DEPTH], hash = 1469598103934665603u;
	bool of_program = false;
	uint32_t depth = 0;
	if (table == NULL || inside)
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
		stack = entry_of(hash, frames, depth);
	inside = false;
	return stack;
}

/* Whether this allocation fails; says whose it is. */
static bool fails(struct stack **stack, bool program_only)
{
	*stack = stack_here(program_only);
	if (*stack == NULL)
		return false;
	bool chosen = atomic_fetch_add(&(*stack)->hits, 1) == 0 && (*stack)->hash == table->fail;
	if (chosen && table->ever)
		table->failing = 1;
	if (!chosen && !table->failing)
		return false;
	table->failed++;
	errno = ENOMEM;
	return true;
}

/* ---- blocks that are not freed yet ---------------------------------------------------------- */

#define BLOCKS (1 << 19)

static struct block {
	const void *address;
	struct stack *stack;
} blocks[BLOCKS];
static size_t block_count;
static atomic_flag blocks_in_use = ATOMIC_FLAG_INIT;

static size_t place_of(const void *address)
{
	return (uintptr_t)address / 16 * 0x9e3779b97f4a7c15u % BLOCKS;
}

static void lock_blocks(void)
{
	while (atomic_flag_test_and_set(&blocks_in_use))
		;
}

static void *remember(void *address, struct stack *stack)
{
	if (address == NULL || stack == NULL)
		return address;
	lock_blocks();
	if (++block_count > BLOCKS / 2)
		abort();
	size_t i = place_of(address);
	while (blocks[i].address != NULL)
		i = (i + 1) % BLOCKS;
	blocks[i] = (struct block){ address, stack };
	atomic_flag_clear(&blocks_in_use);
	return address;
}

/* Those behind it that were put there for want of this place move up. */
static void forget(const void *address)
{
	if (address == NULL || block_count == 0)
		return;
	lock_blocks();
	size_t i = place_of(address);
	while (blocks[i].address != NULL && blocks[i].address != address)
		i = (i + 1) % BLOCKS;
	if (blocks[i].address != NULL) {
		block_count--;
		for (size_t j = (i + 1) % BLOCKS; blocks[j].address != NULL; j = (j + 1) % BLOCKS) {
			size_t wanted = place_of(blocks[j].address);
			if ((j - wanted) % BLOCKS < (j - i) % BLOCKS)
				continue;
			blocks[i] = blocks[j];
			i = j;
		}
		blocks[i] = (struct block){ 0 };
	}
	atomic_flag_clear(&blocks_in_use);
}

/* ---- start and end -------------------------------------------------------------------------- */

static pid_t main_process;

__attribute__((constructor)) static void begin(void)
{
	void *addresses[1];
	const char *path = getenv("FAIL_TABLE");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	backtrace(addresses, 1); /* which opens a library, the first time */
	main_process = getpid();
	own_module = module_of((uintptr_t)&begin);
	c_library = (unsigned)module_of((uintptr_t)&__libc_malloc);
	void *shared = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared == MAP_FAILED)
		abort();
	table = shared;
}

__attribute__((destructor)) static void end(void)
{
	if (table == NULL || getpid() != main_process)
		return;
	for (size_t i = 0; i < BLOCKS; i++)
		if (blocks[i].address != NULL)
			blocks[i].stack->live++;
}

/* ---- what is preloaded ---------------------------------------------------------------------- */

void *malloc(size_t size)
{
	struct stack *stack;
	return fails(&stack, false) ? NULL : remember(__libc_malloc(size), stack);
}

void *calloc(size_t n, size_t size)
{
	struct stack *stack;
	return fails(&stack, false) ? NULL : remember(__libc_calloc(n, size), stack);
}

void *realloc(void *block, size_t size)
{
	struct stack *stack;
	if (fails(&stack, false))
		return NULL;
	void *grown = __libc_realloc(block, size);
	if (grown != NULL || size == 0)
		forget(block);
	return remember(grown, stack);
}

void *memalign(size_t alignment, size_t size)
{
	struct stack *stack;
	return fails(&stack, false) ? NULL : remember(__libc_memalign(alignment, size), stack);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	int before = errno;
	void *block = memalign(alignment, size);
	errno = before;
	if (block == NULL)
		return ENOMEM;
	*out = block;
	return 0;
}

void free(void *block)
{
	forget(block);
	__libc_free(block);
}

/* Of the program alone: those of the C library do not come by here. */
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	struct stack *stack;
	if (fails(&stack, true))
		return MAP_FAILED;
	void *mapped = (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
	return mapped == MAP_FAILED ? mapped : remember(mapped, stack);
}

int munmap(void *address, size_t size)
{
	forget(address);
	return (int)syscall(SYS_munmap, address, size);
}
