#include "port/cpio_read.h"

#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/path.h"
#include "formats/cpio.h"

/* Inodes with several names seen in this archive. */
struct inode { uint32_t ino, major, minor, content; };

struct inodes {
	struct inode *v;	/* owned; an open hash table of cap, a power of 2 */
	size_t n, cap;
	uint64_t seed;		/* so that inode numbers cannot be chosen to collide */
};

static void
inodes_free(struct inodes *s)
{
	free(s->v);
}

static struct inode *
inode_slot(const struct inodes *s, uint32_t ino, uint32_t major, uint32_t minor)
{
	uint32_t key[3] = { ino, major, minor };
	size_t i = (size_t)XXH3_64bits_withSeed(key, sizeof(key), s->seed) & (s->cap - 1);

	while (s->v[i].content != TREE_NONE && (s->v[i].ino != ino || s->v[i].major != major ||
	    s->v[i].minor != minor))
		i = (i + 1) & (s->cap - 1);
	return &s->v[i];
}

static int
inodes_grow(struct inodes *s, struct err *e)
{
	struct inodes new = { .n = s->n, .cap = s->cap == 0 ? 256 : s->cap * 2, .seed = s->seed };

	if (s->cap == 0 && getrandom(&new.seed, sizeof(new.seed), 0) != sizeof(new.seed))
		return err_errno(e, "no random number can be had");
	if ((new.v = malloc(new.cap * sizeof(*new.v))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < new.cap; i++)
		new.v[i].content = TREE_NONE;
	for (size_t i = 0; i < s->cap; i++)
		if (s->v[i].content != TREE_NONE)
			*inode_slot(&new, s->v[i].ino, s->v[i].major, s->v[i].minor) = s->v[i];
	free(s->v);
	*s = new;
	return 0;
}

static int
hash_data(struct stream *in, struct cpio_job *job, uint32_t size, struct digest *d, struct err *e)
{
	uint8_t out[LIMIT_DIGEST];
	int rc;

	if (!hasher_start(job->h))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	if ((rc = stream_hash(in, size, job->h, e)) != 0)
		return rc;
	job->bytes += size;
	if (job->tick != NULL)
		job->tick(job->cookie, job->bytes);
	if (!hasher_finish(job->h, out) ||
	    !digest_make(job->alg, span_of(out, digest_alg_size(job->alg)), d))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	return stream_skip(in, cpio_pad(size), e);
}

static int
put_file(struct stream *in, struct cpio_job *job, struct inodes *links, const struct cpio_header *h,
    struct span path, struct err *e)
{
	struct inode *node;
	struct digest d;
	uint32_t content;
	int rc;

	if ((rc = hash_data(in, job, h->size, &d, e)) != 0)
		return rc;
	if (h->nlink < 2)
		return tree_file(job->tree, path, &d, NULL, e);
	if (links->n * 2 >= links->cap && (rc = inodes_grow(links, e)) != 0)
		return rc;
	node = inode_slot(links, h->ino, h->major, h->minor);
	if (node->content != TREE_NONE) {
		if (h->size != 0)
			tree_content(job->tree, node->content, &d);
		return tree_share(job->tree, path, node->content, e);
	}
	if ((rc = tree_file(job->tree, path, &d, &content, e)) != 0)
		return rc;
	*node = (struct inode){ h->ino, h->major, h->minor, content };
	links->n++;
	return 0;
}

static int
put_symlink(struct stream *in, struct cpio_job *job, const struct cpio_header *h, struct span path,
    struct err *e)
{
	struct span target;
	int rc;

	if (h->size > LIMIT_PATH)
		return err_at(e, ERR_LIMIT, in->offset, "a symbolic link's target of %u bytes", h->size);
	if ((rc = stream_exact(in, h->size, &target, e)) != 0 ||
	    (rc = tree_symlink(job->tree, path, span_head(target, span_find(target, 0)), e)) != 0)
		return rc;
	return stream_skip(in, cpio_pad(h->size), e);
}

static int
put_member(struct stream *in, struct cpio_job *job, struct inodes *links,
    const struct cpio_header *h, struct span path, struct err *e)
{
	int rc;

	if (++job->members > LIMIT_ARCHIVE_MEMBERS)
		return err_at(e, ERR_LIMIT, in->offset, "more than %d members", LIMIT_ARCHIVE_MEMBERS);
	if (S_ISREG(h->mode))
		return put_file(in, job, links, h, path, e);
	if (S_ISLNK(h->mode))
		return put_symlink(in, job, h, path, e);
	if ((rc = stream_skip(in, (uint64_t)h->size + cpio_pad(h->size), e)) != 0)
		return rc;
	return S_ISDIR(h->mode) ? tree_dir(job->tree, path, e) : tree_special(job->tree, path, e);
}

/* A header and its name, NUL taken off. */
static int
read_header(struct stream *in, struct cpio_header *h, struct buf *name, struct err *e)
{
	uint64_t start = in->offset;
	struct span v;
	int rc;

	if ((rc = stream_exact(in, CPIO_HEADER_SIZE, &v, e)) != 0)
		return rc;
	if ((rc = cpio_header_parse(v, h, e)) != 0)
		return err_shift(e, rc, start);
	if ((rc = stream_exact(in, h->name_size, &v, e)) != 0)
		return rc;
	if (v.p[v.n - 1] != 0)
		return err_at(e, ERR_FORMAT, start, "a cpio member's name does not end with a NUL");
	name->n = 0;
	buf_span(name, span_head(v, v.n - 1));
	if ((rc = buf_done(name, e)) != 0)
		return rc;
	return stream_skip(in, cpio_pad((uint64_t)CPIO_HEADER_SIZE + h->name_size), e);
}

int
cpio_into_tree(struct stream *in, struct cpio_job *job, struct err *e)
{
	__attribute__((cleanup(inodes_free))) struct inodes links = { 0 };
	BUF_AUTO struct buf name = buf_init(LIMIT_PATH), path = buf_init(LIMIT_PATH + 2);
	struct cpio_header h;
	int rc;

	for (;;) {
		uint64_t start = in->offset;

		if ((rc = read_header(in, &h, &name, e)) != 0)
			return rc;
		if (span_is(buf_view(&name), "TRAILER!!!"))
			return stream_skip(in, (uint64_t)h.size + cpio_pad(h.size), e);
		path.n = 0;
		if ((rc = path_absolute(buf_view(&name), &path, e)) != 0 ||
		    (rc = put_member(in, job, &links, &h, buf_view(&path), e)) != 0)
			return err_ctx(e, rc, "cpio member at byte %llu", (unsigned long long)start);
	}
}
