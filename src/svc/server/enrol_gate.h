/* enrol_gate.h: how many enrolments may be open: in all, and of one address.
 *
 * An enrolment is open from the first message until its proof, or for ten minutes.  Each
 * costs the server a challenge and a row, and whoever asks need prove nothing before; so one
 * address may have few open (a rack behind one address finishes each within seconds), and
 * one that has too many keeps nobody else from enrolling.  Of IPv6, the /64 counts: that is
 * what one customer is given.
 *
 * Counted in memory, by each server for itself: behind a restart the store's own ceiling is
 * left.  The clock is turn.h's, which nobody sets.
 */
#ifndef SVC_SERVER_ENROL_GATE_H
#define SVC_SERVER_ENROL_GATE_H

#include "base/err.h"
#include "base/limits.h"

struct enrol_gate;

MUST_CHECK int enrol_gate_new(struct enrol_gate **out, struct err *e);
void enrol_gate_free(struct enrol_gate *g);

enum enrol_entry { ENROL_ENTERED = 1, ENROL_FULL, ENROL_FULL_ADDRESS };

/** enrol_gate_enter(g, address, now, place): ${place} is for the two below; ${now}: turn_clock(). */
enum enrol_entry enrol_gate_enter(struct enrol_gate *g, const char *address, int64_t now, size_t *place);

/** enrol_gate_network(address, out): What counts as one: an IPv4 address, of IPv6 the /64. */
void enrol_gate_network(const char *address, uint8_t out[static 8]);

/** enrol_gate_name(g, place, token): The enrolment has begun: it stays open under this name. */
void enrol_gate_name(struct enrol_gate *g, size_t place, const uint8_t token[16]);

/** enrol_gate_leave(g, place): It has not: the place is free. */
void enrol_gate_leave(struct enrol_gate *g, size_t place);

/** enrol_gate_end(g, token): It has ended, well or not.  One of another server's is no fault. */
void enrol_gate_end(struct enrol_gate *g, const uint8_t token[16]);

#endif
