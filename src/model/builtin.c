#include "model/builtin.h"

/* In builtin_model.S. */
extern const unsigned char clipcls_builtin_model[], clipcls_builtin_model_end[];

const void *builtin_model(size_t *size)
{
	*size = (size_t)(clipcls_builtin_model_end - clipcls_builtin_model);
	return clipcls_builtin_model;
}
