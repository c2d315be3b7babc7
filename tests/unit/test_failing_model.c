/* Reading and writing checkpoints when memory is out. */
#include "failing.h"

#include "test_layouts.h"

#include "model/convert_weights.h"
#include "model/single.h"

/* ---- fixtures ------------------------------------------------------------------------------- */

/* Everything that a directory may hold, the weights as two shards of which one has no tensor. */
static char *full_checkpoint(void)
{
	char *directory = fixture_checkpoint(), command[4200];
	struct tensor_spec *specs = NULL;
	size_t count = 0;
	struct model_config config = fixture_model_config();
	struct buffer map = { 0 };
	clipcls_error error;
	assert_ok(tensors_list(&specs, &count, &config, TENSOR_NAMING_CANONICAL, SIZE_MAX, &error));
	for (size_t t = 0; t < count; t++)
		buffer_format(&map, "%s\"%s\":\"one.safetensors\"", t == 0 ? "{\"weight_map\":{" : ",",
		              specs[t].name);
	buffer_text(&map, "}}");
	fixture_write_text(directory, "model.safetensors.index.json", map.bytes);
	snprintf(command, sizeof command, "mv '%s/model.safetensors' '%s/one.safetensors'", directory,
	         directory);
	assert_int_equal(system(command), 0);
	fixture_write_text(directory, "preprocessor_config.json", preprocessor_config);
	fixture_write_text(directory, "vocab.json", "{\"a\": 0}");
	fixture_write_text(directory, "merges.txt", "#version: 0.2\n");
	fixture_write_text(directory, "classes.txt", "cat\ndog\n");
	buffer_free(&map);
	free(specs);
	return directory;
}

/* ---- opening -------------------------------------------------------------------------------- */

static clipcls_status open_path(const void *context, clipcls_error *error)
{
	struct checkpoint *checkpoint = NULL;
	struct buffer identity = { 0 };
	clipcls_status status = checkpoint_open(&checkpoint, context, NULL, error);
	assert_true((status == CLIPCLS_OK) == (checkpoint != NULL));
	if (status == CLIPCLS_OK) {
		checkpoint_identity(&identity, checkpoint);
		status = identity.failed ? error_memory(error) : CLIPCLS_OK;
	}
	buffer_free(&identity);
	checkpoint_free(checkpoint);
	return status;
}

static void directories(void **state)
{
	char *paths[] = { fixture_checkpoint(), openclip_checkpoint(), full_checkpoint() };
	(void)state;
	expect_memory_errors_or_success("Hugging Face directory", open_path, paths[0]);
	expect_memory_errors_or_success("OpenCLIP directory", open_path, paths[1]);
	expect_memory_errors_or_success("directory with shards", open_path, paths[2]);
	for (size_t i = 0; i < 3; i++)
		fixture_remove(paths[i]);
}

static clipcls_status open_pickle(const void *context, clipcls_error *error)
{
	struct checkpoint *checkpoint = NULL;
	clipcls_status status = checkpoint_open(&checkpoint, context, NULL, error);
	assert_null(checkpoint);
	assert_true(status != CLIPCLS_OK);
	return status == CLIPCLS_ERR_UNSUPPORTED ? CLIPCLS_OK : status;
}

static void a_directory_that_is_refused(void **state)
{
	char *directory = fixture_directory();
	(void)state;
	fixture_write_text(directory, "config.json", fixture_config);
	fixture_write_text(directory, "pytorch_model.pt", "x");
	expect_memory_errors("directory with a pickle", open_pickle, directory);
	fixture_remove(directory);
}

/* ---- single files --------------------------------------------------------------------------- */

struct bytes {
	char *bytes;
	size_t size;
	double sum; /* of all its weights; 0 = not known yet */
};

/* Fetches every tensor. */
static clipcls_status load_all(const void *context, clipcls_error *error)
{
	struct bytes *file = (struct bytes *)(uintptr_t)context;
	struct checkpoint *checkpoint = NULL;
	struct tensor_spec *specs = NULL;
	struct weight_request requests[64] = { 0 };
	const float *floats[64];
	size_t count = 0;
	clipcls_status status =
	    checkpoint_open_memory(&checkpoint, file->bytes, file->size, "x", error);
	assert_true((status == CLIPCLS_OK) == (checkpoint != NULL));
	if (status == CLIPCLS_OK)
		status = tensors_list(&specs, &count, checkpoint_config(checkpoint),
		                      TENSOR_NAMING_CANONICAL, SIZE_MAX, error);
	for (size_t i = 0; i < count; i++) {
		requests[i].out = &floats[i];
		memcpy(requests[i].name, specs[i].name, sizeof requests[i].name);
	}
	if (status == CLIPCLS_OK)
		status = checkpoint_weights(checkpoint, requests, count, NULL, error);
	if (status == CLIPCLS_OK) {
		double sum = 0;
		for (size_t t = 0; t < count; t++)
			for (size_t i = 0; i < tensor_elements(&specs[t]); i++)
				sum += (double)floats[t][i] * (double)(t + i + 1);
		assert_true(sum == file->sum || file->sum == 0);
		file->sum = sum;
	}
	free(specs);
	checkpoint_free(checkpoint);
	return status;
}

/* The C library's qsort does without memory where it must. */
static void single_files(void **state)
{
	static const char *const dtypes[] = { "f32", "f16", "bf16", "int8" };
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct bytes file = { 0 };
		make_single(&file.bytes, &file.size, dtypes[i]);
		expect_memory_errors_or_success(dtypes[i], load_all, &file);
		free(file.bytes);
	}
}

struct conversion {
	char *source;
	const char *dtype;
};

/* No file is left where there was none. */
static clipcls_status convert(const void *context, clipcls_error *error)
{
	static const char path[] = "/proc/self/cwd/converted.safetensors";
	const struct conversion *conversion = context;
	clipcls_status status =
	    clipcls_convert(conversion->source, path, conversion->dtype, NULL, error);
	assert_int_equal(access(path, F_OK) == 0, status == CLIPCLS_OK);
	if (status == CLIPCLS_OK)
		unlink(path);
	return status;
}

static void conversions(void **state)
{
	static const char *const dtypes[] = { NULL, "f16", "int8" };
	char *sources[] = { full_checkpoint(), openclip_checkpoint() };
	char *work = fixture_directory();
	(void)state;
	assert_int_equal(chdir(work), 0);
	for (size_t i = 0; i < 2; i++) {
		for (size_t d = 0; d < 3; d++) {
			const struct conversion conversion = { sources[i], dtypes[d] };
			expect_memory_errors_or_success("conversion", convert, &conversion);
		}
		fixture_remove(sources[i]);
	}
	assert_int_equal(rmdir(work), 0); /* no temporary file either */
	assert_int_equal(chdir("/"), 0);
	free(work);
}

/* ---- places --------------------------------------------------------------------------------- */

struct place {
	const char *name, *end; /* of the path that is found */
};

static clipcls_status find_model(const void *context, clipcls_error *error)
{
	const struct place *place = context;
	char *path = NULL;
	clipcls_status status = clipcls_model_path(&path, place->name, error);
	assert_true((status == CLIPCLS_OK) == (path != NULL));
	if (status == CLIPCLS_OK)
		assert_string_equal(path + strlen(path) - strlen(place->end), place->end);
	free(path);
	return status;
}

static clipcls_status miss_model(const void *context, clipcls_error *error)
{
	char *path = NULL;
	clipcls_status status = clipcls_model_path(&path, context, error);
	assert_null(path);
	return status == CLIPCLS_ERR_IO ? CLIPCLS_OK : status;
}

static clipcls_status find_cache(const void *context, clipcls_error *error)
{
	char *path = NULL;
	(void)context;
	clipcls_status status = clipcls_cache_directory(&path, error);
	assert_true((status == CLIPCLS_OK) == (path != NULL));
	free(path);
	return status;
}

static void places(void **state)
{
	char *home = fixture_directory(), command[4200];
	(void)state;
	snprintf(command, sizeof command,
	         "cd '%s' && mkdir -p clipcls/models/tiny huggingface/hub/models--a--b/refs "
	         "huggingface/hub/models--a--b/snapshots/1 && touch clipcls/models/one.safetensors && "
	         "echo 1 >huggingface/hub/models--a--b/refs/main",
	         home);
	assert_int_equal(system(command), 0);
	setenv("XDG_DATA_HOME", home, 1);
	setenv("XDG_CACHE_HOME", home, 1);
	unsetenv("HF_HOME");
	unsetenv("HF_HUB_CACHE");
	/* The list of places where there is none may be lost. */
	const struct place known[] = { { home, home },
		                           { "tiny", "/clipcls/models/tiny" },
		                           { "one", "/one.safetensors" },
		                           { "a/b", "/hub/models--a--b/snapshots/1" } };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		expect_memory_errors_or_success(known[i].name, find_model, &known[i]);
	expect_memory_errors("no model", miss_model, "none");
	expect_memory_errors("no model in the hub", miss_model, "no/ne");
	expect_memory_errors("cache", find_cache, NULL);
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_CACHE_HOME");
	fixture_remove(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories),  cmocka_unit_test(a_directory_that_is_refused),
		cmocka_unit_test(single_files), cmocka_unit_test(conversions),
		cmocka_unit_test(places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
