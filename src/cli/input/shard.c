#include "cli/input/shard.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* The number at *text, 1 to SHARD_LIMIT, after which *text is behind it; 0 for anything else. */
static size_t take_number(const char **text)
{
	size_t digits = strspn(*text, "0123456789");
	/* A number of more digits than a long has is LONG_MAX, which is beyond the limit, too. */
	long number = digits > 0 ? strtol(*text, NULL, 10) : 0;
	*text += digits;
	return number <= SHARD_LIMIT ? (size_t)number : 0;
}

bool shard_parse(struct shard *shard, const char *text)
{
	size_t number = take_number(&text);
	if (number == 0 || *text++ != '/')
		return false;
	size_t count = take_number(&text);
	if (*text != '\0' || number > count)
		return false;
	*shard = (struct shard){ number - 1, count };
	return true;
}

bool shard_has(const struct shard *shard, const char *path)
{
	return hash_bytes(path, strlen(path), 0) % shard->count == shard->index;
}
