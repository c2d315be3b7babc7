/* What the program does with pictures whose class is known, and with collections, when memory is
 * out, on a model that is open. */
#include "failing.h"

#include "test_probe.h"

#include "cli/collection/collection.h"
#include "cli/labelled/dataset_embed.h"
#include "cli/labelled/label_effect.h"
#include "cli/labelled/shots.h"
#include "cli/labelled/template_study.h"
#include "cli/report/report.h"
#include "nn/ops.h"

static const char *label_names[] = { "cat", "red panda" };
static const struct options options = { .model = TEST_DATA "/golden/checkpoint",
	                                    .labels = { label_names, 2, 2 },
	                                    .threads = 1,
	                                    .batch = 1,
	                                    .no_cache = true,
	                                    .sandbox = "none",
	                                    .c = 1,
	                                    .quiet = true };
static struct session session;

static int enter(void **state)
{
	if (fixture_enter(state) != 0 ||
	    system("mkdir -p set/cat set/red_panda && for name in cat/a cat/b red_panda/c red_panda/d; "
	           "do printf 'P6 1 1 255\\n%s' $name >set/$name.ppm; done") != 0)
		return 1;
	assert_ok(session_open(&session, &options, &error));
	assert_ok(clipcls_model_prepare(session.model, &error)); /* nothing more is kept on the way */
	return 0;
}

static int leave(void **state)
{
	session_close(&session);
	return fixture_leave(state);
}

static clipcls_status as_status(bool good, clipcls_error *failure)
{
	return good ? CLIPCLS_OK : error_memory(failure);
}

static const struct options inputs = { .operands = { (const char *[]){ "set" }, 1, 1 },
	                                   .quiet = true };

/* A picture that could not be decoded for want of memory is one that failed. */
static clipcls_status fill_collection(const void *context, clipcls_error *failure)
{
	struct collection collection;
	const char *path = context;
	clipcls_status status = collection_open(&collection, &session, path, failure);
	if (status == CLIPCLS_OK) {
		enum exit_code code = collection_fill(&collection, &inputs);
		status = as_status(code == EXIT_DONE, failure);
		if (code == EXIT_DONE)
			assert_in_range(collection_count(&collection), 1, 4);
	}
	collection_close(&collection);
	if (path != NULL)
		unlink(path);
	return status;
}

static void collections(void **state)
{
	(void)state;
	expect_memory_errors_or_success("collection", fill_collection, NULL);
	expect_memory_errors_or_success("collection in an index", fill_collection, "kept");
}

/* Without an end: the first record stops the run. */
static int next_picture(void *user, clipcls_input *out)
{
	(void)user;
	*out = (clipcls_input){ .path = "set/cat/a.ppm" };
	return CLIPCLS_NEXT_GIVEN;
}

static int report_picture(void *user, const clipcls_record *record)
{
	report_record(user, record, REPORT_NO_CLASS);
	return 1;
}

/* What is not whole takes no name. */
static clipcls_status write_report(const void *context, clipcls_error *failure)
{
	const struct report_run about = { .session = &session, .command = "classify" };
	struct report report;
	bool good = report_open(&report, context);
	if (good) {
		const clipcls_image_options image = report_image_options(&report, &options);
		report_begin(&report, &about);
		clipcls_classify_files(session.classifier, &image, next_picture, report_picture, &report,
		                       failure);
		good = report_end(&report, "stopped", 0, NULL) && report.pictures - report.failed == 1;
	}
	report_close(&report);
	unlink(context);
	return as_status(good, failure);
}

static void reports(void **state)
{
	(void)state;
	expect_memory_errors_or_success("report", write_report, "page.html");
}

static clipcls_status study_templates(const struct dataset *dataset, const struct class_map *map,
                                      const float *rows, clipcls_error *failure)
{
	static const char texts[] = "a {}\nthe {}\n";
	clipcls_templates *candidates = NULL;
	struct template_study study = { 0 };
	clipcls_status status = clipcls_templates_new(&candidates, failure);
	if (status == CLIPCLS_OK)
		status = clipcls_templates_add_text(candidates, texts, sizeof texts - 1, "t", failure);
	if (status == CLIPCLS_OK)
		status = template_study_encode(&study, &session, candidates, failure);
	if (status == CLIPCLS_OK)
		status = as_status(template_study_run(&study, dataset, map, rows), failure);
	if (status == CLIPCLS_OK)
		assert_true(study.chosen_count >= 1 && study.choosing == 2);
	template_study_free(&study);
	clipcls_templates_free(candidates);
	return status;
}

static clipcls_status find_effects(const struct dataset *dataset, const struct class_map *map,
                                   const float *rows, clipcls_error *failure)
{
	const struct label_rows labels = { .model = session.model,
		                               .rows = clipcls_classifier_embeddings(session.classifier),
		                               .L = 2,
		                               .allowed = map->allowed };
	struct nearest answers[4];
	struct label_effects effects = { 0 };
	bool good = nearest_labels(answers, rows, dataset->count, &labels) &&
	            label_effects_make(&effects, dataset, map, answers);
	if (good)
		assert_int_equal(effects.label_count, 2);
	label_effects_free(&effects);
	return as_status(good, failure);
}

static clipcls_status learn(struct dataset *dataset, const float *rows, clipcls_error *failure)
{
	clipcls_probe *probe = NULL;
	size_t pictures = 0;
	clipcls_status status = as_status(shots_rank(dataset, 0), failure);
	if (status == CLIPCLS_OK)
		status =
		    shots_train(&probe, &pictures, dataset, rows, 1, session.labels, &session, failure);
	assert_true((status == CLIPCLS_OK) == (probe != NULL));
	if (status == CLIPCLS_OK)
		assert_int_equal(pictures, 2);
	clipcls_probe_free(probe);
	return status;
}

/* Unit rows, whatever the pictures are. */
static float *made_up_rows(size_t n)
{
	float *rows = random_floats(n * E, 3);
	for (size_t i = 0; i < n; i++)
		normalize(rows + i * E, E);
	return rows;
}

enum task { STUDY, EFFECTS, LEARN };

struct prepared {
	struct dataset dataset;
	struct class_map map;
	float *rows;
	enum task task;
};

static clipcls_status evaluate(const void *context, clipcls_error *failure)
{
	struct prepared *prepared = (struct prepared *)(uintptr_t)context;
	switch (prepared->task) {
	case STUDY: return study_templates(&prepared->dataset, &prepared->map, prepared->rows, failure);
	case EFFECTS: return find_effects(&prepared->dataset, &prepared->map, prepared->rows, failure);
	case LEARN: return learn(&prepared->dataset, prepared->rows, failure);
	}
	return CLIPCLS_OK;
}

static clipcls_status embed_set(const void *context, clipcls_error *failure)
{
	struct dataset dataset = { 0 };
	float *rows = NULL;
	size_t failed = 0;
	(void)context;
	clipcls_status status = as_status(dataset_read(&dataset, "set"), failure);
	if (status == CLIPCLS_OK)
		status = dataset_embed(&rows, &failed, &dataset, &session, failure);
	assert_true((status == CLIPCLS_OK) == (rows != NULL));
	/* A picture that could not be decoded leaves the dataset; it may be the last. */
	if (status == CLIPCLS_ERR_DECODE)
		status = error_memory(failure);
	if (status == CLIPCLS_OK)
		assert_true(dataset.count + failed <= 4 && dataset.count > 0);
	free(rows);
	dataset_free(&dataset);
	return status;
}

static void labelled_pictures(void **state)
{
	static const char *const tasks[] = { "templates", "effects of labels", "shots" };
	struct prepared prepared = { .rows = made_up_rows(4) };
	(void)state;
	assert_true(dataset_read(&prepared.dataset, "set"));
	assert_int_equal(prepared.dataset.count, 4);
	assert_true(class_map_make(&prepared.map, &prepared.dataset, session.labels, NULL, false));
	for (int task = STUDY; task <= LEARN; task++) {
		prepared.task = (enum task)task;
		if (task != LEARN || minimize_name() != NULL)
			expect_memory_errors_or_success(tasks[task], evaluate, &prepared);
	}
	class_map_free(&prepared.map);
	dataset_free(&prepared.dataset);
	free(prepared.rows);
	expect_memory_errors_or_success("pictures", embed_set, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(collections, enter, leave),
		cmocka_unit_test_setup_teardown(reports, enter, leave),
		cmocka_unit_test_setup_teardown(labelled_pictures, enter, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
