/* uefi_sig.h: files of efivarfs, and the signature lists that db, dbx, KEK, PK and
 * shim's MokList variables hold.
 *
 * A file of efivarfs (fs/efivarfs/file.c):
 *
 *   OFFSET  SIZE  MEANING
 *   0       4     attributes, little-endian
 *   4       n     the variable's content
 *
 * EFI_SIGNATURE_LIST (UEFI 2.10, 32.4.1), any number one after the other:
 *
 *   0       16    type of the signatures (GUID)
 *   16      4     size of the list, this header included
 *   20      4     h: size of the type's own header
 *   24      4     s: size of each signature
 *   28      h     that header
 *   28+h    s*k   signatures: 16 bytes owner (GUID), s-16 bytes of content
 *
 * Refused where the kernel refuses (certs/blacklist or security/integrity,
 * parse_efi_signature_list): a list larger than what is left, smaller than its
 * header, a signature size under 16, no signature, or a rest that is no whole
 * signature.  Types that we do not know are handed out like others.
 */
#ifndef FORMATS_UEFI_SIG_H
#define FORMATS_UEFI_SIG_H

#include "base/limits.h"
#include "base/rd.h"
#include "formats/uefi_guid.h"

struct efivar_file {
	uint32_t attributes;
	struct span content;
};

/** efivar_file_parse(in, f, e): Spans point into ${in}. */
MUST_CHECK int efivar_file_parse(struct span in, struct efivar_file *f, struct err *e);

enum uefi_sig_type {
	UEFI_SIG_OTHER = 0,
	UEFI_SIG_X509,		/* content: DER certificate */
	UEFI_SIG_SHA256,	/* content: Authenticode digest of an image, 32 bytes */
	UEFI_SIG_X509_SHA256,	/* content: digest of a certificate's TBS part, revocation time */
	UEFI_SIG_RSA2048,
};

struct uefi_sig {
	enum uefi_sig_type type;
	struct uefi_guid type_guid, owner;
	struct span content;
	size_t offset;		/* of the signature in the input */
	size_t list;		/* number of its list, from 1 */
};

struct uefi_sigs {
	struct rd r;		/* over the whole input */
	size_t end;		/* of the current list; r.off < end while signatures are left */
	size_t lists;
	struct uefi_guid type_guid;
	size_t sig_size;
};

struct uefi_sigs uefi_sigs_open(struct span in);

/** uefi_sigs_next(s, sig, e): 1 and the next signature, 0 at the end, or an error. */
MUST_CHECK int uefi_sigs_next(struct uefi_sigs *s, struct uefi_sig *sig, struct err *e);

/** uefi_sig_dump(sig, b): One stable line of text. */
void uefi_sig_dump(const struct uefi_sig *sig, struct buf *b);

/** uefi_der_size(in): Whole size of the DER SEQUENCE that ${in} begins with, by its
 * header; 0 if it does not begin with one or is shorter.  Event logs hold
 * certificates bare (shim) or as signatures with an owner (firmware): this tells. */
size_t uefi_der_size(struct span in);

#endif
