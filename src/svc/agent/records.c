#include "svc/agent/records.h"

#include <errno.h>
#include <unistd.h>

#include "crypto/digest.h"

#define CHUNK KIB(64)

struct records
records_none(void)
{
	return (struct records){ .fd = -1 };
}

void
records_forget(struct records *r)
{
	int fd = r->fd;

	free(r->marks);
	*r = records_none();
	r->fd = fd;
}

void
records_close(struct records *r)
{
	if (r->fd >= 0)
		(void)close(r->fd);
	r->fd = -1;
	records_forget(r);
}

static int
read_at(int fd, void *p, size_t n, uint64_t offset, size_t *got, struct err *e)
{
	ssize_t k;

	do
		k = pread(fd, p, n, (off_t)offset);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_errno(e, "cannot read the measurement list");
	*got = (size_t)k;
	return 0;
}

/* What of a file is in memory: bytes [offset, offset + b.n) of it. */
struct window {
	struct buf b;
	uint64_t offset;
	bool eof;
};

static struct window
window_at(uint64_t offset)
{
	/* A record in the window is whole as soon as there is room for the largest. */
	return (struct window){ .b = buf_init(2 * LIMIT_IMA_DATA), .offset = offset };
}

static void
window_done(struct window *w)
{
	buf_free(&w->b);
}
#define WINDOW_AUTO __attribute__((cleanup(window_done)))

/* Drop the first ${n} bytes and read on. */
static int
window_move(struct window *w, size_t n, int fd, struct err *e)
{
	uint8_t chunk[CHUNK];
	size_t got;
	int rc;

	if (n != 0)
		memmove(w->b.p, w->b.p + n, w->b.n - n);
	w->b.n -= n;
	w->offset += n;
	if ((rc = read_at(fd, chunk, sizeof(chunk), w->offset + w->b.n, &got, e)) != 0)
		return rc;
	w->eof = got == 0;
	buf_put(&w->b, chunk, got);
	return buf_done(&w->b, e);
}

/* Frames in the window.  1: one more; 0: the window ends inside a record. */
static int
frame(struct ima_log *log, struct ima_entry *entry, struct err *e)
{
	struct err inner = { 0 };
	int rc = ima_log_next_frame(log, entry, &inner);

	if (rc >= 0)
		return rc;
	if (log->r.why == ERR_TRUNCATED)
		return 0;
	if (e != NULL)
		*e = inner;
	return rc;
}

/* Calls ${fn} for each whole record from an offset on, until the file ends or it says
 * stop (1) or fails. */
static int
walk(int fd, const struct ima_log *proto, uint64_t offset, records_each_fn *fn, void *arg, struct err *e)
{
	WINDOW_AUTO struct window w = window_at(offset);
	size_t done = 0;
	int rc;

	while ((rc = window_move(&w, done, fd, e)) == 0 && !w.eof) {
		struct ima_log log = *proto;
		struct ima_entry entry;

		log.r = rd_init(buf_view(&w.b));
		done = 0;
		while ((rc = frame(&log, &entry, e)) > 0) {
			if ((rc = fn(arg, w.offset + entry.offset, span_of(w.b.p + entry.offset, entry.size), e)) != 0)
				return rc < 0 ? rc : 0;
			done = entry.offset + entry.size;
		}
		if (rc < 0)
			return err_shift(e, rc, w.offset);
	}
	return rc;
}

/* The first record tells how the others are to be read.  0 with ${r->framed} unset: there
 * is none yet. */
static int
find_frame(struct records *r, struct err *e)
{
	uint8_t head[CHUNK];
	size_t got = 0;
	int rc;

	if (r->framed)
		return 0;
	if ((rc = read_at(r->fd, head, sizeof(head), 0, &got, e)) != 0)
		return rc;
	/* PCR, the longest digest, a name's length and the name: whole, or not there yet. */
	if (got < 4 + 20 + 4 + 3)
		return 0;
	if ((rc = ima_log_open(span_of(head, got), &r->proto, e)) != 0)
		return rc;
	ima_log_close(&r->proto);
	r->proto.scratch = buf_init(0);
	r->proto.r = rd_init(span_of(NULL, 0));
	if (r->proto.kind != IMA_LOG_BINARY)
		return err_set(e, ERR_FORMAT, "the measurement list is not in binary form");
	r->framed = true;
	return 0;
}

static int
add_mark(struct records *r, uint64_t offset, struct err *e)
{
	if (r->n % RECORDS_MARK != 0)
		return 0;
	if (r->n_marks == r->cap_marks) {
		size_t cap = r->cap_marks == 0 ? 16 : 2 * r->cap_marks;
		struct records_mark *m = reallocarray(r->marks, cap, sizeof(*m));

		if (m == NULL)
			return err_set(e, ERR_NOMEM, "no memory to find entries of the measurement list again");
		r->marks = m;
		r->cap_marks = cap;
	}
	r->marks[r->n_marks++] = (struct records_mark){ r->n, offset };
	return 0;
}

struct looking {
	struct records *r;
	records_fn *fn;
	void *arg;
	struct buf last;		/* the last record, to be hashed once at the end */
};

static int
look_one(void *arg, uint64_t offset, struct span record, struct err *e)
{
	struct looking *l = arg;
	int rc;

	if (l->fn != NULL && (rc = l->fn(l->arg, l->r->n, record, e)) != 0)
		return rc;
	if ((rc = add_mark(l->r, offset, e)) != 0)
		return rc;
	l->r->n++;
	l->r->last = offset;
	l->r->end = offset + record.n;
	l->last.n = 0;
	buf_span(&l->last, record);
	return buf_done(&l->last, e);
}

int
records_look(struct records *r, records_fn *fn, void *arg, struct err *e)
{
	struct looking l = { .r = r, .fn = fn, .arg = arg, .last = buf_init(2 * LIMIT_IMA_DATA) };
	struct digest d;
	int rc = find_frame(r, e);

	if (rc == 0 && r->framed)
		rc = walk(r->fd, &r->proto, r->end, look_one, &l, e);
	if (l.last.n != 0) {
		struct err inner = { 0 };

		/* What was seen before a fault was seen. */
		if (digest_of(DIGEST_SHA256, buf_view(&l.last), &d, &inner) == 0)
			memcpy(r->last_digest, d.v, 32);
	}
	buf_free(&l.last);
	return rc;
}

int
records_same(const struct records *r, bool *same, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(2 * LIMIT_IMA_DATA);
	struct digest d;
	uint64_t at = r->last;
	int rc;

	*same = true;
	if (r->n == 0)
		return 0;
	while (at < r->end) {
		uint8_t chunk[CHUNK];
		size_t want = r->end - at < sizeof(chunk) ? (size_t)(r->end - at) : sizeof(chunk), got;

		if ((rc = read_at(r->fd, chunk, want, at, &got, e)) != 0)
			return rc;
		if (got == 0) {
			*same = false;
			return 0;
		}
		buf_put(&b, chunk, got);
		at += got;
	}
	if ((rc = buf_done(&b, e)) != 0 || (rc = digest_of(DIGEST_SHA256, buf_view(&b), &d, e)) != 0)
		return rc;
	*same = memcmp(d.v, r->last_digest, 32) == 0;
	return 0;
}

int
records_each(const struct records *r, records_each_fn *fn, void *arg, struct err *e)
{
	return r->framed ? walk(r->fd, &r->proto, 0, fn, arg, e) : 0;
}

struct finding_offset { uint64_t left, offset; };

static int
offset_one(void *arg, uint64_t offset, struct span record, struct err *e)
{
	struct finding_offset *f = arg;

	(void)e;
	f->offset = offset + record.n;
	return --f->left == 0;
}

int
records_offset(const struct records *r, uint64_t index, uint64_t *offset, struct err *e)
{
	struct finding_offset f = { 0 };
	size_t m = (size_t)(index / RECORDS_MARK);
	int rc;

	if (index >= r->n) {
		*offset = r->end;
		return 0;
	}
	f.left = index - r->marks[m].entry;
	f.offset = r->marks[m].offset;
	if (f.left != 0 && (rc = walk(r->fd, &r->proto, f.offset, offset_one, &f, e)) != 0)
		return rc;
	if (f.left != 0)
		return err_set(e, ERR_MISMATCH, "the measurement list became shorter while it was read");
	*offset = f.offset;
	return 0;
}

static int
write_all(int out, const uint8_t *p, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t k = write(out, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "cannot copy the measurement list");
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int
copy_bytes(int fd, uint64_t from, uint64_t to, int out, struct err *e)
{
	uint8_t chunk[CHUNK];
	int rc;

	while (from < to) {
		size_t want = to - from < sizeof(chunk) ? (size_t)(to - from) : sizeof(chunk), got;

		if ((rc = read_at(fd, chunk, want, from, &got, e)) != 0)
			return rc;
		if (got == 0)
			return err_set(e, ERR_MISMATCH, "the measurement list became shorter while it was read");
		if ((rc = write_all(out, chunk, got, e)) != 0)
			return rc;
		from += got;
	}
	return 0;
}

int
records_copy(const struct records *r, uint64_t from, uint64_t to, int out, struct err *e)
{
	uint64_t begin, end;
	int rc;

	if (from >= to)
		return 0;
	if ((rc = records_offset(r, from, &begin, e)) != 0 || (rc = records_offset(r, to, &end, e)) != 0)
		return rc;
	return copy_bytes(r->fd, begin, end, out, e);
}
