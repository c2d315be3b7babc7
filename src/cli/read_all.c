#include "cli/read_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool read_all(char **bytes, size_t *size, FILE *file, size_t limit)
{
	size_t capacity = 1 << 16, used = 0;
	char *data = malloc(capacity);
	int reason = data == NULL ? ENOMEM : 0;
	while (reason == 0) {
		used += fread(data + used, 1, capacity - used, file);
		if (ferror(file)) {
			reason = errno != 0 ? errno : EIO;
		} else if (used > limit) {
			reason = EFBIG;
		} else if (used < capacity) {
			*bytes = data;
			*size = used;
			return true;
		} else {
			char *grown = realloc(data, capacity *= 2);
			if (grown == NULL)
				reason = ENOMEM;
			else
				data = grown;
		}
	}
	free(data);
	*bytes = NULL;
	*size = 0;
	errno = reason;
	return false;
}

bool read_all_of(char **bytes, size_t *size, const char *path, size_t limit)
{
	bool from_stdin = strcmp(path, "-") == 0;
	FILE *file = from_stdin ? stdin : fopen(path, "re");
	*bytes = NULL;
	bool read = file != NULL && read_all(bytes, size, file, limit);
	int reason = errno;
	if (file != NULL && !from_stdin)
		fclose(file);
	errno = reason;
	return read;
}
