/* modsig.h: the signature appended to a module, a kernel or another file.
 *
 * From the END of the file backwards (kernel/module_signature.c, ima_modsig.c):
 *
 *   FROM END  SIZE  MEANING
 *   28        28    "~Module signature appended~" newline
 *   40        12    struct module_signature:
 *                     0  1  algo       0
 *                     1  1  hash       0
 *                     2  1  id_type    2: PKCS#7
 *                     3  1  signer_len 0
 *                     4  1  key_id_len 0
 *                     5  3  padding    0
 *                     8  4  big-endian n: size of the PKCS#7 message
 *   40+n      n     PKCS#7 SignedData, DER, over everything in front of it
 *
 * All zero fields are enforced, as the kernel does (mod_check_sig); so is that at
 * least one byte of content is left.  An unsigned file is no error.
 */
#ifndef FORMATS_MODSIG_H
#define FORMATS_MODSIG_H

#include "base/buf.h"
#include "base/err.h"

struct modsig {
	struct span content;	/* what is signed */
	struct span pkcs7;
};

/** modsig_parse(file, m, e): 1 and the parts; 0 if there is no marker; or an error,
 * with its offset in ${file}.  Spans point into ${file}. */
MUST_CHECK int modsig_parse(struct span file, struct modsig *m, struct err *e);

/** modsig_dump(m, b): One stable line of text. */
void modsig_dump(const struct modsig *m, struct buf *b);

#endif
