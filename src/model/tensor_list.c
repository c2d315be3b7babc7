#include "model/tensor_list.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

bool tensor_list_full(const struct tensor_list *list)
{
	return list->failed || list->count == list->most;
}

/* Room for one more. */
static struct tensor_spec *next_spec(struct tensor_list *list)
{
	if (tensor_list_full(list))
		return NULL;
	struct tensor_spec *grown =
	    memory_grow(list->specs, &list->capacity, list->count + 1, sizeof *grown);
	if (grown == NULL) {
		list->failed = true;
		return NULL;
	}
	list->specs = grown;
	struct tensor_spec *spec = &grown[list->count++];
	*spec = (struct tensor_spec){ 0 };
	return spec;
}

static void put_shape(struct tensor_spec *spec, const struct tensor_part *part,
                      const struct tensor_row *row)
{
	for (const char *letter = row->shape; *letter != '\0'; letter++)
		spec->shape[spec->rank++] =
		    *letter >= '0' && *letter <= '9' ? (size_t)(*letter - '0') : part->sizes[*letter - 'A'];
}

static void put_canonical_source(struct tensor_spec *spec, enum tensor_form form)
{
	snprintf(spec->source, sizeof spec->source, "%s%s", spec->name,
	         form == TENSOR_FORM_BLOCKED && spec->linear ? TENSOR_BLOCKED_SUFFIX : "");
	if (form == TENSOR_FORM_BLOCKED && spec->linear)
		spec->operation = TENSOR_BLOCKED;
	if (form == TENSOR_FORM_QUANTIZED && spec->linear)
		spec->operation = TENSOR_QUANTIZED;
}

/* The row's source in the dialect, or in the nearest that this is a variant of. */
static const struct tensor_source *find_source(const struct tensor_row *row,
                                               enum tensor_dialect dialect)
{
	static const enum tensor_dialect variant_of[TENSOR_DIALECTS] = {
		[DIALECT_TIMM_HEAD] = DIALECT_TIMM,
		[DIALECT_TIMM_EVA] = DIALECT_TIMM_HEAD,
		[DIALECT_TIMM_EVA02] = DIALECT_TIMM_EVA,
	};
	while (dialect != DIALECT_CANONICAL && row->sources[dialect].name == NULL)
		dialect = variant_of[dialect];
	return &row->sources[dialect];
}

void tensor_list_row(struct tensor_list *list, const struct tensor_part *part,
                     const struct tensor_row *row)
{
	const struct tensor_source *source = find_source(row, part->dialect);
	struct tensor_spec *spec = (row->needs & ~part->features) == 0 ? next_spec(list) : NULL;
	if (spec == NULL)
		return;
	snprintf(spec->name, sizeof spec->name, "%s%s", part->prefix, row->name);
	put_shape(spec, part, row);
	spec->linear = row->linear;
	spec->operation = source->operation;
	spec->part = source->part;
	spec->parts = source->parts;
	spec->ones = source->ones;
	if (part->dialect == DIALECT_CANONICAL)
		put_canonical_source(spec, list->naming.form);
	else
		snprintf(spec->source, sizeof spec->source, "%s%s", part->source_prefix,
		         source->name != NULL ? source->name : row->name);
}

void tensor_list_rows(struct tensor_list *list, const struct tensor_part *part,
                      const struct tensor_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tensor_list_row(list, part, &rows[i]);
}
