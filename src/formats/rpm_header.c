#include "formats/rpm_header.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/rd.h"
#include "base/text.h"

/* Tags (rpm's rpmtag.h) and types. */
enum {
	TAG_SHA256 = 273,	/* in the signature header: hex digest of the header */
	TAG_NAME = 1000, TAG_VERSION = 1001, TAG_RELEASE = 1002, TAG_EPOCH = 1003, TAG_ARCH = 1022,
	TAG_FILEMODES = 1030, TAG_FILEDIGESTS = 1035, TAG_FILEFLAGS = 1037, TAG_DIRINDEXES = 1116,
	TAG_BASENAMES = 1117, TAG_DIRNAMES = 1118, TAG_FILEDIGESTALGO = 5011,
};
enum { TYPE_INT16 = 3, TYPE_INT32 = 4, TYPE_STRING = 6, TYPE_STRING_ARRAY = 8, TYPE_I18N = 9 };
enum { FLAG_GHOST = 1 << 6 };

int
rpm_lead_check(struct span in, struct err *e)
{
	if (!span_starts(in, span_of("\xed\xab\xee\xdb", 4)))
		return err_at(e, ERR_FORMAT, 0, "is no RPM package");
	if (in.n < RPM_LEAD_SIZE || (in.p[4] != 3 && in.p[4] != 4))
		return err_at(e, ERR_VERSION, 4, "is an RPM package of an unknown format");
	return 0;
}

int
rpm_header_size(struct span in, size_t *size, struct err *e)
{
	struct rd r = rd_init(in);
	uint32_t n, store;
	struct span magic;

	if (!rd_bytes(&r, 8, &magic) || !rd_be32(&r, &n) || !rd_be32(&r, &store))
		return err_at(e, r.why, r.off, "an RPM header is cut");
	if (!span_eq(magic, span_of("\x8e\xad\xe8\x01\0\0\0\0", 8)))
		return err_at(e, ERR_FORMAT, 0, "no RPM header stands here");
	if (n == 0 || n > LIMIT_RPM_HEADER / 16 || store > LIMIT_RPM_HEADER)
		return err_at(e, ERR_LIMIT, 8, "an RPM header of %u entries and %u bytes", n, store);
	*size = RPM_HEADER_START + (size_t)n * 16 + store;
	return 0;
}

int
rpm_header_parse(struct span in, struct rpm_header *h, struct err *e)
{
	size_t size;
	int rc = rpm_header_size(span_head(in, RPM_HEADER_START), &size, e);
	struct rd r = rd_init(in);
	struct rpm_header got;
	uint32_t ignored;

	if (rc != 0)
		return rc;
	if (size != in.n)
		return err_at(e, in.n < size ? ERR_TRUNCATED : ERR_TRAILING, in.n,
		    "an RPM header has %zu bytes, want %zu", in.n, size);
	if (!(rd_skip(&r, 8) && rd_be32(&r, &got.n) && rd_be32(&r, &ignored) &&
	    rd_bytes(&r, (size_t)got.n * 16, &got.entries) && rd_bytes(&r, rd_left(&r), &got.store)))
		return err_at(e, r.why, r.off, "an RPM header is damaged");
	*h = got;
	return 0;
}

/* ---- tags ---------------------------------------------------------------- */

struct tag {
	uint32_t type, count;
	struct rd data;		/* from its first byte to the end of the store */
};

/* The last entry of a tag, as in librpm when a tag stands twice; false if absent. */
static bool
find(const struct rpm_header *h, uint32_t want, struct tag *out)
{
	struct rd r = rd_init(h->entries);
	uint32_t tag, type, offset, count;
	bool found = false;

	while (rd_be32(&r, &tag) && rd_be32(&r, &type) && rd_be32(&r, &offset) && rd_be32(&r, &count))
		if (tag == want && offset <= h->store.n) {
			*out = (struct tag){ type, count, rd_init(span_from(h->store, offset)) };
			found = true;
		}
	return found;
}

/* The next NUL-terminated string. */
static bool
string(struct rd *r, struct span *out)
{
	struct span rest = span_from(r->in, r->off);
	size_t n = span_find(rest, 0);

	if (n == rest.n)
		return rd_fail(r, ERR_TRUNCATED);
	return rd_bytes(r, n, out) && rd_skip(r, 1);
}

static int
damaged(const char *what, struct err *e)
{
	return err_set(e, ERR_FORMAT, "the RPM header's %s is missing or damaged", what);
}

static int
get_string(const struct rpm_header *h, uint32_t tag, const char *what, struct span *out,
    struct err *e)
{
	struct tag t;

	if (!find(h, tag, &t) || (t.type != TYPE_STRING && t.type != TYPE_I18N) || t.count < 1 ||
	    !string(&t.data, out))
		return damaged(what, e);
	return 0;
}

bool
rpm_header_sha256(const struct rpm_header *sig, struct digest *d)
{
	struct tag t;
	struct span hex;

	*d = (struct digest){ .alg = DIGEST_SHA256, .size = 32 };
	return find(sig, TAG_SHA256, &t) && t.type == TYPE_STRING && string(&t.data, &hex) &&
	    hex_fixed(hex, d->v, 32);
}

/* OpenPGP numbers (RFC 4880 9.4), which rpm uses. */
static enum digest_alg
alg_of(uint32_t number)
{
	switch (number) {
	case 1: return DIGEST_MD5;
	case 2: return DIGEST_SHA1;
	case 8: return DIGEST_SHA256;
	case 9: return DIGEST_SHA384;
	case 10: return DIGEST_SHA512;
	case 11: return DIGEST_SHA224;
	default: return DIGEST_NONE;
	}
}

static int
read_identity(const struct rpm_header *h, struct arena *a, struct rpm_package *p, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_RPM_HEADER);
	struct span version, release;
	struct tag t;
	uint32_t epoch;
	int rc;

	if ((rc = get_string(h, TAG_NAME, "name", &p->name, e)) != 0 ||
	    (rc = get_string(h, TAG_VERSION, "version", &version, e)) != 0 ||
	    (rc = get_string(h, TAG_RELEASE, "release", &release, e)) != 0 ||
	    (rc = get_string(h, TAG_ARCH, "architecture", &p->arch, e)) != 0)
		return rc;
	if (find(h, TAG_EPOCH, &t) && t.type == TYPE_INT32 && rd_be32(&t.data, &epoch))
		buf_printf(&b, "%u:", epoch);
	buf_span(&b, version);
	buf_u8(&b, '-');
	buf_span(&b, release);
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	return arena_copy(a, buf_view(&b), &p->version) ? 0 : arena_err(a, e);
}

/* ---- files --------------------------------------------------------------- */

struct file_tags { struct tag base, dirs, index, modes, flags, digests; bool has_digests; };

static int
find_file_tags(const struct rpm_header *h, struct file_tags *t, struct err *e)
{
	if (!find(h, TAG_DIRINDEXES, &t->index) || t->index.type != TYPE_INT32 ||
	    t->index.count != t->base.count)
		return damaged("directory index", e);
	if (!find(h, TAG_DIRNAMES, &t->dirs) || t->dirs.type != TYPE_STRING_ARRAY)
		return damaged("list of directories", e);
	if (!find(h, TAG_FILEMODES, &t->modes) || t->modes.type != TYPE_INT16 ||
	    t->modes.count != t->base.count)
		return damaged("list of file modes", e);
	if (!find(h, TAG_FILEFLAGS, &t->flags) || t->flags.type != TYPE_INT32 ||
	    t->flags.count != t->base.count)
		return damaged("list of file flags", e);
	t->has_digests = find(h, TAG_FILEDIGESTS, &t->digests);
	if (t->has_digests && (t->digests.type != TYPE_STRING_ARRAY ||
	    t->digests.count != t->base.count))
		return damaged("list of file digests", e);
	return 0;
}

static int
read_dirs(struct file_tags *t, struct arena *a, struct span **dirs, struct err *e)
{
	/* Each takes a byte of the store at least. */
	if (t->dirs.count > rd_left(&t->dirs.data))
		return damaged("list of directories", e);
	if ((*dirs = arena_array(a, (size_t)t->dirs.count + 1, sizeof(struct span))) == NULL)
		return arena_err(a, e);
	for (uint32_t i = 0; i < t->dirs.count; i++)
		if (!string(&t->dirs.data, &(*dirs)[i]))
			return damaged("list of directories", e);
	return 0;
}

static int
read_file(struct file_tags *t, const struct span *dirs, enum digest_alg alg, struct arena *a,
    struct rpm_file *f, struct err *e)
{
	BUF_AUTO struct buf name = buf_init(2 * LIMIT_PATH), path = buf_init(LIMIT_PATH + 2);
	struct span base, hex = { NULL, 0 };
	uint32_t dir, flags;
	uint16_t mode;
	int rc;

	if (!(string(&t->base.data, &base) && rd_be32(&t->index.data, &dir) &&
	    rd_be16(&t->modes.data, &mode) && rd_be32(&t->flags.data, &flags)) ||
	    dir >= t->dirs.count || (t->has_digests && !string(&t->digests.data, &hex)))
		return damaged("list of files", e);
	buf_span(&name, dirs[dir]);
	buf_span(&name, base);
	if ((rc = buf_done(&name, e)) != 0 || (rc = path_absolute(buf_view(&name), &path, e)) != 0)
		return rc;
	*f = (struct rpm_file){ .mode = mode, .ghost = (flags & FLAG_GHOST) != 0 };
	if (!arena_copy(a, buf_view(&path), &f->path))
		return arena_err(a, e);
	if (hex.n == 0 || alg == DIGEST_NONE)
		return 0;
	f->digest = (struct digest){ .alg = alg, .size = (uint8_t)digest_alg_size(alg) };
	return hex_fixed(hex, f->digest.v, digest_alg_size(alg)) ? 0 : damaged("list of file digests", e);
}

int
rpm_package_read(const struct rpm_header *h, struct arena *a, struct rpm_package *p, struct err *e)
{
	struct rpm_package got = { .alg = DIGEST_MD5 };	/* before tag 5011 there was only MD5 */
	struct file_tags t;
	struct span *dirs = NULL;
	struct tag alg;
	uint32_t number;
	int rc;

	if ((rc = read_identity(h, a, &got, e)) != 0)
		return rc;
	if (find(h, TAG_FILEDIGESTALGO, &alg) && alg.type == TYPE_INT32 && rd_be32(&alg.data, &number))
		got.alg = alg_of(number);
	if (!find(h, TAG_BASENAMES, &t.base) || t.base.type != TYPE_STRING_ARRAY) {
		*p = got;	/* a package without files */
		return 0;
	}
	if ((rc = find_file_tags(h, &t, e)) != 0 || (rc = read_dirs(&t, a, &dirs, e)) != 0)
		return rc;
	if (t.base.count > rd_left(&t.base.data))
		return damaged("list of files", e);
	got.files = arena_array(a, (size_t)t.base.count + 1, sizeof(*got.files));
	if (got.files == NULL)
		return arena_err(a, e);
	for (; got.n < t.base.count; got.n++)
		if ((rc = read_file(&t, dirs, got.alg, a, &got.files[got.n], e)) != 0)
			return rc;
	*p = got;
	return 0;
}
