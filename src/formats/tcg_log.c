#include "formats/tcg_log.h"

/* PCR indexes of a PC Client TPM end at 23 (PTP 4.6).  EV_NO_ACTION may name none. */
#define PCR_LAST 23

static const struct { uint32_t type; enum tcg_cover cover; const char *name; } types[] = {
#define EVENT(sym, value, cover) { value, TCG_COVER_##cover, "EV_" #sym },
#include "formats/tcg_events.tbl"
#undef EVENT
};

/* TPM 1.2's format has the one bank, and no place to say so. */
static const struct tcg_log_alg sha1_only = { 0x0004, 20, DIGEST_SHA1 };

const char *
tcg_type_name(uint32_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

enum tcg_cover
tcg_type_cover(uint32_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].cover;
	return TCG_COVER_UNKNOWN;
}

void
tcg_type_put(uint32_t type, struct buf *b)
{
	const char *name = tcg_type_name(type);

	if (name != NULL)
		buf_str(b, name);
	else
		buf_printf(b, "0x%08x", type);
}

struct span
tcg_event_digest(const struct tcg_event *event, enum digest_alg alg)
{
	for (size_t i = 0; i < event->n_digests; i++)
		if (alg != DIGEST_NONE && event->digests[i].alg == alg)
			return event->digests[i].bytes;
	return span_of(NULL, 0);
}

bool
tcg_log_has(const struct tcg_log *log, enum digest_alg alg)
{
	for (size_t i = 0; i < log->n_algs; i++)
		if (alg != DIGEST_NONE && log->algs[i].alg == alg)
			return true;
	return false;
}

static const struct tcg_log_alg *
find_alg(const struct tcg_log *log, uint16_t id)
{
	for (size_t i = 0; i < log->n_algs; i++)
		if (log->algs[i].id == id)
			return &log->algs[i];
	return NULL;
}

static bool
read_head(struct rd *r, struct tcg_event *n)
{
	return rd_le32(r, &n->pcr) && rd_le32(r, &n->type) &&
	    (n->pcr <= PCR_LAST || n->type == EV_NO_ACTION || rd_fail(r, ERR_RANGE));
}

static bool
read_legacy(struct rd *r, struct tcg_event *n)
{
	n->digests[0].id = sha1_only.id;
	n->digests[0].alg = sha1_only.alg;
	n->n_digests = 1;
	return read_head(r, n) && rd_bytes(r, 20, &n->digests[0].bytes) &&
	    rd_le32_span(r, LIMIT_EVENT_LOG, &n->data);
}

static bool
read_digest(struct tcg_log *log, struct tcg_event *n)
{
	struct tcg_digest *d = &n->digests[n->n_digests];
	const struct tcg_log_alg *a;

	if (!rd_le16(&log->r, &d->id))
		return false;
	if ((a = find_alg(log, d->id)) == NULL)
		return rd_fail(&log->r, ERR_UNSUPPORTED);
	for (size_t i = 0; i < n->n_digests; i++)
		if (n->digests[i].id == d->id)
			return rd_fail(&log->r, ERR_DUPLICATE);
	if (!rd_bytes(&log->r, a->size, &d->bytes))
		return false;
	d->alg = a->alg;
	n->n_digests++;
	return true;
}

static bool
read_agile(struct tcg_log *log, struct tcg_event *n)
{
	uint32_t count;

	if (!(read_head(&log->r, n) && rd_le32(&log->r, &count)))
		return false;
	if (count == 0)
		return rd_fail(&log->r, ERR_FORMAT);
	if (count > log->n_algs)
		return rd_fail(&log->r, ERR_LIMIT);
	for (uint32_t i = 0; i < count; i++)
		if (!read_digest(log, n))
			return false;
	return rd_le32_span(&log->r, LIMIT_EVENT_LOG, &n->data);
}

static const char *
why_text(int why)
{
	switch (why) {
	case ERR_TRUNCATED: return "the log ends inside it";
	case ERR_RANGE: return "its PCR index is not a PCR";
	case ERR_UNSUPPORTED: return "it has a digest of an algorithm that the log does not declare, so its size is not known";
	case ERR_DUPLICATE: return "it has two digests of one algorithm";
	case ERR_FORMAT: return "it has no digest";
	default: return "a count or length is larger than any firmware writes";
	}
}

static bool
is_padding(struct span rest)
{
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] != rest.p[0])
			return false;
	return rest.n > 0 && (rest.p[0] == 0 || rest.p[0] == 0xff);
}

/* The firmware reserves a fixed area, and some kernels and tools copy all of it. */
static bool
at_end(struct tcg_log *log)
{
	struct span rest = span_from(log->r.in, log->r.off);

	if (rest.n == 0)
		return true;
	if (!is_padding(rest))
		return false;
	log->padding = rest.n;
	return true;
}

int
tcg_log_next(struct tcg_log *log, struct tcg_event *event, struct err *e)
{
	struct tcg_event n = { .number = log->next_number, .offset = log->r.off };
	bool good;

	if (at_end(log))
		return 0;
	if (n.number > LIMIT_TCG_EVENTS)
		return err_at(e, ERR_LIMIT, n.offset, "the event log has more than %u events",
		    LIMIT_TCG_EVENTS);
	if (log->kind == TCG_LOG_AGILE && n.number > 1)
		good = read_agile(log, &n);
	else
		good = read_legacy(&log->r, &n);
	if (!good) {
		int why = log->r.why;

		log->r.off = n.offset;
		return err_at(e, why, n.offset, "event %llu of the event log: %s",
		    (unsigned long long)n.number, why_text(why));
	}
	n.size = log->r.off - n.offset;
	log->next_number++;
	*event = n;
	return 1;
}

static bool
read_alg(struct rd *r, struct tcg_log *log)
{
	struct tcg_log_alg a;

	if (!(rd_le16(r, &a.id) && rd_le16(r, &a.size)))
		return false;
	a.alg = digest_alg_by_tpm(a.id);
	if (find_alg(log, a.id) != NULL)
		return rd_fail(r, ERR_DUPLICATE);
	/* A wrong size for a known algorithm would shift every record behind. */
	if (a.size == 0 || a.size > LIMIT_DIGEST ||
	    (a.alg != DIGEST_NONE && a.size != digest_alg_size(a.alg)))
		return rd_fail(r, ERR_RANGE);
	log->algs[log->n_algs++] = a;
	return true;
}

static bool
read_spec_id(struct rd *r, struct tcg_log *log)
{
	uint8_t uintn;
	uint32_t count;

	if (!(rd_skip(r, 16) && rd_le32(r, &log->platform_class) && rd_u8(r, &log->spec_minor) &&
	    rd_u8(r, &log->spec_major) && rd_u8(r, &log->spec_errata) && rd_u8(r, &uintn) &&
	    rd_le32(r, &count)))
		return false;
	log->uintn_size = uintn == 1 ? 4 : 8;
	if (count == 0 || count > LIMIT_TPM_BANKS)
		return rd_fail(r, ERR_RANGE);
	for (uint32_t i = 0; i < count; i++)
		if (!read_alg(r, log))
			return false;
	return rd_u8_span(r, UINT8_MAX, &log->vendor_info) && rd_end(r);
}

static const char *
spec_why(int why)
{
	return why == ERR_TRUNCATED ? "it ends inside a field" :
	    why == ERR_TRAILING ? "bytes follow its last field" :
	    why == ERR_DUPLICATE ? "it names an algorithm twice" :
	    "a count or a digest size is out of range";
}

int
tcg_log_open(struct span in, struct tcg_log *log, struct err *e)
{
	struct tcg_log n = { .r = rd_init(in), .kind = TCG_LOG_SHA1, .next_number = 1,
	    .uintn_size = 8, .n_algs = 1, .algs = { sha1_only } };
	struct tcg_event first = { 0 };
	struct rd probe = rd_init(in);

	if (in.n == 0)
		return err_hint(e, err_at(e, ERR_FORMAT, 0, "the event log is empty"),
		    "the firmware made no log, or it was not read from securityfs as root");
	if (!read_legacy(&probe, &first))
		return err_hint(e, err_at(e, probe.why == ERR_TRUNCATED ? ERR_TRUNCATED : ERR_FORMAT,
		    0, "is not a TCG event log: the first record does not fit"),
		    "give /sys/kernel/security/tpm0/binary_bios_measurements");
	if (first.type == EV_NO_ACTION && span_starts(first.data, span_lit("Spec ID Event03\0"))) {
		struct rd r = rd_init(first.data);

		n.kind = TCG_LOG_AGILE;
		n.n_algs = 0;
		if (!read_spec_id(&r, &n))
			return err_at(e, r.why, 32 + r.off, "the Spec ID event: %s", spec_why(r.why));
	}
	*log = n;
	return 0;
}

void
tcg_log_dump(const struct tcg_event *n, struct buf *b)
{
	buf_printf(b, "%llu pcr=%u type=", (unsigned long long)n->number, n->pcr);
	tcg_type_put(n->type, b);
	for (size_t i = 0; i < n->n_digests; i++) {
		const struct tcg_digest *d = &n->digests[i];

		if (d->alg != DIGEST_NONE)
			buf_printf(b, " %s=", digest_alg_name(d->alg));
		else
			buf_printf(b, " alg-0x%04x=", d->id);
		buf_hex(b, d->bytes);
	}
	buf_str(b, " data=");
	buf_hex(b, n->data);
	buf_u8(b, '\n');
}
