#include "model/huggingface_preprocess.h"

#include "base/file.h"
#include "model/config_reader.h"
#include "model/layout.h"

#include <stdlib.h>
#include <string.h>

/* transformers.image_utils.PILImageResampling */
enum { RESAMPLE_BILINEAR = 2, RESAMPLE_BICUBIC = 3 };

/* The defaults of one of transformers' image processors. */
struct processor {
	const char *names[5]; /* NULL ends them */
	size_t size, crop_size;
	bool squash; /* size is {"height", "width"}, else the shortest edge */
	bool do_center_crop;
	bool do_convert_rgb;
	bool include_top; /* knows the key, which is then true, and rescale_offset */
	size_t resample;
	const double *mean, *std;
};

static const double half[3] = { 0.5, 0.5, 0.5 };

static const struct processor processors[] = {
	{ .names = { "CLIPImageProcessor", "CLIPImageProcessorPil", "CLIPImageProcessorFast",
	             "CLIPFeatureExtractor" },
	  .size = 224,
	  .crop_size = 224,
	  .do_center_crop = true,
	  .do_convert_rgb = true,
	  .resample = RESAMPLE_BICUBIC,
	  .mean = openai_image_mean,
	  .std = openai_image_std },
	{ .names = { "SiglipImageProcessor", "SiglipImageProcessorPil", "SiglipImageProcessorFast" },
	  .size = 224,
	  .crop_size = 224,
	  .squash = true,
	  .do_convert_rgb = true,
	  .resample = RESAMPLE_BICUBIC,
	  .mean = half,
	  .std = half },
	{ .names = { "EfficientNetImageProcessor", "EfficientNetImageProcessorPil",
	             "EfficientNetImageProcessorFast" },
	  .size = 346,
	  .crop_size = 289,
	  .squash = true,
	  .include_top = true,
	  .resample = RESAMPLE_BICUBIC,
	  .mean = half,
	  .std = half },
};

static const struct processor *find_named(const char *name)
{
	for (size_t i = 0; i < sizeof processors / sizeof *processors; i++)
		for (const char *const *known = processors[i].names; *known != NULL; known++)
			if (strcmp(*known, name) == 0)
				return &processors[i];
	return NULL;
}

/* fallback: the name of the processor that the model has when its file names none. */
static const struct processor *read_type(struct config_reader *reader, const char *fallback)
{
	static const char *const keys[] = { "image_processor_type", "feature_extractor_type" };
	const struct processor *processor = NULL;
	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
		const char *name = config_string(reader, keys[k], NULL);
		const struct processor *found = name != NULL ? find_named(name) : NULL;
		if (name != NULL && found == NULL)
			config_unsupported(reader, keys[k]);
		processor = processor != NULL ? processor : found;
	}
	return processor != NULL ? processor : find_named(fallback);
}

/* {"height": h, "width": w} or [h, w]. */
static bool read_height_width(const json *node, size_t *height, size_t *width)
{
	if (json_is_array(node)) {
		const json *first = json_first(node), *second = json_next(first);
		return json_size(first, height) && json_size(second, width) && json_next(second) == NULL;
	}
	return json_size(json_get(node, "height"), height) && json_size(json_get(node, "width"), width);
}

static void read_resize(struct preprocess_config *out, struct config_reader *reader,
                        const struct processor *defaults, size_t default_size)
{
	const json *node = config_get(reader, "size");
	const json *shortest = json_get(node, "shortest_edge");
	const json *longest = json_get(node, "longest_edge");
	size_t edge = default_size;
	if (node == NULL || json_size(node, &edge)) {
		bool square =
		    node != NULL ? config_bool(reader, "default_to_square", false) : defaults->squash;
		out->resize_mode = square ? RESIZE_SQUASH : RESIZE_SHORTEST;
		out->resize_height = out->resize_width = edge;
	} else if (json_size(shortest, &edge) && (longest == NULL || json_is_null(longest))) {
		out->resize_mode = RESIZE_SHORTEST;
		out->resize_height = out->resize_width = edge;
	} else if (shortest == NULL && longest == NULL &&
	           read_height_width(node, &out->resize_height, &out->resize_width)) {
		out->resize_mode = RESIZE_SQUASH;
	} else {
		config_unsupported(reader, "size");
	}
}

static void read_crop(struct preprocess_config *out, struct config_reader *reader,
                      size_t default_size)
{
	const json *node = config_get(reader, "crop_size");
	size_t edge = default_size;
	if (node == NULL || json_size(node, &edge))
		out->crop_height = out->crop_width = edge;
	else if (!read_height_width(node, &out->crop_height, &out->crop_width))
		config_unsupported(reader, "crop_size");
}

/* What becomes of a channel's value. */
static void read_values(struct preprocess_config *out, struct config_reader *reader,
                        const struct processor *defaults)
{
	bool rescale = config_bool(reader, "do_rescale", true);
	bool normalize = config_bool(reader, "do_normalize", true);
	bool top = defaults->include_top && config_bool(reader, "include_top", true);
	double factor = config_number(reader, "rescale_factor", 1.0 / 255.0);
	out->rescale_factor = rescale ? factor : 1;
	out->rescale_offset =
	    rescale && defaults->include_top && config_bool(reader, "rescale_offset", false);
	memcpy(out->mean, defaults->mean, sizeof out->mean);
	memcpy(out->std, defaults->std, sizeof out->std);
	config_triple(reader, "image_mean", out->mean);
	config_triple(reader, "image_std", out->std);
	for (size_t i = 0; i < 3 && !normalize; i++) {
		out->mean[i] = 0;
		out->std[i] = top ? out->std[i] : 1;
	}
	out->std_twice = normalize && top;
}

/* tower_size: what stands for the processor's own size where there is no file. */
static void read_steps(struct preprocess_config *out, struct config_reader *reader,
                       const char *fallback, size_t tower_size)
{
	const struct processor *defaults = read_type(reader, fallback);
	size_t default_size = reader->object != NULL ? defaults->size : tower_size;
	out->order = PREPROCESS_HUGGINGFACE;
	out->transparent_kept = !config_bool(reader, "do_convert_rgb", defaults->do_convert_rgb);
	out->do_resize = config_bool(reader, "do_resize", true);
	read_resize(out, reader, defaults, default_size);
	out->do_center_crop = config_bool(reader, "do_center_crop", defaults->do_center_crop);
	read_crop(out, reader, reader->object != NULL ? defaults->crop_size : tower_size);
	size_t resample = config_size(reader, "resample", defaults->resample);
	if (resample != RESAMPLE_BILINEAR && resample != RESAMPLE_BICUBIC)
		config_unsupported(reader, "resample");
	out->interpolation =
	    resample == RESAMPLE_BILINEAR ? INTERPOLATION_BILINEAR : INTERPOLATION_BICUBIC;
	read_values(out, reader, defaults);
	if (config_bool(reader, "do_pad", false))
		config_unsupported(reader, "do_pad");
	if (config_bool(reader, "use_square_size", false))
		config_unsupported(reader, "use_square_size");
}

/* *root is the document of the file that counts, *entry the processor in it; both NULL when the
 * directory has none. */
static clipcls_status find_processor(json **root, const json **entry, char **path,
                                     const char *directory, clipcls_error *error)
{
	static const char *const names[] = { "processor_config.json", "preprocessor_config.json" };
	clipcls_status status = CLIPCLS_OK;
	for (size_t i = 0; i < 2 && *entry == NULL && status == CLIPCLS_OK; i++) {
		free(*path);
		json_free(*root);
		*root = NULL;
		*path = path_join(directory, names[i]);
		if (*path == NULL)
			return error_memory(error);
		if (!file_exists(*path))
			continue;
		status = json_read(root, *path, LAYOUT_CONFIG_LIMIT, error);
		*entry = i == 0 ? json_get(*root, "image_processor") : *root;
		if (status == CLIPCLS_OK && *entry != NULL && !json_is_object(*entry))
			status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: is not an object", *path);
	}
	return status;
}

clipcls_status huggingface_preprocess_read(struct preprocess_config *out, char **path,
                                           const char *directory, const char *processor,
                                           size_t image_size, clipcls_error *error)
{
	json *root = NULL;
	const json *entry = NULL;
	*path = NULL;
	*out = (struct preprocess_config){ 0 };
	clipcls_status status = find_processor(&root, &entry, path, directory, error);
	if (status == CLIPCLS_OK) {
		struct config_reader reader = { *path, "", entry, error, CLIPCLS_OK };
		read_steps(out, &reader, processor, image_size);
		status = reader.status;
	}
	json_free(root);
	return status;
}
