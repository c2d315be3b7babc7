/* Bytes of a picture file -> the image tower's input. */
#ifndef CLIPCLS_IMAGE_PREPROCESS_H
#define CLIPCLS_IMAGE_PREPROCESS_H

#include "image/thumbnail.h"
#include "model/config.h"

#define PREPROCESS_MAX_PIXELS 178956970 /* unless the options say; Pillow's limit */

/* Decode, orient, convert, resize, crop as `config` says.
 * rgb: (S, S, 3), S = config->crop size (the tower's image size), caller's.
 * One picture's whole way in one call without shared state, so that it can run in any thread or in
 * a process of its own. `options` may be NULL. */
clipcls_status preprocess_rgb(uint8_t *rgb, const uint8_t *bytes, size_t size,
                              const struct preprocess_config *config, size_t image_size,
                              const clipcls_image_options *options, const char *name,
                              clipcls_error *error);

/* The same; where the options ask for a thumbnail, *thumbnail is made on the way (NULL: it is not).
 */
clipcls_status preprocess_picture(uint8_t *rgb, struct thumbnail *thumbnail, const uint8_t *bytes,
                                  size_t size, const struct preprocess_config *config,
                                  size_t image_size, const clipcls_image_options *options,
                                  const char *name, clipcls_error *error);

/* The part of an upright picture that the tower sees, its left and right in widths of the picture,
 * its top and bottom in heights; below 0 and above 1 lies what is padded. */
struct image_box preprocess_box(const struct preprocess_config *config, size_t width,
                                size_t height);

/* pixels: (3, S, S) = (rgb * rescale_factor - mean) / std, computed as the references do; with
 * rescale_offset and std_twice what these say, too. */
void preprocess_normalize(float *pixels, const uint8_t *rgb, const struct preprocess_config *config,
                          size_t image_size);

#endif
