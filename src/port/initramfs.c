#include "port/initramfs.h"

#include "port/decompress.h"

/* Archives inside one compressed part, up to its end. */
static int
read_archives(struct stream *in, struct cpio_job *job, struct err *e)
{
	struct span v;
	int rc;

	for (;;) {
		if ((rc = stream_view(in, 1, &v, e)) != 0)
			return rc;
		if (v.n == 0)
			return 0;
		if (v.p[0] == 0)
			stream_take(in, 1);
		else if ((rc = cpio_into_tree(in, job, e)) != 0)
			return rc;
	}
}

static int
read_compressed(struct stream *in, enum codec codec, struct cpio_job *job, struct err *e)
{
	STREAM_AUTO struct stream *plain = NULL;
	uint64_t start = in->offset;
	int rc;

	if ((rc = decompress(in, codec, DECOMPRESS_ONE, &plain, e)) != 0 ||
	    (rc = read_archives(plain, job, e)) != 0)
		return err_ctx(e, rc, "in the %s part that begins at byte %llu", codec_name(codec),
		    (unsigned long long)start);
	return 0;
}

int
initramfs_into_tree(struct stream *in, struct cpio_job *job, uint64_t *parts, struct err *e)
{
	uint64_t n = 0;
	int rc;

	for (;;) {
		struct span v;

		if ((rc = stream_view(in, 16, &v, e)) != 0)
			return rc;
		if (v.n == 0)
			break;
		if (v.p[0] == 0) {
			stream_take(in, 1);
			continue;
		}

		enum codec codec = codec_detect(v);

		/* Plain archives stand at multiples of 4; the kernel checks that. */
		if (v.p[0] == '0' && (in->offset & 3) == 0)
			rc = cpio_into_tree(in, job, e);
		else if (codec != CODEC_NONE)
			rc = read_compressed(in, codec, job, e);
		else
			rc = err_at(e, ERR_FORMAT, in->offset,
			    "neither a cpio archive nor a compressed one begins here");
		if (rc != 0)
			return rc;
		n++;
	}
	if (n == 0)
		return err_set(e, ERR_FORMAT, "holds no cpio archive");
	*parts += n;
	return 0;
}
