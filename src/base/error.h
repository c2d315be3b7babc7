/* How functions fail: a status for the program, one line of text for the person. */
#ifndef CLIPCLS_BASE_ERROR_H
#define CLIPCLS_BASE_ERROR_H

#include "clipcls.h"

/* Fills *error (may be NULL) and returns `status`, so that a failing function ends with
 *     return error_set(error, CLIPCLS_ERR_FORMAT, "%s: header is longer than the file", path);
 * Control characters in the text are replaced by '?': names in it come from files. */
__attribute__((format(printf, 3, 4))) clipcls_status error_set(clipcls_error *error,
                                                               clipcls_status status,
                                                               const char *format, ...);

/* CLIPCLS_ERR_MEMORY with its text. */
clipcls_status error_memory(clipcls_error *error);

/* Puts text before the message that *error holds: "b.jpg: " + "not a JPEG". */
__attribute__((format(printf, 2, 3))) void error_prefix(clipcls_error *error, const char *format,
                                                        ...);

#endif
