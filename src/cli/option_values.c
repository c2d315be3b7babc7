#include "cli/option_values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool bad_value(const char *option, const char *value, const char *wanted)
{
	complain("--%s %s: %s", option, value, wanted);
	return false;
}

bool parse_size(size_t *out, const char *option, const char *value, size_t smallest)
{
	char *end = NULL;
	errno = 0;
	unsigned long long number = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number > SIZE_MAX)
		return bad_value(option, value, "not a whole number");
	if (number < smallest)
		return bad_value(option, value, "must be at least 1");
	*out = (size_t)number;
	return true;
}

bool parse_probability(double *out, const char *option, const char *value)
{
	char *end = NULL;
	double number = strtod(value, &end);
	if (end == value || *end != '\0' || !(number >= 0 && number <= 1))
		return bad_value(option, value, "not a number from 0 to 1");
	*out = number;
	return true;
}

bool parse_seconds(double *out, const char *option, const char *value)
{
	char *end = NULL;
	double number = strtod(value, &end);
	if (end == value || *end != '\0' || !(number > 0 && number <= 3600))
		return bad_value(option, value, "not a number above 0 and up to 3600");
	*out = number;
	return true;
}

bool parse_choice(int *out, const char *option, const char *value, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], value) == 0) {
			*out = i;
			return true;
		}
	}
	char wanted[160] = "must be one of";
	for (size_t i = 0; names[i] != NULL; i++) {
		size_t used = strlen(wanted);
		snprintf(wanted + used, sizeof wanted - used, "%s %s", i > 0 ? "," : "", names[i]);
	}
	return bad_value(option, value, wanted);
}

bool parse_when(enum when *out, const char *option, const char *value)
{
	static const char *const names[] = { "auto", "always", "never", NULL };
	int choice = 0;
	bool known = parse_choice(&choice, option, value, names);
	*out = (enum when)choice;
	return known;
}

bool parse_color(clipcls_image_options *image, const char *option, const char *value)
{
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
	return bad_value(option, value, "must be white, black, gray or #rrggbb");
}
