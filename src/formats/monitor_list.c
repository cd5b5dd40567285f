#include "formats/monitor_list.h"

#include "base/limits.h"
#include "base/text.h"

static const uint8_t magic[8] = { 0x89, 'A', 'M', 'S', '\r', '\n', 0x1a, '\n' };

static const struct { const char *token, *text; } whys[MONITOR_WHY_COUNT] = {
	{ "none", "no reason" },
#define WHY(sym, token, text) { token, text },
#include "formats/monitor_why.tbl"
#undef WHY
};

const char *
monitor_why_token(enum monitor_why why)
{
	return whys[why < MONITOR_WHY_COUNT ? why : 0].token;
}

const char *
monitor_why_text(enum monitor_why why)
{
	return whys[why < MONITOR_WHY_COUNT ? why : 0].text;
}

enum monitor_why
monitor_why_by_token(struct span token)
{
	for (unsigned i = 1; i < MONITOR_WHY_COUNT; i++)
		if (span_is(token, whys[i].token))
			return (enum monitor_why)i;
	return MONITOR_WHY_NONE;
}

/* What the kernel does to event names, in the binary list too. */
static void
put_name(struct buf *b, struct span name)
{
	size_t start;

	buf_le32(b, (uint32_t)name.n + 1);
	start = b->n;
	buf_span(b, name);
	for (size_t i = start; b->why == 0 && i < b->n; i++)
		if (b->p[i] == ' ')
			b->p[i] = '_';
	buf_u8(b, 0);
}

static void
put_digest(struct buf *b, struct span digest)
{
	static const char prefix[] = "sha256:";

	buf_le32(b, (uint32_t)(sizeof(prefix) + digest.n));
	buf_put(b, prefix, sizeof(prefix));	/* with its NUL */
	buf_span(b, digest);
}

void
monitor_data_file(struct buf *b, struct span digest, struct span path)
{
	put_digest(b, digest);
	put_name(b, path);
}

void
monitor_data_note(struct buf *b, struct span digest, struct span name, struct span text)
{
	put_digest(b, digest);
	put_name(b, name);
	buf_le32(b, (uint32_t)text.n);
	buf_span(b, text);
}

void
monitor_record(struct buf *b, uint32_t pcr, const uint8_t column[20], const char *template, struct span data)
{
	buf_le32(b, pcr);
	buf_put(b, column, 20);
	buf_le32(b, (uint32_t)strlen(template));
	buf_str(b, template);
	buf_le32(b, (uint32_t)data.n);
	buf_span(b, data);
}

bool
monitor_record_next(struct rd *r, uint32_t *pcr, struct span *data)
{
	struct rd n = *r;
	struct span name;

	if (rd_left(r) == 0)
		return false;
	if (!(rd_le32(&n, pcr) && rd_skip(&n, 20) && rd_le32_span(&n, LIMIT_IMA_NAME, &name) &&
	    rd_le32_span(&n, LIMIT_IMA_DATA, data))) {
		r->why = n.why;
		return false;
	}
	r->off = n.off;
	return true;
}

void
monitor_header_write(const uint8_t boot_id[MONITOR_BOOT_ID], struct buf *b)
{
	buf_put(b, magic, sizeof(magic));
	buf_le32(b, 1);
	buf_le32(b, 0);
	buf_put(b, boot_id, MONITOR_BOOT_ID);
}

int
monitor_header_parse(struct rd *r, uint8_t boot_id[MONITOR_BOOT_ID], struct err *e)
{
	struct span m, id;
	uint32_t version, zero;

	if (!rd_bytes(r, sizeof(magic), &m))
		return err_at(e, r->why, r->off, "the monitor's sidecar ends inside its header");
	if (!span_eq(m, span_of(magic, sizeof(magic))))
		return err_at(e, ERR_FORMAT, 0, "this is not a sidecar of the execution monitor");
	if (!rd_le32(r, &version))
		return err_at(e, r->why, r->off, "the monitor's sidecar ends inside its header");
	if (version != 1)
		return err_at(e, ERR_VERSION, 8, "the monitor's sidecar is of version %u, and only 1 is known", version);
	if (!(rd_le32(r, &zero) && rd_bytes(r, MONITOR_BOOT_ID, &id)))
		return err_at(e, r->why, r->off, "the monitor's sidecar ends inside its header");
	if (zero != 0)
		return err_at(e, ERR_RANGE, 12, "the monitor's sidecar has a reserved field that is not zero");
	memcpy(boot_id, id.p, MONITOR_BOOT_ID);
	return 0;
}

static void
put_counted(struct buf *b, struct span s)
{
	s = span_head(s, UINT16_MAX);
	buf_le16(b, (uint16_t)s.n);
	buf_span(b, s);
}

void
monitor_body_write(const struct monitor_body *x, struct buf *b)
{
	buf_le64(b, x->number);
	buf_le64(b, x->time);
	buf_le64(b, x->uptime);
	buf_le32(b, x->pid);
	buf_le32(b, x->uid);
	buf_le32(b, x->flags);
	buf_le32(b, x->major);
	buf_le32(b, x->minor);
	buf_le64(b, x->inode);
	buf_le64(b, x->size);
	put_counted(b, x->comm);
	put_counted(b, x->cgroup);
	put_counted(b, x->path);
}

static bool
body_read(struct rd *r, struct monitor_body *x)
{
	return rd_le64(r, &x->number) && rd_le64(r, &x->time) && rd_le64(r, &x->uptime) &&
	    rd_le32(r, &x->pid) && rd_le32(r, &x->uid) && rd_le32(r, &x->flags) &&
	    rd_le32(r, &x->major) && rd_le32(r, &x->minor) && rd_le64(r, &x->inode) &&
	    rd_le64(r, &x->size) && rd_le16_span(r, LIMIT_PATH, &x->comm) &&
	    rd_le16_span(r, LIMIT_PATH, &x->cgroup) && rd_le16_span(r, LIMIT_PATH, &x->path) && rd_end(r);
}

int
monitor_entry_next(struct rd *r, uint64_t before, struct monitor_entry *x, struct err *e)
{
	struct monitor_entry n = { .offset = r->off };
	struct rd outer = *r, inner;

	if (rd_left(r) == 0)
		return 0;
	if (!(rd_le32_span(&outer, LIMIT_MONITOR_BODY, &n.raw) && rd_bytes(&outer, MONITOR_CHAIN, &n.chain)))
		return err_at(e, outer.why, n.offset, outer.why == ERR_LIMIT ? "an entry of the monitor's sidecar"
		    " is larger than any it writes" : "the monitor's sidecar ends inside an entry");
	inner = rd_init(n.raw);
	if (!body_read(&inner, &n.body))
		return err_at(e, inner.why, n.offset + 4 + inner.off,
		    "an entry of the monitor's sidecar is not of its form");
	if ((n.body.flags & ~(uint32_t)MONITOR_FLAGS) != 0)
		return err_at(e, ERR_RANGE, n.offset + 36, "an entry of the monitor's sidecar has flags that are not known");
	if (n.body.number <= before)
		return err_at(e, ERR_RANGE, n.offset + 4, "the monitor's sidecar has entry %llu behind %llu",
		    (unsigned long long)n.body.number, (unsigned long long)before);
	n.size = outer.off - r->off;
	r->off = outer.off;
	*x = n;
	return 1;
}

void
monitor_flags_text(uint32_t flags, struct buf *b)
{
	static const struct { uint32_t bit; const char *word; } words[] = {
		{ MONITOR_DELETED, " deleted" }, { MONITOR_WRITER, " open-for-writing" },
		{ MONITOR_LATE, " late" }, { MONITOR_SLOW, " slow" }, { MONITOR_STALLED, " stalled" },
		{ MONITOR_UNREADABLE, " unreadable" }, { MONITOR_GONE, " process-gone" },
		{ MONITOR_CHANGED, " changed" },
	};

	buf_str(b, (flags & MONITOR_EXEC) != 0 ? "exec" : "open");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((flags & words[i].bit) != 0)
			buf_str(b, words[i].word);
}

void
monitor_entry_dump(const struct monitor_entry *x, struct buf *b)
{
	const struct monitor_body *y = &x->body;

	buf_printf(b, "%llu time %llu uptime %llu pid %u uid %u [", (unsigned long long)y->number,
	    (unsigned long long)y->time, (unsigned long long)y->uptime, y->pid, y->uid);
	monitor_flags_text(y->flags, b);
	buf_printf(b, "] %u:%u %llu size %llu comm \"", y->major, y->minor, (unsigned long long)y->inode,
	    (unsigned long long)y->size);
	buf_escape(b, y->comm);
	buf_str(b, "\" cgroup \"");
	buf_escape(b, y->cgroup);
	buf_str(b, "\" path \"");
	buf_escape(b, y->path);
	buf_str(b, "\" chain ");
	buf_hex(b, x->chain);
	buf_u8(b, '\n');
}
