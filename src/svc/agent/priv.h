/* priv.h: the privileged process of the agent: it holds the TPM, securityfs and the
 * monitor, and answers what stands in priv_requests.tbl.  Nothing else.
 *
 * Its one input from the outside is a unix socket.  A peer must have the configured user
 * or be root (SO_PEERCRED); a packet must be a request of the table with a body of its size, in its
 * order.  A peer that sends anything else is told so once and put out.  Requests name no
 * file, no PCR, no handle and no command: what is read and quoted was configured, so that
 * an attacker who has the network process gains evidence about this host and nothing more.
 * He may ask often; quotes are bounded to PRIV_QUOTES_PER_S, because a TPM is slow and the
 * kernel needs it too.
 *
 * No fault ends it: a TPM that does not answer, a list that cannot be read are answers.
 */
#ifndef SVC_AGENT_PRIV_H
#define SVC_AGENT_PRIV_H

#include <sys/types.h>

#include "base/json.h"
#include "port/tpm/tpm.h"
#include "svc/agent/list.h"
#include "svc/agent/priv_wire.h"

#define PRIV_PEERS 4
#define PRIV_QUOTES_PER_S 10
#define PRIV_WATCH_MS 200	/* how often the list is looked after while somebody watches it */
#define PRIV_WATCH_MAX_MS 60000
#define PRIV_TICK_MS 2000

/* The execution monitor, as far as this process knows it; all may be NULL. */
struct priv_monitor {
	void *arg;
	int (*fd)(void *arg);				/* readable: service */
	int (*service)(void *arg, struct err *e);
	json_t *(*status)(void *arg);			/* owned by the caller */
	const char *(*state)(void *arg);
};

enum priv_list { PRIV_LIST_AUTO = 0, PRIV_LIST_KERNEL, PRIV_LIST_MONITOR };

struct priv_options {
	const char *socket;		/* path; made 0600, for ${peer} */
	uid_t peer;			/* the only user that is answered, beside root */
	const char *dir;		/* AK, spool; made 0700 */
	const char *tcti;
	bool software_tpm;		/* only told in the facts */
	const char *root;		/* "" or a folder in the place of "/" for the facts */
	const char *securityfs;		/* "/sys/kernel/security" */
	enum tpm_ek_kind ek;
	enum tpm_ak_kind ak;
	struct span ek_certs[TPM_EK_CERTS];	/* in the place of those in NV: leaf first */
	size_t n_ek_certs;
	uint32_t iak;			/* persistent handle of a maker's attestation key, to be used; 0: ours */
	struct priv_certs { struct priv_cert { struct span file; uint32_t nv; } v[TPM_EK_CERTS]; size_t n; }
	    iak_certs, idevid_certs;	/* leaf first; each a file or an NV index */
	enum digest_alg bank;
	uint32_t mask;			/* PCRs that are quoted */
	enum priv_list list;
	const char *monitor_list;	/* file that the monitor writes, or NULL */
	unsigned monitor_pcr;		/* that its list replays to */
	struct priv_monitor monitor;
	uint64_t stage_at;		/* see list.h */
	void (*tick)(void *arg);	/* called at least each ${PRIV_TICK_MS}; or NULL */
	void *tick_arg;
	unsigned tpm_patience_ms;	/* 0: TPM_PATIENCE_MS */
	unsigned quotes_per_s;		/* 0: PRIV_QUOTES_PER_S */
};

struct priv;

/** priv_open(o, p, e): Listen.  ${o} and what it points to must outlive ${p}.  That there is
 * no TPM or no list yet is no error. */
MUST_CHECK int priv_open(const struct priv_options *o, struct priv **p, struct err *e);
void priv_close(struct priv *p);

/** priv_run(p, stop_fd, e): Serve until ${stop_fd} is readable (0), or an error. */
MUST_CHECK int priv_run(struct priv *p, int stop_fd, struct err *e);

/** priv_tpm(p, t, e): The connection, for the monitor in the same process; borrowed. */
MUST_CHECK int priv_tpm(struct priv *p, struct tpm **t, struct err *e);

static inline void
priv_closep(struct priv **p)
{
	priv_close(*p);
}
#define PRIV_AUTO __attribute__((cleanup(priv_closep)))

#endif
