/* Allocations that fail, and those that are never freed. */
#define _GNU_SOURCE
#include "fail.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The allocator below. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

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

/* ---- the end -------------------------------------------------------------------------------- */

static pid_t main_process;

__attribute__((constructor)) static void begin(void)
{
	main_process = getpid();
}

__attribute__((destructor)) static void end(void)
{
	if (getpid() != main_process)
		return;
	for (size_t i = 0; i < BLOCKS; i++)
		if (blocks[i].address != NULL)
			blocks[i].stack->live++;
}

/* ---- what is preloaded ---------------------------------------------------------------------- */

void *malloc(size_t size)
{
	struct stack *stack;
	return fail_here(&stack, FAIL_ALLOCATIONS, "malloc", false)
	           ? NULL
	           : remember(__libc_malloc(size), stack);
}

void *calloc(size_t n, size_t size)
{
	struct stack *stack;
	return fail_here(&stack, FAIL_ALLOCATIONS, "calloc", false)
	           ? NULL
	           : remember(__libc_calloc(n, size), stack);
}

void *realloc(void *block, size_t size)
{
	struct stack *stack;
	if (fail_here(&stack, FAIL_ALLOCATIONS, "realloc", false))
		return NULL;
	void *grown = __libc_realloc(block, size);
	if (grown != NULL || size == 0)
		forget(block);
	return remember(grown, stack);
}

void *memalign(size_t alignment, size_t size)
{
	struct stack *stack;
	return fail_here(&stack, FAIL_ALLOCATIONS, "memalign", false)
	           ? NULL
	           : remember(__libc_memalign(alignment, size), stack);
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
	if (fail_here(&stack, FAIL_ALLOCATIONS, "mmap", true))
		return MAP_FAILED;
	void *mapped = (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
	return mapped == MAP_FAILED ? mapped : remember(mapped, stack);
}

int munmap(void *address, size_t size)
{
	forget(address);
	return (int)syscall(SYS_munmap, address, size);
}
