#include "port/deb_read.h"

#include "base/buf.h"
#include "base/limits.h"
#include "formats/ar.h"
#include "formats/deb822.h"
#include "port/decompress.h"
#include "port/tar.h"

void
deb_content_init(struct deb_content *c)
{
	*c = (struct deb_content){ .arena = arena_init(LIMIT_ARCHIVE_ARENA) };
}

void
deb_content_free(struct deb_content *c)
{
	arena_free(&c->arena);
	*c = (struct deb_content){ 0 };
}

int
deb_content_add(struct deb_content *c, struct span path, const struct digest *d, struct err *e)
{
	struct deb_file *v = arena_grow(&c->arena, c->files, c->n, &c->cap, sizeof(*v));
	struct deb_file f = { .digest = *d };

	if (v == NULL || !arena_copy(&c->arena, path, &f.path))
		return arena_err(&c->arena, e);
	c->files = v;
	c->files[c->n++] = f;
	return 0;
}

/* ---- members ------------------------------------------------------------- */

/* The next member that is not an extension, as a stream of its own. */
static int
next_member(struct stream *in, char name[static 17], uint64_t *size, struct err *e)
{
	struct ar_member m;
	struct span v;
	int rc;

	for (;;) {
		uint64_t at = in->offset;

		if ((rc = stream_exact(in, AR_HEADER_SIZE, &v, e)) != 0)
			return rc;
		if ((rc = ar_member_parse(v, &m, e)) != 0)
			return err_shift(e, rc, at);
		if (m.name.n == 0 || m.name.p[0] != '_')
			break;
		if ((rc = stream_skip(in, m.size + (m.size & 1), e)) != 0)
			return rc;
	}
	memcpy(name, m.name.p, m.name.n);
	name[m.name.n] = '\0';
	*size = m.size;
	return 0;
}

/* Whether a member is ${base}, alone or with a compression's suffix. */
static bool
is_member(const char *name, const char *base)
{
	size_t n = strlen(base);

	return strncmp(name, base, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

static int
want_member(struct stream *in, const char *base, uint64_t *size, struct err *e)
{
	uint64_t at = in->offset;
	char name[17];
	int rc = next_member(in, name, size, e);

	if (rc == 0 && !is_member(name, base))
		return err_at(e, ERR_FORMAT, at, "the member %s stands where %s is expected", name, base);
	return rc;
}

static int
read_version(struct stream *in, struct err *e)
{
	struct span v;
	uint64_t size;
	int rc;

	if ((rc = stream_exact(in, sizeof(AR_MAGIC) - 1, &v, e)) != 0)
		return rc;
	if (!span_is(v, AR_MAGIC))
		return err_at(e, ERR_FORMAT, 0, "is no Debian package: no ar archive begins here");
	if ((rc = want_member(in, "debian-binary", &size, e)) != 0)
		return rc;
	if (size < 4 || size > 4096)
		return err_at(e, ERR_FORMAT, in->offset, "debian-binary has %llu bytes",
		    (unsigned long long)size);
	if ((rc = stream_exact(in, (size_t)(size + (size & 1)), &v, e)) != 0)
		return rc;
	if (!span_starts(v, span_lit("2.")))
		return err_set(e, ERR_VERSION, "is a Debian package of another format than 2");
	return 0;
}

/* ---- control.tar --------------------------------------------------------- */

struct control {
	struct buf text;
	bool seen;
};

static int
on_control(void *cookie, struct tar *t, const struct tar_member *m, struct err *e)
{
	struct control *c = cookie;
	uint8_t chunk[4096];
	size_t got;
	int rc;

	if (!span_is(m->path, "/control") || m->kind != TAR_FILE)
		return 0;
	if (c->seen)
		return err_set(e, ERR_DUPLICATE, "control.tar has two files named control");
	c->seen = true;
	do {
		if ((rc = tar_data(t, chunk, sizeof(chunk), &got, e)) != 0)
			return rc;
		buf_put(&c->text, chunk, got);
	} while (got > 0);
	return buf_done(&c->text, e);
}

static int
read_fields(struct span text, struct deb_content *c, struct err *e)
{
	struct deb822 d = deb822_init(text);
	struct deb822_paragraph p;
	struct span name, version, arch;
	int rc = deb822_next(&d, &p, e);

	if (rc == 0)
		return err_set(e, ERR_FORMAT, "its control file is empty");
	if (rc < 0 || (rc = deb822_get(&p, "Package", true, &name, e)) != 0 ||
	    (rc = deb822_get(&p, "Version", true, &version, e)) != 0 ||
	    (rc = deb822_get(&p, "Architecture", true, &arch, e)) != 0)
		return err_ctx(e, rc, "its control file");
	if (!arena_copy(&c->arena, name, &c->name) || !arena_copy(&c->arena, version, &c->version) ||
	    !arena_copy(&c->arena, arch, &c->arch))
		return arena_err(&c->arena, e);
	return 0;
}

/* A member as decompressed stream for the length of ${fn}; its padding is taken, too. */
static int
with_member(struct stream *in, uint64_t size, int (*fn)(struct stream *plain, void *cookie,
    struct err *e), void *cookie, struct err *e)
{
	STREAM_AUTO struct stream *part = NULL, *plain = NULL;
	int rc;

	if ((rc = stream_part(in, size, &part, e)) != 0 || (rc = decompress_auto(part, &plain, e)) != 0 ||
	    (rc = fn(plain, cookie, e)) != 0 || (rc = stream_drain(part, e)) != 0)
		return rc;
	return 0;
}

static int
read_control(struct stream *plain, void *cookie, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_DEB_CONTROL);
	struct control c = { .text = text };
	int rc = tar_each(plain, on_control, &c, e);

	text = c.text;
	if (rc != 0)
		return rc;
	if (!c.seen)
		return err_set(e, ERR_FORMAT, "control.tar has no file named control");
	return read_fields(buf_view(&text), cookie, e);
}

/* ---- data.tar ------------------------------------------------------------ */

struct data {
	struct hasher *h;
	enum digest_alg alg;
	struct deb_content *c;
};

static int
on_file(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	return deb_content_add(cookie, path, d, e);
}

static int
read_data(struct stream *plain, void *cookie, struct err *e)
{
	struct data *d = cookie;
	TREE_AUTO struct tree *tree = NULL;
	int rc;

	if ((rc = tree_new(&tree, e)) != 0 ||
	    (rc = tar_into_tree(plain, d->h, d->alg, false, tree, &d->c->bytes, e)) != 0)
		return rc;
	return tree_each(tree, on_file, d->c, &d->c->counts, e);
}

int
deb_read(struct stream *in, struct hasher *h, enum digest_alg alg, struct deb_content *c,
    struct err *e)
{
	struct data d = { h, alg, c };
	uint64_t size;
	int rc;

	if ((rc = read_version(in, e)) != 0 || (rc = want_member(in, "control.tar", &size, e)) != 0)
		return rc;
	if ((rc = with_member(in, size, read_control, c, e)) != 0)
		return err_ctx(e, rc, "control.tar");
	if ((rc = stream_skip(in, size & 1, e)) != 0 ||
	    (rc = want_member(in, "data.tar", &size, e)) != 0)
		return rc;
	if ((rc = with_member(in, size, read_data, &d, e)) != 0)
		return err_ctx(e, rc, "data.tar");
	return stream_drain(in, e);
}
