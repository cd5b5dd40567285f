/* monitor.h: the execution monitor, for hosts whose kernel measures nothing (no IMA policy).
 *
 * fanotify permission events stop each execution, and each opening of a file that a loader
 * could map, until the file has been hashed from the event's own descriptor and listed; then
 * it is let go, always: this is measurement, not enforcement.  The list is one as the
 * kernel's IMA writes it (template ima-ng) on a PCR of its own, never 10; beside it stands
 * the sidecar: who did it, in which cgroup, tied to the list by a hash chain
 * (docs/formats/monitor-list.md).
 *
 * Three processes: the caller, which alone talks to the TPM; a small watchdog; and the
 * monitor.  A monitor that is silent for two seconds is killed (the kernel then lets
 * everything go that waits) and started again, and the time between is listed as a gap.
 *
 * A record is on disk before its PCR is extended; the extend follows in the caller's
 * monitor_service, so the list alone always replays to the PCR or is ahead of it.  Unless
 * the caller is late, it is ahead by at most batch_records entries, and by batch_ms plus the
 * time the TPM takes for them; where the caller is late, that is listed as a gap too.
 *
 * What it does not see: docs/formats/monitor-list.md, "What is not seen".
 */
#ifndef PORT_MONITOR_MONITOR_H
#define PORT_MONITOR_MONITOR_H

#include "base/digest_alg.h"
#include "base/err.h"

/* docs/adr: PCRs 0-10 and 14 have owners, 16 to 23 can be reset; systemd measures nothing into
 * 13 while the system runs. */
#define MONITOR_PCR 13

/** The TPM, in the caller's process; calls are made by monitor_start and monitor_service only. */
struct monitor_tpm {
	/** Extend ${pcr} in each active bank with that bank's digest: ${d} holds one for each of
	 * SHA-1, SHA-256, SHA-384 and SHA-512; banks of others are not of use here. */
	int (*extend)(void *arg, unsigned pcr, const struct digest *d, size_t n, struct err *e);
	/** The value of ${pcr} in the SHA-256 bank. */
	int (*read)(void *arg, unsigned pcr, struct digest *value, struct err *e);
	void *arg;
};

/** One record that is on disk and extended.  ${note}: a note of the monitor's own. */
struct monitor_seen {
	uint64_t number;		/* in the list, from 1 */
	bool note;
	struct span digest;		/* SHA-256 of the file; zeros: it could not be hashed */
	struct span path;		/* as listed: with '_' for blanks; of a note its name */
	struct span text;		/* of a note */
	struct span record;		/* the whole record */
};
typedef void monitor_seen_fn(void *arg, const struct monitor_seen *seen);

/** Zero (or NULL) takes the default everywhere. */
struct monitor_options {
	const char *dir;		/* list, sidecar, lock; made with mode 0700; must be given */
	unsigned pcr;			/* MONITOR_PCR; 10 and 16 to 23 are refused */
	const char *const *paths;	/* watch the file systems of these */
	size_t n_paths;			/* 0: all real ones, and new ones as they are mounted */
	const char *below;		/* with n_paths 0: only those mounted there or below; "/" */
	bool no_libraries;		/* only what is executed */
	bool scripts;			/* also what is opened and begins with "#!" */
	bool no_namespaces;		/* with n_paths 0: only this mount namespace */
	unsigned answer_ms;		/* 5000: so long a file may be hashed before it is let go */
	unsigned stall_ms;		/* 1500: the same, if nothing can be read of it */
	unsigned silent_ms;		/* 2000: so long the monitor may be silent */
	unsigned batch_ms;		/* 50: records wait so long for others, before disk and PCR */
	unsigned batch_records;		/* 256: listed and not extended, before new files must wait */
	unsigned hold_ms;		/* 1000: so long they wait, at most */
	unsigned chain_records;		/* 256: records whose sidecar entries one monitor_chain covers */
	unsigned chain_ms;		/* 1000: or after so much time */
	unsigned threads;		/* 2: that hash; as many more for files over 4 MiB */
	const struct monitor_tpm *tpm;	/* NULL: a list without a PCR */
	monitor_seen_fn *seen;		/* may be NULL */
	void *arg;
};

enum monitor_state {
	MONITOR_STARTING = 0, MONITOR_RUNNING,
	MONITOR_DOWN,			/* killed or died; the watchdog starts it again */
	MONITOR_STOPPED,
	MONITOR_FAILED			/* it cannot run, or the watchdog itself is gone */
};

struct monitor_status {
	enum monitor_state state;
	bool pcr_foreign;		/* the PCR is not what the list makes */
	int monitor_pid, watchdog_pid;
	uint64_t records, extended;	/* in the list, notes included */
	uint64_t gaps, restarts;
	uint64_t events, hits, hashed, hashed_bytes;	/* since the monitor was last started */
	uint64_t overflows, late;
	uint64_t cached, waiting, most_waiting;
	uint64_t marks;			/* file systems watched */
};

struct monitor;

/** monitor_start(o, m, e): Take the list up again or begin one, bring the PCR up to it, and
 * start watching; ready when it returns.  What ${o} points to must outlive ${m}.  To be called
 * while the process has one thread, because it forks and goes on.  Needs root, or
 * CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH and CAP_LEASE; with CAP_SYS_NICE and
 * CAP_SYS_RESOURCE it is quick in storms and spared when memory is short. */
MUST_CHECK int monitor_start(const struct monitor_options *o, struct monitor **m, struct err *e);

/** monitor_fd(m): Readable when monitor_service has something to do. */
int monitor_fd(const struct monitor *m);

/** monitor_service(m, e): Extend what is new, report it through seen; returns soon.  An
 * error is the TPM's, or that the monitor can no longer run; call it again later. */
MUST_CHECK int monitor_service(struct monitor *m, struct err *e);

void monitor_status(const struct monitor *m, struct monitor_status *s);
const char *monitor_state_name(enum monitor_state s);	/* "running", ... */

/** Paths of the list and its sidecar; valid as long as ${m}. */
const char *monitor_list_path(const struct monitor *m);
const char *monitor_sidecar_path(const struct monitor *m);

/** monitor_stop(m, e): A last note, extend what is left, end both processes.  ${m} is gone
 * afterwards, even on an error (which is that the last entries are not extended). */
int monitor_stop(struct monitor *m, struct err *e);

#endif
