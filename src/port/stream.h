/* stream.h: bytes that come one after the other, looked at before they are taken.
 *
 * What reads archives must stop exactly where one part ends and the next
 * begins (concatenated initramfs segments, ar members, package headers), so a
 * stream is a window: stream_view shows what comes next, stream_take moves on.
 * Streams stack: a part of another, a decompressed one (decompress.h).
 *
 * Nothing is seeked, nothing is written, and no length from the input sets the
 * size of memory: a view is at most LIMIT_STREAM_VIEW.
 */
#ifndef PORT_STREAM_H
#define PORT_STREAM_H

#include "base/err.h"
#include "crypto/digest.h"

struct stream;

struct stream_ops {
	/** fill: Up to ${n} bytes into ${p}; *got 0 means the end. */
	int (*fill)(struct stream *s, uint8_t *p, size_t n, size_t *got, struct err *e);
	void (*done)(struct stream *s);		/* free what the kind owns; may be NULL */
};

/* The kinds embed this as their first member. */
struct stream {
	const struct stream_ops *ops;
	uint8_t *buf;		/* owned */
	size_t cap, at, end;	/* buf[at..end) was read but not taken */
	uint64_t offset;	/* bytes taken so far */
	bool eof;		/* fill said so */
};

/** stream_fd(fd, tee, s, e): ${fd} is taken over and closed by stream_free.  Every
 * byte read (not only taken) is also added to ${tee} if that is not NULL. */
MUST_CHECK int stream_fd(int fd, struct hasher *tee, struct stream **s, struct err *e);

/** stream_open(path, tee, s, e): The same for a file; errors name it. */
MUST_CHECK int stream_open(const char *path, struct hasher *tee, struct stream **s, struct err *e);

/** stream_mem(in, s, e): ${in} is borrowed. */
MUST_CHECK int stream_mem(struct span in, struct stream **s, struct err *e);

/** stream_part(inner, n, s, e): The next ${n} bytes of ${inner}, which stays the
 * caller's; an end before that is ERR_TRUNCATED. */
MUST_CHECK int stream_part(struct stream *inner, uint64_t n, struct stream **s, struct err *e);

void stream_free(struct stream *s);

/** stream_view(s, want, view, e): What comes next: at least ${want} bytes, or fewer at
 * the end.  Valid until the next call. */
MUST_CHECK int stream_view(struct stream *s, size_t want, struct span *view, struct err *e);

/** stream_take(s, n): Move on by ${n} bytes that were in the last view. */
void stream_take(struct stream *s, size_t n);

/** stream_exact(s, n, out, e): The next ${n} bytes, taken; ERR_TRUNCATED if there are fewer. */
MUST_CHECK int stream_exact(struct stream *s, size_t n, struct span *out, struct err *e);

/** stream_skip(s, n, e): Take ${n} bytes unseen.  stream_drain(s, e): all that is left. */
MUST_CHECK int stream_skip(struct stream *s, uint64_t n, struct err *e);
MUST_CHECK int stream_drain(struct stream *s, struct err *e);

/** stream_hash(s, n, h, e): Take ${n} bytes and add them to ${h}. */
MUST_CHECK int stream_hash(struct stream *s, uint64_t n, struct hasher *h, struct err *e);

/** For the kinds: an allocated stream of ${size} bytes that begins with struct stream. */
MUST_CHECK int stream_make(size_t size, const struct stream_ops *ops, struct stream **s, struct err *e);

static inline void
stream_freep(struct stream **s)
{
	stream_free(*s);
}
#define STREAM_AUTO __attribute__((cleanup(stream_freep)))

#endif
