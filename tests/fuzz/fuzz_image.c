/* A picture's bytes, of any format, to the image tower's pixels and a thumbnail
 *
 * The first byte says how. */
#include "fuzz.h"

#include "image/preprocess.h"

#define SIDE 16
#define MOST_PIXELS 200000 /* so that a run is short */

FUZZ_MUTATOR(mutate_picture)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t rgb[SIDE * SIDE * 3];
	static union {
		struct thumbnail made;
		uint8_t bytes[sizeof(struct thumbnail) + 96 * 96 * 3];
	} room;
	clipcls_error error = { 0 };
	uint8_t how = size > 0 ? data[0] : 0;
	const struct preprocess_config config = {
		.order = how & 1 ? PREPROCESS_HUGGINGFACE : PREPROCESS_OPENCLIP,
		.do_resize = true,
		.resize_mode = how & 2 ? RESIZE_SQUASH : RESIZE_SHORTEST,
		.resize_height = SIDE,
		.resize_width = SIDE,
		.do_center_crop = true,
		.crop_height = SIDE,
		.crop_width = SIDE,
		.interpolation = how & 4 ? INTERPOLATION_BILINEAR : INTERPOLATION_BICUBIC,
	};
	const clipcls_image_options options = { .ignore_exif = how >> 3 & 1,
		                                    .max_pixels = MOST_PIXELS,
		                                    .has_background = how >> 4 & 1,
		                                    .background = { 1, 128, 255 },
		                                    .fast_decode = how >> 5 & 1,
		                                    .thumbnail_size = how & 64 ? 7 : 96 };
	uint8_t *copy = fuzz_copy(data + (size > 0), size - (size > 0));
	fuzz_check(preprocess_picture(rgb, &room.made, copy, size - (size > 0), &config, SIDE, &options,
	                              "input", &error),
	           &error);
	free(copy);
	return 0;
}
