/* lz4: the frame format through its library, and the legacy format that the kernel
 * and mkinitramfs use (lz4 -l): magic, then blocks of le32 size and that many bytes,
 * each expanding to 8 MiB (the last to less), until the end of input, a zero size or
 * the magic again (lib/decompress_unlz4.c). */
#include <lz4.h>
#include <lz4frame.h>

#include "base/limits.h"
#include "base/rd.h"
#include "port/codec.h"

#define LEGACY_MAGIC 0x184c2102u
#define LEGACY_BLOCK MIB(8)

struct frame_state { LZ4F_dctx *z; };

static int
frame_start(void *state, struct err *e)
{
	struct frame_state *st = state;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&st->z, LZ4F_VERSION)))
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static int
frame_step(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got, bool *ended,
    struct err *e)
{
	struct frame_state *st = state;
	size_t room = n, taken, left;
	struct span v;
	int rc;

	if ((rc = stream_view(in, 1, &v, e)) != 0)
		return rc;
	taken = v.n;
	left = LZ4F_decompress(st->z, p, &room, v.n == 0 ? "" : (const void *)v.p, &taken, NULL);
	if (LZ4F_isError(left))
		return codec_corrupt(in, "lz4", e);
	stream_take(in, taken);
	*got = room;
	*ended = left == 0;
	if (v.n == 0 && *got == 0 && !*ended)
		return codec_short(in, "lz4", e);
	return 0;
}

static void
frame_stop(void *state)
{
	(void)LZ4F_freeDecompressionContext(((struct frame_state *)state)->z);
}

const struct codec_ops codec_lz4 = { "lz4", sizeof(struct frame_state), frame_start, frame_step,
    frame_stop };

struct legacy_state {
	uint8_t *block;		/* owned, LEGACY_BLOCK bytes */
	size_t at, end;
};

static int
legacy_start(void *state, struct err *e)
{
	struct legacy_state *st = state;

	if ((st->block = malloc(LEGACY_BLOCK)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

/* The next block is decoded, or *ended set. */
static int
legacy_block(struct legacy_state *st, struct stream *in, bool *ended, struct err *e)
{
	struct span v;
	uint32_t size = 0;
	int rc, n;

	do {
		struct rd r;

		if ((rc = stream_view(in, 4, &v, e)) != 0)
			return rc;
		r = rd_init(span_head(v, 4));
		*ended = v.n == 0 || (v.n >= 4 && span_zero(span_head(v, 4)));
		if (*ended)
			return 0;
		if (!rd_le32(&r, &size))
			return codec_short(in, "lz4 (legacy)", e);
		stream_take(in, 4);
	} while (size == LEGACY_MAGIC);

	if (size > (uint32_t)LZ4_compressBound((int)LEGACY_BLOCK))
		return codec_corrupt(in, "lz4 (legacy)", e);
	if ((rc = stream_exact(in, size, &v, e)) != 0)
		return rc;
	n = LZ4_decompress_safe((const char *)v.p, (char *)st->block, (int)size, (int)LEGACY_BLOCK);
	if (n < 0)
		return codec_corrupt(in, "lz4 (legacy)", e);
	st->at = 0;
	st->end = (size_t)n;
	return 0;
}

static int
legacy_step(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got, bool *ended,
    struct err *e)
{
	struct legacy_state *st = state;
	int rc;

	if (st->at == st->end && ((rc = legacy_block(st, in, ended, e)) != 0 || *ended))
		return rc;
	*got = st->end - st->at < n ? st->end - st->at : n;
	memcpy(p, st->block + st->at, *got);
	st->at += *got;
	return 0;
}

static void
legacy_stop(void *state)
{
	free(((struct legacy_state *)state)->block);
}

const struct codec_ops codec_lz4_legacy = { "lz4 (legacy)", sizeof(struct legacy_state),
    legacy_start, legacy_step, legacy_stop };
