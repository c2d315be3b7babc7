#include "model/config.h"

#include <string.h>

const char *activation_name(enum activation activation)
{
	switch (activation) {
	case ACTIVATION_QUICK_GELU: return "quick_gelu";
	case ACTIVATION_GELU: return "gelu";
	case ACTIVATION_GELU_TANH: return "gelu_pytorch_tanh";
	}
	return NULL;
}

bool activation_from_name(enum activation *out, const char *name)
{
	for (int i = 0; activation_name((enum activation)i) != NULL; i++) {
		if (strcmp(activation_name((enum activation)i), name) == 0) {
			*out = (enum activation)i;
			return true;
		}
	}
	return false;
}

const char *resize_mode_name(enum resize_mode mode)
{
	switch (mode) {
	case RESIZE_SHORTEST: return "shortest";
	case RESIZE_SQUASH: return "squash";
	case RESIZE_LONGEST: return "longest";
	}
	return NULL;
}

bool resize_mode_from_name(enum resize_mode *out, const char *name)
{
	for (int i = 0; resize_mode_name((enum resize_mode)i) != NULL; i++) {
		if (strcmp(resize_mode_name((enum resize_mode)i), name) == 0) {
			*out = (enum resize_mode)i;
			return true;
		}
	}
	return false;
}

const char *interpolation_name(enum interpolation interpolation)
{
	switch (interpolation) {
	case INTERPOLATION_BILINEAR: return "bilinear";
	case INTERPOLATION_BICUBIC: return "bicubic";
	}
	return NULL;
}

bool interpolation_from_name(enum interpolation *out, const char *name)
{
	for (int i = 0; interpolation_name((enum interpolation)i) != NULL; i++) {
		if (strcmp(interpolation_name((enum interpolation)i), name) == 0) {
			*out = (enum interpolation)i;
			return true;
		}
	}
	return false;
}
