#include "formats/deb_cache.h"

#include "base/limits.h"

static const char magic[] = "assaydeb";

int
deb_cache_parse(struct span in, struct deb_cache *c, struct err *e)
{
	struct rd r = rd_init(in.n < DEB_CACHE_SUM ? in : span_head(in, in.n - DEB_CACHE_SUM));
	struct deb_cache got = { 0 };
	struct span mark, zeros;
	uint32_t version;
	uint8_t alg;

	if (!rd_bytes(&r, 8, &mark) || !span_is(mark, magic))
		return err_at(e, ERR_FORMAT, 0, "is no entry of a package cache");
	if (rd_le32(&r, &version) && version != 1)
		return err_at(e, ERR_VERSION, 8, "is of version %u; 1 is known here", version);
	if (!(rd_u8(&r, &alg) && rd_bytes(&r, 3, &zeros) && rd_le16_span(&r, UINT16_MAX, &got.name) &&
	    rd_le16_span(&r, UINT16_MAX, &got.version) && rd_le16_span(&r, UINT16_MAX, &got.arch) &&
	    rd_le64(&r, &got.symlinks) && rd_le64(&r, &got.special) && rd_le64(&r, &got.bytes) &&
	    rd_le32(&r, &got.n)))
		return err_at(e, r.why, r.off, "a cache entry is damaged: %s", err_text(r.why));
	got.alg = digest_alg_by_ima(alg);
	if (got.alg == DIGEST_NONE || !span_zero(zeros))
		return err_at(e, ERR_FORMAT, 12, "a cache entry is damaged in its head");
	got.files = r;
	*c = got;
	return 0;
}

int
deb_cache_next(struct deb_cache *c, struct span *path, struct digest *d, struct err *e)
{
	struct span raw;

	if (c->n == 0) {
		if (!rd_end(&c->files))
			return err_at(e, c->files.why, c->files.off, "data follow the last file");
		return 0;
	}
	if (!rd_le32_span(&c->files, LIMIT_PATH, path) ||
	    !rd_bytes(&c->files, digest_alg_size(c->alg), &raw) || !digest_make(c->alg, raw, d))
		return err_at(e, c->files.why != 0 ? c->files.why : ERR_INTERNAL, c->files.off,
		    "a cache entry is damaged in its files");
	c->n--;
	return 1;
}

static void
counted16(struct buf *b, struct span s)
{
	if (s.n > UINT16_MAX) {
		b->why = b->why != 0 ? b->why : ERR_LIMIT;
		return;
	}
	buf_le16(b, (uint16_t)s.n);
	buf_span(b, s);
}

void
deb_cache_begin(const struct deb_cache *c, struct buf *b)
{
	buf_str(b, magic);
	buf_le32(b, 1);
	buf_u8(b, digest_alg_ima(c->alg));
	buf_zero(b, 3);
	counted16(b, c->name);
	counted16(b, c->version);
	counted16(b, c->arch);
	buf_le64(b, c->symlinks);
	buf_le64(b, c->special);
	buf_le64(b, c->bytes);
	buf_le32(b, c->n);
}

void
deb_cache_file(struct buf *b, struct span path, const struct digest *d)
{
	buf_le32(b, (uint32_t)path.n);
	buf_span(b, path);
	buf_span(b, digest_view(d));
}
