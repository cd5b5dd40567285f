#include "svc/agent/priv_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Making an RSA endorsement key takes some TPMs a minute; a list of a million entries is
 * copied in seconds. */
#define SLOW_MS 180000

void
priv_client_close(struct priv_client *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

int
priv_connect(struct priv_client *c, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int rc;

	if (c->fd >= 0)
		return 0;
	if (strlen(c->path) >= sizeof(addr.sun_path))
		return err_set(e, ERR_LIMIT, "the name of a socket has at most %zu bytes", sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, c->path, strlen(c->path) + 1);
	if ((c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) < 0)
		return err_errno(e, "cannot make a socket");
	if (connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	rc = err_hint(e, err_errno(e, "cannot reach the privileged process at %s", c->path),
	    "start assay-agent priv (systemctl start assay-agent-priv)");
	priv_client_close(c);
	return rc;
}

/* One packet; ${*fd}: what came along. */
static int
receive(struct priv_client *c, unsigned ms, struct buf *packet, int *fd, struct err *e)
{
	union { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(int))]; } control;
	struct pollfd p = { c->fd, POLLIN, 0 };
	struct msghdr m = { .msg_control = &control, .msg_controllen = sizeof(control), .msg_iovlen = 1 };
	struct iovec v;
	struct cmsghdr *h;
	ssize_t n;
	int k;

	buf_zero(packet, LIMIT_PRIV_PACKET);
	if (packet->why != 0)
		return buf_done(packet, e);
	v = (struct iovec){ packet->p, packet->n };
	m.msg_iov = &v;
	do
		k = poll(&p, 1, (int)ms);
	while (k < 0 && errno == EINTR);
	if (k == 0)
		return err_set(e, ERR_IO, "the privileged process gave no answer in %u ms", ms);
	if ((n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC)) < 0)
		return err_errno(e, "cannot hear the privileged process");
	h = CMSG_FIRSTHDR(&m);
	if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
	    h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(h), sizeof(int));
	packet->n = (size_t)n;
	if (n == 0)
		return err_set(e, ERR_IO, "the privileged process hung up");
	return (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 ? 0 :
	    err_set(e, ERR_IO, "the privileged process sent too much");
}

static int
exchange(struct priv_client *c, enum priv_request number, struct span in, unsigned ms,
    struct buf *packet, int *fd, struct err *e)
{
	BUF_AUTO struct buf out = buf_init(LIMIT_PRIV_PACKET);
	int rc;

	priv_write(&out, number, 0);
	buf_span(&out, in);
	if ((rc = buf_done(&out, e)) != 0 || (rc = priv_connect(c, e)) != 0)
		return rc;
	if (send(c->fd, out.p, out.n, MSG_NOSIGNAL) < 0)
		return err_errno(e, "cannot ask the privileged process");
	return receive(c, ms, packet, fd, e);
}

int
priv_call(struct priv_client *c, enum priv_request number, struct span in, unsigned ms,
    struct buf *out, int *fd, struct err *e)
{
	BUF_AUTO struct buf packet = buf_init(LIMIT_PRIV_PACKET);
	struct span body;
	unsigned got;
	int code, came = -1, rc;

	if ((rc = exchange(c, number, in, ms, &packet, &came, e)) != 0) {
		priv_client_close(c);
	} else if (!priv_read(buf_view(&packet), &got, &code, &body) || got != (unsigned)number) {
		priv_client_close(c);
		rc = err_set(e, ERR_IO, "the privileged process is of another release");
	} else if (code != 0) {
		rc = err_set(e, code < 0 ? code : ERR_INTERNAL, "%.*s", (int)body.n, (const char *)body.p);
	} else {
		buf_span(out, body);
		rc = buf_done(out, e);
	}
	if (packet.p != NULL)
		explicit_bzero(packet.p, packet.cap);
	if (came >= 0 && (rc != 0 || fd == NULL))
		(void)close(came);
	else if (fd != NULL)
		*fd = came;
	return rc;
}

static int
wrong(struct err *e)
{
	return err_set(e, ERR_FORMAT, "the privileged process's answer cannot be read");
}

int
priv_ask_ek(struct priv_client *c, struct priv_ek *ek, struct err *e)
{
	struct rd r;
	uint16_t kind, n;
	int rc = priv_call(c, PRIV_EK, span_of(NULL, 0), SLOW_MS, &ek->bytes, NULL, e);

	if (rc != 0)
		return rc;
	r = rd_init(buf_view(&ek->bytes));
	if (!(rd_le16(&r, &kind) && rd_le16(&r, &n) && rd_le16_span(&r, LIMIT_TPM_PUBLIC, &ek->public)) ||
	    n > LIMIT_ATTEST_CHAIN)
		return wrong(e);
	for (ek->n_certs = 0; ek->n_certs < n; ek->n_certs++)
		if (!rd_le16_span(&r, LIMIT_EK_CERT, &ek->certs[ek->n_certs]))
			return wrong(e);
	return rd_end(&r) ? 0 : wrong(e);
}

static bool
read_certs(struct rd *r, struct span *v, size_t *n)
{
	uint16_t count;

	if (!rd_le16(r, &count) || count > LIMIT_ATTEST_CHAIN)
		return false;
	for (*n = 0; *n < count; (*n)++)
		if (!rd_le16_span(r, LIMIT_EK_CERT, &v[*n]))
			return false;
	return true;
}

int
priv_ask_device(struct priv_client *c, struct priv_device *d, struct err *e)
{
	struct rd r;
	int rc = priv_call(c, PRIV_DEVICE, span_of(NULL, 0), SLOW_MS, &d->bytes, NULL, e);

	if (rc != 0)
		return rc;
	r = rd_init(buf_view(&d->bytes));
	return read_certs(&r, d->iak, &d->n_iak) && read_certs(&r, d->idevid, &d->n_idevid) && rd_end(&r) ? 0 : wrong(e);
}

int
priv_ask_activate(struct priv_client *c, struct span credential, struct span secret, struct buf *out,
    struct err *e)
{
	BUF_AUTO struct buf in = buf_init(3 * LIMIT_TPM_CREDENTIAL);
	int rc;

	buf_le16(&in, (uint16_t)credential.n);
	buf_span(&in, credential);
	buf_le16(&in, (uint16_t)secret.n);
	buf_span(&in, secret);
	if ((rc = buf_done(&in, e)) != 0)
		return rc;
	return priv_call(c, PRIV_ACTIVATE, buf_view(&in), SLOW_MS, out, NULL, e);
}

int
priv_ask_quote(struct priv_client *c, struct span nonce, struct priv_quote *q, struct err *e)
{
	struct rd r;
	int rc = priv_call(c, PRIV_QUOTE, nonce, SLOW_MS, &q->bytes, NULL, e);

	if (rc != 0)
		return rc;
	r = rd_init(buf_view(&q->bytes));
	return rd_le16_span(&r, LIMIT_ATTEST_CERT, &q->attest) && rd_le16_span(&r, LIMIT_ATTEST_CERT, &q->signature) &&
	    rd_le16_span(&r, LIMIT_ATTEST_CERT, &q->pcrs) && rd_end(&r) ? 0 : wrong(e);
}

/* A sealed file that came along, as memory.  An empty one cannot be mapped. */
static int
map_file(int fd, uint64_t bytes, struct file *f, struct err *e)
{
	struct stat st;
	void *p = NULL;
	int rc = 0;

	if (fd < 0 || fstat(fd, &st) != 0 || (uint64_t)st.st_size != bytes)
		rc = wrong(e);
	else if (bytes > 0 && (p = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
		rc = err_errno(e, "cannot map a file in memory");
	else
		*f = (struct file){ .p = p, .n = (size_t)bytes, .mapped = bytes > 0 };
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

int
priv_ask_list(struct priv_client *c, uint64_t from, struct priv_list_part *l, struct err *e)
{
	BUF_AUTO struct buf in = buf_init(8);
	BUF_AUTO struct buf out = buf_init(64);
	uint64_t bytes;
	struct rd r;
	int rc, fd = -1;

	buf_le64(&in, from);
	if ((rc = priv_call(c, PRIV_LIST, buf_view(&in), SLOW_MS, &out, &fd, e)) != 0)
		return rc;
	r = rd_init(buf_view(&out));
	if (!(rd_le64(&r, &l->from) && rd_le64(&r, &l->count) && rd_le64(&r, &l->total) && rd_le64(&r, &bytes) &&
	    rd_end(&r)) || bytes > LIMIT_ATTEST_LIST) {
		if (fd >= 0)
			(void)close(fd);
		return wrong(e);
	}
	return map_file(fd, bytes, &l->records, e);
}

int
priv_ask_watch(struct priv_client *c, uint64_t stamp, unsigned ms, uint64_t *now, struct err *e)
{
	BUF_AUTO struct buf in = buf_init(12);
	BUF_AUTO struct buf out = buf_init(64);
	struct rd r;
	int rc;

	buf_le64(&in, stamp);
	buf_le32(&in, ms);
	if ((rc = priv_call(c, PRIV_WATCH, buf_view(&in), ms + SLOW_MS, &out, NULL, e)) != 0)
		return rc;
	r = rd_init(buf_view(&out));
	return rd_le64(&r, now) && rd_end(&r) ? 0 : wrong(e);
}

int
priv_ask_event_log(struct priv_client *c, struct file *log, struct err *e)
{
	BUF_AUTO struct buf out = buf_init(64);
	uint64_t bytes;
	struct rd r;
	int rc, fd = -1;

	if ((rc = priv_call(c, PRIV_EVENT_LOG, span_of(NULL, 0), SLOW_MS, &out, &fd, e)) != 0)
		return rc;
	r = rd_init(buf_view(&out));
	if (!(rd_le64(&r, &bytes) && rd_end(&r)) || bytes > LIMIT_EVENT_LOG) {
		if (fd >= 0)
			(void)close(fd);
		return wrong(e);
	}
	return map_file(fd, bytes, log, e);
}
