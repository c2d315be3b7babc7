/* Runs a fuzz target over every file of the folders named: what once crashed must not again. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>

static void run_file(const char *path)
{
	static uint8_t bytes[1 << 22];
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		abort();
	size_t n = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, n);
}

int main(int argc, char **argv)
{
	size_t count = 0;
	for (int i = 1; i < argc; i++) {
		struct dirent **entries = NULL;
		int n = scandir(argv[i], &entries, NULL, alphasort);
		for (int k = 0; k < n; k++) {
			char path[4096];
			snprintf(path, sizeof path, "%s/%s", argv[i], entries[k]->d_name);
			if (entries[k]->d_type == DT_REG) {
				run_file(path);
				count++;
			}
			free(entries[k]);
		}
		free(entries);
	}
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("%zu files\n", count);
	return count > 0 ? 0 : 1; /* a folder that is not there tests nothing */
}
