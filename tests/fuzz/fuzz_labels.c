/* Labels and templates files */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	clipcls_labels *labels = NULL;
	clipcls_templates *templates = NULL;
	clipcls_error error = { 0 };
	char *copy = (char *)fuzz_copy(data, size);
	if (clipcls_labels_new(&labels, &error) != CLIPCLS_OK ||
	    clipcls_templates_new(&templates, &error) != CLIPCLS_OK)
		abort();
	clipcls_status status = clipcls_labels_add_text(labels, copy, size, "input", &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK && clipcls_labels_count(labels) == 0)
		abort();
	for (size_t i = 0; i < clipcls_labels_count(labels); i++)
		if (clipcls_labels_text(labels, i)[0] == '\0')
			abort();
	fuzz_check(clipcls_templates_add_text(templates, copy, size, "input", &error), &error);
	clipcls_labels_free(labels);
	clipcls_templates_free(templates);
	free(copy);
	return 0;
}
