/* BMP and headerless DIB, as Pillow's BmpImagePlugin reads them. Own code, because a general loader
 * resolves palettes: the OpenCLIP order of steps resizes a palette picture by its indices, so the
 * mode has to survive. */
#include "image/decoders.h"
#include "image/metadata.h"

#include "base/checked.h"

#include <string.h>

enum { RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3 };
enum { FILE_HEADER = 14, OS2_HEADER = 12 };

struct bmp {
	const struct image_source *source;
	size_t width, height, bits, compression, colors;
	size_t header, header_size; /* offset and size of the bitmap header */
	size_t entry;               /* bytes of one palette entry */
	size_t at;                  /* what is read next; in the end the pixels */
	bool top_down;
	uint32_t masks[4]; /* red, green, blue, alpha of BITFIELDS */
	struct image *image;
};

/* n bytes at `at`, or NULL. */
static const uint8_t *peek(const struct bmp *bmp, size_t at, size_t n)
{
	size_t size = bmp->source->size;
	return at <= size && n <= size - at ? bmp->source->bytes + at : NULL;
}

static clipcls_status truncated(const struct bmp *bmp)
{
	return image_damaged(bmp->source, "BMP", "the file is truncated");
}

static clipcls_status unsupported(const struct bmp *bmp, const char *what)
{
	return error_set(bmp->source->error, CLIPCLS_ERR_UNSUPPORTED, "%s: BMP with %s",
	                 bmp->source->name, what);
}

/* Masks stand in headers of 52 bytes and more, else behind the header (then without alpha). */
static clipcls_status read_masks(struct bmp *bmp)
{
	size_t at = bmp->header + 40;
	size_t n = bmp->header_size >= 56 ? 4 : 3;
	const uint8_t *p = peek(bmp, at, 4 * n);
	if (p == NULL)
		return truncated(bmp);
	for (size_t i = 0; i < n; i++)
		bmp->masks[i] = read_u32_little(p + 4 * i);
	if (bmp->header_size < 52)
		bmp->at += 12;
	return CLIPCLS_OK;
}

static clipcls_status read_header(struct bmp *bmp)
{
	const uint8_t *p = peek(bmp, bmp->header, 4);
	if (p == NULL)
		return truncated(bmp);
	bmp->header_size = read_u32_little(p);
	p = peek(bmp, bmp->header, bmp->header_size);
	if (p == NULL)
		return truncated(bmp);
	bmp->at = bmp->header + bmp->header_size;
	switch (bmp->header_size) {
	case OS2_HEADER:
		bmp->width = read_u16_little(p + 4);
		bmp->height = read_u16_little(p + 6);
		bmp->bits = read_u16_little(p + 10);
		bmp->entry = 3;
		break;
	case 40:
	case 52:
	case 56:
	case 64:
	case 108:
	case 124:
		bmp->top_down = p[11] == 0xff;
		bmp->width = read_u32_little(p + 4);
		bmp->height = read_u32_little(p + 8);
		if (bmp->top_down)
			bmp->height = ((size_t)1 << 32) - bmp->height;
		bmp->bits = read_u16_little(p + 14);
		bmp->compression = read_u32_little(p + 16);
		bmp->colors = read_u32_little(p + 32);
		bmp->entry = 4;
		break;
	default: return unsupported(bmp, "an unknown header");
	}
	if (bmp->colors == 0 && bmp->bits <= 8)
		bmp->colors = (size_t)1 << bmp->bits;
	return bmp->compression == BITFIELDS ? read_masks(bmp) : CLIPCLS_OK;
}

/* The palette of 1, 4 and 8 bit pictures. Where it is black and white, or the grey ramp, the
 * picture is in mode 1 or L instead. */
static clipcls_status read_palette(struct bmp *bmp)
{
	struct image *image = bmp->image;
	if (bmp->colors == 0 || bmp->colors > 65536)
		return unsupported(bmp, "an impossible palette");
	size_t n = size_min(bmp->colors, 256);
	const uint8_t *p = peek(bmp, bmp->at, bmp->colors * bmp->entry);
	if (p == NULL)
		return truncated(bmp);
	bool grey = true;
	for (size_t i = 0; i < n; i++, p += bmp->entry) {
		uint8_t value = (uint8_t)(bmp->colors == 2 ? 255 * i : i);
		grey = grey && p[0] == value && p[1] == value && p[2] == value;
		for (size_t c = 0; c < 3; c++)
			image->palette[i][c] = p[2 - c];
	}
	if (grey && bmp->bits == 1 && bmp->colors == 2 && bmp->compression == RAW)
		image->mode = IMAGE_1;
	else if (grey && bmp->bits == 8 && bmp->colors > 2)
		image->mode = IMAGE_L;
	bmp->at += bmp->colors * bmp->entry;
	return CLIPCLS_OK;
}

/* Where red, green, blue and alpha stand in a 32-bit pixel; alpha < 0: there is none. */
static const struct layout {
	uint32_t masks[4];
	int order[4];
} LAYOUTS[] = {
	{ { 0xff0000, 0xff00, 0xff, 0 }, { 2, 1, 0, -1 } },
	{ { 0xff000000, 0xff0000, 0xff00, 0 }, { 3, 2, 1, -1 } },
	{ { 0xff000000, 0xff00, 0xff, 0 }, { 3, 1, 0, -1 } },
	{ { 0xff000000, 0xff0000, 0xff00, 0xff }, { 3, 2, 1, 0 } },
	{ { 0xff, 0xff00, 0xff0000, 0xff000000 }, { 0, 1, 2, 3 } },
	{ { 0xff0000, 0xff00, 0xff, 0xff000000 }, { 2, 1, 0, 3 } },
	{ { 0xff000000, 0xff00, 0xff, 0xff0000 }, { 3, 1, 0, 2 } },
	{ { 0, 0, 0, 0 }, { 2, 1, 0, 3 } },
};

static const struct layout *find_layout(const struct bmp *bmp)
{
	/* Of 24 bits choose_mode has looked at three masks; a fourth means nothing. */
	if (bmp->compression != BITFIELDS || bmp->bits == 24)
		return &LAYOUTS[0];
	for (size_t i = 0; i < sizeof LAYOUTS / sizeof *LAYOUTS; i++)
		if (memcmp(LAYOUTS[i].masks, bmp->masks, sizeof bmp->masks) == 0)
			return &LAYOUTS[i];
	return NULL;
}

static void row_indices(uint8_t *out, const uint8_t *in, const struct bmp *bmp)
{
	const unsigned bits = (unsigned)bmp->bits, mask = (1u << bits) - 1;
	for (size_t x = 0; x < bmp->width; x++) {
		size_t bit = x * bits;
		unsigned sample = (unsigned)in[bit / 8] >> (8 - bits - bit % 8) & mask;
		out[x] = (uint8_t)(bmp->image->mode == IMAGE_1 ? 255 * sample : sample);
	}
}

/* 5 bits a channel, or 5, 6, 5 where the masks say so. */
static void row_16(uint8_t *out, const uint8_t *in, const struct bmp *bmp)
{
	const bool six = bmp->compression == BITFIELDS && bmp->masks[1] == 0x7e0;
	for (size_t x = 0; x < bmp->width; x++, in += 2, out += 3) {
		int pixel = read_u16_little(in);
		out[0] = (uint8_t)((pixel >> (six ? 11 : 10) & 31) * 255 / 31);
		out[1] = (uint8_t)(six ? (pixel >> 5 & 63) * 255 / 63 : (pixel >> 5 & 31) * 255 / 31);
		out[2] = (uint8_t)((pixel & 31) * 255 / 31);
	}
}

static void row_direct(uint8_t *out, const uint8_t *in, size_t n, size_t bytes,
                       const struct layout *layout)
{
	const size_t channels = bytes == 4 && layout->order[3] >= 0 ? 4 : 3;
	for (size_t x = 0; x < n; x++, in += bytes, out += channels)
		for (size_t c = 0; c < channels; c++)
			out[c] = in[layout->order[c]];
}

static clipcls_status read_rows(struct bmp *bmp)
{
	const size_t stride = (bmp->width * bmp->bits + 31) / 8 & ~(size_t)3;
	const size_t out_stride = bmp->width * image_mode_bytes(bmp->image->mode);
	const size_t last = (bmp->width * bmp->bits + 7) / 8; /* the last row may lack its padding */
	const struct layout *layout = find_layout(bmp);
	for (size_t i = 0; i < bmp->height; i++) {
		size_t y = bmp->top_down ? i : bmp->height - 1 - i;
		uint8_t *out = bmp->image->data + y * out_stride;
		const uint8_t *in = peek(bmp, bmp->at + i * stride, i + 1 < bmp->height ? stride : last);
		if (in == NULL)
			return truncated(bmp);
		if (bmp->bits <= 8)
			row_indices(out, in, bmp);
		else if (bmp->bits == 16)
			row_16(out, in, bmp);
		else
			row_direct(out, in, bmp->width, bmp->bits / 8, layout);
	}
	return CLIPCLS_OK;
}

/* Where run-length decoding stands: n of the picture's pixels, counted from the lower left. */
struct rle {
	struct bmp *bmp;
	size_t n, total;
	size_t x;
};

static void rle_put(struct rle *rle, unsigned value)
{
	if (rle->n < rle->total) {
		size_t y = rle->n / rle->bmp->width, x = rle->n % rle->bmp->width;
		if (!rle->bmp->top_down)
			y = rle->bmp->height - 1 - y;
		rle->bmp->image->data[y * rle->bmp->width + x] = (uint8_t)value;
	}
	rle->n++;
}

/* byte twice as two samples, or once as one. */
static void rle_run(struct rle *rle, size_t count, unsigned byte)
{
	const bool four = rle->bmp->compression == RLE4;
	count = size_min(count, rle->x < rle->bmp->width ? rle->bmp->width - rle->x : 0);
	for (size_t i = 0; i < count; i++)
		rle_put(rle, !four ? byte : i % 2 == 0 ? byte >> 4 : byte & 15);
	rle->x += count;
}

/* Pixels as they are, padded to 16 bits. False at the end of the bytes. */
static bool rle_literal(struct rle *rle, size_t count)
{
	struct bmp *bmp = rle->bmp;
	const bool four = bmp->compression == RLE4;
	size_t use = size_min(rle->total - rle->n, count);
	size_t bytes = four ? (use + 1) / 2 : use;
	const uint8_t *in = peek(bmp, bmp->at, bytes);
	if (in == NULL)
		return false;
	for (size_t i = 0; i < use; i++)
		rle_put(rle, !four ? in[i] : i % 2 == 0 ? in[i / 2] >> 4 : in[i / 2] & 15u);
	bmp->at += bytes + ((bmp->at + bytes) & 1);
	rle->x += count;
	return true;
}

/* Pairs of bytes: count and value, or 0 and: 0 end of line, 1 end of picture, 2 move, n literals.
 * What is moved over is index 0. Too few pixels are an error, as in Pillow. */
static clipcls_status read_rle(struct bmp *bmp)
{
	struct rle rle = { bmp, 0, bmp->width * bmp->height, 0 };
	const uint8_t *p;
	while (rle.n < rle.total && (p = peek(bmp, bmp->at, 2)) != NULL) {
		bmp->at += 2;
		if (p[0] != 0) {
			rle_run(&rle, p[0], p[1]);
		} else if (p[1] == 0) {
			rle.n = size_round_up(rle.n, bmp->width);
			rle.x = 0;
		} else if (p[1] == 1) {
			break;
		} else if (p[1] == 2) {
			if ((p = peek(bmp, bmp->at, 2)) == NULL)
				break;
			bmp->at += 2;
			rle.n += size_min(rle.total - rle.n, p[0] + p[1] * bmp->width);
			rle.x = rle.n % bmp->width;
		} else if (!rle_literal(&rle, p[1])) {
			break;
		}
	}
	return rle.n >= rle.total ? CLIPCLS_OK : truncated(bmp);
}

/* Mode by depth and masks; CLIPCLS_ERR_UNSUPPORTED for what Pillow refuses too. */
static clipcls_status choose_mode(enum image_mode *mode, const struct bmp *bmp)
{
	const uint32_t *m = bmp->masks;
	const bool fields = bmp->compression == BITFIELDS;
	if (bmp->compression > BITFIELDS)
		return unsupported(bmp, "unknown compression");
	switch (bmp->bits) {
	case 1:
	case 4:
	case 8:
		*mode = IMAGE_P;
		return fields ? unsupported(bmp, "an unknown pixel layout") : CLIPCLS_OK;
	case 16:
		*mode = IMAGE_RGB;
		if (fields && !(m[0] == 0xf800 && m[1] == 0x7e0 && m[2] == 0x1f) &&
		    !(m[0] == 0x7c00 && m[1] == 0x3e0 && m[2] == 0x1f))
			return unsupported(bmp, "an unknown pixel layout");
		break;
	case 24:
		*mode = IMAGE_RGB;
		if (fields && memcmp(m, LAYOUTS[0].masks, 3 * sizeof *m) != 0)
			return unsupported(bmp, "an unknown pixel layout");
		break;
	case 32:
		if (find_layout(bmp) == NULL)
			return unsupported(bmp, "an unknown pixel layout");
		*mode = find_layout(bmp)->order[3] >= 0 ? IMAGE_RGBA : IMAGE_RGB;
		break;
	default: return unsupported(bmp, "an unknown depth");
	}
	if (bmp->compression == RLE8 || bmp->compression == RLE4)
		return unsupported(bmp, "run lengths of direct colours");
	return CLIPCLS_OK;
}

clipcls_status decode_bmp(struct image **out, const struct image_source *source)
{
	struct bmp bmp = { .source = source };
	enum image_mode mode = IMAGE_RGB;
	size_t offset = 0;
	if (source->size >= FILE_HEADER && source->bytes[0] == 'B') {
		offset = read_u32_little(source->bytes + 10);
		bmp.header = FILE_HEADER;
	}
	clipcls_status status = read_header(&bmp);
	if (status == CLIPCLS_OK)
		status = choose_mode(&mode, &bmp);
	if (status == CLIPCLS_OK)
		status = image_new(&bmp.image, mode, bmp.width, bmp.height, source);
	if (status != CLIPCLS_OK)
		return status;
	bmp.image->has_transparency = mode == IMAGE_RGBA;
	/* Some writers give the palette's place as the pixels'. */
	if (offset == FILE_HEADER + bmp.header_size && bmp.bits <= 8)
		offset += bmp.entry * bmp.colors;
	if (mode == IMAGE_P)
		status = read_palette(&bmp);
	if (offset != 0)
		bmp.at = offset;
	if (status == CLIPCLS_OK)
		status =
		    bmp.compression == RLE8 || bmp.compression == RLE4 ? read_rle(&bmp) : read_rows(&bmp);
	if (status == CLIPCLS_OK)
		*out = bmp.image;
	else
		image_free(bmp.image);
	return status;
}
