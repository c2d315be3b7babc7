/* Prints what the image subsystem makes of files, for tests/parity/test_pixels.py.
 *
 * Reads requests from stdin, one a line, fields separated by tabs:
 *   decode FILE                  the picture in its own mode, and its orientation
 *   rgb    FILE CONFIG           preprocess_rgb
 *   floats FILE CONFIG           preprocess_rgb, preprocess_normalize
 * CONFIG: order mode interpolation size crop fill rescale mean std exif background fast, separated
 * by commas; size or crop "-" switches the step off; exif 1 applies the orientation; background is
 * rrggbb or "-"; fast 1 decodes large JPEGs reduced. S is the crop's size, else the size's.
 * Answers each with a line, "ok WHAT N" and N bytes, or "error STATUS MESSAGE". */
#include "image/preprocess.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *mode_name(enum image_mode mode)
{
	switch (mode) {
	case IMAGE_1: return "1";
	case IMAGE_L: return "L";
	case IMAGE_LA: return "LA";
	case IMAGE_P: return "P";
	case IMAGE_RGB: return "RGB";
	case IMAGE_RGBA: return "RGBA";
	case IMAGE_I16: return "I;16";
	case IMAGE_CMYK: return "CMYK";
	}
	return "?";
}

static void refuse(const clipcls_error *error)
{
	printf("error %s %s\n", clipcls_status_name(error->status), error->message);
}

static void decode(const char *path, const char *bytes, size_t size)
{
	clipcls_error error;
	struct image *image = NULL;
	const struct image_limits limits = { .max_pixels = 178956970 };
	if (image_decode(&image, (const uint8_t *)bytes, size, &limits, path, &error) != CLIPCLS_OK) {
		refuse(&error);
		return;
	}
	size_t n = image->width * image->height * image_mode_bytes(image->mode);
	printf("ok %s,%zu,%zu,%d,%d %zu\n", mode_name(image->mode), image->width, image->height,
	       image->orientation, image->has_transparency, n + sizeof image->palette);
	fwrite(image->data, 1, n, stdout);
	fwrite(image->palette, 1, sizeof image->palette, stdout);
	image_free(image);
}

struct request {
	struct preprocess_config config;
	clipcls_image_options options;
	size_t image_size;
};

static int parse(struct request *request, char *text)
{
	char *field[12];
	size_t n = 0;
	struct preprocess_config *config = &request->config;
	for (char *p = strtok(text, ","); p != NULL && n < 12; p = strtok(NULL, ","))
		field[n++] = p;
	*request = (struct request){ 0 };
	if (n != 12)
		return 0;
	config->order = strcmp(field[0], "hf") == 0 ? PREPROCESS_HUGGINGFACE : PREPROCESS_OPENCLIP;
	config->resize_mode = strcmp(field[1], "shortest") == 0 ? RESIZE_SHORTEST
	                      : strcmp(field[1], "squash") == 0 ? RESIZE_SQUASH
	                                                        : RESIZE_LONGEST;
	config->interpolation =
	    strcmp(field[2], "bicubic") == 0 ? INTERPOLATION_BICUBIC : INTERPOLATION_BILINEAR;
	config->do_resize = field[3][0] != '-';
	config->resize_width = config->resize_height = strtoul(field[3], NULL, 10);
	config->do_center_crop = field[4][0] != '-';
	config->crop_width = config->crop_height = strtoul(field[4], NULL, 10);
	memset(config->fill, atoi(field[5]), sizeof config->fill);
	config->rescale_factor = strtod(field[6], NULL);
	for (int c = 0; c < 3; c++) {
		config->mean[c] = strtod(field[7], NULL) + 0.01 * c;
		config->std[c] = strtod(field[8], NULL) + 0.01 * c;
	}
	request->options.ignore_exif = field[9][0] == '0';
	if (field[10][0] != '-') {
		unsigned long color = strtoul(field[10], NULL, 16);
		request->options.has_background = 1;
		for (int c = 0; c < 3; c++)
			request->options.background[c] = (uint8_t)(color >> (16 - 8 * c));
	}
	request->options.fast_decode = field[11][0] == '1';
	request->image_size = config->do_center_crop ? config->crop_width : config->resize_width;
	return 1;
}

static void preprocess(const char *path, const char *bytes, size_t size,
                       const struct request *request, int floats)
{
	clipcls_error error;
	size_t n = request->image_size * request->image_size * 3;
	uint8_t *rgb = malloc(n);
	float *pixels = malloc(n * sizeof *pixels);
	if (rgb == NULL || pixels == NULL)
		abort();
	if (preprocess_rgb(rgb, (const uint8_t *)bytes, size, &request->config, request->image_size,
	                   &request->options, path, &error) != CLIPCLS_OK) {
		refuse(&error);
	} else if (floats) {
		preprocess_normalize(pixels, rgb, &request->config, request->image_size);
		printf("ok floats %zu\n", n * sizeof *pixels);
		fwrite(pixels, sizeof *pixels, n, stdout);
	} else {
		printf("ok rgb %zu\n", n);
		fwrite(rgb, 1, n, stdout);
	}
	free(rgb);
	free(pixels);
}

static int answer(char *line)
{
	char *bytes = NULL;
	size_t size;
	clipcls_error error;
	struct request request;
	char *path = strchr(line, '\t'), *config = path == NULL ? NULL : strchr(path + 1, '\t');
	if (path == NULL)
		return 0;
	*path++ = '\0';
	if (config != NULL)
		*config++ = '\0';
	if (file_read(&bytes, &size, path, (size_t)1 << 32, &error) != CLIPCLS_OK) {
		refuse(&error);
		return 1;
	}
	int known = strcmp(line, "decode") == 0;
	if (known)
		decode(path, bytes, size);
	else if ((known = config != NULL && parse(&request, config)) != 0)
		preprocess(path, bytes, size, &request, strcmp(line, "floats") == 0);
	free(bytes);
	return known;
}

int main(void)
{
	char line[8192];
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (!answer(line)) {
			fprintf(stderr, "dump_pixels: bad request: %s\n", line);
			return 2;
		}
		fflush(stdout);
	}
	return 0;
}
