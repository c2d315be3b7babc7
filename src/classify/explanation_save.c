#include "clipcls.h"

#include "base/memory.h"
#include "base/output_file.h"
#include "image/heat_map.h"
#include "image/png_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clipcls_status write_file(const char *path, const struct buffer *png, clipcls_error *error)
{
	struct output_file file;
	clipcls_status status = output_file_open(&file, path, 0666, error);
	if (status == CLIPCLS_OK)
		status = output_file_write(&file, 0, png->bytes, png->size, error);
	if (status == CLIPCLS_OK)
		status = output_file_commit(&file, error);
	output_file_close(&file);
	return status;
}

clipcls_status clipcls_explanation_save(const clipcls_explanation *explanation, const char *label,
                                        const char *path, clipcls_error *error)
{
	char score[32], similarity[32], max_heat[32];
	const struct png_text texts[] = { { "Label", label },
		                              { "Score", score },
		                              { "Similarity", similarity },
		                              { "Max heat", max_heat } };
	const struct heat_map map = { .heat = explanation->heat,
		                          .rows = explanation->rows,
		                          .columns = explanation->columns,
		                          .cell = explanation->cell,
		                          .box = { explanation->left, explanation->top, explanation->right,
		                                   explanation->bottom } };
	struct buffer png = { 0 };
	uint8_t *rgb = memory_new(explanation->width * explanation->height, 3);
	clipcls_status status = CLIPCLS_OK;
	if (rgb == NULL)
		return error_memory(error);
	snprintf(score, sizeof score, "%.6f", explanation->score);
	snprintf(similarity, sizeof similarity, "%.6f", explanation->similarity);
	snprintf(max_heat, sizeof max_heat, "%.6f", explanation->max_heat);
	memcpy(rgb, explanation->picture, explanation->width * explanation->height * 3);
	heat_map_draw(rgb, explanation->width, explanation->height, &map);
	status = png_write(&png, rgb, explanation->width, explanation->height, texts,
	                   sizeof texts / sizeof *texts, error);
	if (status == CLIPCLS_OK)
		status = write_file(path, &png, error);
	else
		error_prefix(error, "%s: ", path);
	buffer_free(&png);
	free(rgb);
	return status;
}
