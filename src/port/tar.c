#include "port/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/path.h"

struct tar {
	struct archive *a;	/* owned */
	struct stream *in;	/* borrowed */
	size_t shown;		/* bytes of the last view, not taken yet */
	struct err why;		/* what the stream said, if it failed */
	locale_t c_locale, old_locale;
	uint64_t members, total;
	struct buf path, target;
};

static void
tar_close(struct tar *t)
{
	archive_read_free(t->a);
	if (t->c_locale != (locale_t)0) {
		(void)uselocale(t->old_locale);
		freelocale(t->c_locale);
	}
	buf_free(&t->path);
	buf_free(&t->target);
}

static la_ssize_t
give(struct archive *a, void *cookie, const void **p)
{
	struct tar *t = cookie;
	struct span v;

	stream_take(t->in, t->shown);
	t->shown = 0;
	if (stream_view(t->in, 1, &v, &t->why) != 0) {
		archive_set_error(a, EIO, "the stream failed");
		return ARCHIVE_FATAL;
	}
	t->shown = v.n;
	*p = v.p;
	return (la_ssize_t)v.n;
}

/* libarchive's complaint, or the stream's, if that was the cause. */
static int
tar_error(struct tar *t, struct err *e)
{
	const char *text = archive_error_string(t->a);

	if (t->why.code != 0) {
		if (e != NULL)
			*e = t->why;
		return t->why.code;
	}
	return err_at(e, ERR_FORMAT, t->in->offset, "the tar archive is damaged near here: %s",
	    text == NULL ? "no reason given" : text);
}

static int
tar_open(struct tar *t, struct err *e)
{
	/* libarchive converts names of pax headers to the locale's character set.  In
	 * the C locale it cannot, and hands out the bytes as they are, which is right. */
	t->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	t->a = archive_read_new();
	if (t->c_locale == (locale_t)0 || t->a == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	t->old_locale = uselocale(t->c_locale);
	if (archive_read_support_format_tar(t->a) != ARCHIVE_OK ||
	    archive_read_open(t->a, t, NULL, give, NULL) != ARCHIVE_OK)
		return tar_error(t, e);
	return 0;
}

static int
convert(struct tar *t, struct archive_entry *entry, struct tar_member *m, struct err *e)
{
	const char *name = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
	const char *target = link != NULL ? link : archive_entry_symlink(entry);
	int rc;

	if (name == NULL)
		return err_at(e, ERR_FORMAT, t->in->offset, "a member of the tar archive has no name");
	t->path.n = t->target.n = 0;
	if ((rc = path_absolute(span_str(name), &t->path, e)) != 0)
		return rc;
	if (link != NULL)
		rc = path_absolute(span_str(link), &t->target, e);
	else if (target != NULL)
		buf_str(&t->target, target);
	if (rc != 0 || (rc = buf_done(&t->target, e)) != 0)
		return rc;
	*m = (struct tar_member){ .path = buf_view(&t->path), .target = buf_view(&t->target),
	    .size = archive_entry_size(entry) < 0 ? 0 : (uint64_t)archive_entry_size(entry) };
	if (link != NULL)
		m->kind = TAR_HARDLINK;
	else
		switch (archive_entry_filetype(entry)) {
		case AE_IFREG: m->kind = TAR_FILE; break;
		case AE_IFDIR: m->kind = TAR_DIR; break;
		case AE_IFLNK: m->kind = TAR_SYMLINK; break;
		default: m->kind = TAR_SPECIAL; break;
		}
	return 0;
}

static int
check_limits(struct tar *t, const struct tar_member *m, struct err *e)
{
	t->total += m->size;
	if (m->size > LIMIT_ARCHIVE_MEMBER || t->total > LIMIT_ARCHIVE_TOTAL)
		return err_at(e, ERR_LIMIT, t->in->offset,
		    "a member of %llu bytes (%llu so far); the ceilings are %zu for one and %zu for all",
		    (unsigned long long)m->size, (unsigned long long)t->total, LIMIT_ARCHIVE_MEMBER,
		    LIMIT_ARCHIVE_TOTAL);
	if (++t->members > LIMIT_ARCHIVE_MEMBERS)
		return err_at(e, ERR_LIMIT, t->in->offset, "more than %d members", LIMIT_ARCHIVE_MEMBERS);
	return 0;
}

/* Warnings about what is not used here (times, owners, the character set) are no
 * matter; anything else about a header is. */
static bool
harmless(struct archive *a)
{
	const char *text = archive_error_string(a);

	return text != NULL && strstr(text, "converted") != NULL;
}

int
tar_each(struct stream *in,
    int (*fn)(void *cookie, struct tar *t, const struct tar_member *m, struct err *e),
    void *cookie, struct err *e)
{
	__attribute__((cleanup(tar_close))) struct tar t = { .in = in,
	    .path = buf_init(LIMIT_PATH + 2), .target = buf_init(LIMIT_PATH + 2) };
	struct archive_entry *entry;
	struct tar_member m;
	int rc, got;

	if ((rc = tar_open(&t, e)) != 0)
		return rc;
	while ((got = archive_read_next_header(t.a, &entry)) != ARCHIVE_EOF) {
		if (got != ARCHIVE_OK && !(got == ARCHIVE_WARN && harmless(t.a)))
			return tar_error(&t, e);
		if ((rc = convert(&t, entry, &m, e)) != 0 || (rc = check_limits(&t, &m, e)) != 0 ||
		    (rc = fn(cookie, &t, &m, e)) != 0)
			return rc;
	}
	stream_take(in, t.shown);
	return stream_drain(in, e);	/* checksums behind the data are checked, too */
}

int
tar_data(struct tar *t, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	la_ssize_t k = archive_read_data(t->a, p, n);

	if (k < 0)
		return tar_error(t, e);
	*got = (size_t)k;
	return 0;
}

int
tar_hash(struct tar *t, struct hasher *h, enum digest_alg alg, struct digest *d, uint64_t *bytes,
    struct err *e)
{
	uint8_t chunk[65536], out[LIMIT_DIGEST];
	size_t got;
	int rc;

	if (!hasher_start(h))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	do {
		if ((rc = tar_data(t, chunk, sizeof(chunk), &got, e)) != 0)
			return rc;
		if (!hasher_add(h, span_of(chunk, got)))
			return err_set(e, ERR_CRYPTO, "computing a digest failed");
		*bytes += got;
	} while (got > 0);
	if (!hasher_finish(h, out) || !digest_make(alg, span_of(out, digest_alg_size(alg)), d))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	return 0;
}

struct stream_of_member {
	struct stream s;
	struct tar *t;
	struct hasher *tee;
};

static int
member_fill(struct stream *s, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	struct stream_of_member *m = (struct stream_of_member *)s;
	int rc = tar_data(m->t, p, n, got, e);

	if (rc == 0 && m->tee != NULL && !hasher_add(m->tee, span_of(p, *got)))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	return rc;
}

int
tar_stream(struct tar *t, struct hasher *tee, struct stream **s, struct err *e)
{
	static const struct stream_ops ops = { .fill = member_fill };
	struct stream *n;
	int rc = stream_make(sizeof(struct stream_of_member), &ops, &n, e);

	if (rc != 0)
		return rc;
	((struct stream_of_member *)n)->t = t;
	((struct stream_of_member *)n)->tee = tee;
	*s = n;
	return 0;
}

/* ---- records ------------------------------------------------------------- */

struct recorder {
	struct hasher *h;
	enum digest_alg alg;
	int (*fn)(void *cookie, const struct tar_record *r, struct err *e);
	void *cookie;
	uint64_t *bytes;
};

static int
record(void *cookie, struct tar *t, const struct tar_member *m, struct err *e)
{
	struct recorder *c = cookie;
	struct tar_record r = { .kind = m->kind, .path = m->path, .target = m->target };
	int rc;

	/* A hard link may carry its content again (pax, archives made by cpio). */
	r.hashed = m->kind == TAR_FILE || (m->kind == TAR_HARDLINK && m->size > 0);
	if (r.hashed && (rc = tar_hash(t, c->h, c->alg, &r.digest, c->bytes, e)) != 0)
		return rc;
	return c->fn(c->cookie, &r, e);
}

int
tar_records(struct stream *in, struct hasher *h, enum digest_alg alg,
    int (*fn)(void *cookie, const struct tar_record *r, struct err *e), void *cookie,
    uint64_t *bytes, struct err *e)
{
	struct recorder c = { h, alg, fn, cookie, bytes };

	return tar_each(in, record, &c, e);
}

/* ".wh.NAME" hides NAME of the layers below, ".wh..wh..opq" all that the directory
 * had there (OCI image specification, layer.md, "Whiteouts"). */
static int
whiteout(struct tree *tree, struct span path, bool *was, struct err *e)
{
	struct span base = path_base(path), dir = path_parent(path);
	BUF_AUTO struct buf hidden = buf_init(LIMIT_PATH + 2);
	int rc;

	*was = span_starts(base, span_lit(".wh."));
	if (!*was)
		return 0;
	if (span_is(base, ".wh..wh..opq"))
		return tree_opaque(tree, dir, e);
	if (span_starts(base, span_lit(".wh..wh.")))
		return 0;	/* bookkeeping of aufs */
	buf_span(&hidden, dir);
	buf_str(&hidden, dir.n > 1 ? "/" : "");
	buf_span(&hidden, span_from(base, 4));
	if ((rc = buf_done(&hidden, e)) != 0)
		return rc;
	return tree_whiteout(tree, buf_view(&hidden), e);
}

int
tar_apply(const struct tar_record *r, bool whiteouts, struct tree *tree, struct err *e)
{
	uint32_t content = TREE_NONE;
	bool was = false;
	int rc;

	if (whiteouts && ((rc = whiteout(tree, r->path, &was, e)) != 0 || was))
		return rc;
	switch (r->kind) {
	case TAR_FILE:
		return tree_file(tree, r->path, &r->digest, NULL, e);
	case TAR_HARDLINK:
		rc = tree_link(tree, r->path, r->target, &content, e);
		if (rc == 0 && r->hashed && content != TREE_NONE)
			tree_content(tree, content, &r->digest);
		return rc;
	case TAR_DIR:
		return tree_dir(tree, r->path, e);
	case TAR_SYMLINK:
		return tree_symlink(tree, r->path, r->target, e);
	case TAR_SPECIAL:
	default:
		return tree_special(tree, r->path, e);
	}
}

struct applier { struct tree *tree; bool whiteouts; };

static int
apply(void *cookie, const struct tar_record *r, struct err *e)
{
	struct applier *a = cookie;

	return tar_apply(r, a->whiteouts, a->tree, e);
}

int
tar_into_tree(struct stream *in, struct hasher *h, enum digest_alg alg, bool whiteouts,
    struct tree *tree, uint64_t *bytes, struct err *e)
{
	struct applier a = { tree, whiteouts };

	return tar_records(in, h, alg, apply, &a, bytes, e);
}
