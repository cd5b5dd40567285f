/* cpio.h: one header of a cpio archive in the "newc" form, which initramfs images
 * and RPM payloads use (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 *   OFFSET  SIZE  MEANING (all but the magic: 8 hex digits)
 *   0       6     magic "070701", or "070702" with a checksum of the data
 *   6       8     ino
 *   14      8     mode
 *   22      16    uid, gid
 *   38      8     nlink
 *   46      8     mtime
 *   54      8     filesize
 *   62      16    major and minor of the device it was on
 *   78      16    major and minor of the device it is
 *   94      8     namesize, with the NUL
 *   102     8     check: sum of the data bytes, only for 070702
 *   110     n     name, NUL; then zeros to a multiple of 4 from the header's start
 *   ..      m     data; then zeros to a multiple of 4
 *
 * RPM packages with a file over 4 GiB have "07070X" and an index instead; that form
 * is told (ERR_UNSUPPORTED), not read.
 */
#ifndef FORMATS_CPIO_H
#define FORMATS_CPIO_H

#include "base/err.h"

#define CPIO_HEADER_SIZE 110

struct cpio_header {
	bool checked;			/* 070702 */
	uint32_t ino, mode, nlink, size, major, minor, name_size, check;
};

/** cpio_header_parse(in, h, e): ${in} is CPIO_HEADER_SIZE bytes.  namesize is at least 1
 * and at most LIMIT_PATH. */
MUST_CHECK int cpio_header_parse(struct span in, struct cpio_header *h, struct err *e);

/** cpio_pad(n): Zeros behind ${n} bytes that began at a multiple of 4. */
static inline uint32_t
cpio_pad(uint64_t n)
{
	return (uint32_t)(-n & 3);
}

#endif
