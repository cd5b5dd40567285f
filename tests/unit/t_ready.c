/* A service says that it is ready to whom the environment names, by a path or an abstract
 * name; it runs on where nobody asked, and where nobody hears. */
#include "svc/ready.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/tap.h"

/* Who listens at ${name}, with @ for the first byte of an abstract name. */
static int
listen_at(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", name);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	if (bind(fd, (const struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void
hears(const char *name, const char *what)
{
	char text[64] = "";
	int fd = listen_at(name);

	(void)setenv("NOTIFY_SOCKET", name, 1);
	svc_ready();
	ok(fd >= 0 && recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) == 7 && strcmp(text, "READY=1") == 0, "%s", what);
	if (fd >= 0)
		(void)close(fd);
}

int
main(void)
{
	char dir[] = "/tmp/assay-ready.XXXXXX", path[64], abstract[64];

	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/notify", dir);
	(void)snprintf(abstract, sizeof(abstract), "@%s", dir);
	hears(path, "a socket with a name");
	(void)unlink(path);
	hears(abstract, "an abstract one");
	svc_ready();
	ok(true, "nobody hears");
	(void)setenv("NOTIFY_SOCKET", "nonsense", 1);
	svc_ready();
	ok(true, "no socket at all");
	(void)unsetenv("NOTIFY_SOCKET");
	svc_ready();
	ok(true, "nobody asked");
	(void)rmdir(dir);
	return done();
}
