#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *clipcls_status_name(clipcls_status status)
{
	switch (status) {
	case CLIPCLS_OK: return "ok";
	case CLIPCLS_ERR_ARGUMENT: return "argument";
	case CLIPCLS_ERR_MEMORY: return "memory";
	case CLIPCLS_ERR_IO: return "io";
	case CLIPCLS_ERR_FORMAT: return "format";
	case CLIPCLS_ERR_UNSUPPORTED: return "unsupported";
	case CLIPCLS_ERR_DECODE: return "decode";
	case CLIPCLS_ERR_LIMIT: return "limit";
	case CLIPCLS_ERR_STOPPED: return "stopped";
	}
	return "unknown";
}

static void replace_controls(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

clipcls_status error_set(clipcls_error *error, clipcls_status status, const char *format, ...)
{
	if (error == NULL)
		return status;
	va_list args;
	va_start(args, format);
	vsnprintf(error->message, sizeof error->message, format, args);
	va_end(args);
	replace_controls(error->message);
	error->status = status;
	return status;
}

clipcls_status error_memory(clipcls_error *error)
{
	return error_set(error, CLIPCLS_ERR_MEMORY, "out of memory");
}

void error_prefix(clipcls_error *error, const char *format, ...)
{
	if (error == NULL)
		return;
	char text[sizeof error->message];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n < 0)
		return;
	size_t used = strlen(text);
	snprintf(text + used, sizeof text - used, "%s", error->message);
	memcpy(error->message, text, sizeof text);
	replace_controls(error->message);
}
