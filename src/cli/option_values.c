#include "cli/option_values.h"

#include "cli/input/shard.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool bad_value(const struct option_row *row, const char *value, const char *wanted)
{
	complain("--%s %s: %s", row->name, value, wanted);
	return false;
}

bool take_text(void *out, const struct option_row *row, const char *value)
{
	(void)row;
	*(const char **)out = value;
	return true;
}

bool take_text_item(void *out, const struct option_row *row, const char *value)
{
	(void)row;
	return strings_add(out, value);
}

bool take_template(void *out, const struct option_row *row, const char *value)
{
	if (strstr(value, "{}") == NULL)
		return bad_value(row, value, "holds no {} for the label");
	return strings_add(out, value);
}

bool take_directory(void *out, const struct option_row *row, const char *value)
{
	return value[0] != '\0' ? take_text(out, row, value)
	                        : bad_value(row, value, "names no directory");
}

bool take_flag(void *out, const struct option_row *row, const char *value)
{
	(void)row, (void)value;
	*(bool *)out = true;
	return true;
}

bool take_off(void *out, const struct option_row *row, const char *value)
{
	(void)row, (void)value;
	*(bool *)out = false;
	return true;
}

bool take_switch(void *out, const struct option_row *row, const char *value)
{
	(void)row, (void)value;
	*(int *)out = 1;
	return true;
}

static bool parse_size(size_t *out, const struct option_row *row, const char *value,
                       size_t smallest)
{
	char *end = NULL;
	errno = 0;
	unsigned long long number = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number > SIZE_MAX)
		return bad_value(row, value, "not a whole number");
	if (number < smallest)
		return bad_value(row, value, "must be at least 1");
	*out = (size_t)number;
	return true;
}

bool take_size(void *out, const struct option_row *row, const char *value)
{
	return parse_size(out, row, value, 0);
}

bool take_count(void *out, const struct option_row *row, const char *value)
{
	return parse_size(out, row, value, 1);
}

bool take_shard(void *out, const struct option_row *row, const char *value)
{
	return shard_parse(out, value) ||
	       bad_value(row, value,
	                 "must be I/N, with I from 1 to N and N up to " NUMBER_TEXT(SHARD_LIMIT));
}

static bool parse_double(double *out, const char *value, double least, double most)
{
	char *end = NULL;
	double number = strtod(value, &end);
	if (end == value || *end != '\0' || !(number >= least && number <= most))
		return false;
	*out = number;
	return true;
}

bool take_probability(void *out, const struct option_row *row, const char *value)
{
	return parse_double(out, value, 0, 1) || bad_value(row, value, "not a number from 0 to 1");
}

bool take_cosine(void *out, const struct option_row *row, const char *value)
{
	return parse_double(out, value, -1, 1) || bad_value(row, value, "not a number from -1 to 1");
}

bool take_seconds(void *out, const struct option_row *row, const char *value)
{
	char *end = NULL;
	double number = strtod(value, &end);
	if (end == value || *end != '\0' || !(number > 0 && number <= 3600))
		return bad_value(row, value, "not a number above 0 and up to 3600");
	*(double *)out = number;
	return true;
}

bool take_positive(void *out, const struct option_row *row, const char *value)
{
	char *end = NULL;
	double number = strtod(value, &end);
	if (end == value || *end != '\0' || !(number > 0 && number < HUGE_VAL))
		return bad_value(row, value, "not a number above 0");
	*(double *)out = number;
	return true;
}

/* Its place among the row's choices. */
static bool parse_choice(int *out, const struct option_row *row, const char *value)
{
	for (int i = 0; row->choices[i] != NULL; i++) {
		if (strcmp(row->choices[i], value) == 0) {
			*out = i;
			return true;
		}
	}
	char wanted[160] = "must be one of";
	for (size_t i = 0; row->choices[i] != NULL; i++) {
		size_t used = strlen(wanted);
		snprintf(wanted + used, sizeof wanted - used, "%s %s", i > 0 ? "," : "", row->choices[i]);
	}
	return bad_value(row, value, wanted);
}

bool take_word(void *out, const struct option_row *row, const char *value)
{
	int choice;
	return parse_choice(&choice, row, value) && take_text(out, row, value);
}

bool take_none(void *out, const struct option_row *row, const char *value)
{
	(void)value;
	return take_text(out, row, "none");
}

bool take_when(void *out, const struct option_row *row, const char *value)
{
	int choice = 0;
	bool known = parse_choice(&choice, row, value);
	*(enum when *)out = (enum when)choice;
	return known;
}

static bool print0_alone(void)
{
	complain("--print0 is a format of its own: --format does not go with it");
	return false;
}

bool take_print0(void *out, const struct option_row *row, const char *value)
{
	enum output_format *format = out;
	(void)row, (void)value;
	if (*format != FORMAT_TEXT)
		return print0_alone();
	*format = FORMAT_PATHS;
	return true;
}

bool take_format(void *out, const struct option_row *row, const char *value)
{
	static const char *const names[] = {
		[FORMAT_TEXT] = "text", [FORMAT_TSV] = "tsv",     [FORMAT_CSV] = "csv",
		[FORMAT_JSON] = "json", [FORMAT_JSONL] = "jsonl", [FORMAT_JUNIT] = "junit",
		[FORMAT_NPY] = "npy",   [FORMAT_INDEX] = "index"
	};
	enum output_format *format = out;
	int choice = 0;
	if (*format == FORMAT_PATHS)
		return print0_alone();
	if (!parse_choice(&choice, row, value))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], value) == 0)
			*format = (enum output_format)i;
	return true;
}

bool take_color(void *out, const struct option_row *row, const char *value)
{
	clipcls_image_options *image = out;
	static const struct {
		const char *name;
		uint8_t rgb[3];
	} names[] = {
		{ "white", { 255, 255, 255 } },
		{ "black", { 0, 0, 0 } },
		{ "gray", { 128, 128, 128 } },
		{ "grey", { 128, 128, 128 } },
	};
	image->has_background = 1;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcasecmp(names[i].name, value) == 0) {
			memcpy(image->background, names[i].rgb, 3);
			return true;
		}
	}
	if (value[0] == '#' && strlen(value) == 7 && strspn(value + 1, "0123456789abcdefABCDEF") == 6) {
		unsigned long rgb = strtoul(value + 1, NULL, 16);
		image->background[0] = (uint8_t)(rgb >> 16);
		image->background[1] = (uint8_t)(rgb >> 8);
		image->background[2] = (uint8_t)rgb;
		return true;
	}
	return bad_value(row, value, "must be white, black, gray or #rrggbb");
}
