#include "engine/enrolment.h"

#include "base/rd.h"

/* docs/formats/enrolment-record.md */
static const uint8_t magic[8] = { 0x89, 'A', 'A', 'E', 'R', 0x0d, 0x0a, 0x1a };

enum { RECORD_VERSION = 2, FLAG_PENDING = 1, FLAG_USED = 2 };

static void
write_sized(struct buf *b, struct span s)
{
	buf_le32(b, (uint32_t)s.n);
	buf_span(b, s);
}

/* Zeros for none: no digest of SHA-256 that anybody can show is that. */
static void
write_digest(struct buf *b, const struct digest *d)
{
	static const uint8_t none[32];

	buf_put(b, d->alg == DIGEST_NONE ? none : d->v, sizeof(none));
}

void
enrolment_write(const struct enrolment *rec, struct buf *b)
{
	buf_put(b, magic, sizeof(magic));
	buf_le32(b, RECORD_VERSION);
	buf_put(b, rec->token, sizeof(rec->token));
	buf_put(b, rec->secret, sizeof(rec->secret));
	buf_le64(b, (uint64_t)rec->expires);
	buf_u8(b, (uint8_t)rec->mode);
	buf_u8(b, (uint8_t)((rec->pending ? FLAG_PENDING : 0) | (rec->used ? FLAG_USED : 0)));
	buf_put(b, rec->host_id, HOST_ID_SIZE - 1);
	buf_put(b, rec->csr_digest.v, 32);
	buf_put(b, rec->ek_key.v, 32);
	write_digest(b, &rec->iak_key);
	write_digest(b, &rec->device);
	write_sized(b, buf_view(&rec->ek_area));
	write_sized(b, buf_view(&rec->ak_area));
	write_sized(b, buf_view(&rec->csr));
	write_sized(b, buf_view(&rec->extra));
}

static bool
read_digest(struct rd *r, struct digest *d)
{
	struct span s;

	return rd_bytes(r, 32, &s) && digest_make(DIGEST_SHA256, s, d);
}

static bool
read_optional(struct rd *r, struct digest *d)
{
	static const uint8_t none[32];

	if (!read_digest(r, d))
		return false;
	if (memcmp(d->v, none, sizeof(none)) == 0)
		*d = (struct digest){ 0 };
	return true;
}

static bool
read_sized(struct rd *r, size_t max, struct buf *b)
{
	struct span s;

	if (!rd_le32_span(r, max, &s))
		return false;
	*b = buf_init(max);
	buf_span(b, s);
	return b->why == 0 ? true : rd_fail(r, b->why);
}

static bool
read_head(struct rd *r, struct enrolment *rec)
{
	uint64_t expires;
	uint8_t mode, flags;
	struct span id;

	if (!(rd_copy(r, rec->token, sizeof(rec->token)) &&
	    rd_copy(r, rec->secret, sizeof(rec->secret)) && rd_le64(r, &expires) &&
	    rd_u8(r, &mode) && rd_u8(r, &flags) && rd_bytes(r, HOST_ID_SIZE - 1, &id)))
		return false;
	if (mode == TRUST_NONE || mode >= TRUST_MODE_COUNT ||
	    (flags & ~(FLAG_PENDING | FLAG_USED)) != 0 || !ek_host_id_valid(id) ||
	    expires > INT64_MAX)
		return rd_fail(r, ERR_RANGE);
	rec->expires = (time_t)expires;
	rec->mode = (enum trust_mode)mode;
	rec->pending = (flags & FLAG_PENDING) != 0;
	rec->used = (flags & FLAG_USED) != 0;
	memcpy(rec->host_id, id.p, id.n);
	return read_digest(r, &rec->csr_digest) && read_digest(r, &rec->ek_key) &&
	    read_optional(r, &rec->iak_key) && read_optional(r, &rec->device);
}

int
enrolment_parse(struct span in, struct enrolment *out, struct err *e)
{
	ENROLMENT_AUTO struct enrolment rec = { 0 };
	struct rd r = rd_init(in);
	struct span head;
	uint32_t version;

	if (!(rd_bytes(&r, sizeof(magic), &head) && rd_le32(&r, &version)))
		return err_at(e, r.why, r.off, "enrolment record: %s", err_text(r.why));
	if (!span_eq(head, span_of(magic, sizeof(magic))))
		return err_at(e, ERR_FORMAT, 0, "not an enrolment record");
	if (version != RECORD_VERSION)
		return err_at(e, ERR_VERSION, sizeof(magic), "enrolment record of version %u", version);
	if (!(read_head(&r, &rec) && read_sized(&r, KIB(4), &rec.ek_area) &&
	    read_sized(&r, KIB(4), &rec.ak_area) && read_sized(&r, LIMIT_CSR, &rec.csr) &&
	    read_sized(&r, LIMIT_ENROL_EXTRA, &rec.extra) && rd_end(&r)))
		return err_at(e, r.why, r.off, "enrolment record: %s", err_text(r.why));
	*out = rec;
	rec = (struct enrolment){ 0 };		/* handed over */
	return 0;
}
