#include "formats/ima_log.h"

#include "base/text.h"
#include "formats/ima_template.h"

/* The largest PCR a PC has is 23; the kernel's pcr= takes up to 63. */
#define PCR_MAX 63

/* A record as it stands in the file. */
struct record {
	uint32_t pcr;
	struct span digest, name, data;
	struct span ima_digest, ima_name;	/* template "ima" has these for fields */
};

static bool
rd_u32(struct rd *r, bool big, uint32_t *out)
{
	return big ? rd_be32(r, out) : rd_le32(r, out);
}

static bool
rd_u32_span(struct rd *r, bool big, size_t max, struct span *out)
{
	return big ? rd_be32_span(r, max, out) : rd_le32_span(r, max, out);
}

/* Template "ima": digest and name without lengths of the fields they make up. */
static bool
ima_data(struct rd *r, bool big, size_t digest_size, struct record *x)
{
	size_t start = r->off;

	if (!(rd_bytes(r, digest_size, &x->ima_digest) && rd_u32_span(r, big, LIMIT_IMA_NAME, &x->ima_name)))
		return false;
	/* The length between the two is not hashed; the engine takes the fields. */
	x->data = span_of(r->in.p + start, r->off - start);
	return true;
}

/* The digest has 20 bytes, or 16 with ima_hash=md5, and nothing says which.  Reading 16 as
 * 20 takes the first bytes of the name as its length: they are not NUL, so that is far
 * beyond what a name may have, and the two cannot be confused. */
static bool
binary_ima_data(struct rd *r, bool big, struct record *x)
{
	size_t start = r->off;

	if (ima_data(r, big, 20, x))
		return true;
	if (r->why != ERR_LIMIT)
		return false;
	r->why = 0;
	r->off = start;
	return ima_data(r, big, 16, x);
}

/* What every template has in front: PCR, digest, name. */
static bool
binary_head(struct rd *r, bool big, size_t digest_size, struct record *x)
{
	return rd_u32(r, big, &x->pcr) && rd_bytes(r, digest_size, &x->digest) &&
	    rd_u32_span(r, big, LIMIT_IMA_NAME, &x->name) &&
	    (x->pcr <= PCR_MAX || rd_fail(r, ERR_RANGE));
}

static bool
binary_record(struct rd *r, const struct ima_log *log, struct record *x)
{
	x->ima_digest = span_of(NULL, 0);
	if (!binary_head(r, log->big_endian, log->digest_size, x))
		return false;
	if (span_is(x->name, "ima"))
		return binary_ima_data(r, log->big_endian, x);
	return rd_u32_span(r, log->big_endian, LIMIT_IMA_DATA, &x->data);
}

static void
entry_from(const struct record *x, struct ima_entry *n)
{
	memset(n, 0, offsetof(struct ima_entry, fields));
	n->pcr = x->pcr;
	n->template_digest = x->digest;
	n->template_name = x->name;
	n->data = x->data;
	if (x->ima_digest.n == 0)
		return;
	n->is_ima = true;
	n->n_fields = 2;
	n->fields[0] = (struct ima_field){ IMA_FIELD_D, x->ima_digest };
	n->fields[1] = (struct ima_field){ IMA_FIELD_N, x->ima_name };
}

static int
next_binary(struct ima_log *log, struct ima_entry *n, struct err *e)
{
	struct rd r = log->r;		/* the log's own stays in front of a bad record */
	struct record x;

	if (rd_left(&r) == 0)
		return 0;
	if (!binary_record(&r, log, &x)) {
		log->r.why = r.why;
		return err_at(e, r.why, log->r.off, "entry %llu of the measurement list: %s",
		    (unsigned long long)log->next_number,
		    r.why == ERR_TRUNCATED ? "the list ends inside it" :
		    r.why == ERR_LIMIT ? "a length is larger than any the kernel writes" :
		    "its PCR index is not a PCR");
	}
	entry_from(&x, n);
	n->offset = log->r.off;
	n->size = r.off - log->r.off;
	log->r.off = r.off;
	return 1;
}

/* Whether the bytes, taken as (order, digest size), begin with a sound record.  Names
 * are what tells: every template name is short printable text. */
static bool
fits(struct span in, bool big_endian, size_t digest_size)
{
	struct rd r = rd_init(in);
	struct record x;

	if (!binary_head(&r, big_endian, digest_size, &x) || x.name.n == 0)
		return false;
	for (size_t i = 0; i < x.name.n; i++)
		if (x.name.p[i] < 0x21 || x.name.p[i] > 0x7e)
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

static int
next_ascii(struct ima_log *log, struct ima_entry *entry, struct err *e)
{
	struct ima_entry n = { .number = log->next_number };
	int rc = ima_ascii_next(log, &n, e);

	if (rc > 0)
		*entry = n;
	return rc;
}

int
ima_log_next_frame(struct ima_log *log, struct ima_entry *entry, struct err *e)
{
	int rc = log->kind == IMA_LOG_ASCII ? next_ascii(log, entry, e) : next_binary(log, entry, e);

	if (rc <= 0)
		return rc;
	entry->number = log->next_number++;
	entry->violation = span_zero(entry->template_digest);
	return 1;
}

int
ima_log_next(struct ima_log *log, struct ima_entry *entry, struct err *e)
{
	int rc = ima_log_next_frame(log, entry, e);

	if (rc > 0)
		ima_template_decode(log, entry);
	return rc;
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
