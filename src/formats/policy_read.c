#include "formats/policy_read.h"

#include <stdio.h>

#include "base/rd.h"
#include "base/text.h"

void *
policy_array(struct policy_reader *r, size_t n, size_t size)
{
	void *p = arena_array(&r->p->arena, n, size);

	if (p == NULL)
		arena_err(&r->p->arena, r->e);
	return p;
}

static int
copy(struct policy_reader *r, struct span s, struct span *out)
{
	return arena_copy(&r->p->arena, s, out) ? 0 : arena_err(&r->p->arena, r->e);
}

int
policy_get_string(struct policy_reader *r, const json_t *obj, const char *where,
    const char *key, bool required, struct span *out)
{
	json_t *v;
	int rc = json_member(obj, where, key, JSON_STRING, required, &v, r->e);

	if (rc != 0 || v == NULL)
		return rc;
	return copy(r, json_string_span(v), out);
}

static int
check_strings(const json_t *array, const char *where, struct err *e)
{
	if (!json_is_array(array))
		return err_set(e, ERR_FORMAT, "%s must be an array", where);
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!json_is_string(json_array_get(array, i)))
			return err_set(e, ERR_FORMAT, "%s[%zu] must be a string", where, i);
	return 0;
}

typedef int read_item(struct policy_reader *r, const json_t *string, const char *where, void *slot);

/* Every string of ${array}, each of which becomes ${size} bytes; none if it is NULL. */
static int
get_list(struct policy_reader *r, const json_t *array, const char *where, size_t size,
    read_item *read, void **out, size_t *n)
{
	size_t count = json_array_size(array);
	uint8_t *v;
	int rc;

	*out = NULL;
	*n = 0;
	if (array == NULL)
		return 0;
	if ((rc = check_strings(array, where, r->e)) != 0)
		return rc;
	if ((v = policy_array(r, count, size)) == NULL)
		return r->p->arena.why;
	for (size_t i = 0; i < count; i++) {
		char at[WHERE_MAX];

		(void)snprintf(at, sizeof(at), "%s[%zu]", where, i);
		if ((rc = read(r, json_array_get(array, i), at, v + i * size)) != 0)
			return rc;
	}
	*out = v;
	*n = count;
	return 0;
}

static int
read_string(struct policy_reader *r, const json_t *string, const char *where, void *slot)
{
	(void)where;
	return copy(r, json_string_span(string), slot);
}

static int
read_name(struct policy_reader *r, const json_t *string, const char *where, void *slot)
{
	return policy_get_name(r, string, where, slot);
}

static int
read_digest(struct policy_reader *r, const json_t *string, const char *where, void *slot)
{
	return policy_digest(json_string_span(string), where, slot, r->e);
}

int
policy_get_strings(struct policy_reader *r, const json_t *array, const char *where,
    struct span **out, size_t *n)
{
	void *v;
	int rc = get_list(r, array, where, sizeof(**out), read_string, &v, n);

	if (rc == 0)
		*out = v;
	return rc;
}

int
policy_get_names(struct policy_reader *r, const json_t *array, const char *where,
    struct span **out, size_t *n)
{
	void *v;
	int rc = get_list(r, array, where, sizeof(**out), read_name, &v, n);

	if (rc == 0)
		*out = v;
	return rc;
}

/* No component that walks or hides, "", "." or "..": the kernel reports none, so that a rule
 * for such a path would hold for nothing. */
static bool
plain_path(struct span path)
{
	for (size_t i = 1; i < path.n;) {
		struct span rest = span_from(path, i), part = span_head(rest, span_find(rest, '/'));

		if (part.n == 0 || span_is(part, ".") || span_is(part, ".."))
			return false;
		i += part.n + 1;
	}
	return true;
}

int
policy_get_name(struct policy_reader *r, const json_t *string, const char *where, struct span *out)
{
	struct span s = json_string_span(string), made;
	uint8_t *p;
	int rc;

	if (s.n == 0 || s.p[0] != '/')
		return err_set(r->e, ERR_FORMAT, "%s must be a path that begins with \"/\"", where);
	while (s.n > 1 && s.p[s.n - 1] == '/')
		s.n--;
	if (!plain_path(s))
		return err_hint(r->e, err_set(r->e, ERR_FORMAT, "%s is no plain path: nothing is ever called so",
		    where), "write it without empty, \".\" or \"..\" components");
	if ((rc = copy(r, s, &made)) != 0)
		return rc;
	p = (uint8_t *)(uintptr_t)made.p;
	for (size_t i = 0; i < made.n; i++)
		if (p[i] == ' ')
			p[i] = '_';
	*out = made;
	return 0;
}

int
policy_digest(struct span text, const char *where, struct digest *d, struct err *e)
{
	size_t colon = span_find(text, ':');
	enum digest_alg alg = digest_alg_by_name(span_head(text, colon));
	struct digest got = { .alg = alg, .size = (uint8_t)digest_alg_size(alg) };

	if (colon == text.n)
		return err_set(e, ERR_FORMAT, "%s: \"%.*s\" is not a digest; want \"sha256:\" and hex digits",
		    where, (int)(text.n < 140 ? text.n : 140), text.p);
	if (alg == DIGEST_NONE)
		return err_set(e, ERR_UNSUPPORTED, "%s: unknown digest algorithm \"%.*s\"", where,
		    (int)(colon < 40 ? colon : 40), text.p);
	if (!hex_fixed(span_from(text, colon + 1), got.v, got.size))
		return err_set(e, ERR_ENCODING, "%s: a %s digest must be %u hex digits", where,
		    digest_alg_name(alg), 2u * got.size);
	*d = got;
	return 0;
}

int
policy_get_digests(struct policy_reader *r, const json_t *array, const char *where,
    struct digest **out, size_t *n)
{
	void *v;
	int rc = get_list(r, array, where, sizeof(**out), read_digest, &v, n);

	if (rc == 0)
		*out = v;
	return rc;
}

bool
policy_digest_by_length(struct span hex, struct digest *d)
{
	static const enum digest_alg known[] = {
		DIGEST_SHA1, DIGEST_SHA224, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512,
	};
	struct digest got = { 0 };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (hex.n == 2 * digest_alg_size(known[i]))
			got.alg = known[i];
	got.size = (uint8_t)digest_alg_size(got.alg);
	if (got.alg == DIGEST_NONE || !hex_fixed(hex, got.v, got.size))
		return false;
	*d = got;
	return true;
}

int
policy_decode_base64(struct policy_reader *r, struct span text, const char *where, struct span *out)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_SMALL_FILE);

	if (!base64_decode(text, &b))
		return b.why != 0 ? buf_done(&b, r->e) :
		    err_set(r->e, ERR_ENCODING, "%s is not base64 (RFC 4648 section 4, with padding)", where);
	return copy(r, buf_view(&b), out);
}

/* A DER tag and definite length (X.690 8.1.3), its content left to read. */
static bool
der_open(struct rd *r, uint8_t tag, struct span *content)
{
	uint8_t t, n;
	size_t len = 0;

	if (!rd_u8(r, &t) || t != tag || !rd_u8(r, &n))
		return false;
	if (n < 0x80)
		return rd_bytes(r, n, content);
	for (unsigned i = 0; i < (n & 0x7fu); i++) {
		uint8_t c;

		if (i >= 4 || !rd_u8(r, &c))
			return false;
		len = len << 8 | c;
	}
	return rd_bytes(r, len, content);
}

/* Both are SEQUENCE { SEQUENCE { ... } ... }: of a public key the inner one begins
 * with an OBJECT IDENTIFIER (RFC 5280 4.1.2.7), of a certificate with the version or
 * the serial number (4.1). */
enum policy_der
policy_der_kind(struct span der)
{
	struct rd r = rd_init(der);
	struct span outer, inner;

	if (!der_open(&r, 0x30, &outer) || !rd_end(&r))
		return POLICY_DER_OTHER;
	r = rd_init(outer);
	if (!der_open(&r, 0x30, &inner) || inner.n == 0)
		return POLICY_DER_OTHER;
	if (inner.p[0] == 0x06)
		return POLICY_DER_PUBLIC_KEY;
	return inner.p[0] == 0xa0 || inner.p[0] == 0x02 ? POLICY_DER_CERTIFICATE : POLICY_DER_OTHER;
}

int
policy_one_layer(struct policy_reader *r, struct span name)
{
	if ((r->p->layers = policy_array(r, 1, sizeof(*r->p->layers))) == NULL)
		return r->p->arena.why;
	r->p->layers[0].name = name;
	r->p->n_layers = 1;
	return 0;
}
