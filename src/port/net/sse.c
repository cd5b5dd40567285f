/* sse.c: event streams, read and written; see http_text.h. */
#include "port/net/http_text.h"

void
sse_init(struct sse_reader *r)
{
	*r = (struct sse_reader){
		.line = buf_init(LIMIT_HTTP_SSE_LINE), .data = buf_init(LIMIT_HTTP_SSE_LINE),
	};
}

void
sse_free(struct sse_reader *r)
{
	buf_free(&r->line);
	buf_free(&r->data);
}

static int
take_text(struct span value, char *out, size_t n, const char *what, struct err *e)
{
	if (value.n >= n)
		return err_set(e, ERR_LIMIT, "an event's %s of %zu bytes", what, value.n);
	if (span_find(value, '\0') != value.n)
		return err_set(e, ERR_ENCODING, "an event's %s holds a NUL", what);
	if (value.n != 0)
		memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return 0;
}

/* An empty line: the event is complete, if it has data. */
static void
dispatch(struct sse_reader *r, sse_event_fn *fn, void *arg, bool *stopped)
{
	struct sse_event ev = {
		.event = span_str(r->event[0] == '\0' ? "message" : r->event),
		.id = span_str(r->id),
	};

	if (r->has_data) {
		ev.data = span_head(buf_view(&r->data), r->data.n - 1);	/* each line added a newline */
		*stopped = !fn(arg, &ev);
	}
	r->data.n = 0;
	r->has_data = false;
	r->event[0] = '\0';	/* the id stays: it is the last one seen */
}

static int
one_line(struct sse_reader *r, struct span line, sse_event_fn *fn, void *arg, bool *stopped,
    struct err *e)
{
	size_t colon = span_find(line, ':');
	struct span name = span_head(line, colon), value = span_from(line, colon + 1);

	if (line.n == 0) {
		dispatch(r, fn, arg, stopped);
		return 0;
	}
	if (value.n != 0 && value.p[0] == ' ')
		value = span_from(value, 1);
	if (colon == 0) {
		r->comments++;
	} else if (span_is(name, "data")) {
		r->has_data = true;
		buf_span(&r->data, value);
		buf_u8(&r->data, '\n');
		return buf_done(&r->data, e);
	} else if (span_is(name, "event")) {
		return take_text(value, r->event, sizeof(r->event), "name", e);
	} else if (span_is(name, "id")) {
		return take_text(value, r->id, sizeof(r->id), "id", e);
	}
	return 0;	/* "retry" and unknown fields have no meaning here, as the standard says */
}

int
sse_feed(struct sse_reader *r, struct span bytes, sse_event_fn *fn, void *arg, bool *stopped,
    struct err *e)
{
	int rc;

	*stopped = false;
	for (size_t i = 0; i < bytes.n && !*stopped; i++) {
		uint8_t c = bytes.p[i];
		bool second = r->skip_lf && c == '\n';	/* of CRLF */

		r->skip_lf = c == '\r';
		if (second)
			continue;
		if (c != '\r' && c != '\n') {
			buf_u8(&r->line, c);
			if (r->line.why != 0)
				return buf_done(&r->line, e);
			continue;
		}
		if ((rc = one_line(r, buf_view(&r->line), fn, arg, stopped, e)) != 0)
			return rc;
		r->line.n = 0;
	}
	return 0;
}

static bool
one_word(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20)
			return false;
	return true;
}

bool
sse_write(struct buf *b, const char *event, const char *id, struct span data)
{
	if ((event != NULL && !one_word(event)) || (id != NULL && !one_word(id)))
		return false;
	if (event != NULL)
		buf_printf(b, "event: %s\n", event);
	if (id != NULL)
		buf_printf(b, "id: %s\n", id);
	do {
		size_t n = 0;

		while (n < data.n && data.p[n] != '\n' && data.p[n] != '\r')
			n++;
		buf_str(b, "data: ");
		buf_span(b, span_head(data, n));
		buf_u8(b, '\n');
		if (n == data.n)
			break;
		/* CRLF is one end of a line. */
		n += n + 1 < data.n && data.p[n] == '\r' && data.p[n + 1] == '\n';
		data = span_from(data, n + 1);
	} while (true);
	buf_u8(b, '\n');
	return true;
}
