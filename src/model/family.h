/* The families: the one table that maps a config to its towers. */
#ifndef CLIPCLS_MODEL_FAMILY_H
#define CLIPCLS_MODEL_FAMILY_H

#include "base/error.h"
#include "model/config_fields.h"
#include "model/tensor_list.h"

enum image_tower_kind {
	IMAGE_TOWER_VIT,
	IMAGE_TOWER_SWIN,
	IMAGE_TOWER_RESNET,
	IMAGE_TOWER_EFFICIENTNET
};
enum text_tower_kind { TEXT_TOWER_CLIP, TEXT_TOWER_BERT };

/* What `clipcls inspect` shows of a tower. */
struct tower_shape {
	size_t width, layers;
	size_t heads, mlp_width; /* 0 = its layers have none */
	enum activation activation;
	double layer_norm_eps; /* or the batch norms' */
	size_t patch_size;     /* 0 = the tower has no patches */
};

/* What a tower's config holds and which tensors belong to it. Parts are a struct vision_config's
 * or a struct text_config's. */
struct tower_model {
	struct config_fields fields;
	/* Beyond the range of each field: whether they fit each other. Messages name `path`. */
	clipcls_status (*check)(const void *part, const char *path, clipcls_error *error);
	void (*list)(struct tensor_list *list, const struct model_config *config);
	void (*describe)(struct tower_shape *out, const void *part);
};

/* Indexed by enum family; a name of NULL ends it. */
struct family_row {
	const char *name; /* in single files and in `clipcls inspect` */
	enum image_tower_kind image;
	enum text_tower_kind text;
};
extern const struct family_row families[];
extern const char *const family_words[]; /* their names; NULL ends them */

const struct family_row *family_of(const struct model_config *config);
const struct tower_model *family_image_tower(const struct model_config *config);
const struct tower_model *family_text_tower(const struct model_config *config);

#endif
