/* clipcls search: pictures ranked for texts and pictures. */
#include "cli/cli.h"
#include "base/clock.h"
#include "cli/collection/collection.h"
#include "cli/command/search_queries.h"
#include "cli/input/walk.h"
#include "cli/output/hits.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where pictures come from: index files as they are, and the pictures of this run. */
struct search {
	const struct options *options;
	struct options pictures; /* the same, but for index files among the operands */
	struct strings index_paths;
	struct session session;
	struct queries queries;
	clipcls_index **indexes; /* (index_paths.count) */
	struct collection collection;
	struct hits_output output;
};

/* A picture among those of one source. */
struct candidate {
	size_t source; /* the collection, which is 0, or an index */
	clipcls_hit hit;
};

static bool pictures_named(const struct search *search)
{
	return inputs_named(&search->pictures);
}

/* Tells index files from pictures. An index alone with --index is searched as it is. */
static bool sort_operands(struct search *search)
{
	const struct options *options = search->options;
	search->pictures = *options;
	search->pictures.operands = (struct strings){ 0 };
	for (size_t i = 0; i < options->operands.count; i++) {
		const char *path = options->operands.items[i];
		bool is_index = !walk_is_picture(path) && clipcls_index_recognise(path);
		if (!strings_add(is_index ? &search->index_paths : &search->pictures.operands, path))
			return false;
	}
	if (options->index != NULL && !pictures_named(search))
		return strings_add(&search->index_paths, options->index);
	return true;
}

static bool makes_sense(const struct search *search)
{
	const struct options *options = search->options;
	if (options->queries.count + options->pictures.count == 0) {
		complain("nothing to look for: --query TEXT or --query-image FILE says what");
		return false;
	}
	if (options->index != NULL && pictures_named(search) && !output_check_path(options->index))
		return false;
	return search->index_paths.count > 0 ? inputs_share_stdin(options) : inputs_make_sense(options);
}

static bool open_indexes(struct search *search)
{
	clipcls_error error = { 0 };
	size_t n = search->index_paths.count;
	search->indexes = calloc(n + 1, sizeof *search->indexes);
	clipcls_status status = search->indexes != NULL ? CLIPCLS_OK : memory_error(&error);
	for (size_t i = 0; status == CLIPCLS_OK && i < n; i++) {
		status = clipcls_index_open(&search->indexes[i], search->index_paths.items[i], &error);
		if (status == CLIPCLS_OK)
			status = clipcls_index_check(search->indexes[i], search->session.model, &error);
	}
	if (status != CLIPCLS_OK)
		complain_error(&error);
	return status == CLIPCLS_OK;
}

/* ---- sources -------------------------------------------------------------------------------- */

static size_t source_count(const struct search *search, size_t source)
{
	return source == 0 ? collection_count(&search->collection)
	                   : clipcls_index_count(search->indexes[source - 1]);
}

static const float *source_rows(const struct search *search, size_t source)
{
	return source == 0 ? collection_rows(&search->collection)
	                   : clipcls_index_embeddings(search->indexes[source - 1]);
}

static const char *source_path(const struct search *search, const struct candidate *candidate)
{
	size_t i = candidate->hit.index;
	return candidate->source == 0
	           ? collection_path(&search->collection, i)
	           : clipcls_index_entry(search->indexes[candidate->source - 1], i).path;
}

/* Whether what was read of the indexes holds. */
static clipcls_status sources_intact(const struct search *search, clipcls_error *error)
{
	clipcls_status status = collection_intact(&search->collection, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < search->index_paths.count; i++)
		status = clipcls_index_intact(search->indexes[i], error);
	return status;
}

static size_t limit(const struct search *search, size_t n)
{
	size_t k = search->options->top_k;
	return k > 0 && k < n ? k : n;
}

/* ---- searching ------------------------------------------------------------------------------ */

static int by_similarity(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->hit.similarity != y->hit.similarity)
		return x->hit.similarity > y->hit.similarity ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->hit.index < y->hit.index ? -1 : x->hit.index > y->hit.index;
}

/* all: (queries, total) candidates, each query's behind each other's; fills in what one source has,
 * from place `at` of each query on. */
static clipcls_status search_source(struct candidate *all, size_t total, size_t at,
                                    const struct search *search, size_t source,
                                    clipcls_error *error)
{
	size_t n = source_count(search, source), most = limit(search, n), Q = search->queries.count;
	clipcls_hit *hits = reallocarray(NULL, Q * most + 1, sizeof *hits);
	if (hits == NULL)
		return memory_error(error);
	clipcls_status status = clipcls_search(hits, search->session.model, source_rows(search, source),
	                                       n, search->queries.rows, Q, most, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < Q * most; i++)
		all[i / most * total + at + i % most] = (struct candidate){ source, hits[i] };
	free(hits);
	return status;
}

/* The best `total` candidates of a query. found: room for as many. */
static bool print_query(struct search *search, size_t query, struct candidate *candidates,
                        size_t total, struct found *found)
{
	size_t n = 0, shown = limit(search, total);
	double least = search->options->least_similarity;
	qsort(candidates, total, sizeof *candidates, by_similarity);
	for (; n < shown && candidates[n].hit.similarity >= least; n++)
		found[n] =
		    (struct found){ source_path(search, &candidates[n]), candidates[n].hit.similarity };
	return hits_print(&search->output, queries_kind(&search->queries, query),
	                  queries_name(&search->queries, search->options, query), found, n);
}

static enum exit_code search_all(struct search *search)
{
	size_t sources = 1 + search->index_paths.count, Q = search->queries.count, total = 0, at = 0;
	size_t pictures = 0;
	clipcls_error error = { 0 };
	double start = clock_seconds();
	enum exit_code code = EXIT_FATAL;
	for (size_t i = 0; i < sources; i++) {
		total += limit(search, source_count(search, i));
		pictures += source_count(search, i);
	}
	struct candidate *all = reallocarray(NULL, Q, (total + 1) * sizeof *all);
	struct found *found = reallocarray(NULL, total + 1, sizeof *found);
	clipcls_status status = all != NULL && found != NULL ? CLIPCLS_OK : memory_error(&error);
	for (size_t i = 0; status == CLIPCLS_OK && i < sources; i++) {
		status = search_source(all, total, at, search, i, &error);
		at += limit(search, source_count(search, i));
	}
	if (status == CLIPCLS_OK)
		status = sources_intact(search, &error);
	if (status != CLIPCLS_OK) {
		complain_error(&error);
		goto cleanup;
	}
	if (search->options->verbose)
		complain("%zu pictures searched in %.3f s", pictures, clock_seconds() - start);
	if (pictures == 0 && !search->options->quiet)
		complain("no pictures to search");
	bool good = hits_begin(&search->output);
	for (size_t q = 0; good && q < Q; q++)
		good = print_query(search, q, all + q * total, total, found);
	good = good && hits_end(&search->output);
	/* Paths are read as they are printed. */
	if (good && sources_intact(search, &error) != CLIPCLS_OK)
		complain_error(&error);
	else if (good)
		code = EXIT_DONE;
cleanup:
	free(all);
	free(found);
	return code;
}

static enum exit_code run(struct search *search)
{
	const struct options *options = search->options;
	clipcls_error error = { 0 };
	enum exit_code filled = EXIT_DONE;
	if (!queries_open(&search->queries, &search->session, options) || !open_indexes(search))
		return EXIT_FATAL;
	if (pictures_named(search)) {
		if (collection_open(&search->collection, &search->session, options->index, &error) !=
		    CLIPCLS_OK)
			return complain_error(&error);
		filled = collection_fill(&search->collection, &search->pictures);
		if (filled == EXIT_FATAL)
			return filled;
	}
	search->output = (struct hits_output){ .options = options,
		                                   .escape = isatty(STDOUT_FILENO),
		                                   .single = search->queries.count == 1 };
	enum exit_code searched = search_all(search);
	return searched == EXIT_DONE ? filled : searched;
}

enum exit_code command_search(const struct options *options)
{
	struct search search = { .options = options };
	enum exit_code code = EXIT_FATAL;
	if (sort_operands(&search) && makes_sense(&search))
		code = run(&search);
	hits_free(&search.output);
	collection_close(&search.collection);
	for (size_t i = 0; search.indexes != NULL && i < search.index_paths.count; i++)
		clipcls_index_free(search.indexes[i]);
	free(search.indexes);
	queries_free(&search.queries);
	free(search.index_paths.items);
	free(search.pictures.operands.items);
	session_close(&search.session);
	return code;
}
