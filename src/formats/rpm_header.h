/* rpm_header.h: the header of an RPM package: files, digests, identity.
 *
 * A package file is a lead, a signature header, the header proper and a payload:
 *
 *   OFFSET  SIZE  MEANING (integers big-endian)
 *   0       96    lead: ed ab ee db, major 3 or 4, ...; else unused
 *   96      ..    signature header; zeros to a multiple of 8 behind it
 *   ..      ..    header
 *   ..      ..    payload (a compressed cpio archive)
 *
 * A header:
 *
 *   0       8     magic 8e ad e8 01 00 00 00 00
 *   8       4     nindex: entries;  12  4  hsize: bytes of the store
 *   16      16n   entries: tag, type, offset in the store, count
 *   ..      hsize store
 *
 * Every entry's data must lie in the store; types and counts are checked where a
 * tag is used.  Spans point into the header's bytes.
 */
#ifndef FORMATS_RPM_HEADER_H
#define FORMATS_RPM_HEADER_H

#include "base/arena.h"
#include "base/digest_alg.h"
#include "base/err.h"

#define RPM_LEAD_SIZE 96
#define RPM_HEADER_START 16

/** rpm_lead_check(in, e): ${in} is RPM_LEAD_SIZE bytes. */
MUST_CHECK int rpm_lead_check(struct span in, struct err *e);

/** rpm_header_size(in, size, e): From the first RPM_HEADER_START bytes: the whole header's. */
MUST_CHECK int rpm_header_size(struct span in, size_t *size, struct err *e);

struct rpm_header {
	struct span entries, store;
	uint32_t n;
};

/** rpm_header_parse(in, h, e): ${in} is exactly one header. */
MUST_CHECK int rpm_header_parse(struct span in, struct rpm_header *h, struct err *e);

/** rpm_header_sha256(sig, d): The SHA-256 of the header proper that a signature header
 * carries (tag 273); false if there is none. */
bool rpm_header_sha256(const struct rpm_header *sig, struct digest *d);

struct rpm_file {
	struct span path;
	uint32_t mode;		/* as st_mode */
	bool ghost;		/* not in the payload: made at run time */
	struct digest digest;	/* DIGEST_NONE if the package has none for it */
};

struct rpm_package {
	struct span name, arch;
	struct span version;	/* [epoch:]version-release; in the arena */
	enum digest_alg alg;	/* of the files' digests; DIGEST_NONE if unknown */
	struct rpm_file *files;	/* in the arena */
	size_t n;
};

/** rpm_package_read(h, a, p, e): What the header says about identity and files. */
MUST_CHECK int rpm_package_read(const struct rpm_header *h, struct arena *a,
    struct rpm_package *p, struct err *e);

#endif
