#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

/* Set by the handler, which can reach nothing else. */
static volatile sig_atomic_t asked;

static void ask(int number)
{
	asked = number;
}

void interrupt_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM };
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct sigaction old, action = { .sa_handler = ask, .sa_flags = SA_RESETHAND | SA_RESTART };
		/* One that is ignored stays so: the parent wants it. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

bool interrupt_asked(void)
{
	return asked != 0;
}

void interrupt_end(void)
{
	if (asked == 0)
		return;
	signal(asked, SIG_DFL);
	raise(asked);
}
