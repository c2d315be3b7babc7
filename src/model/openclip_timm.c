/* timm's vision towers inside an OpenCLIP checkpoint: what timm registers under a model's name. */
#include "model/openclip.h"

#include <string.h>

struct timm_size {
	size_t width, layers, heads, mlp_width;
};

/* Those of timm's vision_transformer.py. */
static const struct timm_size base = { 768, 12, 12, 3072 }, large = { 1024, 24, 16, 4096 },
                              so400m = { 1152, 27, 16, 4304 }, giantopt = { 1536, 40, 16, 6144 };

/* A vision transformer with SigLIP's head, or with CLIP's class token. */
enum timm_kind { TIMM_SIGLIP, TIMM_CLIP };

struct timm_model {
	const char *name;
	enum timm_kind kind;
	const struct timm_size *size;
	size_t patch_size, image_size;
	enum activation activation;
};

static const struct timm_model models[] = {
	{ "vit_base_patch32_siglip_256", TIMM_SIGLIP, &base, 32, 256, ACTIVATION_GELU_TANH },
	{ "vit_base_patch16_siglip_224", TIMM_SIGLIP, &base, 16, 224, ACTIVATION_GELU },
	{ "vit_base_patch16_siglip_256", TIMM_SIGLIP, &base, 16, 256, ACTIVATION_GELU },
	{ "vit_base_patch16_siglip_384", TIMM_SIGLIP, &base, 16, 384, ACTIVATION_GELU },
	{ "vit_base_patch16_siglip_512", TIMM_SIGLIP, &base, 16, 512, ACTIVATION_GELU },
	{ "vit_large_patch16_siglip_256", TIMM_SIGLIP, &large, 16, 256, ACTIVATION_GELU },
	{ "vit_large_patch16_siglip_384", TIMM_SIGLIP, &large, 16, 384, ACTIVATION_GELU },
	{ "vit_large_patch16_siglip_512", TIMM_SIGLIP, &large, 16, 512, ACTIVATION_GELU_TANH },
	{ "vit_so400m_patch14_siglip_224", TIMM_SIGLIP, &so400m, 14, 224, ACTIVATION_GELU },
	{ "vit_so400m_patch14_siglip_378", TIMM_SIGLIP, &so400m, 14, 378, ACTIVATION_GELU },
	{ "vit_so400m_patch14_siglip_384", TIMM_SIGLIP, &so400m, 14, 384, ACTIVATION_GELU },
	{ "vit_so400m_patch16_siglip_256", TIMM_SIGLIP, &so400m, 16, 256, ACTIVATION_GELU_TANH },
	{ "vit_so400m_patch16_siglip_384", TIMM_SIGLIP, &so400m, 16, 384, ACTIVATION_GELU_TANH },
	{ "vit_so400m_patch16_siglip_512", TIMM_SIGLIP, &so400m, 16, 512, ACTIVATION_GELU_TANH },
	{ "vit_giantopt_patch16_siglip_256", TIMM_SIGLIP, &giantopt, 16, 256, ACTIVATION_GELU_TANH },
	{ "vit_giantopt_patch16_siglip_384", TIMM_SIGLIP, &giantopt, 16, 384, ACTIVATION_GELU_TANH },
	{ "vit_base_patch32_clip_224", TIMM_CLIP, &base, 32, 224, ACTIVATION_GELU },
	{ "vit_base_patch16_clip_224", TIMM_CLIP, &base, 16, 224, ACTIVATION_GELU },
	{ "vit_large_patch14_clip_224", TIMM_CLIP, &large, 14, 224, ACTIVATION_GELU },
	{ "vit_large_patch14_clip_336", TIMM_CLIP, &large, 14, 336, ACTIVATION_GELU },
};

static const struct timm_model *find_model(const char *name)
{
	for (size_t i = 0; i < sizeof models / sizeof *models; i++)
		if (strcmp(models[i].name, name) == 0)
			return &models[i];
	return NULL;
}

static void read_siglip(struct openclip_model *model, struct config_reader *tower)
{
	struct vit_config *vit = &model->config->vision.vit;
	vit->transformer.layer_norm_eps = 1e-6;
	vit->patch_bias = true;
	vit->pooling = VIT_POOLING_MAP;
	model->config->family = FAMILY_SIGLIP;
	if (strcmp(config_string(tower, "timm_pool", "avg"), "map") != 0)
		config_unsupported(tower, "timm_pool");
}

static void read_clip(struct openclip_model *model, struct config_reader *tower)
{
	struct vit_config *vit = &model->config->vision.vit;
	vit->transformer.layer_norm_eps = 1e-5;
	vit->class_token = vit->pre_norm = true;
	if (strcmp(config_string(tower, "timm_pool", "avg"), "token") != 0)
		config_unsupported(tower, "timm_pool");
}

/* TimmModel's head: a linear layer of its own, the trunk's classifier, or none. */
static void read_projection(struct openclip_model *model, struct config_reader *tower)
{
	const char *proj =
	    config_get(tower, "timm_proj") == NULL && json_get(tower->object, "timm_proj") != NULL
	        ? ""
	        : config_string(tower, "timm_proj", "linear");
	struct vit_config *vit = &model->config->vision.vit;
	vit->projection = strcmp(proj, "none") != 0;
	vit->projection_bias = proj[0] == '\0' || config_bool(tower, "timm_proj_bias", false);
	model->vision = proj[0] == '\0' ? DIALECT_TIMM_HEAD : DIALECT_TIMM;
	if (vit->projection && proj[0] != '\0' && strcmp(proj, "linear") != 0)
		config_unsupported(tower, "timm_proj");
	if (!vit->projection && vit->transformer.width != model->config->projection_dim)
		config_fail(tower, CLIPCLS_ERR_FORMAT, "timm_proj",
		            "of \"none\" needs an embed_dim that is the tower's width");
}

void openclip_read_timm(struct openclip_model *model, struct config_reader *tower)
{
	static bool (*const others[])(struct openclip_model *,
	                              struct config_reader *) = { openclip_read_swin };
	static void (*const kinds[])(struct openclip_model *, struct config_reader *) = {
		[TIMM_SIGLIP] = read_siglip, [TIMM_CLIP] = read_clip
	};
	const struct timm_model *timm = find_model(config_string(tower, "timm_model_name", ""));
	struct vision_config *vision = &model->config->vision;
	if (timm == NULL) {
		size_t i = 0, count = sizeof others / sizeof *others;
		while (i < count && !others[i](model, tower))
			i++;
		if (i == count)
			config_unsupported(tower, "timm_model_name");
		return;
	}
	vision->image_size = config_square(tower, "image_size", 224);
	if (vision->image_size != timm->image_size)
		config_unsupported(tower, "image_size");
	vision->vit.patch_size = timm->patch_size;
	vision->vit.transformer = (struct transformer_config){ .width = timm->size->width,
		                                                   .layers = timm->size->layers,
		                                                   .heads = timm->size->heads,
		                                                   .mlp_width = timm->size->mlp_width,
		                                                   .activation = timm->activation };
	kinds[timm->kind](model, tower);
	read_projection(model, tower);
}
