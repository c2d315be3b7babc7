/* Entries of a disk cache: whole or not taken, within the limit, and nobody else's file touched. */
#include "test_model.h"

#include "base/disk_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { PAYLOAD = 40, NAMES = 64 };

static clipcls_error error;

/* The names in a directory, and how many. */
struct listing {
	char names[NAMES][256];
	size_t count;
};

static int setup(void **state)
{
	*state = fixture_directory();
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	return 0;
}

static struct disk_cache cache_in(const char *directory)
{
	return (struct disk_cache){ directory, 1 << 20 };
}

static struct disk_cache_key key_of(const char *text)
{
	return (struct disk_cache_key){ text, strlen(text) };
}

static void fill(char *payload, char seed)
{
	for (int i = 0; i < PAYLOAD; i++)
		payload[i] = (char)(seed + 7 * i);
}

static void write_entry(const struct disk_cache *cache, const char *key, char seed)
{
	char payload[PAYLOAD];
	fill(payload, seed);
	assert_ok(disk_cache_write(cache, key_of(key), payload, PAYLOAD, &error));
}

/* Whether the entry is there, with the payload of `seed`. Any other payload is a failure. */
static bool has_entry(const struct disk_cache *cache, const char *key, char seed)
{
	char payload[PAYLOAD], wanted[PAYLOAD];
	fill(wanted, seed);
	if (!disk_cache_read(payload, PAYLOAD, cache, key_of(key)))
		return false;
	assert_memory_equal(payload, wanted, PAYLOAD);
	return true;
}

static struct listing list(const char *directory)
{
	struct listing listing = { .count = 0 };
	DIR *open_directory = opendir(directory);
	const struct dirent *item;
	assert_non_null(open_directory);
	while ((item = readdir(open_directory)) != NULL) {
		if (item->d_name[0] == '.')
			continue;
		assert_true(listing.count < NAMES);
		snprintf(listing.names[listing.count++], sizeof listing.names[0], "%s", item->d_name);
	}
	closedir(open_directory);
	return listing;
}

/* The path of the only entry. */
static char *only_entry(const char *directory)
{
	struct listing listing = list(directory);
	assert_int_equal(listing.count, 1);
	return path_join(directory, listing.names[0]);
}

static void set_age(const char *directory, const char *name, int seconds)
{
	char *path = path_join(directory, name);
	struct timespec times[2];
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= seconds;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	free(path);
}

static void what_was_written_is_read_under_its_key_and_size_alone(void **state)
{
	struct disk_cache cache = cache_in(*state);
	char payload[2 * PAYLOAD];
	assert_false(has_entry(&cache, "a", 1));
	write_entry(&cache, "a", 1);
	write_entry(&cache, "b", 2);
	assert_true(has_entry(&cache, "a", 1));
	assert_true(has_entry(&cache, "b", 2));
	assert_false(has_entry(&cache, "ab", 1));
	assert_false(disk_cache_read(payload, PAYLOAD - 4, &cache, key_of("a")));
	assert_false(disk_cache_read(payload, PAYLOAD + 4, &cache, key_of("a")));
	write_entry(&cache, "a", 3);
	assert_true(has_entry(&cache, "a", 3));
	assert_int_equal(list(*state).count, 2);
}

static void an_entry_under_anothers_name_is_not_taken(void **state)
{
	struct disk_cache cache = cache_in(*state);
	write_entry(&cache, "a", 1);
	char *a = only_entry(*state);
	write_entry(&cache, "b", 2);
	struct listing listing = list(*state);
	for (size_t i = 0; i < listing.count; i++) {
		char *b = path_join(*state, listing.names[i]);
		if (strcmp(a, b) != 0)
			assert_int_equal(rename(b, a), 0);
		free(b);
	}
	assert_false(has_entry(&cache, "a", 1));
	free(a);
}

static void an_entry_with_any_bit_flipped_is_not_taken(void **state)
{
	struct disk_cache cache = cache_in(*state);
	char *bytes = NULL;
	size_t size = 0;
	write_entry(&cache, "key", 5);
	char *path = only_entry(*state);
	assert_ok(file_read(&bytes, &size, path, 4096, &error));
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i++) {
		for (int bit = 0; bit < 8; bit++) {
			char flipped = (char)(bytes[i] ^ (1 << bit));
			assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
			if (has_entry(&cache, "key", 5))
				fail_msg("byte %zu, bit %d: taken", i, bit);
		}
		assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i), 1);
	}
	assert_true(has_entry(&cache, "key", 5));
	close(fd);
	free(bytes);
	free(path);
}

static void an_entry_of_another_length_is_not_taken(void **state)
{
	struct disk_cache cache = cache_in(*state);
	struct stat st;
	write_entry(&cache, "key", 5);
	char *path = only_entry(*state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size + 1), 0);
	assert_false(has_entry(&cache, "key", 5));
	for (off_t size = st.st_size; size-- > 0;) {
		assert_int_equal(truncate(path, size), 0);
		assert_false(has_entry(&cache, "key", 5));
	}
	write_entry(&cache, "key", 6);
	assert_true(has_entry(&cache, "key", 6));
	free(path);
}

static void what_is_no_file_is_neither_taken_nor_waited_for(void **state)
{
	struct disk_cache cache = cache_in(*state);
	write_entry(&cache, "key", 5);
	char *path = only_entry(*state);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	char payload[PAYLOAD] = { 0 };
	assert_false(has_entry(&cache, "key", 5));
	assert_error(disk_cache_write(&cache, key_of("key"), payload, PAYLOAD, &error), CLIPCLS_ERR_IO,
	             path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(has_entry(&cache, "key", 5));
	assert_error(disk_cache_write(&cache, key_of("key"), payload, PAYLOAD, &error), CLIPCLS_ERR_IO,
	             path);
	assert_int_equal(list(*state).count, 1);
	free(path);
}

static void the_directory_is_made_for_its_owner_alone(void **state)
{
	struct stat st;
	char *outer = path_join(*state, "a"), *inner = path_join(*state, "a/b//c/");
	struct disk_cache cache = cache_in(inner);
	write_entry(&cache, "key", 5);
	assert_true(has_entry(&cache, "key", 5));
	assert_int_equal(stat(outer, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(inner, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	char *path = only_entry(inner);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(path);
	free(outer);
	free(inner);
}

static void a_directory_that_cannot_be_made_is_named(void **state)
{
	char payload[PAYLOAD] = { 0 };
	fixture_write_text(*state, "file", "");
	char *below = path_join(*state, "file/below");
	struct disk_cache cache = cache_in(below);
	assert_error(disk_cache_write(&cache, key_of("key"), payload, PAYLOAD, &error), CLIPCLS_ERR_IO,
	             below);
	assert_false(has_entry(&cache, "key", 5));
	free(below);
}

static void a_limit_on_files_is_an_error_and_leaves_nothing(void **state)
{
	struct disk_cache cache = cache_in(*state);
	char payload[PAYLOAD] = { 0 };
	struct rlimit before, tight;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = before;
	tight.rlim_cur = PAYLOAD;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	clipcls_status status = disk_cache_write(&cache, key_of("key"), payload, PAYLOAD, &error);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_error(status, CLIPCLS_ERR_IO, "cannot write");
	assert_int_equal(list(*state).count, 0);
}

static void an_entry_larger_than_the_cache_is_refused(void **state)
{
	struct disk_cache cache = { *state, PAYLOAD };
	char payload[PAYLOAD] = { 0 };
	assert_error(disk_cache_write(&cache, key_of("key"), payload, PAYLOAD, &error),
	             CLIPCLS_ERR_LIMIT, "more than the cache holds");
	assert_int_equal(list(*state).count, 0);
}

/* Writes the entries a, b, c, d, last used in this order, each some seconds apart. */
static void write_four(const struct disk_cache *cache)
{
	char key[2] = "a";
	struct listing before = list(cache->directory);
	for (int i = 0; i < 4; i++, key[0]++) {
		write_entry(cache, key, (char)i);
		struct listing after = list(cache->directory);
		for (size_t n = 0; n < after.count; n++) {
			bool new = true;
			for (size_t b = 0; b < before.count; b++)
				new = new &&strcmp(after.names[n], before.names[b]) != 0;
			if (new)
				set_age(cache->directory, after.names[n], 100 - i);
		}
		before = after;
	}
}

static uint64_t size_of_entry(const char *directory)
{
	struct disk_cache cache = cache_in(directory);
	struct stat st;
	write_entry(&cache, "e", 4);
	char *path = only_entry(directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
	free(path);
	return (uint64_t)st.st_size;
}

static void beyond_the_limit_the_least_recently_used_go(void **state)
{
	struct disk_cache cache = cache_in(*state);
	uint64_t one = size_of_entry(*state);
	write_four(&cache);
	assert_true(has_entry(&cache, "a", 0)); /* of use just now, although it is the oldest */
	cache.limit = 3 * one;
	write_entry(&cache, "e", 4);
	assert_int_equal(list(*state).count, 3);
	assert_true(has_entry(&cache, "a", 0));
	assert_false(has_entry(&cache, "b", 1));
	assert_false(has_entry(&cache, "c", 2));
	assert_true(has_entry(&cache, "d", 3));
	assert_true(has_entry(&cache, "e", 4));
	/* The new one stays even where its clock says that it is the oldest. */
	cache.limit = one;
	write_entry(&cache, "b", 1);
	assert_int_equal(list(*state).count, 1);
	assert_true(has_entry(&cache, "b", 1));
}

static void trimming_leaves_the_users_files_and_takes_abandoned_ones(void **state)
{
	static const char *const users[] = { "notes.entry", "0123456789abcdef.entry",
		                                 "0123456789abcdef0123456789abcdeF.entry",
		                                 "0123456789abcdef0123456789abcdef.entry.old",
		                                 "0123456789abcdef0123456789abcdef.entries" };
	static const char abandoned[] = "0123456789abcdef0123456789abcdef.entry.Ab3dEf";
	static const char growing[] = "0123456789abcdef0123456789abcdef.entry.gHi0jk";
	struct disk_cache cache = cache_in(*state);
	cache.limit = size_of_entry(*state);
	for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
		fixture_write_text(*state, users[i], "text");
		set_age(*state, users[i], 100000);
	}
	fixture_write_text(*state, abandoned, "half");
	set_age(*state, abandoned, 100000);
	fixture_write_text(*state, growing, "");
	write_entry(&cache, "e", 4);
	struct listing listing = list(*state);
	assert_int_equal(listing.count, sizeof users / sizeof *users + 2);
	for (size_t i = 0; i < listing.count; i++)
		assert_string_not_equal(listing.names[i], abandoned);
	assert_true(has_entry(&cache, "e", 4));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read_under_its_key_and_size_alone),
		TEST(an_entry_under_anothers_name_is_not_taken),
		TEST(an_entry_with_any_bit_flipped_is_not_taken),
		TEST(an_entry_of_another_length_is_not_taken),
		TEST(what_is_no_file_is_neither_taken_nor_waited_for),
		TEST(the_directory_is_made_for_its_owner_alone),
		TEST(a_directory_that_cannot_be_made_is_named),
		TEST(a_limit_on_files_is_an_error_and_leaves_nothing),
		TEST(an_entry_larger_than_the_cache_is_refused),
		TEST(beyond_the_limit_the_least_recently_used_go),
		TEST(trimming_leaves_the_users_files_and_takes_abandoned_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
