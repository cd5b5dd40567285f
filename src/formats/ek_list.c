#include "formats/ek_list.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/rd.h"
#include "base/text.h"

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span
trimmed(struct span s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = span_from(s, 1);
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static int
read_line(struct span text, uint64_t line, struct ek_list_key *key, struct err *e)
{
	if (text.n < 64 || !hex_fixed(span_head(text, 64), key->v, sizeof(key->v)))
		return err_line(e, ERR_FORMAT, line, 1,
		    "not a SHA-256 in 64 hex digits of an endorsement key");
	if (text.n > 64 && !is_space(text.p[64]))
		return err_line(e, ERR_FORMAT, line, 65, "more than 64 hex digits, or no space before the comment");
	key->comment = trimmed(span_from(text, 64));
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(((const struct ek_list_key *)a)->v, ((const struct ek_list_key *)b)->v, 32);
}

static int
check_unique(const struct ek_list *list, struct err *e)
{
	for (size_t i = 1; i < list->n; i++) {
		BUF_AUTO struct buf hex = buf_init(128);

		if (compare(&list->keys[i - 1], &list->keys[i]) != 0)
			continue;
		buf_hex(&hex, span_of(list->keys[i].v, 32));
		return err_set(e, ERR_DUPLICATE, "endorsement key %s is listed twice", buf_cstr(&hex));
	}
	return 0;
}

int
ek_list_parse(struct span in, struct arena *a, struct ek_list *out, struct err *e)
{
	struct rd r = rd_init(in);
	struct ek_list list = { 0 };
	struct span text;
	size_t cap = 0;
	int rc;

	if (in.n > LIMIT_EK_LIST)
		return err_set(e, ERR_LIMIT, "a list of endorsement keys of %zu bytes", in.n);
	for (uint64_t line = 1; rd_line(&r, LIMIT_TEXT_LINE, &text); line++) {
		text = trimmed(text);
		if (text.n == 0 || text.p[0] == '#')
			continue;
		if ((list.keys = arena_grow(a, list.keys, list.n, &cap, sizeof(list.keys[0]))) == NULL)
			return arena_err(a, e);
		if ((rc = read_line(text, line, &list.keys[list.n], e)) != 0)
			return rc;
		list.n++;
	}
	if (r.why != 0)
		return err_at(e, r.why, r.off, "line of a list of endorsement keys: %s", err_text(r.why));
	if (list.n > 0)
		qsort(list.keys, list.n, sizeof(list.keys[0]), compare);
	if ((rc = check_unique(&list, e)) != 0)
		return rc;
	*out = list;
	return 0;
}

const struct ek_list_key *
ek_list_find(const struct ek_list *list, struct span digest)
{
	struct ek_list_key want;

	if (digest.n != sizeof(want.v) || list->n == 0)
		return NULL;
	memcpy(want.v, digest.p, sizeof(want.v));
	return bsearch(&want, list->keys, list->n, sizeof(list->keys[0]), compare);
}
