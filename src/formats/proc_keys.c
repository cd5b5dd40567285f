#include "formats/proc_keys.h"

#include "base/limits.h"
#include "base/text.h"

static bool
word(struct span *rest, struct span *out)
{
	size_t i = 0, n;

	while (i < rest->n && rest->p[i] == ' ')
		i++;
	*rest = span_from(*rest, i);
	n = span_find(*rest, ' ');
	*out = span_head(*rest, n);
	*rest = span_from(*rest, n);
	return n > 0;
}

/* "name: 2" or "name: empty"; the name itself may hold ": ", so the last one counts. */
static bool
description(struct span s, struct proc_keyring *k)
{
	size_t i = 0, end;

	while (i < s.n && s.p[i] == ' ')
		i++;
	s = span_from(s, i);
	for (end = s.n; end >= 2; end--)
		if (s.p[end - 2] == ':' && s.p[end - 1] == ' ')
			break;
	if (end < 2)
		return false;
	k->name = span_head(s, end - 2);
	k->keys = 0;
	return span_is(span_from(s, end), "empty") || dec_u64(span_from(s, end), &k->keys);
}

int
proc_keyring_next(struct rd *r, uint64_t *line, struct proc_keyring *out, struct err *e)
{
	struct span text, field = { 0 };

	while (rd_line(r, LIMIT_TEXT_LINE, &text)) {
		struct proc_keyring k;
		bool whole = true;

		++*line;
		for (int i = 0; i < 8 && whole; i++)	/* the eighth is the type */
			whole = word(&text, &field);
		if (whole && !span_is(field, "keyring"))
			continue;
		if (!whole || !description(text, &k))
			return err_line(e, ERR_FORMAT, *line, 0, "is not a line of /proc/keys");
		*out = k;
		return 1;
	}
	return r->why == 0 ? 0 : err_line(e, r->why, *line + 1, 0, "a line is too long");
}
