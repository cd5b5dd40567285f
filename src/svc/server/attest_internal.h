/* attest_internal.h: one request of an agent, on its way through the server. */
#ifndef SVC_SERVER_ATTEST_INTERNAL_H
#define SVC_SERVER_ATTEST_INTERNAL_H

#include "svc/server/server_internal.h"

#define NONCE_SIZE 32
#define DETAIL_SIZE (32 + 8 + 1 + 4 + 8)	/* and, where kexec started a kernel, 8 and its boot_id */
#define DETAIL_STALE 0x80		/* host_known.stale */
#define MONITOR_DEFAULT_PCR 13	/* port/monitor/monitor.h */

/* Lives from the request to its answer; owned by whoever works on it. */
struct attestation {
	struct keeper_write write;
	struct http_request *r;
	struct server *server;
	unsigned wait_ms;		/* between evidence, by the settings it was judged by */
	struct attest_message m;
	struct store_host host;		/* as read, then changed */
	struct host_outcome outcome;
	struct policy_choice policy;
	struct span ak;			/* of its identity; TPM2B_PUBLIC */
	uint8_t nonce[NONCE_SIZE];	/* the next one */
	uint64_t from;			/* for the answer */
	uint32_t want;
	struct buf leaf;		/* renewed certificate */
	unsigned list_pcr;		/* that the host's list extends */
	bool had_event_log;		/* of the boot that was stored */
	bool no_room;			/* it changed so often that no more of its evidence is kept */
	struct buf detail;		/* for store_state.detail: SHA-256 of the findings; 8 the identity
					 * whose key signed the count; 1 the list's PCR and DETAIL_STALE;
					 * 4 the TPM's reset count; 8 when that was first seen
					 * (seconds; 0: not signed yet); 8 host_known.base, and
					 * base_id */
	struct store_interval change;
	struct store_event events[2];	/* the verdict's, and that of new gaps */
	json_t *gaps;			/* owned; new in this message */
	struct store_bundle bundle;
	struct buf reason, event_body, gaps_body, bundle_bytes;
};

/** attest_prepare(a, w, e): From an outcome to what is to be written (attest_write.c). */
MUST_CHECK int attest_prepare(struct attestation *a, struct worker *w, int64_t now, struct err *e);

struct attest_detail {
	uint64_t identity;
	bool other_key;			/* of another identity than the host has now */
	unsigned list_pcr;
	bool stale;
	uint32_t reset_count;
	int64_t reset_seen;
	uint64_t base;			/* these two as in host_known */
	struct span base_id;
};
/** attest_detail(h, out): What store_state.detail says; false: nothing yet. */
bool attest_detail(const struct store_host *h, struct attest_detail *out);

/** attest_list_pcr(h): That the host's stored list extends (settled by its first evidence, whatever key
 * it has since). */
unsigned attest_list_pcr(const struct store_host *h);

/** attest_read_list(...): Records of the host's stored list (host_list_fn); ctx: struct attest_reader. */
struct attest_reader { struct store *store; uint64_t boot; };
host_list_fn attest_read_list;

#endif
