#include "formats/root_bundle.h"

#include "base/limits.h"
#include "base/rd.h"
#include "base/text.h"

static const uint8_t magic[8] = { 0x89, 'A', 'A', 'R', 'T', 0x0d, 0x0a, 0x1a };

enum { FORMAT_VERSION = 1, TEXT_MAX = 1024 };

bool
root_bundle_looks(struct span in)
{
	return span_starts(in, span_of(magic, sizeof(magic)));
}

static bool
is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return utf8_valid(s);
}

static bool
read_text(struct rd *r, struct span *out)
{
	return rd_le16_span(r, TEXT_MAX, out) && (is_text(*out) || rd_fail(r, ERR_ENCODING));
}

static bool
read_entry(struct rd *r, struct root_entry *out)
{
	struct root_entry t;
	uint16_t kind, zero;

	if (!(rd_le16(r, &kind) && rd_le16(r, &zero)))
		return false;
	if (zero != 0 || (kind != ROOT_ANCHOR && kind != ROOT_INTERMEDIATE))
		return rd_fail(r, ERR_RANGE);
	t.kind = (enum root_kind)kind;
	if (!(read_text(r, &t.vendor) && read_text(r, &t.subject) && read_text(r, &t.source) &&
	    rd_le32_span(r, LIMIT_CERT, &t.der)))
		return false;
	*out = t;
	return true;
}

static int
read_header(struct rd *r, struct root_bundle *b, uint32_t *count, struct err *e)
{
	uint32_t version;
	uint64_t date;

	if (!root_bundle_looks(r->in))
		return err_at(e, r->in.n < sizeof(magic) ? ERR_TRUNCATED : ERR_FORMAT, 0,
		    "not a bundle of TPM vendors' roots");
	if (!(rd_skip(r, sizeof(magic)) && rd_le32(r, &version)))
		return err_at(e, r->why, r->off, "header of a root bundle: %s", err_text(r->why));
	if (version != FORMAT_VERSION)
		return err_at(e, version == 0 ? ERR_FORMAT : ERR_VERSION, 8,
		    "root bundle of format version %u, this program reads %d", version, FORMAT_VERSION);
	if (!(rd_le32(r, &b->edition) && rd_le64(r, &date) && rd_le32(r, count)))
		return err_at(e, r->why, r->off, "header of a root bundle: %s", err_text(r->why));
	/* The year 9999 is what the calendar of a certificate ends with. */
	if (date > 253402300799)
		return err_at(e, ERR_RANGE, 16, "root bundle with a date behind the year 9999");
	b->date = (int64_t)date;
	return *count <= LIMIT_ROOTS ? 0 :
	    err_at(e, ERR_LIMIT, 24, "root bundle of %u certificates", *count);
}

int
root_bundle_parse(struct span in, struct arena *a, struct root_bundle *out, struct err *e)
{
	struct rd r = rd_init(in);
	struct root_bundle b = { 0 };
	uint32_t count = 0;
	int rc;

	if ((rc = read_header(&r, &b, &count, e)) != 0)
		return rc;
	/* 12 bytes are the least an entry has: the count must not make us allocate for more
	 * entries than the input can hold. */
	if (count > rd_left(&r) / 12)
		return err_at(e, ERR_TRUNCATED, 24, "root bundle says %u certificates in %zu bytes",
		    count, in.n);
	if ((b.entries = arena_array(a, count, sizeof(b.entries[0]))) == NULL && count > 0)
		return arena_err(a, e);
	for (b.n = 0; b.n < count; b.n++)
		if (!read_entry(&r, &b.entries[b.n]))
			return err_at(e, r.why, r.off, "certificate %zu of a root bundle: %s", b.n + 1,
			    err_text(r.why));
	if (!rd_end(&r))
		return err_at(e, r.why, r.off, "root bundle: %s", err_text(r.why));
	*out = b;
	return 0;
}

static void
write_text(struct buf *b, struct span s)
{
	buf_le16(b, (uint16_t)s.n);
	buf_span(b, s);
}

void
root_bundle_write(const struct root_bundle *b, struct buf *out)
{
	buf_put(out, magic, sizeof(magic));
	buf_le32(out, FORMAT_VERSION);
	buf_le32(out, b->edition);
	buf_le64(out, (uint64_t)b->date);
	buf_le32(out, (uint32_t)b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct root_entry *t = &b->entries[i];

		buf_le16(out, (uint16_t)t->kind);
		buf_le16(out, 0);
		write_text(out, t->vendor);
		write_text(out, t->subject);
		write_text(out, t->source);
		buf_le32(out, (uint32_t)t->der.n);
		buf_span(out, t->der);
	}
}

void
root_bundle_dump(const struct root_bundle *b, struct buf *out)
{
	buf_printf(out, "edition %u\ndate %lld\ncertificates %zu\n", b->edition, (long long)b->date,
	    b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct root_entry *t = &b->entries[i];

		buf_printf(out, "%s %zu bytes\n  vendor ", t->kind == ROOT_ANCHOR ? "root" :
		    "intermediate", t->der.n);
		buf_escape(out, t->vendor);
		buf_str(out, "\n  subject ");
		buf_escape(out, t->subject);
		buf_str(out, "\n  source ");
		buf_escape(out, t->source);
		buf_str(out, "\n");
	}
}
