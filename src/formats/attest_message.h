/* attest_message.h: what agent and server say to each other, version 1.
 *
 * One message is the body of one HTTP request or answer (docs/formats/agent-protocol.md
 * has the routes, the order and the meaning).  All integers are little-endian.
 *
 *	OFFSET  SIZE  MEANING
 *	     0     8  magic 89 "AATM" 0d 0a 1a
 *	     8     4  version, 1
 *	    12     2  type (enum attest_type)
 *	    14     2  n: number of sections, at most LIMIT_ATTEST_SECTIONS
 *	    16        n sections: 2 tag; 2 zero; 4 length; bytes
 *
 * Tags rise; only ek-cert and certificate may repeat.  Nothing follows the last section,
 * so that a message is written in exactly one way.  A tag from 0x8000 on that is not
 * known is stepped over, because its sender can do without; any other unknown tag makes
 * the message one that this program must not pretend to understand.  Each type has
 * sections that it must and that it may hold.
 *
 * Parsing looks at sizes alone: what a section holds is for whoever parses that.
 */
#ifndef FORMATS_ATTEST_MESSAGE_H
#define FORMATS_ATTEST_MESSAGE_H

#include "base/buf.h"
#include "base/limits.h"

#define ATTEST_MESSAGE_VERSION 1
#define ATTEST_MESSAGE_TYPE "application/vnd.assay.message"

enum attest_type {
	ATTEST_ENROL = 1,	/* agent: who I am */
	ATTEST_CHALLENGE,	/* server: prove it */
	ATTEST_ACTIVATE,	/* agent: the proof */
	ATTEST_ENROLLED,	/* server: your certificate */
	ATTEST_EVIDENCE,	/* agent: evidence; without a quote: hello */
	ATTEST_ACK,		/* server: what was stored, and what comes next */
};

enum attest_section {
#define SECTION(sym, tag, name, least, most) ATTEST_##sym,
#include "formats/attest_message.tbl"
#undef SECTION
	ATTEST_SECTIONS
};

/* Bits of ATTEST_WANT. */
#define ATTEST_WANT_EVENT_LOG	1U
#define ATTEST_WANT_FACTS	2U

struct attest_chain { struct span der[LIMIT_ATTEST_CHAIN]; size_t n; };

/* Spans borrow from the input. */
struct attest_message {
	enum attest_type type;
	struct { bool present; struct span bytes; } s[ATTEST_SECTIONS];	/* repeated ones: the first */
	struct attest_chain ek_chain;		/* all of ek-cert */
	struct attest_chain chain;		/* all of certificate */
	struct attest_chain iak_chain, idevid_chain;	/* all of iak-cert and of idevid-cert */
};

const char *attest_section_name(enum attest_section s);
const char *attest_type_name(enum attest_type t);

/** attest_message_parse(in, m, e): ERR_VERSION for a newer one. */
MUST_CHECK int attest_message_parse(struct span in, struct attest_message *m, struct err *e);

/** attest_message_write(m, out, e): Checks ${m} as parsing does, then writes it. */
MUST_CHECK int attest_message_write(const struct attest_message *m, struct buf *out, struct err *e);

/** attest_get_u32/u64(m, s): The number in a section of that size, or 0 if it is absent. */
uint32_t attest_get_u32(const struct attest_message *m, enum attest_section s);
uint64_t attest_get_u64(const struct attest_message *m, enum attest_section s);

/** attest_put(m, s, bytes): Set a section; repeated ones are appended (false when full). */
bool attest_put(struct attest_message *m, enum attest_section s, struct span bytes);

/** attest_put_u32/u64(m, s, v, store): The same for a number; ${store} keeps its bytes and must
 * outlive ${m}. */
bool attest_put_u32(struct attest_message *m, enum attest_section s, uint32_t v, uint8_t store[static 4]);
bool attest_put_u64(struct attest_message *m, enum attest_section s, uint64_t v, uint8_t store[static 8]);

/** attest_message_dump(m, out): Stable text: the type, then a section a line. */
void attest_message_dump(const struct attest_message *m, struct buf *out);

#endif
