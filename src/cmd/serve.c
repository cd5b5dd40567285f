#include "cmd/serve.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"
#include "base/text.h"

bool
listen_parse(const char *text, struct listen_address *out)
{
	struct span all = span_str(text == NULL ? "127.0.0.1:4433" : text), address;
	uint64_t port;
	size_t colon = all.n;

	while (colon > 0 && all.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || !dec_u64(span_from(all, colon), &port) || port > UINT16_MAX)
		return false;
	address = span_head(all, colon - 1);
	if (address.p[0] == '[' && address.n > 2 && address.p[address.n - 1] == ']')
		address = span_of(address.p + 1, address.n - 2);
	else if (span_find(address, ':') < address.n)
		return false;	/* an IPv6 address needs its brackets */
	if (address.n >= sizeof(out->address))
		return false;
	(void)snprintf(out->address, sizeof(out->address), "%.*s", (int)address.n, (const char *)address.p);
	out->port = (unsigned short)port;
	return true;
}

static void
awaited(sigset_t *set, bool reload)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	if (reload)
		sigaddset(set, SIGHUP);
}

void
serve_block_signals(bool reload)
{
	sigset_t set;

	awaited(&set, reload);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int
serve_wait(bool reload)
{
	sigset_t set;
	int got;

	awaited(&set, reload);
	while (sigwait(&set, &got) != 0)
		continue;
	return got;
}
