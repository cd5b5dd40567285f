#include "formats/ima_log.h"

#include "base/text.h"
#include "formats/ima_template.h"

/* The largest PCR a PC has is 23; the kernel's pcr= takes up to 63. */
#define PCR_MAX 63

static bool
rd_u32(struct ima_log *log, uint32_t *out)
{
	return log->big_endian ? rd_be32(&log->r, out) : rd_le32(&log->r, out);
}

static bool
rd_u32_span(struct ima_log *log, size_t max, struct span *out)
{
	return log->big_endian ? rd_be32_span(&log->r, max, out) :
	    rd_le32_span(&log->r, max, out);
}

/* Template "ima": digest and name without lengths of the fields they make up. */
static bool
ima_data(struct ima_log *log, size_t digest_size, struct ima_entry *n)
{
	struct span digest, name;
	size_t start = log->r.off;

	if (!(rd_bytes(&log->r, digest_size, &digest) && rd_u32_span(log, LIMIT_IMA_NAME, &name)))
		return false;
	n->is_ima = true;
	n->n_fields = 2;
	n->fields[0] = (struct ima_field){ IMA_FIELD_D, digest };
	n->fields[1] = (struct ima_field){ IMA_FIELD_N, name };
	/* The length between the two is not hashed; the engine takes the fields. */
	n->data = span_of(log->r.in.p + start, log->r.off - start);
	return true;
}

/* The digest has 20 bytes, or 16 with ima_hash=md5, and nothing says which.  Reading 16 as
 * 20 takes the first bytes of the name as its length: they are not NUL, so that is far
 * beyond what a name may have, and the two cannot be confused. */
static bool
binary_ima_data(struct ima_log *log, struct ima_entry *n)
{
	size_t start = log->r.off;

	if (ima_data(log, 20, n))
		return true;
	if (log->r.why != ERR_LIMIT)
		return false;
	log->r.why = 0;
	log->r.off = start;
	return ima_data(log, 16, n);
}

/* What every template has in front: PCR, digest, name. */
static bool
binary_head(struct ima_log *log, struct ima_entry *n)
{
	return rd_u32(log, &n->pcr) &&
	    rd_bytes(&log->r, log->digest_size, &n->template_digest) &&
	    rd_u32_span(log, LIMIT_IMA_NAME, &n->template_name) &&
	    (n->pcr <= PCR_MAX || rd_fail(&log->r, ERR_RANGE));
}

static bool
binary_record(struct ima_log *log, struct ima_entry *n)
{
	if (!binary_head(log, n))
		return false;
	if (span_is(n->template_name, "ima"))
		return binary_ima_data(log, n);
	return rd_u32_span(log, LIMIT_IMA_DATA, &n->data);
}

static int
next_binary(struct ima_log *log, struct ima_entry *n, struct err *e)
{
	size_t start = log->r.off;
	int why;

	if (rd_left(&log->r) == 0)
		return 0;
	if (!binary_record(log, n)) {
		why = log->r.why;
		log->r.off = start;
		return err_at(e, why, start, "entry %llu of the measurement list: %s",
		    (unsigned long long)n->number,
		    why == ERR_TRUNCATED ? "the list ends inside it" :
		    why == ERR_LIMIT ? "a length is larger than any the kernel writes" :
		    "its PCR index is not a PCR");
	}
	n->offset = start;
	n->size = log->r.off - start;
	return 1;
}

/* Whether the bytes, taken as (order, digest size), begin with a sound record.  Names
 * are what tells: every template name is short printable text. */
static bool
fits(struct span in, bool big_endian, size_t digest_size)
{
	struct ima_log probe = { .r = rd_init(in), .kind = IMA_LOG_BINARY,
	    .big_endian = big_endian, .digest_size = digest_size };
	struct ima_entry n = { 0 };

	if (!binary_head(&probe, &n) || n.template_name.n == 0)
		return false;
	for (size_t i = 0; i < n.template_name.n; i++)
		if (n.template_name.p[i] < 0x21 || n.template_name.p[i] > 0x7e)
			return false;
	return true;
}

static int
detect_binary(struct ima_log *log, struct err *e)
{
	static const size_t sizes[] = { 20, 32, 48, 64, 28, 16 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int big = 0; big < 2; big++) {
			if (fits(log->r.in, big, sizes[i])) {
				log->big_endian = big;
				log->digest_size = sizes[i];
				return 0;
			}
		}
	}
	return err_hint(e, err_at(e, log->r.in.n < 28 ? ERR_TRUNCATED : ERR_FORMAT, 0,
	    "is not an IMA measurement list: no template name where the first entry has it"),
	    "give binary_runtime_measurements (or ascii_...) from /sys/kernel/security/integrity/ima");
}

int
ima_log_open(struct span in, struct ima_log *log, struct err *e)
{
	struct ima_log n = { .r = rd_init(in), .kind = IMA_LOG_BINARY, .digest_size = 20,
	    .next_number = 1, .scratch = buf_init(LIMIT_IMA_DATA) };
	int rc;

	/* Text starts with a digit or a blank; a binary list with a PCR below 32. */
	if (in.n > 0 && (in.p[0] == ' ' || (in.p[0] >= '0' && in.p[0] <= '9')))
		n.kind = IMA_LOG_ASCII;
	else if (in.n > 0 && (rc = detect_binary(&n, e)) != 0)
		return rc;
	if (n.kind == IMA_LOG_ASCII && (rc = ima_ascii_detect(&n, e)) != 0)
		return rc;
	*log = n;
	return 0;
}

void
ima_log_close(struct ima_log *log)
{
	buf_free(&log->scratch);
}

int
ima_log_next(struct ima_log *log, struct ima_entry *entry, struct err *e)
{
	struct ima_entry n = { .number = log->next_number };
	int rc;

	rc = log->kind == IMA_LOG_ASCII ? ima_ascii_next(log, &n, e) : next_binary(log, &n, e);
	if (rc <= 0)
		return rc;
	n.violation = span_zero(n.template_digest);
	ima_template_decode(&n, log->big_endian);
	log->next_number++;
	*entry = n;
	return 1;
}

const char *
ima_extend_name(enum ima_extend how)
{
	return how == IMA_EXTEND_PADDED_SHA1 ? "padded-sha1" :
	    how == IMA_EXTEND_PADDED_SHA1_OLD ? "padded-sha1-old" : "bank";
}

bool
ima_entry_is_boot_aggregate(const struct ima_entry *entry)
{
	return span_is(entry->path, "boot_aggregate") || span_is(entry->path, "boot_aggregate_late");
}

void
ima_log_dump(const struct ima_entry *n, struct buf *b)
{
	buf_printf(b, "%llu pcr=%u template=", (unsigned long long)n->number, n->pcr);
	buf_escape(b, n->template_name);
	buf_str(b, " digest=");
	buf_hex(b, n->template_digest);
	buf_str(b, n->violation ? " violation" : "");
	if (!n->well_formed)
		buf_printf(b, " malformed=\"%s\"", n->why);
	for (size_t i = 0; i < n->n_fields; i++) {
		const struct ima_field *f = &n->fields[i];

		buf_printf(b, " %s=", ima_field_name(f->id));
		if (f->id == IMA_FIELD_N_NG || f->id == IMA_FIELD_N)
			buf_escape(b, n->path);
		else if (f->id == IMA_FIELD_D_NG || f->id == IMA_FIELD_D_NGV2) {
			buf_printf(b, "%s", n->digest_type == IMA_DIGEST_VERITY ? "verity:" : "");
			buf_escape(b, n->file_alg_name);
			buf_u8(b, ':');
			buf_hex(b, n->file_digest);
		} else {
			buf_hex(b, f->bytes);
		}
	}
	buf_u8(b, '\n');
}
