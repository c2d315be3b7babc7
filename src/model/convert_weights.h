/* The bytes of one weight as a single file has them. Internal to src/model. */
#ifndef CLIPCLS_MODEL_CONVERT_WEIGHTS_H
#define CLIPCLS_MODEL_CONVERT_WEIGHTS_H

#include "model/weights.h"

enum written_form {
	WRITTEN_ROWS,   /* row-major, in a float dtype */
	WRITTEN_BLOCKS, /* in blocks, which 64 fills */
	WRITTEN_INT8,   /* row-major I8 */
	WRITTEN_SCALES  /* of the same, F32 */
};

/* Allocates *out, freed with free(). dtype: of the first two forms.
 * Errors: CLIPCLS_ERR_FORMAT, a damaged weight or one that holds NaN or infinity; _ARGUMENT, one
 * beyond the dtype's range; _MEMORY. */
clipcls_status written_bytes(unsigned char **out, struct checkpoint *checkpoint,
                             struct checkpoint_tensor *weight, enum written_form form,
                             enum dtype dtype, clipcls_error *error);

#endif
