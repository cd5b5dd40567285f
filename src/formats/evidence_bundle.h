/* evidence_bundle.h: one file with all that an offline appraisal needs.
 *
 * Whoever recorded the evidence of one moment (an agent, a server, a person) keeps
 * it as one bundle: the measurement list and, as far as there are any, quote,
 * signature, attestation key, nonce, PCR values and event log, each byte for byte
 * as it was.  Somebody else can then judge it again, later, without a network.
 *
 * All integers are little-endian.  The sections stand in the order of enum
 * evidence_section, each at most once, without a gap, and nothing follows the last:
 * there is exactly one way to write a bundle (writing what was parsed gives the
 * same bytes).
 *
 *	OFFSET  SIZE  MEANING
 *	     0     8  magic 89 "AEVB" 0d 0a 1a (broken by any text conversion)
 *	     8     4  version, 1
 *	    12     4  n: number of sections, 2 to 8
 *	    16     8  size of the whole bundle
 *	    24    32  SHA-256 of the manifest
 *	    56  32*n  section table: 16 name, padded with NULs; 8 offset; 8 size
 *	 56+32*n      the sections; the manifest (JSON) first
 *
 * The manifest holds the size and the SHA-256 of each other section, and facts about
 * the recording.  Nothing in it is signed.  Bank, verdict and policies are kept for
 * people and never believed; the number of entries can only speak against a list.
 * Hashes are not computed here (engine/evidence_bundle_check.h); parsing alone says
 * nothing about them.
 */
#ifndef FORMATS_EVIDENCE_BUNDLE_H
#define FORMATS_EVIDENCE_BUNDLE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest_alg.h"

#define EVIDENCE_BUNDLE_VERSION 1

enum evidence_section {
	EVIDENCE_MANIFEST = 0,
	EVIDENCE_IMA_LOG,		/* the only other one that is always there */
	EVIDENCE_QUOTE,
	EVIDENCE_SIGNATURE,
	EVIDENCE_AK,
	EVIDENCE_NONCE,
	EVIDENCE_PCRS,
	EVIDENCE_EVENT_LOG,
	EVIDENCE_SECTIONS
};

struct evidence_part {
	bool present;
	size_t offset;			/* in the bundle */
	struct span bytes;
	struct digest sha256;		/* as recorded */
};

/* Spans borrow from the input or from the arena. */
struct evidence_bundle {
	struct arena arena;
	struct evidence_part parts[EVIDENCE_SECTIONS];
	int64_t created;		/* seconds since the epoch, as its maker says */
	struct span generator;		/* UTF-8 */
	enum digest_alg bank;		/* the list was recorded for */
	uint64_t entries;		/* the list had at least, when it was recorded */
	struct span verdict;		/* "trusted", "untrusted", "undecided"; empty: none recorded */
	struct digest *policies;	/* SHA-256 of the files it was given under */
	size_t n_policies;
};

/** evidence_section_name(s): "manifest", "ima-log", "quote", "signature", "ak", "nonce",
 * "pcrs", "event-log". */
const char *evidence_section_name(enum evidence_section s);

/** evidence_section_limit(s): Bytes a section may have. */
size_t evidence_section_limit(enum evidence_section s);

/** evidence_bundle_parse(in, b, e): ERR_VERSION for a newer one.  ${in} must outlive ${b}. */
MUST_CHECK int evidence_bundle_parse(struct span in, struct evidence_bundle *b, struct err *e);
void evidence_bundle_free(struct evidence_bundle *b);

/** evidence_manifest_write(b, out, e): The manifest of the other parts, whose sha256 is set. */
MUST_CHECK int evidence_manifest_write(const struct evidence_bundle *b, struct buf *out,
    struct err *e);

/** evidence_bundle_write(b, out, e): All of it; the manifest is a part like the others.
 * Offsets are not looked at. */
MUST_CHECK int evidence_bundle_write(const struct evidence_bundle *b, struct buf *out, struct err *e);

/** evidence_bundle_dump(b, out): Stable text: the facts, then a section a line. */
void evidence_bundle_dump(const struct evidence_bundle *b, struct buf *out);

#define EVIDENCE_BUNDLE_AUTO __attribute__((cleanup(evidence_bundle_free)))

#endif
