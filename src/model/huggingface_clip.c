/* transformers' CLIPConfig and MetaClip2Config. */
#include "model/huggingface.h"

/* Where transformers keeps pooling by the largest id for configs with a wrong eos_token_id. */
#define LEGACY_EOS_TOKEN_ID 2

/* Old configs hold the values in KEY_dict: given, it counts alone, with the defaults for what it
 * lacks (CLIPConfig.__post_init__). */
static struct config_reader enter_tower(struct config_reader *reader, bool text)
{
	if (text)
		return config_get(reader, "text_config_dict") != NULL
		           ? config_enter(reader, "text_config_dict", "text_config_dict.")
		           : config_enter(reader, "text_config", "text_config.");
	return config_get(reader, "vision_config_dict") != NULL
	           ? config_enter(reader, "vision_config_dict", "vision_config_dict.")
	           : config_enter(reader, "vision_config", "vision_config.");
}

/* CLIPTextConfig */
static void read_text(struct text_config *out, struct config_reader *reader)
{
	static const struct huggingface_tower defaults = {
		512, 2048, 12, 8, ACTIVATION_QUICK_GELU, 1e-5
	};
	huggingface_read_transformer(&out->transformer, reader, &defaults);
	out->vocab_size = config_size(reader, "vocab_size", 49408);
	out->context_length = config_size(reader, "max_position_embeddings", 77);
	out->eos_token_id = config_id(reader, "eos_token_id", 49407);
	out->pooling = out->eos_token_id == LEGACY_EOS_TOKEN_ID ? POOLING_ARGMAX : POOLING_END_TOKEN;
	out->projection = true;
}

/* CLIPVisionConfig */
static void read_vision(struct vision_config *out, struct config_reader *reader)
{
	static const struct huggingface_tower defaults = { 768, 3072, 12, 12, ACTIVATION_QUICK_GELU,
		                                               1e-5 };
	huggingface_read_image(out, reader, 224);
	huggingface_read_transformer(&out->vit.transformer, reader, &defaults);
	out->vit.patch_size = config_square(reader, "patch_size", 32);
	out->vit.class_token = out->vit.pre_norm = out->vit.projection = true;
}

static void read_towers(struct model_config *out, struct config_reader *reader)
{
	out->projection_dim = config_size(reader, "projection_dim", 512);
	struct config_reader text = enter_tower(reader, true);
	read_text(&out->text, &text);
	config_leave(reader, &text);
	struct config_reader vision = enter_tower(reader, false);
	read_vision(&out->vision, &vision);
	config_leave(reader, &vision);
}

static void read_clip(struct model_config *out, struct config_reader *reader)
{
	out->family = FAMILY_CLIP;
	out->tokenizer.cleaning = TEXT_CLEANING_HUGGINGFACE;
	read_towers(out, reader);
}

/* MetaClip2Config has CLIP's keys and defaults; an eos_token_id of 2 is meant. */
static void read_metaclip_2(struct model_config *out, struct config_reader *reader)
{
	out->family = FAMILY_METACLIP_2;
	out->tokenizer = (struct tokenizer_config){ .kind = TOKENIZER_SENTENCEPIECE,
		                                        .cleaning = TEXT_CLEANING_NONE };
	read_towers(out, reader);
	out->text.pooling = POOLING_END_TOKEN;
}

const struct huggingface_model huggingface_clip = { "clip", DIALECT_CANONICAL, "CLIPImageProcessor",
	                                                read_clip };
const struct huggingface_model huggingface_metaclip_2 = { "metaclip_2", DIALECT_CANONICAL,
	                                                      "CLIPImageProcessor", read_metaclip_2 };
