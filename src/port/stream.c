#include "port/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/limits.h"

#define CHUNK KIB(128)		/* fits the second-level cache with what is done to it */

int
stream_make(size_t size, const struct stream_ops *ops, struct stream **s, struct err *e)
{
	struct stream *n = calloc(1, size);

	if (n == NULL || (n->buf = malloc(CHUNK)) == NULL) {
		free(n);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	n->ops = ops;
	n->cap = CHUNK;
	*s = n;
	return 0;
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	if (s->ops->done != NULL)
		s->ops->done(s);
	free(s->buf);
	free(s);
}

/* Room for ${want} bytes from buf[0], what was not taken moved to the front. */
static int
make_room(struct stream *s, size_t want, struct err *e)
{
	memmove(s->buf, s->buf + s->at, s->end - s->at);
	s->end -= s->at;
	s->at = 0;
	if (want <= s->cap)
		return 0;
	if (want > LIMIT_STREAM_VIEW)
		return err_at(e, ERR_LIMIT, s->offset,
		    "%zu bytes would have to be held at once; the ceiling is %zu", want,
		    LIMIT_STREAM_VIEW);

	uint8_t *p = realloc(s->buf, want);
	if (p == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->buf = p;
	s->cap = want;
	return 0;
}

int
stream_view(struct stream *s, size_t want, struct span *view, struct err *e)
{
	int rc;

	if (want > s->end - s->at && !s->eof && (rc = make_room(s, want, e)) != 0)
		return rc;
	while (s->end - s->at < want && !s->eof) {
		size_t got = 0;

		if ((rc = s->ops->fill(s, s->buf + s->end, s->cap - s->end, &got, e)) != 0)
			return rc;
		s->end += got;
		s->eof = got == 0;
	}
	*view = span_of(s->buf + s->at, s->end - s->at);
	return 0;
}

void
stream_take(struct stream *s, size_t n)
{
	s->at += n;
	s->offset += n;
}

static int
truncated(const struct stream *s, uint64_t missing, struct err *e)
{
	return err_at(e, ERR_TRUNCATED, s->offset, "the data end here; at least %llu more bytes were expected",
	    (unsigned long long)missing);
}

int
stream_exact(struct stream *s, size_t n, struct span *out, struct err *e)
{
	struct span v;
	int rc = stream_view(s, n, &v, e);

	if (rc != 0)
		return rc;
	if (v.n < n)
		return truncated(s, n - v.n, e);
	*out = span_head(v, n);
	stream_take(s, n);
	return 0;
}

/* Take ${n} bytes, or all if n is UINT64_MAX, adding them to ${h} if there is one. */
static int
consume(struct stream *s, uint64_t n, struct hasher *h, struct err *e)
{
	bool all = n == UINT64_MAX;

	while (n > 0) {
		struct span v;
		int rc = stream_view(s, 1, &v, e);

		if (rc != 0)
			return rc;
		if (v.n == 0)
			return all ? 0 : truncated(s, n, e);
		v = span_head(v, n < v.n ? (size_t)n : v.n);
		if (h != NULL && !hasher_add(h, v))
			return err_set(e, ERR_CRYPTO, "computing a digest failed");
		stream_take(s, v.n);
		n -= all ? 0 : v.n;
	}
	return 0;
}

int
stream_skip(struct stream *s, uint64_t n, struct err *e)
{
	return consume(s, n, NULL, e);
}

int
stream_drain(struct stream *s, struct err *e)
{
	return consume(s, UINT64_MAX, NULL, e);
}

int
stream_hash(struct stream *s, uint64_t n, struct hasher *h, struct err *e)
{
	return consume(s, n, h, e);
}

/* ---- kinds --------------------------------------------------------------- */

struct stream_of_fd {
	struct stream s;
	int fd;			/* owned */
	struct hasher *tee;	/* borrowed, or NULL */
};

static int
fd_fill(struct stream *s, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	struct stream_of_fd *f = (struct stream_of_fd *)s;
	ssize_t k;

	do
		k = read(f->fd, p, n);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_errno(e, "cannot read");
	if (f->tee != NULL && !hasher_add(f->tee, span_of(p, (size_t)k)))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	*got = (size_t)k;
	return 0;
}

static void
fd_done(struct stream *s)
{
	(void)close(((struct stream_of_fd *)s)->fd);
}

int
stream_fd(int fd, struct hasher *tee, struct stream **s, struct err *e)
{
	static const struct stream_ops ops = { .fill = fd_fill, .done = fd_done };
	struct stream *n;
	int rc = stream_make(sizeof(struct stream_of_fd), &ops, &n, e);

	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	((struct stream_of_fd *)n)->fd = fd;
	((struct stream_of_fd *)n)->tee = tee;
	*s = n;
	return 0;
}

int
stream_open(const char *path, struct hasher *tee, struct stream **s, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_file(e, err_errno(e, "cannot open"), path);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return stream_fd(fd, tee, s, e);
}

struct stream_of_mem {
	struct stream s;
	struct span left;
};

static int
mem_fill(struct stream *s, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	struct stream_of_mem *m = (struct stream_of_mem *)s;
	struct span now = span_head(m->left, n);

	(void)e;
	if (now.n > 0)
		memcpy(p, now.p, now.n);
	m->left = span_from(m->left, now.n);
	*got = now.n;
	return 0;
}

int
stream_mem(struct span in, struct stream **s, struct err *e)
{
	static const struct stream_ops ops = { .fill = mem_fill };
	struct stream *n;
	int rc = stream_make(sizeof(struct stream_of_mem), &ops, &n, e);

	if (rc != 0)
		return rc;
	((struct stream_of_mem *)n)->left = in;
	*s = n;
	return 0;
}

struct stream_of_part {
	struct stream s;
	struct stream *inner;	/* borrowed */
	uint64_t left;
};

static int
part_fill(struct stream *s, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	struct stream_of_part *part = (struct stream_of_part *)s;
	struct span v = { NULL, 0 };
	int rc;

	if (part->left > 0) {
		if ((rc = stream_view(part->inner, 1, &v, e)) != 0)
			return rc;
		if (v.n == 0)
			return truncated(part->inner, part->left, e);
	}
	v = span_head(v, part->left < n ? (size_t)part->left : n);
	if (v.n > 0)
		memcpy(p, v.p, v.n);
	stream_take(part->inner, v.n);
	part->left -= v.n;
	*got = v.n;
	return 0;
}

int
stream_part(struct stream *inner, uint64_t n, struct stream **s, struct err *e)
{
	static const struct stream_ops ops = { .fill = part_fill };
	struct stream *new;
	int rc = stream_make(sizeof(struct stream_of_part), &ops, &new, e);

	if (rc != 0)
		return rc;
	((struct stream_of_part *)new)->inner = inner;
	((struct stream_of_part *)new)->left = n;
	*s = new;
	return 0;
}
