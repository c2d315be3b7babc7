/* Models, classifiers, indexes and probes when memory is out. */
#include "failing.h"

#include "test_probe.h"

#include "nn/low_products.h"

#define PATH "/proc/self/cwd/file.safetensors"

/* ---- models --------------------------------------------------------------------------------- */

static clipcls_status open_and_describe(const void *context, clipcls_error *failure)
{
	const clipcls_model_options *options = context;
	clipcls_model *model = NULL;
	clipcls_model_info info;
	clipcls_status status = clipcls_model_open(&model, golden, options, failure);
	assert_true((status == CLIPCLS_OK) == (model != NULL));
	if (status == CLIPCLS_OK)
		status = clipcls_model_describe(model, &info, failure);
	if (status == CLIPCLS_OK)
		assert_string_equal(info.layout, "huggingface");
	clipcls_model_free(model);
	return status;
}

/* Every precision that is here. */
static clipcls_status prepare(const void *context, clipcls_error *failure)
{
	const clipcls_model_options options = { .threads = 1, .batch = 1, .precision = context };
	clipcls_model *model = NULL;
	clipcls_status status = clipcls_model_open(&model, golden, &options, failure);
	if (status == CLIPCLS_OK)
		status = clipcls_model_prepare(model, failure);
	clipcls_model_free(model);
	return status;
}

static void models(void **state)
{
	const clipcls_model_options options = { .threads = 1, .cache_directory = "cache" };
	(void)state;
	expect_memory_errors_or_success("model", open_and_describe, &options);
	expect_memory_errors_or_success("towers in f32", prepare, "f32");
	if (low_products_missing(LOW_INT8) == NULL)
		expect_own_memory_errors_or_success("towers in int8", prepare, "int8");
	if (low_products_missing(LOW_BF16) == NULL)
		expect_own_memory_errors_or_success("towers in bf16", prepare, "bf16");
	expect_own_memory_errors_or_success("towers in what is best", prepare, "auto");
}

/* ---- classifying ---------------------------------------------------------------------------- */

/* A model whose towers are loaded, and what comes of it when memory is there. */
struct setting {
	clipcls_model *model;
	clipcls_labels *labels;
	clipcls_classifier *classifier;
	clipcls_probe *probe;
	float *rows; /* (2, E) */
};

static void open_setting(struct setting *setting, const clipcls_model_options *options)
{
	*setting = (struct setting){ 0 };
	assert_ok(clipcls_model_open(&setting->model, golden, options, &error));
	setting->labels = labels_of(names, 3);
	assert_ok(clipcls_classifier_new(&setting->classifier, setting->model, setting->labels, NULL,
	                                 &error));
	setting->rows = memory_floats(2 * E);
	memcpy(setting->rows, clipcls_classifier_embeddings(setting->classifier),
	       2 * E * sizeof *setting->rows);
}

static void close_setting(struct setting *setting)
{
	clipcls_classifier_free(setting->classifier);
	clipcls_probe_free(setting->probe);
	clipcls_labels_free(setting->labels);
	clipcls_model_free(setting->model);
	free(setting->rows);
}

static clipcls_status make_classifier(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	clipcls_classifier *classifier = NULL;
	clipcls_status status =
	    clipcls_classifier_new(&classifier, setting->model, setting->labels, NULL, failure);
	assert_true((status == CLIPCLS_OK) == (classifier != NULL));
	if (status == CLIPCLS_OK)
		assert_memory_equal(clipcls_classifier_embeddings(classifier),
		                    clipcls_classifier_embeddings(setting->classifier),
		                    3 * E * sizeof(float));
	clipcls_classifier_free(classifier);
	return status;
}

/* From a model that is opened anew: the towers are loaded on the way. */
static clipcls_status make_first_classifier(const void *context, clipcls_error *failure)
{
	struct setting setting = *(const struct setting *)context;
	const clipcls_model_options options = { .threads = 1 };
	setting.model = NULL;
	clipcls_status status = clipcls_model_open(&setting.model, golden, &options, failure);
	if (status == CLIPCLS_OK)
		status = make_classifier(&setting, failure);
	clipcls_model_free(setting.model);
	return status;
}

/* The entry is gone each time; whether it could be kept does not decide. */
static clipcls_status make_and_keep(const void *context, clipcls_error *failure)
{
	assert_int_equal(system("rm -rf cache"), 0);
	return make_classifier(context, failure);
}

static void classifiers(void **state)
{
	const clipcls_model_options options = { .threads = 1 };
	const clipcls_model_options cached = { .threads = 1, .cache_directory = "cache" };
	struct setting setting;
	(void)state;
	open_setting(&setting, &options);
	expect_memory_errors_or_success("first classifier", make_first_classifier, &setting);
	expect_memory_errors_or_success("classifier", make_classifier, &setting);
	close_setting(&setting);
	open_setting(&setting, &cached);
	expect_memory_errors_or_success("classifier from the cache", make_classifier, &setting);
	expect_memory_errors_or_success("classifier into the cache", make_and_keep, &setting);
	close_setting(&setting);
}

struct run {
	const struct setting *setting;
	size_t given, records;
	clipcls_status status; /* of a record that is none */
	clipcls_error *error;
};

static int next_picture(void *user, clipcls_input *input)
{
	static const char *const pictures[] = { TEST_DATA "/golden/wide.png",
		                                    TEST_DATA "/images/orientation_6.png",
		                                    TEST_DATA "/images/color.ppm" };
	struct run *run = user;
	if (run->given == 3)
		return CLIPCLS_NEXT_END;
	*input = (clipcls_input){ .path = pictures[run->given++] };
	return CLIPCLS_NEXT_GIVEN;
}

static int take_record(void *user, const clipcls_record *record)
{
	struct run *run = user;
	assert_int_equal(record->index, run->records++);
	assert_true((record->status == CLIPCLS_OK) == (record->results != NULL));
	assert_true((record->status == CLIPCLS_OK) == (record->thumbnail != NULL));
	if (record->status != CLIPCLS_OK) {
		assert_string_equal(record->message, "out of memory");
		run->status = error_set(run->error, record->status, "%s", record->message);
	}
	return 0;
}

/* A picture without memory is a record, and the others are not lost. */
static clipcls_status classify(const void *context, clipcls_error *failure)
{
	struct run run = { .setting = context, .error = failure };
	const clipcls_image_options thumbnails = { .thumbnail_size = 8 };
	clipcls_status status = clipcls_classify_files(run.setting->classifier, &thumbnails,
	                                               next_picture, take_record, &run, failure);
	if (status == CLIPCLS_OK)
		assert_int_equal(run.records, 3);
	return status != CLIPCLS_OK ? status : run.status;
}

static clipcls_status embed(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	static const char *const texts[] = { "a photo of a cat", "a dog", "a photo of a dog" };
	float out[3 * E];
	clipcls_status status = clipcls_embed_texts(setting->model, texts, 3, out, failure);
	size_t pixels = 3 * 16 * 16;
	float *zeros = calloc(16 * pixels, sizeof *zeros);
	if (status == CLIPCLS_OK && zeros == NULL)
		status = error_memory(failure);
	if (status == CLIPCLS_OK)
		status = clipcls_embed_pixels(setting->model, zeros, 1, out, failure);
	free(zeros);
	return status;
}

static clipcls_status measure(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	static const char picture[] = "P6 1 1 255\nabc";
	clipcls_picture_times times;
	clipcls_machine machine;
	clipcls_status status =
	    clipcls_measure_picture(setting->model, picture, sizeof picture - 1, NULL, &times, failure);
	if (status == CLIPCLS_OK)
		status = clipcls_measure_machine(setting->model, 1e-3, &machine, failure);
	return status;
}

static void pictures_and_texts(void **state)
{
	const clipcls_model_options options = { .threads = 1 };
	struct setting setting;
	(void)state;
	open_setting(&setting, &options);
	assert_ok(clipcls_model_prepare(setting.model, &error)); /* nothing more is kept on the way */
	expect_memory_errors_or_success("pictures", classify, &setting);
	expect_memory_errors_or_success("texts and pixels", embed, &setting);
	expect_memory_errors_or_success("measuring", measure, &setting);
	close_setting(&setting);
}

/* ---- collections ---------------------------------------------------------------------------- */

static clipcls_status write_index(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	const clipcls_entry entries[] = { { "a.png", 1, 2, setting->rows },
		                              { "b.png", 3, 4, setting->rows + E } };
	clipcls_status status =
	    clipcls_index_write(PATH, setting->model, entries, 2, NULL, "note", failure);
	assert_int_equal(access(PATH, F_OK) == 0, status == CLIPCLS_OK);
	if (status == CLIPCLS_OK)
		unlink(PATH);
	return status;
}

static clipcls_status search_index(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	clipcls_index *index = NULL;
	clipcls_hit hits[2];
	size_t place = 0;
	int found = 0;
	clipcls_status status = clipcls_index_open(&index, PATH, failure);
	assert_true((status == CLIPCLS_OK) == (index != NULL));
	if (status == CLIPCLS_OK)
		status = clipcls_index_check(index, setting->model, failure);
	if (status == CLIPCLS_OK)
		status = clipcls_index_find(&found, &place, index, "b.png", failure);
	if (status == CLIPCLS_OK) {
		assert_true(found && place == 1);
		status = clipcls_search(hits, setting->model, clipcls_index_embeddings(index), 2,
		                        setting->rows + E, 1, 2, failure);
	}
	if (status == CLIPCLS_OK)
		assert_int_equal(hits[0].index, 1);
	clipcls_index_free(index);
	return status;
}

static void indexes(void **state)
{
	const clipcls_model_options options = { .threads = 1 };
	struct setting setting;
	(void)state;
	open_setting(&setting, &options);
	const clipcls_entry entries[] = { { "a.png", 1, 2, setting.rows },
		                              { "b.png", 3, 4, setting.rows + E } };
	expect_memory_errors_or_success("index written", write_index, &setting);
	assert_ok(clipcls_index_write(PATH, setting.model, entries, 2, NULL, "note", &error));
	expect_memory_errors_or_success("index", search_index, &setting);
	close_setting(&setting);
}

/* ---- probes --------------------------------------------------------------------------------- */

static clipcls_status train_probe(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	static const size_t classes[] = { 0, 1 };
	clipcls_labels *labels = NULL;
	clipcls_probe *probe = NULL;
	clipcls_status status = clipcls_labels_new(&labels, failure);
	for (size_t i = 0; status == CLIPCLS_OK && i < 2; i++)
		status = clipcls_labels_add(labels, names[i], NULL, 0, failure);
	if (status == CLIPCLS_OK)
		status = clipcls_probe_train(&probe, setting->model, setting->rows, classes, 2, labels, 1,
		                             failure);
	assert_true((status == CLIPCLS_OK) == (probe != NULL));
	if (status == CLIPCLS_OK)
		status = clipcls_probe_save(probe, PATH, failure);
	assert_int_equal(access(PATH, F_OK) == 0, status == CLIPCLS_OK);
	if (status == CLIPCLS_OK)
		unlink(PATH);
	clipcls_probe_free(probe);
	clipcls_labels_free(labels);
	return status;
}

static clipcls_status open_probe(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	clipcls_probe *probe = NULL;
	clipcls_classifier *classifier = NULL;
	clipcls_status status = clipcls_probe_open(&probe, setting->model, PATH, failure);
	assert_true((status == CLIPCLS_OK) == (probe != NULL));
	if (status == CLIPCLS_OK) {
		assert_int_equal(clipcls_labels_count(clipcls_probe_labels(probe)), 3);
		status = clipcls_classifier_from_probe(&classifier, setting->model, probe, failure);
		assert_true((status == CLIPCLS_OK) == (classifier != NULL));
	}
	clipcls_classifier_free(classifier);
	clipcls_probe_free(probe);
	return status;
}

static void probes(void **state)
{
	const clipcls_model_options options = { .threads = 1 };
	struct setting setting;
	(void)state;
	open_setting(&setting, &options);
	setting.probe = train(setting.model, 3, 1);
	expect_memory_errors_or_success("training", train_probe, &setting);
	assert_ok(clipcls_probe_save(setting.probe, PATH, &error));
	expect_memory_errors_or_success("probe", open_probe, &setting);
	close_setting(&setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(models, fixture_enter, fixture_leave),
		cmocka_unit_test_setup_teardown(classifiers, fixture_enter, fixture_leave),
		cmocka_unit_test_setup_teardown(pictures_and_texts, fixture_enter, fixture_leave),
		cmocka_unit_test_setup_teardown(indexes, fixture_enter, fixture_leave),
		cmocka_unit_test_setup_teardown(probes, fixture_enter, fixture_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
