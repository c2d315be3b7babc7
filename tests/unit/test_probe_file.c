/* Files of few-shot probes: what is written is read again, all else is refused. */
#include "test_probe.h"

#include "classify/model.h"
#include "model/safetensors_write.h"
#include "model/signature.h"

static void a_file_gives_back_the_probe(void **state)
{
	char *directory = fixture_directory(), *path = path_join(directory, "probe.safetensors");
	char *again = path_join(directory, "again.safetensors"), *bytes, *more;
	size_t size, more_size;
	clipcls_model *model = open_model(golden, 1);
	clipcls_probe *probe = train(model, 3, 0.12345678901234567), *read = NULL;
	(void)state;
	assert_ok(clipcls_probe_save(probe, path, &error));
	assert_ok(clipcls_probe_open(&read, model, path, &error));
	assert_memory_equal(read->weight, probe->weight, 3 * E * sizeof *probe->weight);
	assert_memory_equal(read->bias, probe->bias, 3 * sizeof *probe->bias);
	assert_true(read->C == probe->C);
	assert_int_equal(clipcls_labels_count(clipcls_probe_labels(read)), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(clipcls_labels_text(clipcls_probe_labels(read), i), names[i]);
	assert_ok(clipcls_probe_save(read, again, &error));
	assert_ok(file_read(&bytes, &size, path, 1 << 20, &error));
	assert_ok(file_read(&more, &more_size, again, 1 << 20, &error));
	assert_int_equal(size, more_size);
	assert_memory_equal(bytes, more, size);
	assert_error(clipcls_probe_save(read, "/nowhere/probe", &error), CLIPCLS_ERR_IO,
	             "/nowhere/probe");
	free(bytes);
	free(more);
	free(path);
	free(again);
	clipcls_probe_free(probe);
	clipcls_probe_free(read);
	clipcls_model_free(model);
	fixture_remove(directory);
}

/* Writes a probe of two classes for the golden model with one thing changed, and opens it. */
struct change {
	const char *format, *version, *C, *names; /* NULL = as it should be */
	size_t tensor;                            /* whose shape or dtype is another */
	struct safetensors_tensor other;          /* name NULL = none is */
	size_t count;                             /* of tensors; 0 = as it should be */
	size_t classes;                           /* of weight and bias; 0 = as it should be */
	clipcls_status status;
	const char *text; /* of the message */
};

static float floats[4 * E], infinite[2 * E] = { 0, INFINITY };

static void check_change(const struct change *change, clipcls_model *model, const char *path,
                         const float *signature, size_t n)
{
	const char *lines = change->names != NULL ? change->names : "cat\ndog\n";
	struct safetensors_pair metadata[] = {
		{ "format", change->format != NULL ? change->format : "clipcls-probe", 0 },
		{ "format_version", change->version != NULL ? change->version : "1", 0 },
		{ "C", change->C != NULL ? change->C : "10", 0 },
	};
	size_t L = change->classes > 0 ? change->classes : 2;
	struct safetensors_tensor tensors[5] = {
		safetensors_tensor_of("weight", DTYPE_F32, L, E, floats),
		safetensors_tensor_of("bias", DTYPE_F32, L, 0, floats),
		safetensors_tensor_of("model_signature", DTYPE_F32, n, 0, signature),
		safetensors_tensor_of("classes", DTYPE_U8, strlen(lines), 0, lines),
		safetensors_tensor_of("more", DTYPE_F32, 1, 0, floats),
	};
	struct safetensors_layout layout = { metadata, 3, tensors,
		                                 change->count > 0 ? change->count : 4 };
	clipcls_probe *probe = NULL;
	if (change->other.name != NULL)
		tensors[change->tensor] = change->other;
	assert_ok(safetensors_write(path, &layout, &error));
	if (change->status == CLIPCLS_OK) {
		assert_ok(clipcls_probe_open(&probe, model, path, &error));
	} else {
		assert_error(clipcls_probe_open(&probe, model, path, &error), change->status, change->text);
		assert_null(probe);
		assert_non_null(strstr(error.message, path));
	}
	clipcls_probe_free(probe);
}

static void a_malformed_file_is_refused(void **state)
{
#define TENSOR(place, name, dtype, rows, columns, data) \
	.tensor = place, .other = safetensors_tensor_of(name, dtype, rows, columns, data)
#define BAD .status = CLIPCLS_ERR_FORMAT, .text
	char *directory = fixture_directory(), *path = path_join(directory, "probe.safetensors");
	const struct change changes[] = {
		{ .status = CLIPCLS_OK },
		{ .format = "clipcls", BAD = "is not a probe" },
		{ .version = "2", .status = CLIPCLS_ERR_UNSUPPORTED, .text = "format version 2" },
		{ .C = "", BAD = "\"C\"" },
		{ .C = "-1", BAD = "\"C\"" },
		{ .C = "1x", BAD = "\"C\"" },
		{ .C = "inf", BAD = "\"C\"" },
		{ .count = 3, BAD = "has 3 tensors" },
		{ .count = 5, BAD = "has 5 tensors" },
		{ TENSOR(0, "weights", DTYPE_F32, 2, E, floats), BAD = "\"weight\" is missing" },
		{ TENSOR(0, "weight", DTYPE_F16, 2, E, floats), BAD = "\"weight\" is F16" },
		{ TENSOR(0, "weight", DTYPE_F32, 2 * E, 0, floats), BAD = "with 1 dimensions" },
		{ TENSOR(0, "weight", DTYPE_F32, 2, E, infinite), BAD = "\"weight\" holds infinity" },
		{ TENSOR(0, "weight", DTYPE_F32, 1, E, floats), BAD = "weights of 1 classes" },
		{ TENSOR(0, "weight", DTYPE_F32, 3, E, floats), BAD = "of 3 classes and biases of 2" },
		{ TENSOR(0, "weight", DTYPE_F32, 2, E - 1, floats), .status = CLIPCLS_ERR_ARGUMENT,
		  .text = "embeddings of 31 numbers; those of" },
		{ TENSOR(1, "bias", DTYPE_F32, 3, 0, floats), BAD = "biases of 3" },
		{ TENSOR(1, "bias", DTYPE_F32, 2, 1, floats), BAD = "\"bias\" is F32 with 2" },
		{ TENSOR(1, "bias", DTYPE_F32, 2, 0, infinite), BAD = "\"bias\" holds infinity" },
		{ TENSOR(2, "model_signature", DTYPE_F32, 4, 0, floats), .status = CLIPCLS_ERR_ARGUMENT,
		  .text = "another model" },
		{ TENSOR(2, "model_signature", DTYPE_F32, 2, 0, infinite), BAD = "holds infinity" },
		{ TENSOR(3, "classes", DTYPE_I8, 8, 0, "cat\ndog\n"), BAD = "\"classes\" is I8" },
		{ TENSOR(3, "classes", DTYPE_U8, 8, 0, "ca\0\ndog\n"), BAD = "NUL" },
		{ .classes = 1, .names = "cat\n", BAD = "weights of 1 classes" },
		{ .names = "cat\ndog", BAD = "no newline" },
		{ .names = "cat\n", BAD = "names 1 classes and has 2" },
		{ .names = "cat\ndog\nfox\n", BAD = "names 3 classes" },
		{ .names = "cat\ncat\n", BAD = "twice" },
		{ .names = "\ncat\n", BAD = "empty" },
		{ .names = " cat\ndog\n", BAD = "space around" },
		{ .names = "c\xff\ndog\n", BAD = "UTF-8" },
	};
	clipcls_model *model = open_model(golden, 1);
	float *signature = NULL;
	size_t n = 0;
	(void)state;
	assert_ok(model_signature(&signature, &n, model->checkpoint, &error));
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		check_change(&changes[i], model, path, signature, n);
	free(signature);
	free(path);
	clipcls_model_free(model);
	fixture_remove(directory);
}

/* Weights of the fixture with every value's sign turned. */
static char *turned_checkpoint(void)
{
	char *directory = fixture_checkpoint();
	struct buffer weights = fixture_weights(NULL, "");
	size_t begin = 8;
	for (size_t i = 0; i < 8; i++)
		begin += (size_t)(unsigned char)weights.bytes[i] << 8 * i;
	for (size_t i = begin; i < weights.size; i += sizeof(float))
		weights.bytes[i + 3] ^= (char)0x80;
	fixture_write(directory, "model.safetensors", weights.bytes, weights.size);
	buffer_free(&weights);
	return directory;
}

static void a_probe_goes_with_its_model_alone(void **state)
{
	static const float rows[] = { 1, 0, 0, 0, 0, 0, 1, 0, 0, 0 };
	static const size_t classes[] = { 0, 1 };
	char *own = fixture_checkpoint(), *turned = turned_checkpoint();
	char *path = path_join(own, "probe"), *half = path_join(own, "half.safetensors");
	clipcls_labels *labels = labels_of(names, 2);
	clipcls_model *model = open_model(own, 1), *other = open_model(turned, 1);
	clipcls_model *converted = NULL, *larger = open_model(golden, 1);
	clipcls_probe *probe = NULL;
	clipcls_classifier *classifier = NULL;
	(void)state;
	if (minimize_name() == NULL)
		skip();
	assert_ok(clipcls_probe_train(&probe, model, rows, classes, 2, labels, 1, &error));
	assert_ok(clipcls_probe_save(probe, path, &error));
	assert_error(clipcls_classifier_from_probe(&classifier, larger, probe, &error),
	             CLIPCLS_ERR_ARGUMENT, "not one of this model");
	clipcls_probe_free(probe);
	assert_error(clipcls_probe_open(&probe, other, path, &error), CLIPCLS_ERR_ARGUMENT, turned);
	assert_error(clipcls_probe_open(&probe, larger, path, &error), CLIPCLS_ERR_ARGUMENT,
	             "embeddings of 5 numbers");
	assert_ok(clipcls_convert(own, half, "bf16", NULL, &error));
	converted = open_model(half, 1);
	assert_ok(clipcls_probe_open(&probe, converted, path, &error));
	clipcls_probe_free(probe);
	clipcls_labels_free(labels);
	clipcls_model_free(model);
	clipcls_model_free(other);
	clipcls_model_free(converted);
	clipcls_model_free(larger);
	free(path);
	free(half);
	fixture_remove(own);
	fixture_remove(turned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_gives_back_the_probe),
		cmocka_unit_test(a_malformed_file_is_refused),
		cmocka_unit_test(a_probe_goes_with_its_model_alone),
	};
	return cmocka_run_group_tests_name("probe_file", tests, NULL, NULL);
}
