/* What commands work with: a model, and where they classify labels, templates, and a classifier of
 * them. */
#ifndef CLIPCLS_CLI_SESSION_H
#define CLIPCLS_CLI_SESSION_H

#include "cli/cli.h"

struct session {
	const struct options *options;
	clipcls_model *model;
	clipcls_labels *labels;
	clipcls_templates *templates;
	clipcls_classifier *classifier;
};

/* Opens the model that the options name, and nothing else. session_close whatever it returns. */
clipcls_status session_open_model(struct session *session, const struct options *options,
                                  clipcls_error *error);
/* The model, labels, templates and their classifier. Labels and templates that are in the session
 * already are taken as they are; else those of the options, else the model's own labels and the
 * template "simple". Where the options name a probe, its classes and classifier are taken, and that
 * they name labels or templates, too, is an error. session_close whatever it returns. */
clipcls_status session_open(struct session *session, const struct options *options,
                            clipcls_error *error);
void session_close(struct session *session);

#endif
