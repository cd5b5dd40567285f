/* hash_file.h: the digest of a file that may be changing while it is read. */
#ifndef PORT_HASH_FILE_H
#define PORT_HASH_FILE_H

#include "crypto/digest.h"

#define HASH_FILE_BUFFER (256 * 1024)	/* stays in the second-level cache */

/** hash_file(fd, h, alg, buffer, d, bytes, e): Hash the regular file ${fd} from its
 * start with ${h} (of ${alg}), using ${buffer} of HASH_FILE_BUFFER bytes.  A file whose
 * size, mtime or ctime changes meanwhile is tried again, then ERR_IO.  ${*bytes} grows
 * atomically by what was read, for a progress bar in another thread. */
MUST_CHECK int hash_file(int fd, struct hasher *h, enum digest_alg alg, uint8_t *buffer,
    struct digest *d, _Atomic uint64_t *bytes, struct err *e);

#endif
