#include "agent/places.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What is there already is its maker's (RuntimeDirectory=), and left as it is. */
int
places_meet(const struct places *p, uid_t peer, struct err *e)
{
	const struct passwd *who = getpwuid(peer);

	if (strcmp(p->socket, AGENT_SOCKET) != 0 || (mkdir(AGENT_RUN, 0700) != 0 && errno == EEXIST))
		return 0;
	if (access(AGENT_RUN, F_OK) != 0 || (who != NULL && chown(AGENT_RUN, (uid_t)-1, who->pw_gid) != 0) ||
	    chmod(AGENT_RUN, 0750) != 0)
		return err_errno(e, "cannot make the directory %s", AGENT_RUN);
	return 0;
}

/* write() alone: in a signal's handler nothing else is safe. */
static void
on_hangup(int sig)
{
	static const char text[] = "assay-agent: SIGHUP changes nothing: settings are read at the start; restart to change them\n";
	int saved = errno;

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		errno = saved;
	errno = saved;
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
	struct sigaction sa = { .sa_handler = on_signal }, hup = { .sa_handler = on_hangup, .sa_flags = SA_RESTART };
	int p[2];

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_errno(e, "cannot make a pipe");
	stop_pipe = p[1];
	(void)sigemptyset(&sa.sa_mask);
	(void)sigemptyset(&hup.sa_mask);
	if (sigaction(SIGTERM, &sa, NULL) != 0 || sigaction(SIGINT, &sa, NULL) != 0 || sigaction(SIGHUP, &hup, NULL) != 0)
		return err_errno(e, "cannot catch signals");
	*fd = p[0];
	return 0;
}
