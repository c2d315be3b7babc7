/* Listing the tensors that a config calls for: by tables of rows, whose shapes are spelt in
 * letters.
 */
#ifndef CLIPCLS_MODEL_TENSOR_LIST_H
#define CLIPCLS_MODEL_TENSOR_LIST_H

#include "model/tensors.h"

/* How a file has what a row wants. Where a dialect has no name, it is that of the dialect which it
 * is a variant of, and in the end the canonical one, as it is. */
struct tensor_source {
	const char *name;
	enum tensor_operation operation;
	unsigned char part, parts; /* of TENSOR_PART */
	unsigned char ones;        /* leading dimensions of 1 that the file's shape has besides */
};
#define FROM(source)     \
	{                    \
		.name = (source) \
	}
#define FROM_TRANSPOSED(source)                         \
	{                                                   \
		.name = (source), .operation = TENSOR_TRANSPOSE \
	}
#define FROM_PART(source, part_, parts_)                                               \
	{                                                                                  \
		.name = (source), .operation = TENSOR_PART, .part = (part_), .parts = (parts_) \
	}
#define FROM_ONES(source, ones_)          \
	{                                     \
		.name = (source), .ones = (ones_) \
	}

struct tensor_row {
	const char *name;  /* canonical, behind the tower's prefix */
	const char *shape; /* a letter for each dimension: its size is in `sizes` of the part */
	unsigned needs;    /* features that the config must all have */
	bool linear;       /* see struct tensor_spec */
	struct tensor_source sources[TENSOR_DIALECTS];
};

/* Those of a batch norm. */
#define BATCH_NORM_ROWS(name_, shape_, needs_)                                   \
	{ .name = name_ ".weight", .shape = (shape_), .needs = (needs_) },           \
	    { .name = name_ ".bias", .shape = (shape_), .needs = (needs_) },         \
	    { .name = name_ ".running_mean", .shape = (shape_), .needs = (needs_) }, \
	{                                                                            \
		.name = name_ ".running_var", .shape = (shape_), .needs = (needs_)       \
	}

/* A part of a tower: what stands before its names, and what its rows' letters and features mean. */
struct tensor_part {
	const char *prefix, *source_prefix;
	enum tensor_dialect dialect;
	unsigned features;
	const size_t *sizes; /* (26), of 'A' to 'Z'; a digit is itself */
};

struct tensor_list {
	struct tensor_spec *specs;
	size_t count, capacity;
	size_t most; /* no more than these */
	struct tensor_naming naming;
	bool failed; /* memory is out */
};

/* All of an array. */
#define TENSOR_LIST_ROWS(list, part, rows) \
	tensor_list_rows(list, part, rows, sizeof(rows) / sizeof *(rows))
void tensor_list_rows(struct tensor_list *list, const struct tensor_part *part,
                      const struct tensor_row *rows, size_t n);
/* One tensor. */
void tensor_list_row(struct tensor_list *list, const struct tensor_part *part,
                     const struct tensor_row *row);
/* Whether nothing more can be added: for loops over a number of layers that a file says. */
bool tensor_list_full(const struct tensor_list *list);

#endif
