#include "fuzz.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/json.h"
#include "model/single.h"

#include <stdio.h>

#define LENGTH 8
#define MOST_DATA 8192 /* that a repair makes of a shape */

static void put_length(uint8_t *data, size_t length)
{
	for (size_t i = 0; i < LENGTH; i++)
		data[i] = (uint8_t)((uint64_t)length >> 8 * i);
}

/* Of the header in the file, whatever its length says. */
static size_t header_size(const uint8_t *data, size_t size)
{
	uint64_t length = 0;
	for (size_t i = LENGTH; i-- > 0;)
		length = length << 8 | data[i];
	return length < size - LENGTH ? (size_t)length : size - LENGTH;
}

/* ---- repairing ------------------------------------------------------------------------------ */

/* A file that is written anew. */
struct rewrite {
	struct buffer header, data;
	struct buffer checksums; /* of the single file: "NAME":"CHECKSUM",... */
	bool wants_checksums;    /* in place of those in the metadata */
	const char *changed;     /* a metadata key whose value is to be changed; NULL = none */
	struct dice *dice;
	const uint8_t *old_data; /* (old_size) */
	size_t old_size;
};

static void rewrite_free(struct rewrite *out)
{
	buffer_free(&out->header);
	buffer_free(&out->data);
	buffer_free(&out->checksums);
}

/* Dtype, shape and bytes. False when they make no sense. */
static bool read_tensor(struct safetensors_tensor *out, const json *node)
{
	const json *shape = json_get(node, "shape");
	*out = (struct safetensors_tensor){ .name = json_key(node) };
	if (!json_is_array(shape) ||
	    !dtype_from_name(&out->dtype, json_string(json_get(node, "dtype"), "")))
		return false;
	out->bytes = dtype_bytes(out->dtype);
	for (const json *side = json_first(shape); side != NULL; side = json_next(side)) {
		size_t *n = &out->shape[out->rank++];
		if (!json_size(side, n) || !size_mul(out->bytes, *n, &out->bytes) ||
		    (out->rank == SAFETENSORS_RANK_LIMIT && json_next(side) != NULL))
			return false;
	}
	return out->bytes <= MOST_DATA;
}

/* Appends the tensor's old data, as far as there is such, in its new size. */
static void move_data(struct rewrite *out, const json *node, size_t bytes)
{
	size_t begin = 0;
	if (!json_size(json_first(json_get(node, "data_offsets")), &begin) || begin > out->old_size)
		begin = out->old_size;
	size_t n = size_min(bytes, out->old_size - begin);
	buffer_append(&out->data, out->old_data + begin, n);
	while (n++ < bytes)
		buffer_byte(&out->data, 0);
}

static void write_checksum(struct rewrite *out, const char *name, uint64_t checksum)
{
	char text[SINGLE_CHECKSUM_SIZE];
	single_checksum_text(text, checksum);
	buffer_text(&out->checksums, out->checksums.size > 0 ? "," : "");
	json_write_text(&out->checksums, name);
	buffer_format(&out->checksums, ":\"%s\"", text);
}

static void write_tensor(struct rewrite *out, const json *node)
{
	struct safetensors_tensor tensor;
	size_t begin = out->data.size;
	if (!read_tensor(&tensor, node)) {
		json_write(&out->header, node);
		return;
	}
	move_data(out, node, tensor.bytes);
	if (out->data.failed)
		abort();
	tensor.data = (unsigned char *)out->data.bytes + begin;
	if (out->wants_checksums)
		write_checksum(out, tensor.name, single_tensor_checksum(&tensor));
	buffer_format(&out->header, "{\"dtype\":\"%s\",\"shape\":", dtype_name(tensor.dtype));
	json_write(&out->header, json_get(node, "shape"));
	buffer_format(&out->header, ",\"data_offsets\":[%zu,%zu]}", begin, out->data.size);
}

/* A text of the metadata, which is JSON itself; changed, where it is the one. */
static char *metadata_text(struct rewrite *out, const json *node)
{
	const char *text = json_string(node, "");
	size_t n = strlen(text), room = 2 * n + 256;
	char *copy = malloc(room + 1);
	if (copy == NULL)
		abort();
	memcpy(copy, text, n);
	if (out->changed != NULL && strcmp(json_key(node), out->changed) == 0)
		n = mutate_json((uint8_t *)copy, n, room, out->dice);
	copy[n] = '\0';
	return copy;
}

/* Behind the tensors: their checksums are known by then. */
static void write_metadata(struct rewrite *out, const json *metadata)
{
	const char *before = "{";
	if (!json_is_object(metadata)) {
		json_write(&out->header, metadata);
		return;
	}
	for (const json *node = json_first(metadata); node != NULL; node = json_next(node)) {
		char *text = metadata_text(out, node);
		const char *key = json_key(node);
		if (strcmp(key, "config") == 0 && out->wants_checksums)
			write_checksum(out, SINGLE_CONFIG_CHECKSUM, single_config_checksum(text));
		if (strcmp(key, "checksums") != 0 || !out->wants_checksums) {
			buffer_text(&out->header, before);
			json_write_text(&out->header, key);
			buffer_byte(&out->header, ':');
			json_write_text(&out->header, text);
			before = ",";
		}
		free(text);
	}
	if (out->wants_checksums) {
		buffer_byte(&out->checksums, '}');
		buffer_format(&out->header, "%s\"checksums\":", before);
		json_write_text(&out->header, out->checksums.bytes);
		before = ",";
	}
	buffer_text(&out->header, before[0] == '{' ? "{}" : "}");
}

static void write_file(struct rewrite *out, const json *root)
{
	const json *metadata = NULL;
	const char *before = "{";
	if (out->wants_checksums)
		buffer_byte(&out->checksums, '{');
	for (const json *node = json_first(root); node != NULL; node = json_next(node)) {
		if (strcmp(json_key(node), "__metadata__") == 0) {
			metadata = node;
			continue;
		}
		buffer_text(&out->header, before);
		json_write_text(&out->header, json_key(node));
		buffer_byte(&out->header, ':');
		write_tensor(out, node);
		before = ",";
	}
	if (metadata != NULL) {
		buffer_format(&out->header, "%s\"__metadata__\":", before);
		write_metadata(out, metadata);
		before = ",";
	}
	buffer_text(&out->header, before[0] == '{' ? "{}" : "}");
	/* Embeddings are used where they lie: at a multiple of a float's size. */
	while (out->header.size % 8 != 0)
		buffer_byte(&out->header, ' ');
}

/* Writes the file anew with offsets that fit its shapes; leaves it where that cannot be done. */
static size_t repair(uint8_t *file, size_t size, size_t most, struct rewrite *out)
{
	json *root = NULL;
	size_t length = header_size(file, size);
	out->old_data = file + LENGTH + length;
	out->old_size = size - LENGTH - length;
	if (json_parse(&root, (char *)file + LENGTH, length, "", NULL) == CLIPCLS_OK &&
	    json_is_object(root)) {
		write_file(out, root);
		size_t n = LENGTH + out->header.size + out->data.size;
		if (!out->header.failed && !out->data.failed && !out->checksums.failed && n <= most) {
			put_length(file, out->header.size);
			memcpy(file + LENGTH, out->header.bytes, out->header.size);
			if (out->data.size > 0)
				memcpy(file + LENGTH + out->header.size, out->data.bytes, out->data.size);
			size = n;
		}
	}
	json_free(root);
	rewrite_free(out);
	return size;
}

/* ---- changing ------------------------------------------------------------------------------- */

/* Header or data; the length is right behind it. */
static size_t change(uint8_t *file, size_t size, size_t most, struct dice *dice)
{
	size_t length = header_size(file, size), data = LENGTH + length;
	if (size > data && dice_roll(dice, 4) == 0)
		return mutate_part(file, size, most, data, size, dice, mutate_bytes);
	size_t changed = mutate_part(file, size, most, LENGTH, data, dice, mutate_json);
	put_length(file, length + changed - size);
	return changed;
}

size_t mutate_safetensors(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct dice dice = dice_of(seed);
	struct rewrite rewrite = { .dice = &dice };
	if (size < LENGTH || most < LENGTH + 2 || dice_roll(&dice, 16) == 0)
		return LLVMFuzzerMutate(data, size, most);
	size = change(data, size, most, &dice);
	return dice_roll(&dice, 4) > 0 ? repair(data, size, most, &rewrite) : size;
}

size_t mutate_single(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct dice dice = dice_of(seed);
	struct rewrite rewrite = { .dice = &dice, .wants_checksums = dice_roll(&dice, 8) > 0 };
	if (size > 0 && data[0] == '{' && most > 0)
		return mutate_json(data, size, most, &dice);
	if (size < LENGTH || most < LENGTH + 2 || dice_roll(&dice, 16) == 0)
		return LLVMFuzzerMutate(data, size, most);
	if (dice_roll(&dice, 3) == 0)
		rewrite.changed = dice_roll(&dice, 3) > 0 ? "config" : "checksums";
	else
		size = change(data, size, most, &dice);
	/* Checksums that were changed stay so. */
	if (rewrite.changed != NULL && strcmp(rewrite.changed, "checksums") == 0)
		rewrite.wants_checksums = false;
	return dice_roll(&dice, 8) > 0 ? repair(data, size, most, &rewrite) : size;
}

/* ---- shards --------------------------------------------------------------------------------- */

/* A header, and before it the byte that is 1 more than the size of its data. */
static size_t repair_shard(uint8_t *shard, size_t size, size_t most, struct dice *dice)
{
	struct rewrite out = { .dice = dice, .old_data = shard };
	json *root = NULL;
	if (size > 1 && json_parse(&root, (char *)shard + 1, size - 1, "", NULL) == CLIPCLS_OK &&
	    json_is_object(root)) {
		write_file(&out, root);
		if (!out.header.failed && out.data.size < UINT8_MAX && 1 + out.header.size <= most) {
			shard[0] = (uint8_t)(out.data.size + 1);
			memcpy(shard + 1, out.header.bytes, out.header.size);
			size = 1 + out.header.size;
		}
	}
	json_free(root);
	rewrite_free(&out);
	return size;
}

size_t mutate_shards(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct dice dice = dice_of(seed);
	size = mutate_texts(data, size, most, seed);
	if (dice_roll(&dice, 3) == 0)
		return size;
	/* Behind the NUL that ends the index, and each that ends a shard. */
	const uint8_t *nul = memchr(data, '\0', size);
	while (nul != NULL) {
		size_t begin = (size_t)(nul - data) + 1;
		nul = memchr(data + begin, '\0', size - begin);
		size_t end = nul != NULL ? (size_t)(nul - data) : size, behind = size - end;
		size = mutate_part(data, size, most, begin, end, &dice, repair_shard);
		nul = behind > 0 ? data + size - behind : NULL;
	}
	return size;
}
