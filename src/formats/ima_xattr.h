/* ima_xattr.h: the values of security.ima and security.evm, and of the sig and
 * evmsig fields of a measurement list, which are copies of them.
 *
 * The first byte says what follows (security/integrity/integrity.h):
 *
 *   TYPE  WHERE     MEANING
 *   01    ima       digest without its algorithm: MD5 (16 bytes, or 20 with four
 *                   zeros behind: ima_get_hash_algo) or SHA-1 (20)
 *   02    evm       HMAC-SHA1, 20 bytes
 *   03    ima, evm  signature; in security.evm bound to this inode
 *   04    ima       algorithm (1 byte, enum hash_algo), digest
 *   05    evm       portable signature
 *   06    ima       signature of an fs-verity digest; version 3 only
 *
 * A signature of version 2 or 3 (struct signature_v2_hdr):
 *
 *   OFFSET  SIZE  MEANING
 *   0       1     type: 03, 05, 06
 *   1       1     version
 *   2       1     algorithm of the signed digest (enum hash_algo)
 *   3       4     big-endian: last four bytes of the key's identifier
 *   7       2     big-endian n: size of the signature; must be what is left, and
 *                 at least 1 (asymmetric_verify: -EBADMSG)
 *   9       n     signature: PKCS#1 v1.5, or DER { r, s }
 *
 * A signature of version 1 (lib/digsig.c, struct signature_hdr behind the type):
 *
 *   1       1     version
 *   2       4     time of signing, in the signer's byte order; kept as bytes
 *   6       1     key algorithm: 0 RSA
 *   7       1     digest: 0 SHA-1, 1 SHA-256
 *   8       8     key id: bytes 12 to 19 of the SHA-1 of the key
 *   16      1     number of MPIs: 1
 *   17      2     big-endian b: bits of the MPI
 *   19      (b+7)/8  the MPI; must be what is left
 *
 * All lengths are exact: nothing may follow.  A type or version that is not in
 * the tables is ERR_UNSUPPORTED; an algorithm that we have no name for is not an
 * error: alg is then DIGEST_NONE and hash_id what was written.
 */
#ifndef FORMATS_IMA_XATTR_H
#define FORMATS_IMA_XATTR_H

#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/err.h"

enum ima_xattr_type {
	IMA_XATTR_DIGEST = 0x01,
	IMA_XATTR_HMAC = 0x02,
	IMA_XATTR_SIG = 0x03,
	IMA_XATTR_DIGEST_NG = 0x04,
	IMA_XATTR_PORTABLE = 0x05,
	IMA_XATTR_VERITY = 0x06,
};

struct ima_xattr {
	enum ima_xattr_type type;
	uint8_t version;		/* of a signature: 1, 2, 3; else 0 */
	uint8_t hash_id;		/* algorithm as written, in whatever numbering */
	enum digest_alg alg;
	struct span digest;		/* types 01, 02, 04 */
	uint32_t keyid;			/* version 1: the last four bytes of its eight */
	struct span sig;		/* version 1: the MPI */
};

/** ima_xattr_parse(in, x, e): One value, whole.  Spans in ${x} point into ${in}. */
MUST_CHECK int ima_xattr_parse(struct span in, struct ima_xattr *x, struct err *e);

static inline bool
ima_xattr_is_signature(const struct ima_xattr *x)
{
	return x->version != 0;
}

/** ima_xattr_belongs(x, name): Whether the kernel would take it from the attribute
 * "security.ima" or "security.evm". */
bool ima_xattr_belongs(const struct ima_xattr *x, const char *name);

/** ima_xattr_dump(x, b): One stable line of text. */
void ima_xattr_dump(const struct ima_xattr *x, struct buf *b);

#endif
