/* PBM, PGM and PPM, plain and raw, as Pillow's PpmImagePlugin reads them: every maximum from 1 to
 * 65535, scaled to 8 bits; grey above 255 to 16 bits. Own code: general loaders leave out PBM, the
 * plain forms and the scaling. */
#include "image/decoders.h"
#include "image/metadata.h"

#include <math.h>
#include <string.h>

struct pnm {
	const struct image_source *source;
	size_t at;
	char kind; /* '1' to '6' */
	size_t width, height, maximum;
};

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_comment(struct pnm *pnm)
{
	const uint8_t *bytes = pnm->source->bytes;
	while (pnm->at < pnm->source->size && bytes[pnm->at] != '\n' && bytes[pnm->at] != '\r')
		pnm->at++;
}

/* The next number and the one space behind it. False at the end, for what is no number, and for
 * more than ten digits. */
static bool read_number(struct pnm *pnm, size_t *out)
{
	enum { MAX_DIGITS = 10 };
	const uint8_t *bytes = pnm->source->bytes;
	size_t value = 0, digits = 0;
	for (; pnm->at < pnm->source->size; pnm->at++) {
		uint8_t c = bytes[pnm->at];
		if (c == '#') {
			skip_comment(pnm);
			if (pnm->at == pnm->source->size)
				break;
		} else if (is_space(c)) {
			if (digits > 0)
				break;
		} else {
			if (c < '0' || c > '9' || ++digits > MAX_DIGITS)
				return false;
			value = value * 10 + (size_t)(c - '0');
		}
	}
	if (pnm->at < pnm->source->size)
		pnm->at++;
	*out = value;
	return digits > 0;
}

static clipcls_status damaged(const struct pnm *pnm, const char *reason)
{
	return image_damaged(pnm->source, "PNM", reason);
}

static clipcls_status read_header(struct pnm *pnm)
{
	pnm->kind = (char)pnm->source->bytes[1];
	pnm->at = 2;
	pnm->maximum = 1;
	if (!read_number(pnm, &pnm->width) || !read_number(pnm, &pnm->height))
		return damaged(pnm, "its size cannot be read");
	if (pnm->kind == '1' || pnm->kind == '4')
		return CLIPCLS_OK;
	if (!read_number(pnm, &pnm->maximum) || pnm->maximum == 0 || pnm->maximum > 65535)
		return damaged(pnm, "its maximum is not in 1 to 65535");
	return CLIPCLS_OK;
}

/* Python's round(value / maximum * to): half to even. */
static size_t scale(size_t value, size_t maximum, size_t to)
{
	double scaled = rint((double)value / (double)maximum * (double)to);
	return scaled < (double)to ? (size_t)scaled : to;
}

static void put_sample(struct image *image, size_t i, size_t value, size_t maximum)
{
	if (image->mode == IMAGE_I16) {
		value = scale(value, maximum, 65535);
		image->data[2 * i] = (uint8_t)value;
		image->data[2 * i + 1] = (uint8_t)(value >> 8);
	} else {
		image->data[i] = (uint8_t)scale(value, maximum, 255);
	}
}

/* Plain PBM: digits 0 and 1 (black) that need no space between them. */
static clipcls_status read_plain_bits(struct image *image, struct pnm *pnm)
{
	const uint8_t *bytes = pnm->source->bytes;
	size_t n = image->width * image->height, i = 0;
	for (; i < n && pnm->at < pnm->source->size; pnm->at++) {
		uint8_t c = bytes[pnm->at];
		if (c == '#') {
			skip_comment(pnm);
			if (pnm->at == pnm->source->size)
				break;
		} else if (c == '0' || c == '1') {
			image->data[i++] = c == '0' ? 255 : 0;
		} else if (!is_space(c)) {
			return damaged(pnm, "a pixel is neither 0 nor 1");
		}
	}
	return i == n ? CLIPCLS_OK : damaged(pnm, "the file is truncated");
}

static clipcls_status read_plain(struct image *image, struct pnm *pnm, size_t samples)
{
	for (size_t i = 0; i < samples; i++) {
		size_t value;
		if (!read_number(pnm, &value))
			return damaged(pnm, "a sample is missing or no number");
		if (value > pnm->maximum)
			return damaged(pnm, "a sample is larger than the maximum");
		put_sample(image, i, value, pnm->maximum);
	}
	return CLIPCLS_OK;
}

static clipcls_status read_raw(struct image *image, const struct pnm *pnm, size_t samples)
{
	const uint8_t *p = pnm->source->bytes + pnm->at;
	const size_t bytes = pnm->maximum < 256 ? 1 : 2;
	/* No overflow: samples is at most three times a picture that was allocated. */
	if (samples * bytes > pnm->source->size - pnm->at)
		return damaged(pnm, "the file is truncated");
	if (pnm->maximum == 255) {
		memcpy(image->data, p, samples);
		return CLIPCLS_OK;
	}
	for (size_t i = 0; i < samples; i++)
		put_sample(image, i, bytes == 1 ? p[i] : read_u16_big(p + 2 * i), pnm->maximum);
	return CLIPCLS_OK;
}

static clipcls_status read_raw_bits(struct image *image, const struct pnm *pnm)
{
	const uint8_t *p = pnm->source->bytes + pnm->at;
	const size_t stride = (image->width + 7) / 8;
	if (stride * image->height > pnm->source->size - pnm->at)
		return damaged(pnm, "the file is truncated");
	for (size_t y = 0; y < image->height; y++)
		for (size_t x = 0; x < image->width; x++)
			image->data[y * image->width + x] =
			    (p[y * stride + x / 8] >> (7 - x % 8) & 1) != 0 ? 0 : 255;
	return CLIPCLS_OK;
}

clipcls_status decode_pnm(struct image **out, const struct image_source *source)
{
	struct pnm pnm = { .source = source };
	struct image *image = NULL;
	enum image_mode mode = IMAGE_RGB;
	clipcls_status status = read_header(&pnm);
	if (status != CLIPCLS_OK)
		return status;
	if (pnm.kind == '1' || pnm.kind == '4')
		mode = IMAGE_1;
	else if (pnm.kind == '2' || pnm.kind == '5')
		mode = pnm.maximum > 255 ? IMAGE_I16 : IMAGE_L;
	status = image_new(&image, mode, pnm.width, pnm.height, source);
	if (status != CLIPCLS_OK)
		return status;
	size_t samples = pnm.width * pnm.height * (mode == IMAGE_RGB ? 3 : 1);
	switch (pnm.kind) {
	case '1': status = read_plain_bits(image, &pnm); break;
	case '4': status = read_raw_bits(image, &pnm); break;
	case '2':
	case '3': status = read_plain(image, &pnm, samples); break;
	default: status = read_raw(image, &pnm, samples); break;
	}
	if (status == CLIPCLS_OK)
		*out = image;
	else
		image_free(image);
	return status;
}
