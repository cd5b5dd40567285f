/* decompress.h: gzip, bzip2, xz, lzma, zstd, lz4 and lzop streams, bounded.
 *
 * The codec is told by the first bytes, as the kernel does for an initramfs
 * (lib/decompress.c), never by a file name.  Output is held against the input
 * it came from: beyond LIMIT_EXPAND_GRACE a ratio over LIMIT_EXPAND_RATIO, and
 * any output over LIMIT_EXPAND_TOTAL, is ERR_LIMIT (a decompression bomb).
 *
 * A decoder takes exactly its own bytes from the inner stream, so what follows
 * a compressed part can be read from there afterwards.
 */
#ifndef PORT_DECOMPRESS_H
#define PORT_DECOMPRESS_H

#include "port/stream.h"

enum codec {
	CODEC_NONE = 0,
	CODEC_GZIP, CODEC_BZIP2, CODEC_XZ, CODEC_LZMA, CODEC_ZSTD, CODEC_LZ4, CODEC_LZ4_LEGACY,
	CODEC_LZOP,
	CODEC_COUNT
};

const char *codec_name(enum codec c);	/* "gzip", ...; "none" */

/** codec_detect(head): By magic; 16 bytes are enough. */
enum codec codec_detect(struct span head);

enum decompress_mode {
	DECOMPRESS_ONE,		/* end with the first compressed stream */
	DECOMPRESS_ALL,		/* members may follow each other (RFC 1952 2.2), zeros may pad;
				 * anything else behind them is ERR_TRAILING */
};

/** decompress(inner, codec, mode, s, e): ${inner} stays the caller's and must outlive
 * ${s}; CODEC_NONE passes the bytes on. */
MUST_CHECK int decompress(struct stream *inner, enum codec codec, enum decompress_mode mode,
    struct stream **s, struct err *e);

/** decompress_auto(inner, s, e): Detect, DECOMPRESS_ALL. */
MUST_CHECK int decompress_auto(struct stream *inner, struct stream **s, struct err *e);

#endif
