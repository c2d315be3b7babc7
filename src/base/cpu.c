#include "base/cpu.h"

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>

void cpu_features(struct buffer *out)
{
	unsigned a, b, c, d;
	/* Leaf 1's ebx holds the number of the core that asks. */
	if (__get_cpuid(1, &a, &b, &c, &d))
		buffer_format(out, "%08x%08x", c, d);
	for (unsigned subleaf = 0; subleaf < 2; subleaf++)
		if (__get_cpuid_count(7, subleaf, &a, &b, &c, &d))
			buffer_format(out, ":%08x%08x%08x%08x", a, b, c, d);
}

#else

#include <sys/auxv.h>

void cpu_features(struct buffer *out)
{
	buffer_format(out, "%lx:%lx", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
}

#endif
