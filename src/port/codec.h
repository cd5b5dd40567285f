/* codec.h: what a decoder is to decompress.c.  For port/decompress*.c only.
 *
 * A codec pulls its input from the inner stream with stream_view/stream_take and
 * writes into the given room.  *ended is set when the compressed stream is over;
 * the inner stream then stands on the first byte behind it.
 */
#ifndef PORT_CODEC_H
#define PORT_CODEC_H

#include "port/stream.h"

struct codec_ops {
	const char *name;
	size_t state_size;
	int (*start)(void *state, struct err *e);	/* state is zeroed */
	/** step: Some progress: *got > 0, or *ended, or input taken. */
	int (*step)(void *state, struct stream *in, uint8_t *p, size_t n, size_t *got,
	    bool *ended, struct err *e);
	void (*stop)(void *state);			/* also after a failed start */
};

extern const struct codec_ops codec_gzip, codec_bzip2, codec_xz, codec_lzma, codec_zstd;
extern const struct codec_ops codec_lz4, codec_lz4_legacy, codec_lzop;

/** codec_corrupt(in, name, e): ERR_FORMAT at the stream's place; codec_short: ERR_TRUNCATED. */
int codec_corrupt(const struct stream *in, const char *name, struct err *e);
int codec_short(const struct stream *in, const char *name, struct err *e);

#endif
