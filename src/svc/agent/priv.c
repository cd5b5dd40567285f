/* priv.c: the loop: who may speak, what a packet must be, one answer for each. */
#include "svc/agent/priv_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "svc/log.h"

#define STAGE_EVERY_MS 10000

enum when { ALWAYS, ONCE };

static const struct {
	enum when when;
	size_t least, most;
	priv_handler *handle;
} requests[] = {
#define REQUEST(number, sym, name, when, least, most) [number] = { when, least, most, priv_handle_##sym },
#include "svc/agent/priv_requests.tbl"
#undef REQUEST
};
#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

uint64_t
priv_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
put_out(struct peer *peer)
{
	if (peer->fd >= 0)
		(void)close(peer->fd);
	*peer = (struct peer){ .fd = -1 };
}

/* A peer that does not take its answer at once has no more. */
static void
send_answer(struct peer *peer, unsigned number, int code, const struct answer *a)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_PRIV_PACKET);
	union { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	struct iovec v;
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	priv_write(&b, number, code);
	buf_span(&b, buf_view(&a->body));
	if (b.why != 0) {
		put_out(peer);
		return;
	}
	v = (struct iovec){ b.p, b.n };
	if (a->fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &a->fd, sizeof(int));
	}
	if (sendmsg(peer->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		put_out(peer);
}

static void
send_error(struct peer *peer, unsigned number, const struct err *e)
{
	struct answer a = { .body = buf_init(LIMIT_PRIV_PACKET), .fd = -1 };

	buf_str(&a.body, e->message);
	send_answer(peer, number, e->code, &a);
	buf_free(&a.body);
}

/* Something that no network process of ours sends. */
static void
refuse(struct peer *peer, unsigned number, const char *why)
{
	struct err e = { 0 };

	svc_log(LOG_LEVEL_WARNING, "a peer was put out: request %u (%s): %s", number, priv_request_name(number), why);
	(void)err_set(&e, ERR_USAGE, "%s", why);
	send_error(peer, number, &e);
	put_out(peer);
}

static const char *
fault_of(const struct peer *peer, unsigned number, int code, struct span body)
{
	if (number >= REQUESTS || requests[number].handle == NULL)
		return "there is no such request";
	if (code != 0)
		return "a request has no error";
	if (body.n < requests[number].least || body.n > requests[number].most)
		return "the body has not the size that this request has";
	if (requests[number].when == ONCE && (peer->asked & 1u << number) != 0)
		return "this may be asked once";
	if (peer->watching)
		return "a request is being answered";
	return NULL;
}

static void
serve(struct priv *p, struct peer *peer, struct span packet)
{
	struct answer a = { .body = buf_init(LIMIT_PRIV_PACKET), .fd = -1 };
	struct err e = { 0 };
	const char *fault;
	struct span body;
	unsigned number = 0;
	int code, rc;

	if (!priv_read(packet, &number, &code, &body)) {
		refuse(peer, 0, "not a packet of this version");
		return;
	}
	if ((fault = fault_of(peer, number, code, body)) != NULL) {
		refuse(peer, number, fault);
		return;
	}
	/* What may be asked once counts when it was asked, not when it went well. */
	peer->asked |= requests[number].when == ONCE ? 1u << number : 0;
	rc = requests[number].handle(p, peer, body, &a, &e);
	if (rc == 0 && (rc = buf_done(&a.body, &e)) == 0) {
		peer->asked |= 1u << number;
		if (!peer->watching)
			send_answer(peer, number, 0, &a);
	} else {
		svc_log_err(rc == ERR_UNSUPPORTED || number == PRIV_EVENT_LOG || number == PRIV_IMA_POLICY ?
		    LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, priv_request_name(number), &e);
		send_error(peer, number, &e);
	}
	/* Others may want the TPM; and a secret shall not stay in memory. */
	if (p->tpm != NULL)
		tpm_release(p->tpm);
	if (a.body.p != NULL)
		explicit_bzero(a.body.p, a.body.n);
	buf_free(&a.body);
	if (a.fd >= 0)
		(void)close(a.fd);
}

static void
receive(struct priv *p, struct peer *peer)
{
	uint8_t packet[PRIV_HEADER + 2 * LIMIT_TPM_CREDENTIAL + 1];
	/* MSG_TRUNC: the packet's own size.  Without room for them, the kernel drops passed
	 * descriptors. */
	ssize_t n = recv(peer->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		put_out(peer);
	else if ((size_t)n >= sizeof(packet))
		refuse(peer, 0, "a packet larger than any request");
	else
		serve(p, peer, span_of(packet, (size_t)n));
}

static void
welcome(struct priv *p)
{
	struct ucred who = { 0 };
	socklen_t n = sizeof(who);
	size_t i = 0;
	int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	while (i < PRIV_PEERS && p->peers[i].fd >= 0)
		i++;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || (who.uid != p->o->peer && who.uid != 0)) {
		svc_log(LOG_LEVEL_WARNING, "user %u (process %d) may not ask here", (unsigned)who.uid, (int)who.pid);
	} else if (i == PRIV_PEERS) {
		svc_log(LOG_LEVEL_WARNING, "over %d peers at a time", PRIV_PEERS);
	} else {
		p->peers[i] = (struct peer){ .fd = fd };
		return;
	}
	(void)close(fd);
}

/* The place of the kernel's files: securityfs/integrity/ima, of which ima is a link. */
static bool
ima_file(const struct priv *p, const char *name, struct buf *path)
{
	static const char *const dirs[] = { "integrity/ima", "ima" };
	struct stat st;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		path->n = 0;
		buf_printf(path, "%s/%s/%s", p->o->securityfs, dirs[i], name);
		if (path->why == 0 && stat(buf_cstr(path), &st) == 0)
			return true;
	}
	return false;
}

/* Which list: the kernel's, unless its policy measures nothing (the list has no entry but
 * boot_aggregate) and there is another. */
static bool
take_kernel(const struct priv *p, const struct buf *count)
{
	char text[32] = "";
	ssize_t n;
	int fd;

	if (p->o->list != PRIV_LIST_AUTO || p->o->monitor_list == NULL)
		return p->o->list != PRIV_LIST_MONITOR;
	fd = open((const char *)count->p, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	return n > 0 && strtoull(text, NULL, 10) > 1;
}

int
priv_list(struct priv *p, struct err *e)
{
	BUF_AUTO struct buf file = buf_init(LIMIT_PATH), count = buf_init(LIMIT_PATH);
	BUF_AUTO struct buf staged = buf_init(LIMIT_PATH), spool = buf_init(LIMIT_PATH);
	struct list_options o = { .boot_id = p->boot_id, .stage_at = p->o->stage_at };
	bool kernel;
	int rc;

	if (p->list != NULL)
		return 0;
	kernel = ima_file(p, "binary_runtime_measurements", &file) && ima_file(p, "runtime_measurements_count", &count);
	if (kernel && take_kernel(p, &count)) {
		o.file = buf_cstr(&file);
		o.count_file = buf_cstr(&count);
		buf_printf(&staged, "%s_sha1_staged", o.file);
		o.staged_file = buf_cstr(&staged);
		buf_printf(&spool, "%s/spool", p->o->dir);
		o.spool_dir = buf_cstr(&spool);
		p->list_kind = "kernel";
	} else if (p->o->monitor_list != NULL) {
		o.file = p->o->monitor_list;
		p->list_kind = "monitor";
	} else {
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "there is no measurement list in %s", p->o->securityfs),
		    "boot a kernel with CONFIG_IMA, or let the agent's monitor run");
	}
	if ((rc = buf_done(&staged, e)) != 0 || (rc = buf_done(&spool, e)) != 0 || (rc = list_open(&o, &p->list, e)) != 0)
		p->list_kind = "none";
	return rc;
}

static int
listen_on(struct priv *p, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = p->o->socket;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(e, ERR_LIMIT, "the name of a socket has at most %zu bytes", sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	p->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->listener < 0)
		return err_errno(e, "cannot make a socket");
	/* The lock says that whoever made an old one is gone. */
	(void)unlink(path);
	if (bind(p->listener, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return err_errno(e, "cannot make the socket %s", path);
	/* Without CAP_CHOWN it is for our group, in which the peer is; who connects is seen anyway. */
	if (chmod(path, 0600) != 0 || (p->o->peer != geteuid() && chown(path, p->o->peer, (gid_t)-1) != 0 &&
	    (errno != EPERM || chmod(path, 0660) != 0)))
		return err_errno(e, "cannot give the socket %s to user %u", path, (unsigned)p->o->peer);
	if (listen(p->listener, PRIV_PEERS) != 0)
		return err_errno(e, "cannot listen on %s", path);
	return 0;
}

static int
make_dirs(struct priv *p, struct err *e)
{
	BUF_AUTO struct buf ak = buf_init(LIMIT_PATH);
	int rc;

	buf_printf(&ak, "%s/ak", p->o->dir);
	if ((rc = buf_done(&ak, e)) != 0)
		return rc;
	if ((mkdir(p->o->dir, 0700) != 0 && errno != EEXIST) || (mkdir(buf_cstr(&ak), 0700) != 0 && errno != EEXIST) ||
	    chmod(buf_cstr(&ak), 0700) != 0)
		return err_errno(e, "cannot make the directory %s", buf_cstr(&ak));
	if ((p->dir_lock = open(p->o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_errno(e, "cannot open the directory %s", p->o->dir);
	if (flock(p->dir_lock, LOCK_EX | LOCK_NB) != 0)
		return err_hint(e, err_errno(e, "%s is in use", p->o->dir), "another agent runs with this directory");
	return 0;
}

int
priv_open(const struct priv_options *o, struct priv **out, struct err *e)
{
	PRIV_AUTO struct priv *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return err_set(e, ERR_NOMEM, "no memory for the agent");
	p->o = o;
	p->listener = p->dir_lock = -1;
	p->list_kind = "none";
	for (size_t i = 0; i < PRIV_PEERS; i++)
		p->peers[i].fd = -1;
	facts_boot_id(o->root, p->boot_id);
	if ((rc = make_dirs(p, e)) != 0 || (rc = listen_on(p, e)) != 0)
		return rc;
	*out = p;
	p = NULL;	/* transferred */
	return 0;
}

void
priv_close(struct priv *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < PRIV_PEERS; i++)
		put_out(&p->peers[i]);
	if (p->listener >= 0) {
		(void)close(p->listener);
		(void)unlink(p->o->socket);
	}
	list_close(p->list);
	tpm_ak_free(&p->ak);
	tpm_close(p->tpm);
	if (p->dir_lock >= 0)
		(void)close(p->dir_lock);
	free(p);
}

/* Those who watch, and the kernel's list if it has to be trimmed. */
static void
tick(struct priv *p)
{
	struct answer a = { .body = buf_init(64), .fd = -1 };
	struct err e = { 0 };
	uint64_t stamp = 0, now = priv_now_ms();
	int rc = p->list == NULL ? ERR_IO : list_stamp(p->list, &stamp, &e);

	for (size_t i = 0; i < PRIV_PEERS; i++) {
		struct peer *peer = &p->peers[i];

		if (!peer->watching || (rc == 0 && stamp == peer->stamp && now < peer->until_ms))
			continue;
		peer->watching = false;
		if (rc != 0) {
			send_error(peer, PRIV_WATCH, &e);
			continue;
		}
		a.body.n = 0;
		buf_le64(&a.body, stamp);
		send_answer(peer, PRIV_WATCH, 0, &a);
	}
	buf_free(&a.body);
	if (p->list != NULL && p->o->stage_at != 0 && now - p->staged_ms >= STAGE_EVERY_MS) {
		p->staged_ms = now;
		if (list_stage(p->list, &e) != 0)
			svc_log_err(LOG_LEVEL_WARNING, "measurement list", &e);
	}
}

static bool
anybody_watches(const struct priv *p)
{
	for (size_t i = 0; i < PRIV_PEERS; i++)
		if (p->peers[i].watching)
			return true;
	return false;
}

static void
serve_monitor(const struct priv *p)
{
	struct err e = { 0 };

	if (p->o->monitor.service(p->o->monitor.arg, &e) != 0)
		svc_log_err(LOG_LEVEL_WARNING, "monitor", &e);
	if (p->tpm != NULL)
		tpm_release(p->tpm);
}

int
priv_run(struct priv *p, int stop_fd, struct err *e)
{
	const struct priv_monitor *m = &p->o->monitor;

	for (;;) {
		struct pollfd f[3 + PRIV_PEERS] = { { stop_fd, POLLIN, 0 }, { p->listener, POLLIN, 0 },
		    { m->fd == NULL ? -1 : m->fd(m->arg), POLLIN, 0 } };
		int wait = anybody_watches(p) ? PRIV_WATCH_MS : p->o->tick != NULL ? PRIV_TICK_MS :
		    p->o->stage_at != 0 ? STAGE_EVERY_MS : -1;

		for (size_t i = 0; i < PRIV_PEERS; i++)
			f[3 + i] = (struct pollfd){ p->peers[i].fd, POLLIN, 0 };
		if (poll(f, sizeof(f) / sizeof(f[0]), wait) < 0 && errno != EINTR)
			return err_errno(e, "cannot wait for requests");
		if (f[0].revents != 0)
			return 0;
		if (f[2].revents != 0)
			serve_monitor(p);
		for (size_t i = 0; i < PRIV_PEERS; i++)
			if (f[3 + i].revents != 0 && p->peers[i].fd >= 0)
				receive(p, &p->peers[i]);
		if (f[1].revents != 0)
			welcome(p);
		tick(p);
		if (p->o->tick != NULL)
			p->o->tick(p->o->tick_arg);
	}
}
