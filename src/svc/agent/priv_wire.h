/* priv_wire.h: what the two processes of the agent say to each other.
 *
 * Over a SOCK_SEQPACKET socket, so that a packet is a message (docs/formats/agent-priv.md);
 * little-endian:
 *
 *   OFFSET  SIZE  MEANING
 *   0       2     version, 1
 *   2       2     number of the request (priv_requests.tbl)
 *   4       4     in an answer: 0, or an error (base/err_codes.tbl, negative)
 *   8             body; of an error: a sentence
 *
 * An answer may carry one descriptor: a sealed file in memory.  A request carries none;
 * what is sent along is closed by the kernel, because nobody receives it.
 */
#ifndef SVC_AGENT_PRIV_WIRE_H
#define SVC_AGENT_PRIV_WIRE_H

#include "base/buf.h"
#include "base/rd.h"

#define PRIV_VERSION 1
#define PRIV_HEADER 8

enum priv_request {
	PRIV_NONE = 0,
#define REQUEST(number, sym, name, when, least, most) PRIV_##sym = (number),
#include "svc/agent/priv_requests.tbl"
#undef REQUEST
	PRIV_REQUESTS
};

/** priv_request_name(n): "facts", ...; "unknown". */
const char *priv_request_name(unsigned n);

/** priv_write(b, number, code): The header. */
void priv_write(struct buf *b, unsigned number, int code);

/** priv_read(in, number, code, body, e): False if it is not a packet of ours. */
MUST_CHECK bool priv_read(struct span in, unsigned *number, int *code, struct span *body);

#endif
