/* What clipcls eval --suggest-templates prints. */
#ifndef CLIPCLS_CLI_COMMAND_EVAL_TEMPLATES_PRINT_H
#define CLIPCLS_CLI_COMMAND_EVAL_TEMPLATES_PRINT_H

#include "cli/labelled/template_study.h"

struct templates_report {
	const struct template_study *study;
	const struct dataset *dataset;
	const clipcls_templates *candidates;
	size_t failed;
};

/* escape: controls are shown as escapes, for a terminal. */
enum exit_code eval_templates_text(const struct templates_report *report, bool escape);
enum exit_code eval_templates_json(const struct templates_report *report);

#endif
