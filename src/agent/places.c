#include "agent/places.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

atomic_bool agent_stop;
static int stop_pipe = -1;

int
places_find(const struct invocation *in, struct places *p, struct err *e)
{
	const char *data = opt_get(in, "data"), *sock = opt_get(in, "socket");

	if (data != NULL && (data[0] == '\0' || strlen(data) >= sizeof(p->data)))
		return err_set(e, ERR_USAGE, "--data takes the name of a directory");
	if (sock != NULL && strlen(sock) >= sizeof(p->socket))
		return err_set(e, ERR_USAGE, "--socket takes the name of a socket");
	(void)snprintf(p->data, sizeof(p->data), "%s", data == NULL ? AGENT_DATA : data);
	(void)snprintf(p->priv, sizeof(p->priv), "%s/priv", p->data);
	(void)snprintf(p->net, sizeof(p->net), "%s/net", p->data);
	if (sock != NULL)
		(void)snprintf(p->socket, sizeof(p->socket), "%s", sock);
	else if (data != NULL)
		(void)snprintf(p->socket, sizeof(p->socket), "%s/priv.sock", p->data);
	else
		(void)snprintf(p->socket, sizeof(p->socket), "%s", AGENT_SOCKET);
	return 0;
}

int
places_make(const struct places *p, const char *sub, struct err *e)
{
	if (mkdir(p->data, 0711) != 0 && errno != EEXIST)
		return err_errno(e, "cannot make the directory %s", p->data);
	if (mkdir(sub, 0700) != 0 && errno != EEXIST)
		return err_errno(e, "cannot make the directory %s", sub);
	return 0;
}

int
number_option(const struct invocation *in, const char *name, uint64_t otherwise, uint64_t most,
    uint64_t *out, struct err *e)
{
	const char *text = opt_get(in, name);
	uint64_t n = otherwise;

	if (text != NULL && (!dec_u64(span_str(text), &n) || n > most))
		return err_set(e, ERR_USAGE, "--%s takes a number up to %llu", name, (unsigned long long)most);
	*out = n;
	return 0;
}

static void
on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	atomic_store(&agent_stop, true);
	/* Full: it is readable already. */
	if (write(stop_pipe, "", 1) < 0)
		errno = saved;
	errno = saved;
}

int
stop_on_signals(int *fd, struct err *e)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int p[2];

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_errno(e, "cannot make a pipe");
	stop_pipe = p[1];
	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(SIGTERM, &sa, NULL) != 0 || sigaction(SIGINT, &sa, NULL) != 0)
		return err_errno(e, "cannot catch signals");
	*fd = p[0];
	return 0;
}
