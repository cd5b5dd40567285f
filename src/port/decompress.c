#include "port/decompress.h"

#include "base/limits.h"
#include "port/codec.h"

static const struct {
	const struct codec_ops *ops;
	const char *magic;
	size_t n;
} codecs[CODEC_COUNT] = {
	[CODEC_GZIP] = { &codec_gzip, "\x1f\x8b", 2 },
	[CODEC_BZIP2] = { &codec_bzip2, "BZh", 3 },
	[CODEC_XZ] = { &codec_xz, "\xfd" "7zXZ", 6 },		/* with the literal's NUL */
	[CODEC_LZMA] = { &codec_lzma, "\x5d\x00\x00", 3 },	/* lc=3 lp=0 pb=2, the only form in use */
	[CODEC_ZSTD] = { &codec_zstd, "\x28\xb5\x2f\xfd", 4 },
	[CODEC_LZ4] = { &codec_lz4, "\x04\x22\x4d\x18", 4 },
	[CODEC_LZ4_LEGACY] = { &codec_lz4_legacy, "\x02\x21\x4c\x18", 4 },
	[CODEC_LZOP] = { &codec_lzop, "\x89LZO\x00\r\n\x1a\n", 9 },
};

const char *
codec_name(enum codec c)
{
	return c == CODEC_NONE || c >= CODEC_COUNT ? "none" : codecs[c].ops->name;
}

enum codec
codec_detect(struct span head)
{
	for (enum codec c = CODEC_NONE + 1; c < CODEC_COUNT; c++)
		if (span_starts(head, span_of(codecs[c].magic, codecs[c].n)))
			return c;
	return CODEC_NONE;
}

int
codec_corrupt(const struct stream *in, const char *name, struct err *e)
{
	return err_at(e, ERR_FORMAT, in->offset, "the %s data are damaged", name);
}

int
codec_short(const struct stream *in, const char *name, struct err *e)
{
	return err_at(e, ERR_TRUNCATED, in->offset, "the %s data end too early", name);
}

struct decompressor {
	struct stream s;
	struct stream *inner;		/* borrowed */
	const struct codec_ops *ops;	/* NULL: pass on */
	enum codec codec;
	enum decompress_mode mode;
	void *state;			/* owned; NULL: no compressed stream is open */
	bool ended;
	uint64_t start, out;		/* inner offset at the start; bytes given out */
};

static int
open_state(struct decompressor *d, struct err *e)
{
	if ((d->state = calloc(1, d->ops->state_size)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return d->ops->start(d->state, e);
}

static void
close_state(struct decompressor *d)
{
	if (d->state != NULL)
		d->ops->stop(d->state);
	free(d->state);
	d->state = NULL;
}

/* Behind one compressed stream: another, padding, or the end. */
static int
next_member(struct decompressor *d, struct err *e)
{
	struct span v;
	int rc;

	close_state(d);
	d->ended = true;
	if (d->mode == DECOMPRESS_ONE)
		return 0;
	for (;;) {
		size_t zeros = 0;

		if ((rc = stream_view(d->inner, 16, &v, e)) != 0)
			return rc;
		while (zeros < v.n && v.p[zeros] == 0)
			zeros++;
		if (v.n == 0)
			return 0;
		if (zeros == 0)
			break;
		stream_take(d->inner, zeros);
	}
	if (codec_detect(v) != d->codec)
		return err_at(e, ERR_TRAILING, d->inner->offset,
		    "data follow the %s data that are none", d->ops->name);
	d->ended = false;
	return open_state(d, e);
}

static int
check_bomb(const struct decompressor *d, struct err *e)
{
	uint64_t in = d->inner->offset - d->start;

	if (d->out > LIMIT_EXPAND_TOTAL)
		return err_at(e, ERR_LIMIT, d->inner->offset,
		    "the %s data expand to more than %zu bytes", d->ops->name, LIMIT_EXPAND_TOTAL);
	if (d->out > LIMIT_EXPAND_GRACE && d->out / LIMIT_EXPAND_RATIO > in)
		return err_at(e, ERR_LIMIT, d->inner->offset,
		    "the %s data expand more than %d times: a decompression bomb", d->ops->name,
		    LIMIT_EXPAND_RATIO);
	return 0;
}

static int
decompress_fill(struct stream *s, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	struct decompressor *d = (struct decompressor *)s;
	int rc;

	*got = 0;
	while (*got == 0 && !d->ended) {
		bool over = false;

		if ((rc = d->ops->step(d->state, d->inner, p, n, got, &over, e)) != 0)
			return rc;
		d->out += *got;
		if ((rc = check_bomb(d, e)) != 0)
			return rc;
		if (over && (rc = next_member(d, e)) != 0)
			return rc;
	}
	return 0;
}

static int
pass_fill(struct stream *s, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	struct decompressor *d = (struct decompressor *)s;
	struct span v;
	int rc = stream_view(d->inner, 1, &v, e);

	if (rc != 0)
		return rc;
	v = span_head(v, n);
	if (v.n > 0)
		memcpy(p, v.p, v.n);
	stream_take(d->inner, v.n);
	*got = v.n;
	return 0;
}

static void
decompress_done(struct stream *s)
{
	close_state((struct decompressor *)s);
}

int
decompress(struct stream *inner, enum codec codec, enum decompress_mode mode, struct stream **s,
    struct err *e)
{
	static const struct stream_ops ops = { .fill = decompress_fill, .done = decompress_done };
	static const struct stream_ops pass = { .fill = pass_fill };
	STREAM_AUTO struct stream *n = NULL;
	int rc;

	if ((rc = stream_make(sizeof(struct decompressor), codec == CODEC_NONE ? &pass : &ops, &n,
	    e)) != 0)
		return rc;

	struct decompressor *d = (struct decompressor *)n;
	d->inner = inner;
	d->ops = codecs[codec].ops;
	d->codec = codec;
	d->mode = mode;
	d->start = inner->offset;
	if (codec != CODEC_NONE && (rc = open_state(d, e)) != 0)
		return rc;
	*s = n;
	n = NULL;	/* transferred */
	return 0;
}

int
decompress_auto(struct stream *inner, struct stream **s, struct err *e)
{
	struct span head;
	int rc = stream_view(inner, 16, &head, e);

	return rc != 0 ? rc : decompress(inner, codec_detect(head), DECOMPRESS_ALL, s, e);
}
