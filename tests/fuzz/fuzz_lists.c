/* Lists of paths, and the records of an earlier run
 *
 * The first byte says in which pieces a list arrives and what separates its paths. */
#include "fuzz.h"

#include "base/buffer.h"
#include "cli/cli.h"
#include "cli/input/path_list.h"
#include "cli/input/resume.h"

#include <stdio.h>

#define PATH "input.jsonl"

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);

static struct fuzz_part records;

FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (strcmp(path, PATH) != 0)
		return __real_fopen(path, mode);
	return fmemopen((void *)(uintptr_t)records.bytes, records.size, "r");
}

/* How many paths; what they and their separators are made of is the list, less its empty lines. */
static size_t take_paths(const uint8_t *data, size_t size, size_t piece, bool nul_separated)
{
	struct path_list list;
	char *path = NULL;
	size_t count = 0, bytes = 0;
	bool failed = false;
	fuzz_stream(data, size, piece);
	if (!path_list_open(&list, "input", nul_separated))
		abort();
	while (path_list_next(&list, &path, true, &failed) == CLIPCLS_NEXT_GIVEN) {
		if (path[0] == '\0' || (!nul_separated && strchr(path, '\n') != NULL))
			abort();
		bytes += strlen(path) + 1;
		count++;
		free(path);
	}
	if (bytes > size + 1)
		abort();
	path_list_close(&list);
	return count;
}

/* The path of the first line, where it is a whole record without an escape; else of no length. */
static size_t first_path(const char **path)
{
	static const char start[] = "{\"path\":\"";
	const char *text = (const char *)records.bytes;
	size_t at = sizeof start - 1, n = records.size;
	if (n <= at || memcmp(text, start, at) != 0 || memchr(text, '\n', n) == NULL)
		return 0;
	*path = text + at;
	while (at < n && text[at] >= ' ' && text[at] < 0x7f && text[at] != '"' && text[at] != '\\')
		at++;
	return at < n && text[at] == '"' ? (size_t)(text + at - *path) : 0;
}

static void read_records(void)
{
	struct resume *resume = NULL;
	const char *first = NULL;
	size_t n = first_path(&first);
	bool good = resume_open(&resume, PATH);
	if (good != (resume != NULL))
		abort();
	if (good && n > 0) {
		char *path = strndup(first, n);
		bool failed = false;
		if (path == NULL || !resume_has(resume, path, &failed) || failed)
			abort();
		free(path);
	}
	resume_free(resume);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t how = size > 0 ? data[0] : 0;
	if (size > 0)
		data++, size--;
	/* Not more than some 30 pieces: each is a copy of all before it. */
	size_t piece = 1 + how / 2 % 64 + size / 30;
	if (take_paths(data, size, piece, how & 1) != take_paths(data, size, size + 1, how & 1))
		abort();
	records = (struct fuzz_part){ data, size };
	read_records();
	return 0;
}
