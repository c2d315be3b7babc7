/* Which labels are right for a class: mostly the one of its name, or what a file says. */
#ifndef CLIPCLS_CLI_LABELLED_CLASS_MAP_H
#define CLIPCLS_CLI_LABELLED_CLASS_MAP_H

#include "cli/labelled/dataset.h"

struct class_map {
	size_t labels; /* how many there are */
	bool *right;   /* (classes, labels) */
	bool *allowed; /* (labels): may be an answer */
};

/* Labels named after the dataset's classes, with spaces for underscores. */
clipcls_status class_map_labels(clipcls_labels **out, const struct dataset *dataset,
                                clipcls_error *error);

/* names: NULL = a class's label is that of its name, of its id in the labels' set, or at the place
 * that it is the number of; or a file of lines class<TAB>label<TAB>label..., a label being its text
 * or # and its place from 0. subset: only labels that are right for some class may be an answer.
 * Classes that the file gives no label leave the dataset, with their examples. False after a
 * message: a class is not known. class_map_free whatever it returns. */
bool class_map_make(struct class_map *map, struct dataset *dataset, const clipcls_labels *labels,
                    const char *names, bool subset);
void class_map_free(struct class_map *map);

static inline bool class_map_right(const struct class_map *map, size_t class, size_t label)
{
	return map->right[class * map->labels + label];
}

#endif
