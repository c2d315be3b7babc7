/* WebP with libwebp: RGBA where the file says that it has alpha, else RGB; of an animation the
 * first frame on a transparent black canvas, as Pillow shows it. */
#include "image/decoders.h"
#include "image/metadata.h"

#include "base/buffer.h"

#include <string.h>

#include <webp/decode.h>

/* Where one frame lies on the canvas. */
struct frame {
	struct span data; /* what libwebp takes: the whole file, or an animation's frame */
	size_t x, y;
	size_t canvas_width, canvas_height; /* 0 = the frame's own size */
};

static size_t u24(const uint8_t *p)
{
	return p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16;
}

/* The first ANMF chunk: x / 2, y / 2, width - 1, height - 1, duration (3 bytes each), flags, then
 * the frame's own chunks. */
static clipcls_status first_frame(struct frame *frame, const struct image_source *source)
{
	enum { RIFF_HEAD = 12, ANMF_HEAD = 16 };
	size_t at = RIFF_HEAD;
	char type[5];
	struct span data;
	while (webp_next_chunk(&at, type, &data, source->bytes, source->size)) {
		if (strcmp(type, "VP8X") == 0 && data.size >= 10) {
			frame->canvas_width = u24(data.bytes + 4) + 1;
			frame->canvas_height = u24(data.bytes + 7) + 1;
		} else if (strcmp(type, "ANMF") == 0 && data.size > ANMF_HEAD) {
			frame->x = 2 * u24(data.bytes);
			frame->y = 2 * u24(data.bytes + 3);
			frame->data = (struct span){ data.bytes + ANMF_HEAD, data.size - ANMF_HEAD };
			return CLIPCLS_OK;
		}
	}
	return image_damaged(source, "WebP", "the animation has no frame");
}

static clipcls_status failed(VP8StatusCode code, const struct image_source *source)
{
	if (code == VP8_STATUS_OUT_OF_MEMORY)
		return error_memory(source->error);
	return image_damaged(source, "WebP",
	                     code == VP8_STATUS_NOT_ENOUGH_DATA ? "the file is truncated"
	                                                        : "its data cannot be decoded");
}

/* Decodes the frame into its place on the picture. */
static clipcls_status fill(struct image *image, const struct frame *frame, size_t height,
                           const struct image_source *source)
{
	const size_t size = image_mode_bytes(image->mode), stride = image->width * size;
	WebPDecoderConfig config;
	if (!WebPInitDecoderConfig(&config))
		return image_damaged(source, "WebP", "libwebp is of another version");
	uint8_t *start = image->data + frame->y * stride + frame->x * size;
	config.output.colorspace = image->mode == IMAGE_RGBA ? MODE_RGBA : MODE_RGB;
	config.output.is_external_memory = 1;
	config.output.u.RGBA.rgba = start;
	config.output.u.RGBA.stride = (int)stride;
	config.output.u.RGBA.size = stride * height - frame->x * size;
	VP8StatusCode code = WebPDecode(frame->data.bytes, frame->data.size, &config);
	WebPFreeDecBuffer(&config.output);
	return code == VP8_STATUS_OK ? CLIPCLS_OK : failed(code, source);
}

clipcls_status decode_webp(struct image **out, const struct image_source *source)
{
	WebPBitstreamFeatures whole, part;
	struct frame frame = { .data = { source->bytes, source->size } };
	struct image *image = NULL;
	clipcls_status status = CLIPCLS_OK;

	VP8StatusCode code = WebPGetFeatures(source->bytes, source->size, &whole);
	if (code != VP8_STATUS_OK)
		return failed(code, source);
	if (whole.has_animation)
		status = first_frame(&frame, source);
	if (status != CLIPCLS_OK)
		return status;
	code = WebPGetFeatures(frame.data.bytes, frame.data.size, &part);
	if (code != VP8_STATUS_OK)
		return failed(code, source);
	size_t width = (size_t)part.width, height = (size_t)part.height;
	if (frame.canvas_width == 0) {
		frame.canvas_width = width;
		frame.canvas_height = height;
	}
	if (width > frame.canvas_width || frame.x > frame.canvas_width - width ||
	    height > frame.canvas_height || frame.y > frame.canvas_height - height)
		return image_damaged(source, "WebP", "a frame lies outside its canvas");
	status = image_new(&image, whole.has_alpha ? IMAGE_RGBA : IMAGE_RGB, frame.canvas_width,
	                   frame.canvas_height, source);
	if (status == CLIPCLS_OK)
		status = fill(image, &frame, height, source);
	if (status != CLIPCLS_OK) {
		image_free(image);
		return status;
	}
	image->has_transparency = whole.has_alpha;
	*out = image;
	return CLIPCLS_OK;
}

void decode_webp_describe(struct buffer *out)
{
	int version = WebPGetDecoderVersion();
	buffer_format(out, "libwebp %d.%d.%d", version >> 16, version >> 8 & 255, version & 255);
}
