/* Mapped files that others cut short, write to, or replace while they are in use. */
#include "test_model.h"

#include "base/file_map.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define BYTES ((size_t)64 * 4096)

/* cmocka has a handler of its own in each test and fixture: this is the one of mappings. */
static struct sigaction guard;

static clipcls_error error;
static char *directory, *path;
static struct file_map map;

static int set_up(void **state)
{
	char *bytes = malloc(BYTES);
	(void)state;
	assert_non_null(bytes);
	memset(bytes, 'x', BYTES);
	directory = fixture_directory();
	fixture_write(directory, "file", bytes, BYTES);
	path = path_join(directory, "file");
	free(bytes);
	assert_ok(file_map_open(&map, path, &error));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	file_map_close(&map);
	free(path);
	fixture_remove(directory);
	return 0;
}

static void nothing_is_said_of_a_file_that_stays(void **state)
{
	(void)state;
	assert_int_equal(map.bytes[BYTES - 1], 'x');
	assert_int_equal(chmod(path, 0600), 0);
	assert_ok(file_map_intact(&map, path, &error));
}

static void what_was_cut_off_reads_as_zeros_and_is_told(void **state)
{
	(void)state;
	sigaction(SIGBUS, &guard, NULL);
	assert_int_equal(truncate(path, 10 * 4096 + 5), 0);
	assert_int_equal(map.bytes[10 * 4096], 'x');
	assert_int_equal(map.bytes[BYTES - 1], 0);
	assert_int_equal(map.bytes[20 * 4096], 0);
	assert_int_equal(map.bytes[0], 'x');
	/* Also when it has its old length again. */
	assert_int_equal(truncate(path, (off_t)BYTES), 0);
	assert_int_equal(file_map_intact(&map, path, &error), CLIPCLS_ERR_IO);
	assert_non_null(strstr(error.message, path));
	assert_non_null(strstr(error.message, "was cut short"));
}

static void a_cut_that_nothing_was_read_of_is_told_too(void **state)
{
	(void)state;
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(file_map_intact(&map, path, &error), CLIPCLS_ERR_IO);
}

static void writing_to_it_is_told(void **state)
{
	const struct timespec step = { .tv_nsec = 20 * 1000 * 1000 };
	int fd = open(path, O_WRONLY);
	(void)state;
	nanosleep(&step, NULL);
	assert_int_equal(pwrite(fd, "y", 1, 7), 1);
	close(fd);
	assert_int_equal(file_map_intact(&map, path, &error), CLIPCLS_ERR_IO);
	assert_non_null(strstr(error.message, "was written to"));
}

static void a_file_in_its_place_or_none_changes_nothing(void **state)
{
	(void)state;
	fixture_write_text(directory, "other", "short");
	char *other = path_join(directory, "other");
	assert_int_equal(rename(other, path), 0);
	free(other);
	assert_ok(file_map_intact(&map, path, &error));
	assert_int_equal(unlink(path), 0);
	assert_ok(file_map_intact(&map, path, &error));
	assert_int_equal(map.bytes[BYTES - 1], 'x');
}

static void a_loss_ends_with_its_mapping(void **state)
{
	(void)state;
	sigaction(SIGBUS, &guard, NULL);
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(map.bytes[BYTES - 1], 0);
	file_map_close(&map);
	assert_ok(file_map_open(&map, path, &error));
	assert_ok(file_map_intact(&map, path, &error));
}

static sigjmp_buf back;

static void jump(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

/* Before the first mapping: so this test comes first, in a process that has none yet. */
static void signals_about_other_memory_go_where_they_went(void **state)
{
	(void)state;
	signal(SIGBUS, jump);
	set_up(NULL);
	sigaction(SIGBUS, NULL, &guard);
	int fd = open(path, O_RDONLY);
	volatile const char *own = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(own != MAP_FAILED);
	close(fd);
	assert_int_equal(truncate(path, 0), 0);
	if (sigsetjmp(back, 1) == 0) {
		(void)own[0];
		fail();
	}
	if (sigsetjmp(back, 1) == 0) {
		raise(SIGBUS);
		fail();
	}
	assert_int_equal(map.bytes[0], 0);
	munmap((void *)(uintptr_t)own, BYTES);
	tear_down(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_about_other_memory_go_where_they_went),
		cmocka_unit_test_setup_teardown(nothing_is_said_of_a_file_that_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_cut_off_reads_as_zeros_and_is_told, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_cut_that_nothing_was_read_of_is_told_too, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(writing_to_it_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_in_its_place_or_none_changes_nothing, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(a_loss_ends_with_its_mapping, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
