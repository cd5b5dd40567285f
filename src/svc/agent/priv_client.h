/* priv_client.h: the network process's side of priv.h: one request, one answer.
 *
 * The other side is trusted more than this one, but its answers are parsed like anything
 * else.  After an error of the connection (ERR_IO) the client is closed and the next call
 * connects again; an error that the other side sent comes as it is.
 */
#ifndef SVC_AGENT_PRIV_CLIENT_H
#define SVC_AGENT_PRIV_CLIENT_H

#include "base/file.h"
#include "base/limits.h"
#include "svc/agent/priv_wire.h"

struct priv_client {
	const char *path;	/* borrowed */
	int fd;			/* -1: not connected */
};

static inline struct priv_client
priv_client_init(const char *path)
{
	return (struct priv_client){ path, -1 };
}
void priv_client_close(struct priv_client *c);

/** priv_connect(c, e): Connect if that is not so; calls do it too. */
MUST_CHECK int priv_connect(struct priv_client *c, struct err *e);

/** priv_call(c, number, in, ms, out, fd, e): ${fd} (may be NULL): the descriptor that came
 * along, or -1; the caller's.  ${out} gets the body appended. */
MUST_CHECK int priv_call(struct priv_client *c, enum priv_request number, struct span in,
    unsigned ms, struct buf *out, int *fd, struct err *e);

/* What enrolling needs; spans point into ${bytes}. */
struct priv_ek {
	struct buf bytes;
	struct span public;
	struct span certs[LIMIT_ATTEST_CHAIN];
	size_t n_certs;
};
/* A maker's certificates; n 0: there are none.  Spans point into ${bytes}. */
struct priv_device {
	struct buf bytes;
	struct span iak[LIMIT_ATTEST_CHAIN], idevid[LIMIT_ATTEST_CHAIN];
	size_t n_iak, n_idevid;
};
MUST_CHECK int priv_ask_device(struct priv_client *c, struct priv_device *d, struct err *e);

MUST_CHECK int priv_ask_ek(struct priv_client *c, struct priv_ek *ek, struct err *e);
MUST_CHECK int priv_ask_activate(struct priv_client *c, struct span credential, struct span secret,
    struct buf *out, struct err *e);

struct priv_quote {
	struct buf bytes;
	struct span attest, signature, pcrs;
};
MUST_CHECK int priv_ask_quote(struct priv_client *c, struct span nonce, struct priv_quote *q,
    struct err *e);

struct priv_list_part {
	uint64_t from, count, total;
	struct file records;	/* mapped */
};
MUST_CHECK int priv_ask_list(struct priv_client *c, uint64_t from, struct priv_list_part *l,
    struct err *e);

/** priv_ask_watch(c, stamp, ms, now, e): Until the list's stamp is not ${stamp}, or ${ms}. */
MUST_CHECK int priv_ask_watch(struct priv_client *c, uint64_t stamp, unsigned ms, uint64_t *now,
    struct err *e);

/** priv_ask_event_log(c, log, e): ERR_IO (from the other side) if there is none. */
MUST_CHECK int priv_ask_event_log(struct priv_client *c, struct file *log, struct err *e);

#define PRIV_CLIENT_AUTO __attribute__((cleanup(priv_client_close)))

#endif
