/* priv_internal.h: shared by svc/agent/priv*.c alone. */
#ifndef SVC_AGENT_PRIV_INTERNAL_H
#define SVC_AGENT_PRIV_INTERNAL_H

#include "svc/agent/facts.h"
#include "svc/agent/priv.h"

struct peer {
	int fd;				/* -1: free */
	uint32_t asked;			/* bit n: request n was answered well */
	bool watching;
	uint64_t stamp, until_ms;	/* it waits for another stamp, or for that time */
};

struct priv {
	const struct priv_options *o;
	int listener;
	int dir_lock;
	struct peer peers[PRIV_PEERS];
	struct tpm *tpm;		/* owned; NULL: none was found yet */
	struct tpm_ak ak;
	bool have_ak;
	struct list *list;		/* owned; NULL: none could be opened yet */
	char boot_id[37];
	const char *list_kind;		/* "kernel", "monitor", "none" */
	uint64_t quote_second, quotes;
	uint64_t staged_ms;		/* when the kernel's list was last looked after */
};

/* What answers a request: bytes, and perhaps a descriptor (owned by the caller). */
struct answer {
	struct buf body;
	int fd;
};

typedef int priv_handler(struct priv *p, struct peer *peer, struct span in, struct answer *a,
    struct err *e);

#define REQUEST(number, sym, name, when, least, most) priv_handler priv_handle_##sym;
#include "svc/agent/priv_requests.tbl"
#undef REQUEST

/** priv_list(p, e): The list, opened when it is first there. */
MUST_CHECK int priv_list(struct priv *p, struct err *e);

uint64_t priv_now_ms(void);

/** memory_file(name, content, fd, e): A sealed file in memory. */
MUST_CHECK int memory_file(const char *name, struct span content, int *fd, struct err *e);

#endif
