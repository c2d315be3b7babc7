/* The program's messages: one line each, on stderr. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

void complain(const char *format, ...)
{
	char text[8192]; /* a path and a message */
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fputs("clipcls: ", stderr);
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			fprintf(stderr, "\\x%02X", (unsigned char)*c);
		else
			fputc(*c, stderr);
	}
	fputc('\n', stderr);
}

clipcls_status memory_error(clipcls_error *error)
{
	snprintf(error->message, sizeof error->message, "out of memory");
	return error->status = CLIPCLS_ERR_MEMORY;
}

enum exit_code complain_error(const clipcls_error *error)
{
	complain("%s", error->message);
	return EXIT_FATAL;
}
