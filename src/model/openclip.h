/* The parts of an OpenCLIP config, each read by a file of its own. A key that is absent has the
 * default of open_clip's CLIPVisionCfg or CLIPTextCfg. Internal to src/model. */
#ifndef CLIPCLS_MODEL_OPENCLIP_H
#define CLIPCLS_MODEL_OPENCLIP_H

#include "model/config_reader.h"
#include "model/tensors.h"

/* The vocabulary of open_clip's own tokenizer, which it uses whatever files lie beside the model.
 */
#define CLIP_VOCAB_SIZE 49408

struct openclip_model {
	struct model_config *config;
	bool quick_gelu;            /* of the towers that open_clip builds itself */
	enum tensor_dialect vision; /* set by openclip_read_vision */
	bool resizes_positions;     /* the image tower is open_clip's own vision transformer */
};

/* Each sets the config's family where it is not CLIP's; config->projection_dim is known. */
void openclip_read_vision(struct openclip_model *model, struct config_reader *tower);
void openclip_read_text(struct openclip_model *model, struct config_reader *tower);
/* A tower of timm's, by vision_cfg.timm_model_name. */
void openclip_read_timm(struct openclip_model *model, struct config_reader *tower);
/* One of timm's that is no plain vision transformer; false, and nothing is read, where the name is
 * another kind's. */
bool openclip_read_swin(struct openclip_model *model, struct config_reader *tower);
/* CLIP's ResNet, where vision_cfg.layers is a list. */
void openclip_read_resnet(struct openclip_model *model, struct config_reader *tower);

/* What both transformers have; heads are the caller's. */
void openclip_read_transformer(struct transformer_config *out, struct config_reader *tower,
                               bool quick_gelu, size_t width);

#endif
