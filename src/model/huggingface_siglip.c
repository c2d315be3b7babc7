/* transformers' SiglipConfig, which SigLIP 2's checkpoints of one size have, too. */
#include "model/huggingface.h"

static const struct huggingface_tower defaults = { 768, 3072, 12, 12, ACTIVATION_GELU_TANH, 1e-6 };

/* SiglipTextConfig. The tower sees what a prompt is padded with, and pools the last position. */
static void read_text(struct text_config *out, struct config_reader *reader)
{
	huggingface_read_transformer(&out->transformer, reader, &defaults);
	out->vocab_size = config_size(reader, "vocab_size", 32000);
	out->context_length = config_size(reader, "max_position_embeddings", 64);
	out->attention = TEXT_ATTENTION_CONTEXT;
	out->pooling = POOLING_LAST;
	out->projection = out->projection_bias = true;
	out->pad_token_id = config_id(reader, "pad_token_id", 1);
}

/* SiglipVisionConfig */
static void read_vision(struct vision_config *out, struct config_reader *reader)
{
	huggingface_read_image(out, reader, 224);
	huggingface_read_transformer(&out->vit.transformer, reader, &defaults);
	out->vit.patch_size = config_square(reader, "patch_size", 16);
	out->vit.patch_bias = true;
	out->vit.pooling = VIT_POOLING_MAP;
	if (!config_bool(reader, "vision_use_head", true))
		config_unsupported(reader, "vision_use_head");
}

static void read(struct model_config *out, struct config_reader *reader)
{
	out->family = FAMILY_SIGLIP;
	out->logit_bias = true;
	out->tokenizer = (struct tokenizer_config){ .kind = TOKENIZER_SENTENCEPIECE,
		                                        .cleaning = TEXT_CLEANING_SIGLIP };
	struct config_reader text = config_enter(reader, "text_config", "text_config.");
	read_text(&out->text, &text);
	out->projection_dim = config_size(&text, "projection_size", out->text.transformer.width);
	config_leave(reader, &text);
	struct config_reader vision = config_enter(reader, "vision_config", "vision_config.");
	read_vision(&out->vision, &vision);
	if (out->vision.vit.transformer.width != out->projection_dim)
		config_fail(&vision, CLIPCLS_ERR_FORMAT, "hidden_size",
		            "is not the text tower's projection_size");
	config_leave(reader, &vision);
}

const struct huggingface_model huggingface_siglip = { "siglip", DIALECT_SIGLIP,
	                                                  "SiglipImageProcessor", read };
