/* ima_log.h: the kernel's IMA measurement list, binary and ASCII.
 *
 * One record of a binary list (security/integrity/ima/ima_fs.c,
 * ima_measurements_show); integers are host-endian u32, or little-endian with
 * the boot parameter ima_canonical_fmt; no header, no padding:
 *
 *   OFFSET        SIZE  MEANING
 *   0             4     pcr
 *   4             D     template digest; D is the size of the file's bank
 *                       (20 in the legacy list); all zeros: a violation
 *   4+D           4     n: length of the template name
 *   8+D           n     template name, or the format string of a custom template
 *   8+D+n         4     m: length of the template data (absent for template "ima")
 *   12+D+n        m     template data: for each field u32 length, bytes
 *
 * Template "ima" has instead: digest[20] (16 with ima_hash=md5), u32 length, name.
 *
 * What the template digest covers is the template data, exactly as it stands in
 * the record (ima_crypto.c, ima_calc_field_array_hash_tfm), but for "ima", where
 * it is the digest and the name padded with zeros to 256 bytes.  The template
 * NAME is covered by nothing.
 *
 * The ASCII list cannot be parsed safely in general: a newline in a name is not
 * escaped there.  Its reader is strict, and says so where it must give up.
 *
 * Entries are numbered from 1, as people count lines.
 */
#ifndef FORMATS_IMA_LOG_H
#define FORMATS_IMA_LOG_H

#include "base/buf.h"
#include "base/digest_alg.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/rd.h"

/* The PCR the list is extended into, unless a rule says pcr=
 * (CONFIG_IMA_MEASURE_PCR_IDX; every distribution leaves it at 10). */
#define IMA_PCR 10

/* What the kernel extends into a bank for an entry.  Since 5.8 the bank's own digest of the
 * data, but zero-padded SHA-1 where the kernel lacks the bank's algorithm when IMA starts
 * (ima_crypto.c, ima_init_crypto; Debian's 6.1 for SHA-384); 4.11 to 5.7 always padded
 * SHA-1, and for a violation only 20 bytes of 0xff. */
enum ima_extend { IMA_EXTEND_BANK = 0, IMA_EXTEND_PADDED_SHA1, IMA_EXTEND_PADDED_SHA1_OLD };

const char *ima_extend_name(enum ima_extend how);	/* "bank", "padded-sha1", "padded-sha1-old" */

enum ima_field_id {
	IMA_FIELD_UNKNOWN = 0,
#define FIELD(sym, name, text) IMA_FIELD_##sym,
#include "formats/ima_fields.tbl"
#undef FIELD
	IMA_FIELD_COUNT
};

const char *ima_field_name(enum ima_field_id id);	/* "n-ng", ...; "unknown" */
enum ima_field_id ima_field_by_name(struct span name);

struct ima_field {
	enum ima_field_id id;
	struct span bytes;	/* without the length */
};

/* What kind of digest d-ngv2 names. */
enum ima_digest_type { IMA_DIGEST_FILE = 0, IMA_DIGEST_VERITY };

struct ima_entry {
	uint64_t number;		/* from 1 */
	size_t offset, size;		/* the record in the list; of a line, for ASCII */
	uint32_t pcr;
	struct span template_digest;	/* as the list has it */
	struct span template_name;
	struct span data;		/* what the digest covers; for "ima" see is_ima */
	bool is_ima;			/* data is digest[20] || name, to be padded */
	bool violation;			/* the list's digest is all zeros */
	bool known_template;		/* the name is built in or a format of known fields */
	bool well_formed;		/* fields fit the template and fill the data exactly */
	bool ambiguous;			/* another format of the same data would give another digest or name */
	const char *why;		/* if not well_formed: a phrase that says why not */

	/* Decoded from the fields; empty or DIGEST_NONE where the template has none. */
	enum digest_alg file_alg;	/* DIGEST_NONE: absent, or an algorithm we do not know */
	struct span file_alg_name;	/* as written */
	enum ima_digest_type digest_type;
	struct span file_digest;
	struct span path;		/* n or n-ng, without its NUL */
	struct span sig;		/* security.ima signature or portable security.evm */
	struct span buf;		/* ima-buf */
	bool has_buf;			/* the template has a buf field, even if it is empty */
	struct span modsig;		/* PKCS#7 DER */
	enum digest_alg modsig_alg;
	struct span modsig_digest;	/* d-modsig */
	struct span evmsig;

	/* Last, because what lies behind n_fields of them is not even cleared: a list has
	 * many entries, and the array is most of the struct. */
	size_t n_fields;
	struct ima_field fields[LIMIT_IMA_FIELDS];
};

/* What a template name means; the reader remembers its last one. */
struct ima_template {
	struct span name;		/* in the list */
	size_t n;			/* fields; 0: the template is not known */
	bool sound;			/* only one field can be the digest, and one the name */
	enum ima_field_id ids[LIMIT_IMA_FIELDS];
};

enum ima_log_kind { IMA_LOG_BINARY = 1, IMA_LOG_ASCII };

struct ima_log {
	struct rd r;
	enum ima_log_kind kind;
	bool big_endian;
	size_t digest_size;		/* of the list's digest column: 20, 32, 48 or 64 */
	uint64_t next_number;
	size_t line;			/* ASCII: lines read so far */
	struct ima_template last;
	struct buf scratch;		/* ASCII: template data rebuilt for the current entry */
};

/** ima_log_open(in, log, e): Tell the kind, byte order and bank of the list in ${in}
 * from its content.  An empty list is valid (binary, no entries).  ${in} must
 * outlive ${log}; end with ima_log_close. */
MUST_CHECK int ima_log_open(struct span in, struct ima_log *log, struct err *e);
void ima_log_close(struct ima_log *log);

/** ima_log_next(log, entry, e): 1 and the next entry, 0 at the end, or an error: the
 * reader then stands on the first byte of the bad record.  Spans in ${entry}
 * point into the list, or for ASCII into ${log} until the next call.
 * An entry that is framed rightly but whose template is unknown or whose fields
 * do not fit is NOT an error: see known_template, well_formed. */
MUST_CHECK int ima_log_next(struct ima_log *log, struct ima_entry *entry, struct err *e);

/** ima_log_next_frame(log, entry, e): The same without decoding the fields, for replay:
 * known_template, well_formed and what stands below them in the struct are not set
 * (but n_fields and fields, for template "ima"). */
MUST_CHECK int ima_log_next_frame(struct ima_log *log, struct ima_entry *entry, struct err *e);

/** ima_log_dump(entry, b): One stable line of text, names escaped. */
void ima_log_dump(const struct ima_entry *entry, struct buf *b);

/** ima_entry_sound(entry): Its fields can be judged: the template is known, they fit it,
 * and no other format of the same data would say something else. */
static inline bool
ima_entry_sound(const struct ima_entry *entry)
{
	return entry->known_template && entry->well_formed && !entry->ambiguous;
}

/** ima_entry_is_boot_aggregate(entry): By its name; "boot_aggregate_late" counts. */
bool ima_entry_is_boot_aggregate(const struct ima_entry *entry);

#endif
