/* timm's vision towers inside an OpenCLIP checkpoint: what timm registers under a model's name. */
#include "model/openclip.h"

#include <string.h>

struct timm_size {
	size_t width, layers, heads, mlp_width;
};

/* Those of timm's vision_transformer.py. */
static const struct timm_size xsmall = { 256, 10, 4, 1024 }, medium = { 512, 12, 8, 2048 },
                              betwixt = { 640, 12, 10, 2560 }, base = { 768, 12, 12, 3072 },
                              base_plus = { 896, 12, 14, 3584 }, large = { 1024, 24, 16, 4096 },
                              so400m = { 1152, 27, 16, 4304 }, huge = { 1280, 32, 16, 5120 },
                              giant = { 1408, 40, 16, 6144 }, giantopt = { 1536, 40, 16, 6144 },
                              gigantic = { 1664, 48, 16, 8192 };
/* Those of its eva.py. */
static const struct timm_size eva02_base = { 768, 12, 12, 2048 },
                              eva02_large = { 1024, 24, 16, 2730 },
                              eva02_enormous = { 1792, 64, 16, 15360 };

/* A vision transformer with SigLIP's head, or with CLIP's class token; EVA's; EVA-02's; and the
 * largest of these, which has EVA's parts in another order. */
enum timm_kind { TIMM_SIGLIP, TIMM_CLIP, TIMM_EVA, TIMM_EVA02, TIMM_EVA02_ENORMOUS };

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
	{ "vit_xsmall_patch16_clip_224", TIMM_CLIP, &xsmall, 16, 224, ACTIVATION_GELU },
	{ "vit_medium_patch32_clip_224", TIMM_CLIP, &medium, 32, 224, ACTIVATION_GELU },
	{ "vit_medium_patch16_clip_224", TIMM_CLIP, &medium, 16, 224, ACTIVATION_GELU },
	{ "vit_betwixt_patch32_clip_224", TIMM_CLIP, &betwixt, 32, 224, ACTIVATION_GELU },
	{ "vit_base_patch32_clip_224", TIMM_CLIP, &base, 32, 224, ACTIVATION_GELU },
	{ "vit_base_patch32_clip_256", TIMM_CLIP, &base, 32, 256, ACTIVATION_GELU },
	{ "vit_base_patch32_clip_384", TIMM_CLIP, &base, 32, 384, ACTIVATION_GELU },
	{ "vit_base_patch32_clip_448", TIMM_CLIP, &base, 32, 448, ACTIVATION_GELU },
	{ "vit_base_patch16_clip_224", TIMM_CLIP, &base, 16, 224, ACTIVATION_GELU },
	{ "vit_base_patch16_clip_384", TIMM_CLIP, &base, 16, 384, ACTIVATION_GELU },
	{ "vit_base_patch16_plus_clip_240", TIMM_CLIP, &base_plus, 16, 240, ACTIVATION_GELU },
	{ "vit_large_patch14_clip_224", TIMM_CLIP, &large, 14, 224, ACTIVATION_GELU },
	{ "vit_large_patch14_clip_336", TIMM_CLIP, &large, 14, 336, ACTIVATION_GELU },
	{ "vit_huge_patch14_clip_224", TIMM_CLIP, &huge, 14, 224, ACTIVATION_GELU },
	{ "vit_huge_patch14_clip_336", TIMM_CLIP, &huge, 14, 336, ACTIVATION_GELU },
	{ "vit_huge_patch14_clip_378", TIMM_CLIP, &huge, 14, 378, ACTIVATION_GELU },
	{ "vit_giant_patch14_clip_224", TIMM_CLIP, &giant, 14, 224, ACTIVATION_GELU },
	{ "vit_gigantic_patch14_clip_224", TIMM_CLIP, &gigantic, 14, 224, ACTIVATION_GELU },
	{ "vit_gigantic_patch14_clip_378", TIMM_CLIP, &gigantic, 14, 378, ACTIVATION_GELU },
	{ "vit_base_patch32_clip_quickgelu_224", TIMM_CLIP, &base, 32, 224, ACTIVATION_QUICK_GELU },
	{ "vit_base_patch16_clip_quickgelu_224", TIMM_CLIP, &base, 16, 224, ACTIVATION_QUICK_GELU },
	{ "vit_large_patch14_clip_quickgelu_224", TIMM_CLIP, &large, 14, 224, ACTIVATION_QUICK_GELU },
	{ "vit_large_patch14_clip_quickgelu_336", TIMM_CLIP, &large, 14, 336, ACTIVATION_QUICK_GELU },
	{ "vit_huge_patch14_clip_quickgelu_224", TIMM_CLIP, &huge, 14, 224, ACTIVATION_QUICK_GELU },
	{ "vit_huge_patch14_clip_quickgelu_378", TIMM_CLIP, &huge, 14, 378, ACTIVATION_QUICK_GELU },
	{ "vit_gigantic_patch14_clip_quickgelu_224", TIMM_CLIP, &gigantic, 14, 224,
	  ACTIVATION_QUICK_GELU },
	{ "eva_giant_patch14_224", TIMM_EVA, &giant, 14, 224, ACTIVATION_GELU },
	{ "eva_giant_patch14_clip_224", TIMM_EVA, &giant, 14, 224, ACTIVATION_GELU },
	{ "eva02_base_patch16_clip_224", TIMM_EVA02, &eva02_base, 16, 224, ACTIVATION_SILU },
	{ "eva02_large_patch14_clip_224", TIMM_EVA02, &eva02_large, 14, 224, ACTIVATION_SILU },
	{ "eva02_large_patch14_clip_336", TIMM_EVA02, &eva02_large, 14, 336, ACTIVATION_SILU },
	{ "eva02_enormous_patch14_clip_224", TIMM_EVA02_ENORMOUS, &eva02_enormous, 14, 224,
	  ACTIVATION_GELU },
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

static void require_class_token(struct config_reader *tower)
{
	if (strcmp(config_string(tower, "timm_pool", "avg"), "token") != 0)
		config_unsupported(tower, "timm_pool");
}

static void read_clip(struct openclip_model *model, struct config_reader *tower)
{
	struct vit_config *vit = &model->config->vision.vit;
	vit->transformer.layer_norm_eps = 1e-5;
	vit->class_token = vit->pre_norm = true;
	require_class_token(tower);
}

static void read_eva(struct openclip_model *model, struct config_reader *tower)
{
	struct vit_config *vit = &model->config->vision.vit;
	vit->transformer.layer_norm_eps = 1e-6;
	vit->transformer.no_key_bias = true;
	vit->class_token = vit->patch_bias = true;
	model->config->family = FAMILY_EVA;
	require_class_token(tower);
	if (model->vision != DIALECT_TIMM_HEAD) /* the head of all that open_clip has */
		config_unsupported(tower, "timm_proj");
	model->vision = DIALECT_TIMM_EVA;
}

static void read_eva02(struct openclip_model *model, struct config_reader *tower)
{
	struct vit_config *vit = &model->config->vision.vit;
	read_eva(model, tower);
	vit->transformer.gated_mlp = true;
	vit->transformer.attention_norm = vit->transformer.mlp_norm = true;
	vit->rotary_side = 16; /* ref_feat_shape */
	model->vision = DIALECT_TIMM_EVA02;
}

static void read_eva02_enormous(struct openclip_model *model, struct config_reader *tower)
{
	read_eva(model, tower);
	model->config->vision.vit.transformer.residual_post_norm = true;
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
	static void (*const kinds[])(struct openclip_model *,
	                             struct config_reader *) = { [TIMM_SIGLIP] = read_siglip,
		                                                     [TIMM_CLIP] = read_clip,
		                                                     [TIMM_EVA] = read_eva,
		                                                     [TIMM_EVA02] = read_eva02,
		                                                     [TIMM_EVA02_ENORMOUS] =
		                                                         read_eva02_enormous };
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
	read_projection(model, tower);
	kinds[timm->kind](model, tower);
}
