/* Small grammars: the first byte chooses one.  Nothing reads outside, what is accepted is
 * well-formed, and an event stream reads the same however it is cut. */
#include <assert.h>
#include <stdlib.h>

#include "port/net/http_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct log { struct buf b; };

static bool
note(void *arg, const struct sse_event *ev)
{
	struct log *l = arg;

	assert(span_find(ev->event, '\n') == ev->event.n && span_find(ev->id, '\n') == ev->id.n);
	buf_span(&l->b, ev->event);
	buf_u8(&l->b, 0);
	buf_span(&l->b, ev->id);
	buf_u8(&l->b, 0);
	buf_span(&l->b, ev->data);
	buf_u8(&l->b, 0);
	return l->b.n < 5000;
}

static int
read_stream(struct span s, size_t step, struct log *l)
{
	struct sse_reader r;
	bool stopped = false;
	int rc = 0;

	sse_init(&r);
	l->b = buf_init(MIB(4));
	for (size_t off = 0; off < s.n && rc == 0 && !stopped; off += step)
		rc = sse_feed(&r, span_head(span_from(s, off), step), note, l, &stopped, NULL);
	sse_free(&r);
	return rc;
}

static bool
only(void *arg, const struct sse_event *ev)
{
	const struct span *want = arg;

	assert(ev->data.n <= want->n);
	return true;
}

static void
stream(struct span s)
{
	struct log one, two;
	BUF_AUTO struct buf b = buf_init(MIB(1));
	struct sse_reader r;
	bool stopped;
	int rc = read_stream(s, s.n, &one);

	assert(rc == read_stream(s, 1, &two) && span_eq(buf_view(&one.b), buf_view(&two.b)));
	buf_free(&one.b);
	buf_free(&two.b);
	if (!sse_write(&b, "e", "1", s) || b.why != 0)
		return;
	sse_init(&r);
	rc = sse_feed(&r, buf_view(&b), only, &s, &stopped, NULL);
	assert(rc == 0 || rc == ERR_LIMIT);
	sse_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span s = span_of(p, n), item;
	char media[40];

	if (n == 0)
		return 0;
	s = span_from(s, 1);
	switch (p[0] % 5) {
	case 0:
		(void)http_etags(s, span_lit("abc"), true);
		if (http_etags(s, span_lit("abc"), false) == ETAGS_YES)
			assert(http_etags(s, span_lit("abc"), true) == ETAGS_YES);
		break;
	case 1:
		if (http_media_type(s, media, sizeof(media)))
			assert(strchr(media, '/') != NULL && strlen(media) >= 3);
		break;
	case 2:
		if (http_bearer(s, &item))
			assert(item.n != 0 && item.p >= s.p && item.p + item.n <= s.p + s.n);
		break;
	case 3:
		while (http_list_next(&s, &item))
			assert(item.n != 0 && span_find(item, ',') == item.n);
		break;
	default:
		stream(s);
	}
	return 0;
}
