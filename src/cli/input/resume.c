#include "cli/input/resume.h"

#include "base/json.h"
#include "cli/input/path_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_START "{\"path\":"

struct resume {
	struct path_set paths; /* as JSON strings, as records have them: every path has one */
};

void resume_free(struct resume *resume)
{
	if (resume == NULL)
		return;
	path_set_free(&resume->paths);
	free(resume);
}

/* The length of the JSON string that a record starts with behind RECORD_START; 0 for anything else.
 */
static size_t path_length(const char *line)
{
	if (strncmp(line, RECORD_START "\"", sizeof RECORD_START) != 0)
		return 0;
	const char *text = line + sizeof RECORD_START - 1, *at = text + 1;
	while (*at != '"' && *at != '\0')
		at += *at == '\\' && at[1] != '\0' ? 2 : 1;
	return *at == '"' ? (size_t)(at + 1 - text) : 0;
}

/* Cuts the file at `end`, behind its last whole record, if stdout writes to it. */
static bool cut_torn_record(const char *path, FILE *file, off_t end)
{
	struct stat of_file, of_stdout;
	if (fstat(fileno(file), &of_file) != 0 || fstat(STDOUT_FILENO, &of_stdout) != 0 ||
	    of_file.st_dev != of_stdout.st_dev || of_file.st_ino != of_stdout.st_ino)
		return true;
	if (ftruncate(STDOUT_FILENO, end) == 0 && lseek(STDOUT_FILENO, end, SEEK_SET) == end)
		return true;
	complain("%s: cannot cut off a torn record: %s", path, strerror(errno));
	return false;
}

static bool read_records(struct resume *resume, const char *path, FILE *file)
{
	char *line = NULL;
	size_t capacity = 0, number = 0;
	off_t whole = 0; /* bytes of whole records */
	bool good = true;
	ssize_t n;
	while (good && (n = getline(&line, &capacity, file)) > 0) {
		size_t length = path_length(line);
		number++;
		if (line[n - 1] != '\n') {
			good = cut_torn_record(path, file, whole);
			break;
		}
		whole += n;
		if (length == 0)
			complain("%s:%zu: is no record of the jsonl format", path, number);
		good = length > 0 && path_set_add(&resume->paths, line + sizeof RECORD_START - 1, length);
	}
	if (good && !feof(file)) { /* memory may have been short, too */
		complain("%s: cannot read: %s", path, strerror(errno));
		good = false;
	}
	free(line);
	return good;
}

bool resume_open(struct resume **out, const char *path)
{
	FILE *file = fopen(path, "re");
	*out = NULL;
	if (file == NULL && errno != ENOENT) {
		complain("%s: cannot open: %s", path, strerror(errno));
		return false;
	}
	struct resume *resume = calloc(1, sizeof *resume);
	bool good = resume != NULL;
	if (!good)
		complain("out of memory");
	else if (file != NULL)
		good = read_records(resume, path, file);
	if (file != NULL)
		fclose(file);
	if (good)
		*out = resume;
	else
		resume_free(resume);
	return good;
}

bool resume_has(const struct resume *resume, const char *path, bool *failed)
{
	struct buffer text = { 0 };
	json_write_text(&text, path);
	bool found = text.failed || path_set_has(&resume->paths, text.bytes);
	if (text.failed) {
		complain("out of memory");
		*failed = true;
	}
	buffer_free(&text);
	return found;
}
