/* shared.h: the page that the caller, the watchdog and the monitor have in common.
 *
 * Made by the caller before it forks; everything in it is a counter, a moment or a
 * settled copy, each with one writer (named below).  Times are CLOCK_BOOTTIME
 * nanoseconds.  Private to port/monitor.
 */
#ifndef PORT_MONITOR_SHARED_H
#define PORT_MONITOR_SHARED_H

#include <stdatomic.h>
#include <time.h>

#include "formats/monitor_list.h"
#include "port/monitor/monitor.h"

struct monitor_gap {			/* what the monitor must list when it is up again */
	enum monitor_why why;		/* NONE: nothing */
	uint64_t from, from_uptime;
};

struct monitor_shared {
	/* Settled before the first fork. */
	struct monitor_options o;	/* with defaults filled in */
	int dir;			/* of o.dir; these descriptors are the children's */
	int ready_fd;			/* eventfd: the caller has something to do */
	int wake_fd;			/* eventfd: the monitor has something to do */
	enum monitor_why start;		/* FIRST or RESTART */
	uint8_t boot_id[MONITOR_BOOT_ID];

	/* The caller's, and then the watchdog's, for the monitor it starts. */
	struct monitor_gap gap;

	/* The monitor's. */
	_Atomic uint64_t beat;		/* rises while the dispatcher turns */
	_Atomic uint64_t waiting_since;	/* of the oldest event not answered, CLOCK_MONOTONIC; 0: none */
	_Atomic uint64_t records, durable_records, durable_bytes;
	_Atomic uint64_t gaps, events, hits, hashed, hashed_bytes, overflows, late;
	_Atomic uint64_t cached, waiting, most_waiting, marks;
	_Atomic int state;		/* enum monitor_state; also the watchdog's */
	struct err failure;		/* before state becomes FAILED */

	/* The watchdog's. */
	_Atomic int monitor_pid;
	_Atomic uint64_t restarts;

	/* The caller's. */
	_Atomic uint64_t extended;
	_Atomic uint32_t ask;		/* bits 1 << enum monitor_why: gaps to be listed */
};

static inline uint64_t
clock_ns(clockid_t id)
{
	struct timespec t = { 0 };

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#define MS 1000000ull			/* nanoseconds in a millisecond */

/** watchdog_run(s, control): The watchdog's whole life; ends the process. */
_Noreturn void watchdog_run(struct monitor_shared *s, int control);

/** monitor_run(s): The monitor's whole life; ends the process. */
_Noreturn void monitor_run(struct monitor_shared *s);

/** shared_poke(fd): Make an eventfd readable. */
void shared_poke(int fd);

#endif
