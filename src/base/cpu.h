/* What the processor can do: code that picks an instruction set rounds as that one does. */
#ifndef CLIPCLS_BASE_CPU_H
#define CLIPCLS_BASE_CPU_H

#include "base/buffer.h"

/* Appends the processor's instruction sets, as bits: the same on processors that run the same code.
 */
void cpu_features(struct buffer *out);

#endif
