/* Which templates help: every candidate as a classifier of its own, all of them together, and a
 * choice of a few, made on one half of the pictures and judged on the other. */
#ifndef CLIPCLS_CLI_LABELLED_TEMPLATE_STUDY_H
#define CLIPCLS_CLI_LABELLED_TEMPLATE_STUDY_H

#include "cli/labelled/class_map.h"
#include "cli/session.h"

/* Classifiers behind the T candidates. */
enum { STUDY_SIMPLE, STUDY_ENSEMBLE, STUDY_CHOSEN, STUDY_MORE };

/* T candidates, L labels, E embedding, N pictures, C classes. */
struct template_study {
	clipcls_model *model;
	const struct class_map *map;
	size_t T, L, E, N, C;
	float *embeddings; /* (T + STUDY_MORE, L, E) */
	/* Pictures: first those that templates are chosen on, every second of a class, then the others,
	 * both in the order of the dataset. */
	float *pictures;  /* (N, E) */
	size_t *class_of; /* (N) */
	size_t choosing;  /* how many of them the choice is made on */
	bool *hits;       /* (T + STUDY_MORE, N): the classifier is right */
	size_t *chosen;   /* (T): candidates in the order in which they were taken */
	size_t chosen_count;
};

/* Encodes the labels through every candidate, and "simple". The session's model and labels must be
 * there. template_study_free whatever it returns. */
clipcls_status template_study_encode(struct template_study *study, const struct session *session,
                                     const clipcls_templates *candidates, clipcls_error *error);
/* The rest, with the dataset's embeddings (dataset->count, E) and what is right for its classes.
 * False when memory is out. */
bool template_study_run(struct template_study *study, const struct dataset *dataset,
                        const struct class_map *map, const float *embeddings);
void template_study_free(struct template_study *study);

/* Pictures from..to that a classifier, a candidate or study->T + STUDY_..., is right on. */
size_t template_study_right(const struct template_study *study, size_t classifier, size_t from,
                            size_t to);
/* right: (C), over all pictures. */
void template_study_classes(size_t *right, const struct template_study *study, size_t classifier);
/* The standard error of the difference of two classifiers' top-1 on pictures from..to, which are
 * the same for both. */
double template_study_error(const struct template_study *study, size_t a, size_t b, size_t from,
                            size_t to);

#endif
