/* The manual page and the completion scripts when memory is out. */
#include "failing.h"

#include "cli/manual/manual.h"

#include <string.h>

struct text {
	void (*print)(struct buffer *out);
	const char *end;
};

static clipcls_status print(const void *context, clipcls_error *error)
{
	const struct text *text = context;
	struct buffer out = { 0 };
	text->print(&out);
	bool failed = out.failed;
	if (!failed) /* whole, to its last line */
		assert_string_equal(out.bytes + out.size - strlen(text->end), text->end);
	buffer_free(&out);
	return failed ? error_memory(error) : CLIPCLS_OK;
}

static void texts_are_whole_or_failed(void **state)
{
	static const struct text page = { man_page, "accepting nothing but tensors.\n" };
	static const struct text bash = { completion_bash, "complete -F _clipcls clipcls\n" };
	static const struct text zsh = { completion_zsh, "compdef _clipcls clipcls\nfi\n" };
	static const struct text fish = { completion_fish, "'bash zsh fish'\n" };
	(void)state;
	expect_memory_errors("the page", print, &page);
	expect_memory_errors("bash", print, &bash);
	expect_memory_errors("zsh", print, &zsh);
	expect_memory_errors("fish", print, &fish);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_whole_or_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
