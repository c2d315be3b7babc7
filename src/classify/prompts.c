#include "classify/prompts.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Rows of one pass through the text tower: enough for the products to run well. */
#define MOST_ROWS 512
/* From so many tokens on, putting the tower's weights where kernels read them fastest pays: some
 * hundred prompts. */
#define SETTLED_FROM 4096

static size_t pooled_position(const struct text_config *config, const int32_t *ids, size_t count)
{
	size_t position = 0;
	switch (config->pooling) {
	case POOLING_ARGMAX:
		for (size_t i = 1; i < count; i++)
			if (ids[i] > ids[position])
				position = i;
		break;
	case POOLING_END_TOKEN:
		while (position < count && ids[position] != config->eos_token_id)
			position++;
		if (position == count)
			position = 0;
		break;
	case POOLING_FIRST: break;
	case POOLING_LAST: position = count - 1; break;
	}
	return position;
}

/* Fills the context up. */
static clipcls_status pad(int32_t *ids, size_t *count, const struct text_config *config,
                          clipcls_error *error)
{
	size_t padding = config->context_length - *count;
	int32_t *padded = config->pad_left ? ids : ids + *count;
	if (padding > 0 && (size_t)config->pad_token_id >= config->vocab_size)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "the padding token %d is beyond the text tower's vocab_size %zu",
		                 (int)config->pad_token_id, config->vocab_size);
	if (config->pad_left)
		memmove(ids + padding, ids, *count * sizeof *ids);
	for (size_t i = 0; i < padding; i++)
		padded[i] = config->pad_token_id;
	*count = config->context_length;
	return CLIPCLS_OK;
}

clipcls_status prompt_list_add(struct prompt_list *list, const clipcls_model *model,
                               const char *text, clipcls_error *error)
{
	const struct text_config *config = &checkpoint_config(model->checkpoint)->text;
	size_t count, room;
	if (!size_add(list->id_count, config->context_length, &room))
		return error_memory(error);
	int32_t *ids = memory_grow(list->ids, &list->id_capacity, room, sizeof *ids);
	if (ids != NULL)
		list->ids = ids;
	struct prompt_place *places =
	    memory_grow(list->places, &list->capacity, list->count + 1, sizeof *places);
	if (places != NULL)
		list->places = places;
	if (ids == NULL || places == NULL)
		return error_memory(error);
	int32_t *own = list->ids + list->id_count;
	clipcls_status status = tokenizer_encode(model->tokenizer, own, &count, text, strlen(text),
	                                         config->context_length, error);
	if (status != CLIPCLS_OK)
		return status;
	if (config->attention == TEXT_ATTENTION_CONTEXT)
		status = pad(own, &count, config, error);
	else if (count == 0)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "a prompt has no tokens");
	if (status != CLIPCLS_OK)
		return status;
	size_t pooled = pooled_position(config, own, count);
	count = config->attention == TEXT_ATTENTION_CAUSAL ? pooled + 1 : count;
	list->places[list->count++] = (struct prompt_place){ list->id_count, count, pooled };
	list->id_count += count;
	return CLIPCLS_OK;
}

void prompt_list_free(struct prompt_list *list)
{
	free(list->ids);
	free(list->places);
	*list = (struct prompt_list){ 0 };
}

/* One pass: rows, the prompts in them, their embeddings. */
struct pass {
	struct prompt_rows rows;
	size_t prompts;    /* taken from the sorted order */
	uint32_t *end_of;  /* (prompts) */
	float *embeddings; /* (rows.end_count, E) */
	struct arena arena;
};

struct embed_job {
	const struct text_tower *tower;
	struct pass *passes; /* (threads) */
};

static void pass_free(struct pass *pass)
{
	prompt_rows_free(&pass->rows);
	free(pass->end_of);
	free(pass->embeddings);
	pass->end_of = NULL;
	pass->embeddings = NULL;
}

static clipcls_status pass_build(struct pass *pass, const struct prompt *prompts,
                                 const size_t *order, size_t n, size_t max_rows,
                                 const struct model_config *config, clipcls_error *error)
{
	const prompt_rows_fn build = config->text.attention == TEXT_ATTENTION_CAUSAL
	                                 ? prompt_trie_build
	                                 : prompt_sequences_build;
	size_t E = config->projection_dim;
	pass->end_of = memory_new(n, sizeof *pass->end_of);
	if (pass->end_of == NULL)
		return error_memory(error);
	clipcls_status status =
	    build(&pass->rows, &pass->prompts, pass->end_of, prompts, order, n, max_rows, error);
	if (status != CLIPCLS_OK)
		return status;
	pass->embeddings = memory_new(pass->rows.end_count, E * sizeof *pass->embeddings);
	return pass->embeddings == NULL ? error_memory(error) : CLIPCLS_OK;
}

static void run_pass(void *context, size_t task, size_t worker)
{
	const struct embed_job *job = context;
	struct pass *pass = &job->passes[task];
	(void)worker;
	text_tower_forward(pass->embeddings, &pass->rows, job->tower, &pass->arena, NULL);
}

static void take_pass(const struct pass *pass, const size_t *order, size_t E, prompt_fn take,
                      void *user)
{
	for (size_t i = 0; i < pass->prompts; i++)
		take(user, order[i], pass->embeddings + pass->end_of[i] * E);
}

/* Encodes the sorted prompts, `threads` passes side by side. */
static clipcls_status embed_sorted(const struct prompt *prompts, const size_t *order, size_t n,
                                   size_t max_rows, clipcls_model *model, struct pass *passes,
                                   prompt_fn take, void *user, clipcls_error *error)
{
	size_t E = clipcls_model_embedding_size(model), threads = pool_threads(model->pool);
	struct embed_job job = { .tower = model->text_tower, .passes = passes };
	clipcls_status status = CLIPCLS_OK;
	for (size_t done = 0; status == CLIPCLS_OK && done < n;) {
		size_t count = 0, next = done;
		while (status == CLIPCLS_OK && count < threads && next < n) {
			status = pass_build(&passes[count], prompts, order + next, n - next, max_rows,
			                    checkpoint_config(model->checkpoint), error);
			next += passes[count++].prompts;
		}
		/* A lone pass is shared by all threads instead. */
		if (status == CLIPCLS_OK && count == 1)
			text_tower_forward(passes[0].embeddings, &passes[0].rows, model->text_tower,
			                   &passes[0].arena, model->pool);
		else if (status == CLIPCLS_OK)
			pool_run(model->pool, count, run_pass, &job);
		for (size_t i = 0; i < count; i++) {
			if (status == CLIPCLS_OK) {
				take_pass(&passes[i], order + done, E, take, user);
				done += passes[i].prompts;
			}
			pass_free(&passes[i]);
		}
	}
	return status;
}

/* prompts, order: (list->count), become the list's prompts and the order of their passes. */
static clipcls_status sort_prompts(struct prompt *prompts, size_t *order,
                                   const struct prompt_list *list, const struct text_config *config,
                                   clipcls_error *error)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct prompt_place *place = &list->places[i];
		prompts[i] = (struct prompt){ list->ids + place->start, place->count, place->pooled };
	}
	return config->attention == TEXT_ATTENTION_CAUSAL
	           ? prompt_sort(order, prompts, list->count, error)
	           : prompt_sort_by_length(order, prompts, list->count, error);
}

clipcls_status prompt_list_embed(const struct prompt_list *list, clipcls_model *model,
                                 prompt_fn take, void *user, clipcls_error *error)
{
	size_t n = list->count, threads = pool_threads(model->pool);
	const struct text_config *config = &checkpoint_config(model->checkpoint)->text;
	struct prompt *prompts = memory_new(n, sizeof *prompts);
	size_t *order = memory_new(n, sizeof *order);
	struct pass *passes = memory_new(threads, sizeof *passes);
	clipcls_status status = CLIPCLS_OK;
	if (prompts == NULL || order == NULL || passes == NULL) {
		status = error_memory(error);
		goto cleanup;
	}
	size_t max_rows = size_max(MOST_ROWS, config->context_length);
	size_t scratch = text_tower_scratch(model->text_tower, max_rows, threads);
	for (size_t i = 0; status == CLIPCLS_OK && i < threads; i++)
		status = arena_init(&passes[i].arena, scratch, error);
	if (status == CLIPCLS_OK && list->id_count >= SETTLED_FROM)
		text_tower_settle(model->text_tower, model->pool);
	if (status == CLIPCLS_OK)
		status = sort_prompts(prompts, order, list, config, error);
	if (status == CLIPCLS_OK)
		status = embed_sorted(prompts, order, n, max_rows, model, passes, take, user, error);
	if (status == CLIPCLS_OK)
		status = checkpoint_intact(model->checkpoint, error);
cleanup:
	for (size_t i = 0; passes != NULL && i < threads; i++)
		arena_free(&passes[i].arena);
	free(passes);
	free(order);
	free(prompts);
	return status;
}

struct copy_job {
	float *out;
	size_t E;
};

static void copy_embedding(void *user, size_t prompt, const float *embedding)
{
	const struct copy_job *job = user;
	memcpy(job->out + prompt * job->E, embedding, job->E * sizeof *embedding);
}

clipcls_status clipcls_embed_texts(clipcls_model *model, const char *const *texts, size_t n,
                                   float *out, clipcls_error *error)
{
	struct prompt_list list = { 0 };
	struct copy_job job = { .out = out, .E = clipcls_model_embedding_size(model) };
	clipcls_status status = model_need_texts(model, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < n; i++)
		status = prompt_list_add(&list, model, texts[i], error);
	if (status == CLIPCLS_OK)
		status = prompt_list_embed(&list, model, copy_embedding, &job, error);
	prompt_list_free(&list);
	return status;
}
