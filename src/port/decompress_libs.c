/* The codecs that libraries decode as one push of bytes: gzip, bzip2, xz, lzma, zstd. */
#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "base/limits.h"
#include "port/codec.h"

/* ---- gzip (RFC 1952) ----------------------------------------------------- */

static int
gzip_start(void *state, struct err *e)
{
	/* 16: a gzip header and trailer are required and checked. */
	if (inflateInit2(state, 16 + MAX_WBITS) != Z_OK)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static int
gzip_step(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got, bool *ended,
    struct err *e)
{
	z_stream *z = state;
	struct span v;
	int rc, z_rc;

	if ((rc = stream_view(in, 1, &v, e)) != 0)
		return rc;
	v = span_head(v, GIB(1));
	z->next_in = (Bytef *)(uintptr_t)v.p;	/* zlib does not write there */
	z->avail_in = (uInt)v.n;
	z->next_out = p;
	z->avail_out = (uInt)(n < GIB(1) ? n : GIB(1));
	z_rc = inflate(z, Z_NO_FLUSH);
	*got = (size_t)(z->next_out - p);
	stream_take(in, v.n - z->avail_in);
	*ended = z_rc == Z_STREAM_END;
	if (z_rc == Z_STREAM_END || z_rc == Z_OK)
		return 0;
	if (z_rc == Z_BUF_ERROR && v.n == 0)
		return codec_short(in, "gzip", e);
	return codec_corrupt(in, "gzip", e);
}

static void
gzip_stop(void *state)
{
	(void)inflateEnd(state);
}

const struct codec_ops codec_gzip = { "gzip", sizeof(z_stream), gzip_start, gzip_step, gzip_stop };

/* ---- bzip2 --------------------------------------------------------------- */

static int
bzip2_start(void *state, struct err *e)
{
	if (BZ2_bzDecompressInit(state, 0, 0) != BZ_OK)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static int
bzip2_step(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got, bool *ended,
    struct err *e)
{
	bz_stream *z = state;
	struct span v;
	int rc, z_rc;

	if ((rc = stream_view(in, 1, &v, e)) != 0)
		return rc;
	v = span_head(v, GIB(1));
	z->next_in = (char *)(uintptr_t)v.p;	/* not written to */
	z->avail_in = (unsigned)v.n;
	z->next_out = (char *)p;
	z->avail_out = (unsigned)(n < GIB(1) ? n : GIB(1));
	z_rc = BZ2_bzDecompress(z);
	*got = (size_t)(z->next_out - (char *)p);
	stream_take(in, v.n - z->avail_in);
	*ended = z_rc == BZ_STREAM_END;
	if (z_rc != BZ_STREAM_END && z_rc != BZ_OK)
		return codec_corrupt(in, "bzip2", e);
	if (v.n == 0 && *got == 0 && !*ended)
		return codec_short(in, "bzip2", e);
	return 0;
}

static void
bzip2_stop(void *state)
{
	(void)BZ2_bzDecompressEnd(state);
}

const struct codec_ops codec_bzip2 = { "bzip2", sizeof(bz_stream), bzip2_start, bzip2_step,
    bzip2_stop };

/* ---- xz and lzma --------------------------------------------------------- */

static int
lzma_started(lzma_ret rc, struct err *e)
{
	return rc == LZMA_OK ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

static int
xz_start(void *state, struct err *e)
{
	return lzma_started(lzma_stream_decoder(state, LIMIT_DECODER_MEMORY, 0), e);
}

static int
lzma_start(void *state, struct err *e)
{
	return lzma_started(lzma_alone_decoder(state, LIMIT_DECODER_MEMORY), e);
}

static int
lzma_run(lzma_stream *z, const char *name, struct stream *in, uint8_t *p, size_t n, size_t *got,
    bool *ended, struct err *e)
{
	struct span v;
	lzma_ret z_rc;
	int rc;

	if ((rc = stream_view(in, 1, &v, e)) != 0)
		return rc;
	z->next_in = v.p;
	z->avail_in = v.n;
	z->next_out = p;
	z->avail_out = n;
	z_rc = lzma_code(z, v.n == 0 ? LZMA_FINISH : LZMA_RUN);
	*got = n - z->avail_out;
	stream_take(in, v.n - z->avail_in);
	*ended = z_rc == LZMA_STREAM_END;
	if (z_rc == LZMA_MEMLIMIT_ERROR)
		return err_at(e, ERR_LIMIT, in->offset,
		    "the %s data need more than %zu bytes of memory to decode", name, LIMIT_DECODER_MEMORY);
	if (z_rc == LZMA_BUF_ERROR && v.n == 0)
		return codec_short(in, name, e);
	if (z_rc != LZMA_STREAM_END && z_rc != LZMA_OK)
		return codec_corrupt(in, name, e);
	return 0;
}

static int
xz_step(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got, bool *ended,
    struct err *e)
{
	return lzma_run(state, "xz", in, p, n, got, ended, e);
}

static int
lzma_step(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got, bool *ended,
    struct err *e)
{
	return lzma_run(state, "lzma", in, p, n, got, ended, e);
}

static void
lzma_stop(void *state)
{
	lzma_end(state);
}

/* A zeroed lzma_stream is LZMA_STREAM_INIT. */
const struct codec_ops codec_xz = { "xz", sizeof(lzma_stream), xz_start, xz_step, lzma_stop };
const struct codec_ops codec_lzma = { "lzma", sizeof(lzma_stream), lzma_start, lzma_step, lzma_stop };

/* ---- zstd (RFC 8878) ----------------------------------------------------- */

struct zstd_state { ZSTD_DStream *z; };

static int
zstd_start(void *state, struct err *e)
{
	struct zstd_state *st = state;

	if ((st->z = ZSTD_createDStream()) == NULL || ZSTD_isError(ZSTD_initDStream(st->z)))
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static int
zstd_step(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got, bool *ended,
    struct err *e)
{
	struct zstd_state *st = state;
	struct span v;
	int rc;

	if ((rc = stream_view(in, 1, &v, e)) != 0)
		return rc;

	ZSTD_inBuffer zin = { v.p, v.n, 0 };
	ZSTD_outBuffer zout = { p, n, 0 };
	size_t left = ZSTD_decompressStream(st->z, &zout, &zin);

	stream_take(in, zin.pos);
	*got = zout.pos;
	*ended = left == 0;		/* a frame is over and all of it was given out */
	if (ZSTD_isError(left))
		return codec_corrupt(in, "zstd", e);
	if (v.n == 0 && *got == 0 && !*ended)
		return codec_short(in, "zstd", e);
	return 0;
}

static void
zstd_stop(void *state)
{
	(void)ZSTD_freeDStream(((struct zstd_state *)state)->z);
}

const struct codec_ops codec_zstd = { "zstd", sizeof(struct zstd_state), zstd_start, zstd_step,
    zstd_stop };
