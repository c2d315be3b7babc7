/* Where a model of a name is looked for, and whose directories count. */
#include "test_model.h"

#include "model/checkpoint.h"

static clipcls_error error;

/* home holds everything; each place has a model of a name of its own. */
static int make_places(void **state)
{
	char *home = fixture_directory(), command[8400];
	snprintf(command, sizeof command,
	         "cd '%s' && mkdir -p data/clipcls/models/tiny .local/share/clipcls/models/homely "
	         "xdg/huggingface/hub/models--x--dg/snapshots/1 xdg/huggingface/hub/models--x--dg/refs "
	         ".cache/huggingface/hub/models--h--ome/snapshots/1 "
	         ".cache/huggingface/hub/models--h--ome/refs hf/hub/models--h--f/snapshots/1 "
	         "hf/hub/models--h--f/refs hub/models--h--ub/snapshots/1 hub/models--h--ub/refs "
	         "hub/models--out--side/refs hub/models--out--side/snapshots "
	         "hub/models--no--snapshot/refs && "
	         "for refs in xdg/huggingface/hub/*/refs .cache/huggingface/hub/*/refs hf/hub/*/refs "
	         "hub/models--h--ub/refs hub/models--no--snapshot/refs; do echo 1 >$refs/main; done && "
	         "echo ../../models--h--ub >hub/models--out--side/refs/main && "
	         "touch data/clipcls/models/one.safetensors",
	         home);
	*state = home;
	return system(command);
}

static int remove_places(void **state)
{
	static const char *const names[] = { "XDG_DATA_HOME", "XDG_CACHE_HOME", "HF_HOME",
		                                 "HF_HUB_CACHE" };
	for (size_t i = 0; i < 4; i++)
		unsetenv(names[i]);
	fixture_remove(*state);
	return 0;
}

/* variable=home/folder; "" is the empty value, NULL takes it out. */
static void set(const char *home, const char *variable, const char *folder)
{
	char value[4200];
	snprintf(value, sizeof value, "%s%s%s", folder != NULL && folder[0] == '\0' ? "" : home,
	         folder != NULL && folder[0] == '\0' ? "" : "/", folder != NULL ? folder : "");
	if (folder == NULL)
		unsetenv(variable);
	else
		setenv(variable, value, 1);
}

/* end: of the path that is found, or NULL. */
static void expect_place(const char *name, const char *end)
{
	char *path = NULL;
	clipcls_status status = clipcls_model_path(&path, name, &error);
	if ((status == CLIPCLS_OK) != (end != NULL) || (status == CLIPCLS_OK) != (path != NULL))
		fail_msg("%s: %s", name, status == CLIPCLS_OK ? path : error.message);
	if (end != NULL)
		assert_string_equal(path + strlen(path) - strlen(end), end);
	else
		assert_int_equal(status, CLIPCLS_ERR_IO);
	free(path);
}

static void downloads_are_found_under_the_data_directory(void **state)
{
	const char *home = *state;
	setenv("HOME", home, 1);
	set(home, "XDG_DATA_HOME", "data");
	expect_place("tiny", "/data/clipcls/models/tiny");
	expect_place("one", "/data/clipcls/models/one.safetensors");
	expect_place("homely", NULL);
	expect_place(".", "."); /* a path that is there goes before */
	expect_place(".hidden", NULL);
	expect_place("", NULL);
	set(home, "XDG_DATA_HOME", "");
	expect_place("homely", "/.local/share/clipcls/models/homely");
	setenv("XDG_DATA_HOME", "relative", 1);
	expect_place("homely", "/.local/share/clipcls/models/homely");
	set(home, "XDG_DATA_HOME", NULL);
	expect_place("homely", "/.local/share/clipcls/models/homely");
	setenv("HOME", "relative", 1);
	expect_place("homely", NULL);
	unsetenv("HOME");
	expect_place("homely", NULL);
	setenv("HOME", home, 1);
}

static void the_hubs_variables_go_from_the_narrowest_to_the_widest(void **state)
{
	const char *home = *state;
	setenv("HOME", home, 1);
	expect_place("h/ome", "/.cache/huggingface/hub/models--h--ome/snapshots/1");
	set(home, "XDG_CACHE_HOME", "xdg");
	expect_place("x/dg", "/xdg/huggingface/hub/models--x--dg/snapshots/1");
	expect_place("h/ome", NULL);
	set(home, "HF_HOME", "hf");
	expect_place("h/f", "/hf/hub/models--h--f/snapshots/1");
	expect_place("x/dg", NULL);
	set(home, "HF_HUB_CACHE", "hub");
	expect_place("h/ub", "/hub/models--h--ub/snapshots/1");
	expect_place("h/f", NULL);
	set(home, "HF_HUB_CACHE", "");
	set(home, "HF_HOME", "");
	expect_place("x/dg", "/xdg/huggingface/hub/models--x--dg/snapshots/1");
	set(home, "XDG_CACHE_HOME", NULL);
	unsetenv("HOME");
	expect_place("h/ome", NULL);
	setenv("HOME", home, 1);
}

/* Names and references come from outside. */
static void nothing_leads_out_of_the_hub(void **state)
{
	const char *home = *state;
	set(home, "HF_HUB_CACHE", "hub");
	expect_place("out/side", NULL);
	expect_place("no/snapshot", NULL);
	expect_place("no/refs", NULL);
	expect_place("/ub", NULL);
	expect_place("./h", NULL);
	expect_place("h/", NULL);
	expect_place("h/.ub", NULL);
	expect_place("h/u/b", NULL);
}

static void the_cache_is_the_users_or_none(void **state)
{
	const char *home = *state;
	char *path = NULL;
	setenv("HOME", home, 1);
	unsetenv("XDG_CACHE_HOME");
	assert_ok(clipcls_cache_directory(&path, &error));
	assert_string_equal(path + strlen(home), "/.cache/clipcls");
	free(path);
	unsetenv("HOME");
	assert_ok(clipcls_cache_directory(&path, &error));
	assert_null(path);
	setenv("HOME", home, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(downloads_are_found_under_the_data_directory, make_places,
		                                remove_places),
		cmocka_unit_test_setup_teardown(the_hubs_variables_go_from_the_narrowest_to_the_widest,
		                                make_places, remove_places),
		cmocka_unit_test_setup_teardown(nothing_leads_out_of_the_hub, make_places, remove_places),
		cmocka_unit_test_setup_teardown(the_cache_is_the_users_or_none, make_places, remove_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
