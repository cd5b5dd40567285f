/* gpgv.h: OpenPGP signatures on a repository's index, by Debian's gpgv.
 *
 * The program runs with the keys of one file and nothing else; what it says on its
 * status channel decides: at least one valid signature by such a key and no bad one.
 * SHA-1 signatures do not count.  What is used afterwards is the text that gpgv
 * checked, not what stood around it.
 */
#ifndef PORT_GPGV_H
#define PORT_GPGV_H

#include "base/buf.h"

/** gpgv_inline(keyring, signed_text, out, e): A clear-signed file; the text it covers is
 * appended to ${out}.  ERR_SIGNATURE if it is not well signed. */
MUST_CHECK int gpgv_inline(const char *keyring, struct span signed_text, struct buf *out,
    struct err *e);

/** gpgv_detached(keyring, text, sig, e): A detached signature, armored or not. */
MUST_CHECK int gpgv_detached(const char *keyring, struct span text, struct span sig, struct err *e);

#endif
