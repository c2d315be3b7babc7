/* Loops that the compiler vectorises: VECTOR_CLONES marks a function of which it makes one version
 * per instruction set, chosen at load time. Sanitizers cannot run the choosing code, and gcov
 * counts the versions as one: CLIPCLS_NO_CLONES. */
#ifndef CLIPCLS_BASE_VECTOR_H
#define CLIPCLS_BASE_VECTOR_H

/* Code for single instruction sets can be compiled in, and the processor asked for them. */
#if defined(__x86_64__) && defined(__GNUC__)
#define VECTOR_X86 1
#endif

#if defined(VECTOR_X86) && defined(__gnu_linux__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(CLIPCLS_NO_CLONES)
#define VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTOR_CLONES
#endif

/* Partial sums of a reduction: independent of each other, so that they fit a vector register, and
 * always as many, so that a sum does not depend on the instruction set's width. */
#define VECTOR_LANES 16

#endif
