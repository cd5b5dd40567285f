#include "cmd/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t asked_to_stop;

static void
on_signal(int sig)
{
	(void)sig;
	asked_to_stop = 1;
}

void
interrupt_catch(void)
{
	struct sigaction sa = { .sa_handler = on_signal };	/* without SA_RESTART */

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
}

bool
interrupted(void)
{
	return asked_to_stop != 0;
}
