#include "agent/network.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "port/net/http_url.h"
#include "port/sandbox/sandbox.h"
#include "svc/log.h"

void
network_done(struct network *n)
{
	agent_free(n->agent);
	transport_https_free(n->transport);
}

/* Names of the server's address: what glibc's resolver reads, and our own directory. */
static int
confine(const struct invocation *in, const struct network *n, struct sandbox_state *s, struct err *e)
{
	const struct sandbox_path paths[] = {
		{ n->places.net, true }, { "/etc", false }, { "/usr/lib", false }, { "/lib", false }, { "/lib64", false },
		{ "/usr/share/zoneinfo", false }, { "/run/systemd/resolve", false }, { "/run/resolvconf", false },
		{ "/run/NetworkManager", false }, { "/proc/sys/kernel", false }, { "/dev/urandom", false }, { "/dev/null", true },
	};
	struct sandbox_network o = { .user = opt_get(in, "user"), .paths = paths,
	    .n_paths = sizeof(paths) / sizeof(paths[0]), .ports = { 53 } };
	int rc = 0;

	for (size_t i = 0; i < opt_count(in, "server") && rc == 0; i++) {
		struct http_url url;

		if ((rc = http_url_parse(opt_nth(in, "server", i), &url, e)) == 0)
			o.ports[i + 1] = url.port;
	}
	if (rc == 0)
		rc = sandbox_network(&o, s, e);
	if (rc == 0 && s->missing[0] != '\0')
		svc_log(LOG_LEVEL_WARNING, "sandbox: missing: %s", s->missing);
	return rc;
}

/* The directory belongs to whom the process will be.  What a link in its place points to is given
 * to nobody (CVE-2022-31250). */
static int
give_dir(const struct invocation *in, const struct network *n, struct err *e)
{
	const char *user = opt_get(in, "user");
	const struct passwd *p;
	int fd, rc;

	if (user == NULL || geteuid() != 0)
		return 0;
	if ((p = getpwnam(user)) == NULL)
		return err_set(e, ERR_USAGE, "there is no user %s", user);
	fd = open(n->places.net, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "cannot open the directory %s", n->places.net);
	rc = fchown(fd, p->pw_uid, p->pw_gid) == 0 ? 0 :
	    err_errno(e, "cannot give %s to user %s", n->places.net, user);
	(void)close(fd);
	return rc;
}

/* Before anything is opened: what was typed is the first thing to be wrong. */
static int
check_urls(const struct invocation *in, struct err *e)
{
	struct http_url url;
	int rc = 0;

	for (size_t i = 0; i < opt_count(in, "server") && rc == 0; i++)
		rc = http_url_parse(opt_nth(in, "server", i), &url, e);
	return rc;
}

int
network_open(const struct invocation *in, struct network *n, struct err *e)
{
	const char *urls[LIMIT_AGENT_SERVERS], *ca = opt_get(in, "server-ca");
	FILE_AUTO struct file ca_file = { 0 };
	struct transport_https_options t = { .urls = urls, .n_urls = opt_count(in, "server"),
	    .server_name = opt_get(in, "server-name") };
	struct agent_options o = { 0 };
	struct sandbox_state s = { 0 };
	int rc;

	if (t.n_urls == 0)
		return err_hint(e, err_set(e, ERR_USAGE, "no server is named"), "--server URL, or \"server = URL\" in " AGENT_CONFIG);
	for (size_t i = 0; i < t.n_urls && i < LIMIT_AGENT_SERVERS; i++)
		urls[i] = opt_nth(in, "server", i);
	if ((rc = check_urls(in, e)) != 0 || (rc = places_find(in, &n->places, e)) != 0)
		return rc;
	if ((rc = file_read(ca, LIMIT_SMALL_FILE, &ca_file, e)) != 0)
		return err_hint(e, rc, "that is whom the server's certificate is from: bring ca.pem of the server's directory there,"
		    " or name it with --server-ca");
	t.server_ca = file_view(&ca_file);
	if ((rc = transport_https_new(&t, &n->transport, e)) != 0 ||
	    (rc = places_make(&n->places, n->places.net, e)) != 0 || (rc = give_dir(in, n, e)) != 0)
		return rc;
	if (!opt_has(in, "no-sandbox") && (rc = confine(in, n, &s, e)) != 0)
		return rc;
	o.dir = n->places.net;
	o.priv_socket = n->places.socket;
	o.transport = transport_https(n->transport);
	o.landlock = s.landlock;
	o.seccomp = s.seccomp;
	return agent_new(&o, &n->agent, e);
}
