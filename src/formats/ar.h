/* ar.h: member headers of an ar archive, as dpkg reads them (deb(5)).
 *
 *   OFFSET  SIZE  MEANING
 *   0       8     "!<arch>\n", once
 *   then for each member, at even offsets:
 *   0       16    name, padded with spaces; a '/' may end it
 *   16      12    modification time
 *   28      12    uid, gid
 *   40      8     mode
 *   48      10    size, decimal, padded with spaces
 *   58      2     "`\n"
 */
#ifndef FORMATS_AR_H
#define FORMATS_AR_H

#include "base/err.h"

#define AR_MAGIC "!<arch>\n"
#define AR_HEADER_SIZE 60

struct ar_member {
	struct span name;	/* in the header, without padding and '/' */
	uint64_t size;
};

/** ar_member_parse(in, m, e): ${in} is AR_HEADER_SIZE bytes. */
MUST_CHECK int ar_member_parse(struct span in, struct ar_member *m, struct err *e);

#endif
