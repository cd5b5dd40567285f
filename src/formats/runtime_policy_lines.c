/* Lists of digests, a line each: what sha1sum to sha512sum write, and Keylime's text
 * allowlist.  docs/formats/runtime-policy.md has the grammar.
 *
 *	HEX "  " NAME		sha*sum, text mode
 *	HEX " *" NAME		sha*sum, binary mode
 *	"\" HEX "  " NAME	the name has \\, \n, \r in place of these bytes (coreutils)
 *	ALG " (" NAME ") = " HEX	sha*sum --tag
 *	HEX blanks NAME		Keylime; NAME may be "%keyring:" and a keyring
 *
 * Empty lines and lines that begin with '#' are comments. */
#include "base/rd.h"
#include "base/text.h"
#include "formats/policy_read.h"

struct lines {
	struct policy_reader *r;
	uint64_t line;		/* number of the one at hand, from 1 */
	bool crlf;		/* the first line ended so: all must */
	bool keylime;		/* something was seen that only an allowlist has */
	size_t cap_keyrings;
	struct buf name;	/* a name with its escapes undone */
};

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static int
bad_line(struct lines *l, const char *why)
{
	return err_hint(l->r->e, err_line(l->r->e, ERR_FORMAT, l->line, 0,
	    "%s; want a digest in hex, two spaces and a path, as sha256sum writes them", why),
	    "a policy is Assay's or Keylime's JSON, plain, compiled or signed, or such a list");
}

/* coreutils escapes a name that holds a newline, a return or a backslash. */
static int
unescape(struct lines *l, struct span *name)
{
	l->name.n = 0;
	for (size_t i = 0; i < name->n; i++) {
		uint8_t c = name->p[i];

		if (c == '\\') {
			uint8_t next = ++i < name->n ? name->p[i] : 0;

			if (next != 'n' && next != 'r' && next != '\\')
				return bad_line(l, "unknown escape in the name");
			c = next == 'n' ? '\n' : next == 'r' ? '\r' : '\\';
		}
		buf_u8(&l->name, c);
	}
	*name = buf_view(&l->name);
	return buf_done(&l->name, l->r->e);
}

/* "SHA256 (name) = hex"; names may hold parentheses, so the last ") = " counts. */
static bool
split_tagged(struct span line, struct digest *d, struct span *name)
{
	static const struct { const char *tag; enum digest_alg alg; } tags[] = {
		{ "SHA1 (", DIGEST_SHA1 }, { "SHA224 (", DIGEST_SHA224 }, { "SHA256 (", DIGEST_SHA256 },
		{ "SHA384 (", DIGEST_SHA384 }, { "SHA512 (", DIGEST_SHA512 }, { "SM3 (", DIGEST_SM3_256 },
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		size_t tag = strlen(tags[i].tag), hex = 2 * digest_alg_size(tags[i].alg);

		if (!span_starts(line, span_str(tags[i].tag)) || line.n < tag + 4 + hex)
			continue;
		struct span rest = span_from(line, line.n - hex - 4);
		uint8_t v[LIMIT_DIGEST];

		if (!span_starts(rest, span_lit(") = ")) || !hex_fixed(span_from(rest, 4), v, hex / 2))
			return false;
		*name = span_head(span_from(line, tag), line.n - hex - 4 - tag);
		return digest_make(tags[i].alg, span_of(v, hex / 2), d);
	}
	return false;
}

static int
split(struct lines *l, struct span line, struct digest *d, struct span *name)
{
	struct span rest;
	size_t n = 0;

	if (split_tagged(line, d, name))
		return 0;
	while (n < line.n && !blank(line.p[n]))
		n++;
	if (!policy_digest_by_length(span_head(line, n), d))
		return bad_line(l, "does not begin with a digest of 40, 56, 64, 96 or 128 hex digits");
	*name = span_from(line, n);
	while (name->n > 0 && blank(name->p[0]))
		*name = span_from(*name, 1);
	if (name->n == 0)
		return bad_line(l, "has no path behind the digest");
	rest = span_from(line, n);
	/* More blanks than two are Keylime's, unless the name itself begins with one; that
	 * of an absolute path cannot. */
	if ((span_starts(rest, span_lit("  ")) || span_starts(rest, span_lit(" *"))) &&
	    (name->n + 2 >= rest.n || (name->p[0] != '/' && name->p[0] != '%')))
		*name = span_from(rest, 2);
	else
		l->keylime = true;
	return name->n == 0 ? bad_line(l, "has no path behind the digest") : 0;	/* " *" alone */
}

/* "%keyring:NAME": the digest of a key that may be loaded. */
static int
add_keyring(struct lines *l, struct span name, const struct digest *d)
{
	struct runtime_policy *p = l->r->p;
	struct policy_keyring *k;
	struct digest *v;
	size_t i = 0, n;

	l->keylime = true;
	if (name.n == 0 || !utf8_valid(name) || span_find(name, 0) != name.n)
		return err_line(l->r->e, ERR_ENCODING, l->line, 0, "the name of the keyring is empty, not UTF-8, or holds a NUL");
	while (i < p->n_keyrings && !span_eq(p->keyrings[i].name, name))
		i++;
	if (i == LIMIT_POLICY_LAYERS)
		return err_line(l->r->e, ERR_LIMIT, l->line, 0, "more than %d keyrings", LIMIT_POLICY_LAYERS);
	if (i == p->n_keyrings) {
		k = arena_grow(&p->arena, p->keyrings, i, &l->cap_keyrings, sizeof(*k));
		if (k == NULL)
			return arena_err(&p->arena, l->r->e);
		p->keyrings = k;
		k[i] = (struct policy_keyring){ .trust = true };
		if (!arena_copy(&p->arena, name, &k[i].name))
			return arena_err(&p->arena, l->r->e);
		p->n_keyrings++;
	}
	k = &p->keyrings[i];
	n = k->n_digests;
	v = k->digests;
	if ((n & (n - 1)) == 0 && (v = arena_array(&p->arena, n == 0 ? 1 : 2 * n, sizeof(*v))) == NULL)
		return arena_err(&p->arena, l->r->e);
	if (v != k->digests && n > 0)
		memcpy(v, k->digests, n * sizeof(*v));
	v[k->n_digests++] = *d;
	k->digests = v;
	return 0;
}

static int
read_line(struct lines *l, struct span line)
{
	bool escaped = line.n > 0 && line.p[0] == '\\';
	struct digest d;
	struct span name;
	int rc;

	if ((rc = split(l, span_from(line, escaped), &d, &name)) != 0 ||
	    (escaped && (rc = unescape(l, &name)) != 0))
		return rc;
	if (!escaped && span_starts(name, span_lit("%keyring:")))
		return add_keyring(l, span_from(name, 9), &d);
	/* Lists made with "cd / && find . ..." */
	if (name.n > 2 && span_starts(name, span_lit("./")))
		name = span_from(name, 1);
	rc = policy_builder_add(l->r->files, name, &d, 0, POLICY_NO_PACKAGE, l->r->e);
	if (rc != 0 && l->r->e != NULL && l->r->e->place == ERR_NOWHERE) {
		l->r->e->place = ERR_AT_LINE;
		l->r->e->line = l->line;
		l->r->e->column = 0;
	}
	return rc;
}

/* A carriage return at the end belongs to the line end if all lines have one.  Where
 * only some do it could be part of a name, and guessing would approve another file.
 * The last line may have no end at all. */
static int
line_end(struct lines *l, struct span *line, bool last)
{
	bool cr = line->n > 0 && line->p[line->n - 1] == '\r';

	if (l->line == 1)
		l->crlf = cr;
	else if (cr != l->crlf && (cr || !last))
		return err_line(l->r->e, ERR_FORMAT, l->line, 0,
		    "ends %s, unlike the first line: use one kind of line end",
		    cr ? "with a carriage return" : "without a carriage return");
	if (cr)
		line->n--;
	return 0;
}

static int
read_lines(struct lines *l, struct span text)
{
	struct rd r = rd_init(text);
	struct span line;
	int rc;

	while (l->line++, rd_line(&r, LIMIT_TEXT_LINE, &line)) {
		if ((rc = line_end(l, &line, text.p[r.off - 1] != '\n')) != 0)
			return rc;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if ((rc = read_line(l, line)) != 0)
			return rc;
	}
	if (r.why != 0)
		return err_line(l->r->e, r.why, l->line, 0, "is longer than %zu bytes", LIMIT_TEXT_LINE);
	if (policy_builder_paths(l->r->files) == 0 && l->r->p->n_keyrings == 0)
		return err_set(l->r->e, ERR_FORMAT, "is a list without a single digest");
	return 0;
}

int
policy_read_lines(struct policy_reader *r, struct span text)
{
	struct lines l = { .r = r, .name = buf_init(LIMIT_TEXT_LINE) };
	int rc;

	if ((rc = policy_one_layer(r, span_lit("files"))) == 0)
		rc = read_lines(&l, text);
	buf_free(&l.name);
	r->p->source = l.keylime ? POLICY_FROM_KEYLIME_ALLOWLIST : POLICY_FROM_SUMS;
	return rc;
}
