#include "base/pem.h"

#include "base/text.h"

static size_t
find(struct span in, size_t from, const char *what)
{
	struct span rest = span_from(in, from);
	const uint8_t *hit = rest.n == 0 ? NULL : memmem(rest.p, rest.n, what, strlen(what));

	return hit == NULL ? in.n : (size_t)(hit - in.p);
}

bool
pem_looks(struct span in)
{
	return find(in, 0, "-----BEGIN ") < in.n;
}

static int
decode(struct span body, size_t at, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(body.n + 1);
	int rc;

	for (size_t i = 0; i < body.n; i++)
		if (body.p[i] != '\n' && body.p[i] != '\r' && body.p[i] != ' ' && body.p[i] != '\t')
			buf_u8(&text, body.p[i]);
	if ((rc = buf_done(&text, e)) != 0)
		return rc;
	if (text.n == 0 || !base64_decode(buf_view(&text), out))
		return err_at(e, out->why != 0 ? out->why : ERR_ENCODING, at,
		    "PEM block is not base64");
	return buf_done(out, e);
}

int
pem_next(struct span in, size_t *off, const char *label, struct buf *out, struct err *e)
{
	char begin[96], end[96];
	size_t start, body, stop;
	int rc;

	(void)snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	(void)snprintf(end, sizeof(end), "-----END %s-----", label);
	if ((start = find(in, *off, begin)) == in.n)
		return 0;
	body = start + strlen(begin);
	if ((stop = find(in, body, end)) == in.n)
		return err_at(e, ERR_TRUNCATED, start, "PEM block of a %s does not end", label);
	if ((rc = decode(span_of(in.p + body, stop - body), body, out, e)) != 0)
		return rc;
	*off = stop + strlen(end);
	return 1;
}

int
pem_read(struct span in, const char *label, struct buf *out, struct err *e)
{
	size_t off = 0;
	int rc = pem_next(in, &off, label, out, e);

	if (rc == 0)
		return err_set(e, ERR_FORMAT, "no %s in PEM", label);
	return rc < 0 ? rc : 0;
}

void
pem_write(const char *label, struct span der, struct buf *b)
{
	buf_printf(b, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < der.n; i += 48) {
		buf_base64(b, span_head(span_from(der, i), 48));
		buf_str(b, "\n");
	}
	buf_printf(b, "-----END %s-----\n", label);
}
