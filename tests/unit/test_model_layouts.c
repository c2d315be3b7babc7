/* What the two layouts' configs may say, key by key. */
#include "test_edit.h"
#include "test_layouts.h"

#include "model/config.h"

static clipcls_error error;

/* One text replaced in one of a directory's config files; a message of NULL: the config is fine. */
static void expect_edit(const char *directory, const char *file, const char *text,
                        const struct edit *edit)
{
	struct checkpoint *checkpoint = NULL;
	char *changed = edited(text, edit->old, edit->new);
	fixture_write_text(directory, file, changed);
	clipcls_status status = checkpoint_open(&checkpoint, directory, NULL, &error);
	if (status != edit->status ||
	    (edit->message != NULL && strstr(error.message, edit->message) == NULL))
		fail_msg("%s: %s: \"%s\"", edit->new, clipcls_status_name(status), error.message);
	assert_true((status == CLIPCLS_OK) == (checkpoint != NULL));
	checkpoint_free(checkpoint);
	free(changed);
}

#define FINE CLIPCLS_OK, NULL
#define FORMAT CLIPCLS_ERR_FORMAT
#define UNSUPPORTED CLIPCLS_ERR_UNSUPPORTED

/* ---- OpenCLIP ------------------------------------------------------------------------------- */

#define VISION(more) "\"vision_cfg\":{", "\"vision_cfg\":{" more ","
#define TIMM(name, size, more)           \
	"\"image_size\":8,\"patch_size\":4", \
	    "\"timm_model_name\":\"" name "\"" more ",\"image_size\":" size
#define TEXT(more) "\"text_cfg\":{", "\"text_cfg\":{" more ","
#define SWIN(more)      \
	"\"image_size\":8", \
	    "\"image_size\":224,\"timm_model_name\":\"swin_tiny_patch4_window7_224\"," more
#define PREPROCESS(more) "\"mean\":[0.5,0.5,0.5]", "\"mean\":[0.5,0.5,0.5]," more

static void openclip_keys_are_read_or_refused_by_name(void **state)
{
	static const struct edit edits[] = {
		{ "\"embed_dim\":5", "\"embed_dim\":5,\"x\":1", UNSUPPORTED, "model_cfg.x = 1" },
		{ "\"embed_dim\":5", "\"embed_dim\":5,\"multimodal_cfg\":null", FINE },
		{ "\"embed_dim\":5", "\"embed_dim\":5,\"multimodal_cfg\":{}", UNSUPPORTED, "multimodal" },
		{ "\"embed_dim\":5", "\"embed_dim\":0", FORMAT, "projection_dim of 0" },
		{ "\"model_cfg\"", "\"modelcfg\"", FORMAT, "model_cfg. is missing" },
		{ "\"model_cfg\":{", "\"model_cfg\":3,\"x\":{", FORMAT, "model_cfg is not an object" },
		{ "\"quick_gelu\":true", "\"quick_gelu\":1", FORMAT, "quick_gelu is neither true" },
		{ "\"quick_gelu\":true", "\"quick_gelu\":false", FINE },
		{ VISION("\"timm_model_name\":\"\""), FINE },
		{ VISION("\"timm_model_name\":\"vit\""), UNSUPPORTED, "vision_cfg.timm_model_name" },
		{ TIMM("eva02_base_patch16_clip_224", "336", ""), UNSUPPORTED, "image_size = 336" },
		{ TIMM("eva02_base_patch16_clip_224", "224", ",\"timm_proj\":null"), UNSUPPORTED,
		  "timm_pool = null" },
		{ TIMM("eva02_base_patch16_clip_224", "224", ",\"timm_pool\":\"token\""), UNSUPPORTED,
		  "timm_proj = null" },
		{ TIMM("eva_giant_patch14_224", "224", ",\"timm_pool\":\"token\",\"timm_proj\":\"linear\""),
		  UNSUPPORTED, "timm_proj = \"linear\"" },
		{ TIMM("vit_base_patch32_clip_224", "224", ",\"timm_pool\":\"avg\""), UNSUPPORTED,
		  "timm_pool = \"avg\"" },
		{ TIMM("vit_medium_patch16_gap_256", "224", ",\"timm_pool\":\"avg\""), UNSUPPORTED,
		  "timm_model_name = \"vit_medium_patch16_gap_256\" is not supported" },
		{ VISION("\"attentional_pool\":false"), FINE },
		{ VISION("\"attentional_pool\":true"), UNSUPPORTED, "attentional_pool = true" },
		{ VISION("\"qk_norm\":0"), FINE },
		{ VISION("\"qk_norm\":1"), UNSUPPORTED, "qk_norm = 1" },
		{ VISION("\"scale_fc\":null"), FINE },
		{ VISION("\"scale_fc\":[]"), FINE },
		{ VISION("\"scale_fc\":[1]"), UNSUPPORTED, "scale_fc = [1]" },
		{ VISION("\"pool_type\":\"tok\""), FINE },
		{ VISION("\"pool_type\":null"), FINE },
		{ VISION("\"pool_type\":\"avg\""), FINE },
		{ VISION("\"pool_type\":\"max\""), UNSUPPORTED, "pool_type = \"max\"" },
		{ VISION("\"ls_init_value\":0"), UNSUPPORTED, "ls_init_value = 0" },
		{ VISION("\"act_kwargs\":{}"), UNSUPPORTED, "act_kwargs" }, /* with quick_gelu */
		{ VISION("\"norm_kwargs\":{\"eps\":1e-6}"), FINE },
		{ VISION("\"norm_kwargs\":{\"eps\":1}"), FORMAT, "layer norm eps is out of range" },
		{ VISION("\"norm_kwargs\":{\"eps\":1e-6,\"x\":1}"), UNSUPPORTED, "norm_kwargs" },
		{ VISION("\"norm_kwargs\":{\"x\":1}"), UNSUPPORTED, "norm_kwargs" },
		{ "\"width\":8,\"layers\":1,\"head_width\":4",
		  "\"width\":8,\"layers\":[1,2],\"head_width\":4", FORMAT, "layers is not four" },
		{ "\"head_width\":4", "\"head_width\":0", FORMAT, "head_width is out of range" },
		{ "\"head_width\":4", "\"head_width\":3", FINE }, /* 8 / 3 heads, as there */
		{ "\"head_width\":4", "\"head_width\":\"x\"", FORMAT, "head_width is not a whole number" },
		{ "\"mlp_ratio\":2", "\"mlp_ratio\":0", FORMAT, "mlp_ratio is out of range" },
		{ "\"mlp_ratio\":2", "\"mlp_ratio\":1e300", FORMAT, "mlp_ratio is out of range" },
		{ "\"mlp_ratio\":2", "\"mlp_ratio\":\"2\"", FORMAT, "mlp_ratio is not a number" },
		{ "\"image_size\":8", "\"image_size\":[8,8]", FINE },
		{ "\"image_size\":8", "\"image_size\":[8,9]", UNSUPPORTED, "image_size = [8,9]" },
		{ "\"image_size\":8", "\"image_size\":[8]", FORMAT, "is not one or two whole numbers" },
		{ "\"image_size\":8", "\"image_size\":[\"8\",8]", FORMAT, "one or two whole numbers" },
		{ "\"image_size\":8", "\"image_size\":[8,8,8]", FORMAT, "one or two whole numbers" },
		{ VISION("\"timm_model_name\":\"swin_tiny_patch4_window7_224\""), UNSUPPORTED,
		  "vision_cfg.image_size = 8" },
		{ SWIN("\"timm_pool\":\"map\""), UNSUPPORTED, "vision_cfg.timm_pool = \"map\"" },
		{ SWIN("\"timm_proj\":\"mlp\""), UNSUPPORTED, "vision_cfg.timm_proj = \"mlp\"" },
		{ SWIN("\"timm_proj\":null"), UNSUPPORTED, "vision_cfg.timm_proj = null" },
		/* All of it is read; the fixture's weights are another tower's. */
		{ SWIN("\"timm_proj_bias\":true"), FORMAT, "visual.trunk.patch_embed.proj.weight" },
		{ TEXT("\"eos_id\":4294967296"), UNSUPPORTED, "text_cfg.eos_id = 4294967296" },
		{ TEXT("\"pool_type\":\"argmax\""), FINE },
		{ TEXT("\"pool_type\":\"eos\""), FINE },
		{ TEXT("\"pool_type\":\"last\""), UNSUPPORTED, "pooling \"last\" with causal attention" },
		{ TEXT("\"pool_type\":3"), FORMAT, "pool_type is not a string" },
		{ TEXT("\"hf_model_name\":\"bert\""), UNSUPPORTED, "hf_model_name" },
		{ TEXT("\"proj_type\":\"linear\""), FINE },
		{ TEXT("\"proj_type\":\"mlp\""), UNSUPPORTED, "proj_type" },
		{ "\"heads\":2", "\"heads\":3", FORMAT, "width 8 is not a multiple of 3 heads" },
		{ "\"context_length\":6", "\"context_length\":1", FORMAT, "no room for start and end" },
		{ "\"vocab_size\":11", "\"vocab_size\":0", FORMAT, "vocab_size of 0 is out of range" },
		{ PREPROCESS("\"resize_mode\":\"squash\""), FINE },
		{ PREPROCESS("\"resize_mode\":\"longest\""), FINE },
		{ PREPROCESS("\"resize_mode\":\"widest\""), UNSUPPORTED, "resize_mode = \"widest\"" },
		{ PREPROCESS("\"interpolation\":\"random\""), FINE },
		{ PREPROCESS("\"interpolation\":\"bilinear\""), FINE },
		{ PREPROCESS("\"interpolation\":\"nearest\""), UNSUPPORTED, "interpolation" },
		{ PREPROCESS("\"mode\":\"RGB\""), FINE },
		{ PREPROCESS("\"mode\":\"L\""), UNSUPPORTED, "preprocess_cfg.mode = \"L\"" },
		{ PREPROCESS("\"fill_color\":255"), FINE },
		{ PREPROCESS("\"fill_color\":[0,0,256]"), FORMAT, "fill_color is out of range" },
		{ PREPROCESS("\"fill_color\":[0,-1,0]"), FORMAT, "fill_color is out of range" },
		{ PREPROCESS("\"std\":[1,1]"), FORMAT, "std is not a list of three numbers" },
		{ PREPROCESS("\"std\":[1,1,1,1]"), FORMAT, "std is not a list of three numbers" },
		{ PREPROCESS("\"std\":[1,\"1\",1]"), FORMAT, "std is not a list of three numbers" },
		{ PREPROCESS("\"std\":\"1\""), FORMAT, "std is not a list of three numbers" },
		{ PREPROCESS("\"std\":[1,1,0]"), FORMAT, "mean, std or rescale factor is out of range" },
		{ "{\"model_cfg\"", "[{\"model_cfg\"", FORMAT, "broken JSON" },
	};
	char *directory = openclip_checkpoint();
	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
		expect_edit(directory, "open_clip_config.json", openclip_config, &edits[i]);
	fixture_remove(directory);
}

static void openclip_activations_follow_the_towers_settings(void **state)
{
	static const struct {
		const char *kwargs;
		enum activation activation;
		const char *message;
	} cases[] = {
		{ "", ACTIVATION_GELU, NULL },
		{ "\"act_kwargs\":{},", ACTIVATION_GELU, NULL },
		{ "\"act_kwargs\":{\"approximate\":\"none\"},", ACTIVATION_GELU, NULL },
		{ "\"act_kwargs\":{\"approximate\":\"tanh\"},", ACTIVATION_GELU_TANH, NULL },
		{ "\"act_kwargs\":{\"approximate\":\"x\"},", ACTIVATION_GELU, "act_kwargs" },
		{ "\"act_kwargs\":{\"approximate\":\"tanh\",\"x\":1},", ACTIVATION_GELU, "act_kwargs" },
	};
	char *directory = openclip_checkpoint();
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct checkpoint *checkpoint = NULL;
		struct buffer tower = { 0 };
		buffer_format(&tower, "\"vision_cfg\":{%s", cases[i].kwargs);
		char *first = edited(openclip_config, "\"quick_gelu\":true", "\"quick_gelu\":false");
		char *text = edited(first, "\"vision_cfg\":{", tower.bytes);
		fixture_write_text(directory, "open_clip_config.json", text);
		clipcls_status status = checkpoint_open(&checkpoint, directory, NULL, &error);
		if (cases[i].message != NULL)
			assert_error(status, CLIPCLS_ERR_UNSUPPORTED, cases[i].message);
		else
			assert_int_equal(checkpoint_config(checkpoint)->vision.vit.transformer.activation,
			                 cases[i].activation);
		checkpoint_free(checkpoint);
		free(first);
		free(text);
		buffer_free(&tower);
	}
	fixture_remove(directory);
}

/* ---- Hugging Face --------------------------------------------------------------------------- */

static void huggingface_keys_are_read_or_refused_by_name(void **state)
{
	static const struct edit edits[] = {
		{ "\"text_config\":{", "\"text_config_dict\":{", FINE },
		{ "\"vision_config\":{", "\"vision_config_dict\":{", FINE },
		{ "\"vision_config\":{", "\"vision_config\":{\"num_channels\":1,", UNSUPPORTED,
		  "vision_config.num_channels = 1" },
		{ "\"eos_token_id\":10", "\"eos_token_id\":2", FINE },
		{ "\"eos_token_id\":10", "\"eos_token_id\":4294967296", UNSUPPORTED, "eos_token_id" },
		{ "\"eos_token_id\":10", "\"layer_norm_eps\":null", FINE },
		{ "\"eos_token_id\":10", "\"layer_norm_eps\":true", FORMAT, "layer_norm_eps is not a num" },
		{ "\"eos_token_id\":10", "\"layer_norm_eps\":-1", FORMAT, "layer norm eps is out of" },
		{ "\"eos_token_id\":10", "\"hidden_act\":\"gelu\"", FINE },
		{ "\"eos_token_id\":10", "\"hidden_act\":\"gelu_pytorch_tanh\"", FINE },
		{ "\"eos_token_id\":10",
		  "\"hidden_act\":\"a long name that is cut where sixty characters have been shown of it\"",
		  UNSUPPORTED, "have been sh... is not supported" },
	};
	char *directory = fixture_checkpoint();
	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
		expect_edit(directory, "config.json", fixture_config, &edits[i]);
	fixture_remove(directory);
}

#define SIZE(size) "\"size\":{\"shortest_edge\":8}", "\"size\":" size
#define CROP(size) "\"crop_size\":8", "\"crop_size\":" size
#define MORE(more) "{\"image_mean\"", "{" more ",\"image_mean\""

static void huggingface_preprocessing_is_read_or_refused_by_name(void **state)
{
	static const struct edit edits[] = {
		{ SIZE("8"), FINE },
		{ SIZE("8,\"default_to_square\":true"), FINE },
		{ SIZE("{\"shortest_edge\":8,\"longest_edge\":null}"), FINE },
		{ SIZE("{\"shortest_edge\":8,\"longest_edge\":9}"), UNSUPPORTED, "size = {" },
		{ SIZE("{\"longest_edge\":8}"), UNSUPPORTED, "size = {" },
		{ SIZE("{\"shortest_edge\":\"8\"}"), UNSUPPORTED, "size = {" },
		{ SIZE("{\"height\":8,\"width\":8}"), FINE },
		{ SIZE("{\"height\":8}"), UNSUPPORTED, "size = {" },
		{ SIZE("{\"width\":8}"), UNSUPPORTED, "size = {" },
		{ SIZE("[8,8]"), FINE },
		{ SIZE("[8]"), UNSUPPORTED, "size = [8]" },
		{ SIZE("[8,8,8]"), UNSUPPORTED, "size = [8,8,8]" },
		{ SIZE("[\"8\",8]"), UNSUPPORTED, "size = [" },
		{ SIZE("0"), FORMAT, "resize height of 0 is out of range" },
		{ SIZE("16385"), FORMAT, "resize height of 16385 is out of range" },
		{ SIZE("[8,0]"), FORMAT, "resize width of 0 is out of range" },
		{ CROP("{\"height\":8,\"width\":8}"), FINE },
		{ CROP("[8,8]"), FINE },
		{ CROP("\"8\""), UNSUPPORTED, "crop_size = \"8\"" },
		{ CROP("9"), FORMAT, "preprocessing gives pictures of 9x9, the image tower takes 8x8" },
		{ CROP("[8,9]"), FORMAT, "preprocessing gives pictures of 9x8" },
		{ CROP("8,\"do_center_crop\":false"), FORMAT, "stands twice" },
		{ "\"do_center_crop\":true", "\"do_center_crop\":false", FINE },
		{ "\"do_center_crop\":true", "\"do_center_crop\":\"x\"", FORMAT,
		  "is neither true nor fal" },
		{ "\"do_resize\":true", "\"do_resize\":false", FINE },
		{ "\"do_rescale\":true", "\"do_rescale\":false", FINE },
		{ "\"do_normalize\":true", "\"do_normalize\":false", FINE },
		{ "\"resample\":3", "\"resample\":2", FINE },
		{ "\"resample\":3", "\"resample\":1", UNSUPPORTED, "resample = 1" },
		{ MORE("\"image_processor_type\":\"CLIPFeatureExtractor\""), FINE },
		{ MORE("\"image_processor_type\":\"ViTImageProcessor\""), UNSUPPORTED,
		  "image_processor_type = \"ViTImageProcessor\"" },
		{ MORE("\"feature_extractor_type\":\"X\""), UNSUPPORTED, "feature_extractor_type" },
		{ MORE("\"do_pad\":false"), FINE },
		{ MORE("\"do_pad\":true"), UNSUPPORTED, "do_pad = true" },
		{ MORE("\"use_square_size\":true"), UNSUPPORTED, "use_square_size = true" },
		{ MORE("\"rescale_factor\":\"x\""), FORMAT, "rescale_factor is not a number" },
		{ "\"image_std\":[0.5,0.5,0.5]", "\"image_std\":[0.5,0,0.5]", FORMAT, "out of range" },
		{ "\"image_std\":[0.5,0.5,0.5]", "\"image_std\":0.25", FINE },
		{ "{\"image_mean\":[0.5,0.5,0.5],", "[", FORMAT, "broken JSON" },
	};
	static const struct edit squashed[] = {
		{ "\"do_center_crop\":true", "\"do_center_crop\":false", FINE },
		{ "\"height\":8", "\"height\":9", FORMAT, "preprocessing gives pictures of 8x9" },
	};
	char *directory = fixture_checkpoint();
	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
		expect_edit(directory, "preprocessor_config.json", preprocessor_config, &edits[i]);
	/* Both sides given and no crop: these have to be the tower's. */
	char *text = edited(preprocessor_config, SIZE("{\"height\":8,\"width\":8}"));
	char *uncropped = edited(text, squashed[0].old, squashed[0].new);
	expect_edit(directory, "preprocessor_config.json", uncropped, &squashed[1]);
	free(uncropped);
	free(text);
	fixture_remove(directory);
}

static void a_processor_config_goes_before_a_preprocessor_config(void **state)
{
	char *directory = fixture_checkpoint();
	struct checkpoint *checkpoint = NULL;
	(void)state;
	fixture_write_text(directory, "preprocessor_config.json", preprocessor_config);
	fixture_write_text(directory, "processor_config.json",
	                   "{\"image_processor\":{\"size\":8,\"crop_size\":8,\"resample\":2}}");
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	assert_int_equal(checkpoint_config(checkpoint)->preprocess.interpolation,
	                 INTERPOLATION_BILINEAR);
	checkpoint_free(checkpoint);
	/* Without the image's part it says nothing. */
	fixture_write_text(directory, "processor_config.json", "{}");
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	assert_int_equal(checkpoint_config(checkpoint)->preprocess.interpolation,
	                 INTERPOLATION_BICUBIC);
	checkpoint_free(checkpoint);
	fixture_write_text(directory, "processor_config.json", "{\"image_processor\":[]}");
	assert_error(checkpoint_open(&checkpoint, directory, NULL, &error), CLIPCLS_ERR_FORMAT,
	             "processor_config.json: is not an object");
	fixture_write_text(directory, "processor_config.json", "{");
	assert_error(checkpoint_open(&checkpoint, directory, NULL, &error), CLIPCLS_ERR_FORMAT,
	             "processor_config.json: broken JSON");
	fixture_remove(directory);
}

/* ---- directories ---------------------------------------------------------------------------- */

static void remove_file(const char *directory, const char *name)
{
	char *path = path_join(directory, name);
	assert_int_equal(unlink(path), 0);
	free(path);
}

static void what_is_no_checkpoint_is_told_apart(void **state)
{
	static const char *const pickles[] = { "a.bin", "a.pt", "a.pth" };
	char *directory = fixture_directory();
	struct checkpoint *checkpoint = NULL;
	(void)state;
	assert_error(checkpoint_open(&checkpoint, directory, NULL, &error), CLIPCLS_ERR_FORMAT,
	             "not a checkpoint: neither config.json");
	for (size_t i = 0; i < 3; i++) {
		char *path = path_join(directory, pickles[i]);
		fixture_write_text(directory, pickles[i], "x");
		assert_error(checkpoint_open(&checkpoint, directory, NULL, &error), CLIPCLS_ERR_UNSUPPORTED,
		             "the weights are a Python pickle");
		assert_error(checkpoint_open(&checkpoint, path, NULL, &error), CLIPCLS_ERR_UNSUPPORTED,
		             "the weights are a Python pickle");
		unlink(path);
		assert_error(checkpoint_open(&checkpoint, path, NULL, &error), CLIPCLS_ERR_IO,
		             "cannot open");
		free(path);
	}
	fixture_write_text(directory, "config.json", fixture_config);
	assert_error(checkpoint_open(&checkpoint, directory, "huggingface", &error), CLIPCLS_ERR_IO,
	             "holds neither model.safetensors nor");
	fixture_write_text(directory, "open_clip_config.json", openclip_config);
	assert_error(checkpoint_open(&checkpoint, directory, "openclip", &error), CLIPCLS_ERR_IO,
	             "holds no open_clip_*.safetensors");
	assert_error(checkpoint_open(&checkpoint, directory, "onnx", &error), CLIPCLS_ERR_ARGUMENT,
	             "onnx");
	fixture_remove(directory);
}

/* In whatever order the file system lists them. */
static void of_several_files_the_first_in_byte_order_counts(void **state)
{
	char *directory = openclip_checkpoint();
	struct checkpoint *checkpoint = NULL;
	struct buffer weights = openclip_weights();
	(void)state;
	remove_file(directory, "open_clip_model.safetensors");
	for (char c = 'z'; c >= 'a'; c--) {
		char name[] = "open_clip_?.safetensors";
		name[10] = c == 'a' ? 'A' : c;
		fixture_write(directory, name, weights.bytes, c == 'a' ? weights.size : 1);
	}
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	checkpoint_free(checkpoint);
	buffer_free(&weights);
	fixture_remove(directory);
}

/* Both configs with one file of weights: that file's name decides. */
static void a_directory_of_both_layouts_is_what_its_weights_are(void **state)
{
	char *directory = openclip_checkpoint();
	struct checkpoint *checkpoint = NULL;
	struct buffer weights = openclip_weights(), other = fixture_weights(NULL, "");
	(void)state;
	fixture_write_text(directory, "config.json", fixture_config);
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	assert_string_equal(checkpoint_layout(checkpoint), "openclip");
	checkpoint_free(checkpoint);
	remove_file(directory, "open_clip_model.safetensors");
	fixture_write(directory, "model.safetensors", other.bytes, other.size);
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	assert_string_equal(checkpoint_layout(checkpoint), "huggingface");
	checkpoint_free(checkpoint);
	remove_file(directory, "config.json");
	fixture_write(directory, "model.safetensors", weights.bytes, weights.size);
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	assert_string_equal(checkpoint_layout(checkpoint), "openclip");
	checkpoint_free(checkpoint);
	buffer_free(&weights);
	buffer_free(&other);
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openclip_keys_are_read_or_refused_by_name),
		cmocka_unit_test(openclip_activations_follow_the_towers_settings),
		cmocka_unit_test(huggingface_keys_are_read_or_refused_by_name),
		cmocka_unit_test(huggingface_preprocessing_is_read_or_refused_by_name),
		cmocka_unit_test(a_processor_config_goes_before_a_preprocessor_config),
		cmocka_unit_test(what_is_no_checkpoint_is_told_apart),
		cmocka_unit_test(of_several_files_the_first_in_byte_order_counts),
		cmocka_unit_test(a_directory_of_both_layouts_is_what_its_weights_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
