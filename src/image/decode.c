/* Tells a picture's format from its first bytes and calls its decoder. */
#include "image/decoders.h"
#include "image/metadata.h"

#include "base/buffer.h"

#include <errno.h>
#include <string.h>

#ifdef CLIPCLS_HAVE_JPEG
#define JPEG_DECODER decode_jpeg
#define JPEG_DESCRIBE decode_jpeg_describe
#else
#define JPEG_DECODER decode_stb_jpeg
#define JPEG_DESCRIBE decode_stb_describe
#endif

#if defined(CLIPCLS_HAVE_SPNG)
#define PNG_DECODER decode_spng
#define PNG_DESCRIBE decode_spng_describe
#elif defined(CLIPCLS_HAVE_PNG)
#define PNG_DECODER decode_libpng
#define PNG_DESCRIBE decode_libpng_describe
#else
#define PNG_DECODER decode_stb_png
#define PNG_DESCRIBE decode_stb_describe
#endif

#ifdef CLIPCLS_HAVE_WEBP
#define WEBP_DECODER decode_webp
#define WEBP_DESCRIBE decode_webp_describe
#else
#define WEBP_DECODER NULL
#define WEBP_DESCRIBE NULL
#endif

#ifdef CLIPCLS_HAVE_GIF
#define GIF_DECODER decode_gif
#define GIF_DESCRIBE decode_gif_describe
#else
#define GIF_DECODER NULL
#define GIF_DESCRIBE NULL
#endif

static void own_describe(struct buffer *out)
{
	buffer_text(out, "clipcls");
}

static bool at(const uint8_t *bytes, size_t size, size_t offset, const char *text)
{
	size_t n = strlen(text);
	return size >= offset + n && memcmp(bytes + offset, text, n) == 0;
}

static bool is_jpeg(const uint8_t *bytes, size_t size)
{
	return at(bytes, size, 0, "\xff\xd8\xff");
}

static bool is_png(const uint8_t *bytes, size_t size)
{
	return at(bytes, size, 0, "\x89PNG\r\n\x1a\n");
}

static bool is_webp(const uint8_t *bytes, size_t size)
{
	return at(bytes, size, 0, "RIFF") && at(bytes, size, 8, "WEBP");
}

static bool is_gif(const uint8_t *bytes, size_t size)
{
	return at(bytes, size, 0, "GIF87a") || at(bytes, size, 0, "GIF89a");
}

/* "BM", or a bitmap without file header (.dib): its header's size, then one plane. */
static bool is_bmp(const uint8_t *bytes, size_t size)
{
	if (at(bytes, size, 0, "BM"))
		return true;
	if (size < 16)
		return false;
	switch (read_u32_little(bytes)) {
	case 12: return read_u16_little(bytes + 8) == 1;
	case 40:
	case 52:
	case 56:
	case 64:
	case 108:
	case 124: return read_u16_little(bytes + 12) == 1;
	}
	return false;
}

static bool is_pnm(const uint8_t *bytes, size_t size)
{
	return size >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
	       strchr(" \t\n\v\f\r#", bytes[2]) != NULL && bytes[2] != '\0';
}

static bool is_tiff(const uint8_t *bytes, size_t size)
{
	return size >= 4 && ((at(bytes, size, 0, "II") && (bytes[2] == 42 || bytes[2] == 43)) ||
	                     (at(bytes, size, 0, "MM") && (bytes[3] == 42 || bytes[3] == 43)));
}

static bool is_avif(const uint8_t *bytes, size_t size)
{
	return at(bytes, size, 4, "ftypavif") || at(bytes, size, 4, "ftypavis");
}

/* After is_avif: what else stands in such a container. */
static bool is_heic(const uint8_t *bytes, size_t size)
{
	return at(bytes, size, 4, "ftyphe") || at(bytes, size, 4, "ftypmif1") ||
	       at(bytes, size, 4, "ftypmsf1");
}

static const struct format {
	const char *name;
	bool (*is)(const uint8_t *bytes, size_t size);
	image_decoder decode; /* NULL: this build reads none */
	void (*metadata)(struct metadata *out, const uint8_t *bytes, size_t size);
	void (*describe)(struct buffer *out);
} FORMATS[] = {
	{ "JPEG", is_jpeg, JPEG_DECODER, metadata_of_jpeg, JPEG_DESCRIBE },
	{ "PNG", is_png, PNG_DECODER, metadata_of_png, PNG_DESCRIBE },
	{ "WebP", is_webp, WEBP_DECODER, metadata_of_webp, WEBP_DESCRIBE },
	{ "GIF", is_gif, GIF_DECODER, NULL, GIF_DESCRIBE },
	{ "BMP", is_bmp, decode_bmp, NULL, own_describe },
	{ "PNM", is_pnm, decode_pnm, NULL, own_describe },
	{ "TIFF", is_tiff, NULL, NULL, NULL },
	{ "AVIF", is_avif, NULL, NULL, NULL },
	{ "HEIC", is_heic, NULL, NULL, NULL },
};
enum { N_FORMATS = sizeof FORMATS / sizeof *FORMATS };

static const struct format *find_format(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < N_FORMATS; i++)
		if (FORMATS[i].is(bytes, size))
			return &FORMATS[i];
	return NULL;
}

clipcls_status image_decode(struct image **out, const uint8_t *bytes, size_t size,
                            const struct image_limits *limits, const char *name,
                            clipcls_error *error)
{
	const struct image_source source = { bytes, size, limits, name, error };
	*out = NULL;
	if (size == 0)
		return error_set(error, CLIPCLS_ERR_DECODE, "%s: the file is empty", name);
	const struct format *format = find_format(bytes, size);
	if (format == NULL)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: not a picture of a known format",
		                 name);
	if (format->decode == NULL)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: this build does not read %s pictures",
		                 name, format->name);
	/* Libraries take want of memory for damage, here and there; an allocation that failed tells. */
	errno = 0;
	clipcls_status status = format->decode(out, &source);
	if (status == CLIPCLS_ERR_DECODE && errno == ENOMEM)
		return error_memory(error);
	if (status == CLIPCLS_OK && format->metadata != NULL) {
		struct metadata metadata;
		format->metadata(&metadata, bytes, size);
		(*out)->orientation = metadata_orientation(&metadata);
	}
	return status;
}

void image_decoders_describe(struct buffer *out)
{
	for (size_t i = 0; i < N_FORMATS; i++) {
		buffer_text(out, "decoder ");
		for (const char *p = FORMATS[i].name; *p != '\0'; p++)
			buffer_byte(out, *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p);
		buffer_text(out, ": ");
		if (FORMATS[i].describe != NULL)
			FORMATS[i].describe(out);
		else
			buffer_text(out, "none");
		buffer_byte(out, '\n');
	}
}

/* The last five end in an "unsupported" record, so that nobody believes them classified. */
const char *image_extension(size_t index)
{
	static const char *const extensions[] = { "jpg",  "jpeg", "jpe",  "png", "webp", "bmp",
		                                      "dib",  "pbm",  "pgm",  "ppm", "pnm",  "gif",
		                                      "heic", "heif", "avif", "tif", "tiff" };
	return index < sizeof extensions / sizeof *extensions ? extensions[index] : NULL;
}
