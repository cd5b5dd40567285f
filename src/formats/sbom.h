/* sbom.h: the files and their digests that a software bill of materials names.
 *
 * Read: SPDX 2.x as JSON (files[].fileName, .checksums) and as tag-value
 * (FileName, FileChecksum), CycloneDX 1.x JSON (components of type "file" at any
 * depth: name, hashes).  Told apart by content.  SPDX 3 is ERR_UNSUPPORTED.
 *
 * What a bill says is taken as a statement about files that are there; what it
 * does not list is no statement.  Of several digests of a file the strong ones
 * count; SHA-1 only where there is no other (SPDX demands it); MD5 never.
 *
 * Pure: bytes in, calls out.
 */
#ifndef FORMATS_SBOM_H
#define FORMATS_SBOM_H

#include "base/digest_alg.h"
#include "base/err.h"

struct sbom_counts {
	uint64_t files;		/* with at least one digest that counts */
	uint64_t without;	/* files listed without one */
	uint64_t weak;		/* files with SHA-1 only */
	const char *format;	/* "SPDX", "SPDX tag-value", "CycloneDX" */
};

/** sbom_parse(in, fn, cookie, counts, e): ${fn} for each file and digest: its name as an
 * absolute path (base/path.h), valid during the call.  The first error ends it. */
MUST_CHECK int sbom_parse(struct span in,
    int (*fn)(void *cookie, struct span path, const struct digest *d, struct err *e),
    void *cookie, struct sbom_counts *counts, struct err *e);

#endif
