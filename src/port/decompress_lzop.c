/* lzop: a header, then blocks of be32 expanded size, be32 stored size, checksums as
 * the flags say, data; an expanded size of 0 ends it.
 *
 *   OFFSET  SIZE  MEANING
 *   0       9     magic
 *   9       2     version of the writer; from 0x0940 on the fields marked + exist
 *   11      2     version of the library
 *   13      2 +   version needed to read
 *   15      1     method (1 to 3: LZO1X)
 *   16      1 +   level
 *   17      4     flags
 *   21      4     filter, only with flag 0x800
 *   ..      4     mode;  4 mtime;  4 + mtime, high half
 *   ..      1+n   name
 *   ..      4     checksum of the header
 *   ..      4+n+4 an extra field, only with flag 0x40
 */
#include <zlib.h>

#include "base/limits.h"
#include "base/rd.h"
#include "port/codec.h"
#include "port/lzo1x.h"

#define BLOCK_MAX MIB(8)	/* lzop writes 256 KiB; the kernel refuses more */

enum {
	F_ADLER_OUT = 0x1, F_ADLER_IN = 0x2, F_EXTRA = 0x40, F_CRC_OUT = 0x100, F_CRC_IN = 0x200,
	F_FILTER = 0x800,
};

struct lzop_state {
	bool open;		/* the header was read */
	uint32_t flags;
	uint8_t *block;		/* owned, BLOCK_MAX bytes */
	size_t at, end;
};

static int
lzop_start(void *state, struct err *e)
{
	struct lzop_state *st = state;

	if ((st->block = malloc(BLOCK_MAX)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

/* The parts of the header whose length is known before they are read. */
static int
fixed_header(struct lzop_state *st, struct stream *in, struct err *e)
{
	struct span v;
	struct rd r;
	uint16_t version;
	uint8_t method;
	bool modern;
	int rc;

	if ((rc = stream_exact(in, 11, &v, e)) != 0)
		return rc;
	r = rd_init(span_from(v, 9));
	if (!rd_be16(&r, &version))
		return codec_corrupt(in, "lzop", e);
	modern = version >= 0x0940;
	if ((rc = stream_exact(in, modern ? 10 : 7, &v, e)) != 0)
		return rc;
	r = rd_init(v);
	if (!(rd_skip(&r, modern ? 4 : 2) && rd_u8(&r, &method) && rd_skip(&r, modern ? 1 : 0) &&
	    rd_be32(&r, &st->flags) && rd_end(&r)) || method < 1 || method > 3)
		return codec_corrupt(in, "lzop", e);
	return stream_skip(in, (st->flags & F_FILTER ? 4u : 0u) + (modern ? 12u : 8u), e);
}

static int
header(struct lzop_state *st, struct stream *in, struct err *e)
{
	struct span v;
	uint32_t extra;
	int rc;

	if ((rc = fixed_header(st, in, e)) != 0 || (rc = stream_exact(in, 1, &v, e)) != 0 ||
	    (rc = stream_skip(in, v.p[0] + 4u, e)) != 0)
		return rc;
	st->open = true;
	if ((st->flags & F_EXTRA) == 0)
		return 0;
	if ((rc = stream_exact(in, 4, &v, e)) != 0)
		return rc;

	struct rd r = rd_init(v);
	return rd_be32(&r, &extra) ? stream_skip(in, (uint64_t)extra + 4, e) :
	    codec_corrupt(in, "lzop", e);
}

static int
block(struct lzop_state *st, struct stream *in, bool *ended, struct err *e)
{
	uint32_t out = 0, stored = 0, adler = 0;
	struct span v;
	struct rd r;
	int rc;

	if ((rc = stream_exact(in, 4, &v, e)) != 0)
		return rc;
	r = rd_init(v);
	if (!rd_be32(&r, &out))
		return codec_corrupt(in, "lzop", e);
	if ((*ended = out == 0))
		return 0;

	size_t sums = 4u * (!!(st->flags & F_ADLER_OUT) + !!(st->flags & F_CRC_OUT));
	if ((rc = stream_exact(in, 4 + sums, &v, e)) != 0)
		return rc;
	r = rd_init(v);
	if (!rd_be32(&r, &stored) || stored > out || out > BLOCK_MAX ||
	    ((st->flags & F_ADLER_OUT) != 0 && !rd_be32(&r, &adler)))
		return codec_corrupt(in, "lzop", e);
	sums = stored == out ? 0 : 4u * (!!(st->flags & F_ADLER_IN) + !!(st->flags & F_CRC_IN));
	if ((rc = stream_skip(in, sums, e)) != 0 || (rc = stream_exact(in, stored, &v, e)) != 0)
		return rc;
	if (stored == out)
		memcpy(st->block, v.p, v.n);
	else if (!lzo1x_decode(v, st->block, out))
		return codec_corrupt(in, "lzop", e);
	if ((st->flags & F_ADLER_OUT) != 0 && adler32(1, st->block, out) != adler)
		return codec_corrupt(in, "lzop", e);
	st->at = 0;
	st->end = out;
	return 0;
}

static int
lzop_step(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got, bool *ended,
    struct err *e)
{
	struct lzop_state *st = state;
	int rc;

	if (!st->open && (rc = header(st, in, e)) != 0)
		return rc;
	if (st->at == st->end && ((rc = block(st, in, ended, e)) != 0 || *ended))
		return rc;
	*got = st->end - st->at < n ? st->end - st->at : n;
	memcpy(p, st->block + st->at, *got);
	st->at += *got;
	return 0;
}

static void
lzop_stop(void *state)
{
	free(((struct lzop_state *)state)->block);
}

const struct codec_ops codec_lzop = { "lzop", sizeof(struct lzop_state), lzop_start, lzop_step,
    lzop_stop };
