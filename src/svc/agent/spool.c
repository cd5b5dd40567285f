#include "svc/agent/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/digest.h"

#define MAGIC "\x89" "ASPL\r\n\x1a"
#define VERSION 1
#define HEADER 48
#define BLOCK 88
#define EMPTIED 1u
/* A block is written at the latest when so much waits. */
#define PENDING_MAX MIB(1)

struct block {
	uint64_t entries, bytes, flags;
	uint8_t content[32], link[32];
};

static int
open_in(int dir, const char *name, int *fd, struct err *e)
{
	*fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return *fd < 0 ? err_errno(e, "cannot open %s of the spool", name) : 0;
}

static int
write_at(int fd, struct span data, uint64_t offset, struct err *e)
{
	while (data.n > 0) {
		ssize_t k = pwrite(fd, data.p, data.n, (off_t)offset);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "cannot write the spool of the measurement list");
		data = span_from(data, (size_t)k);
		offset += (uint64_t)k;
	}
	return 0;
}

static int
header_link(const char *boot_id, struct buf *header, uint8_t link[32], struct err *e)
{
	struct digest d;
	int rc;

	buf_span(header, span_lit(MAGIC));
	buf_le32(header, VERSION);
	buf_put(header, boot_id, SPOOL_BOOT_ID);
	if ((rc = buf_done(header, e)) != 0 || (rc = digest_of(DIGEST_SHA256, buf_view(header), &d, e)) != 0)
		return rc;
	memcpy(link, d.v, 32);
	return 0;
}

int
spool_begin(struct spool *s, const char *boot_id, struct err *e)
{
	BUF_AUTO struct buf header = buf_init(HEADER);
	char id[SPOOL_BOOT_ID + 1];
	int rc;

	(void)snprintf(id, sizeof(id), "%-36.36s", boot_id);
	if ((rc = header_link(id, &header, s->link, e)) != 0)
		return rc;
	records_forget(&s->list);
	s->chain_end = 0;
	s->pending.n = 0;
	s->n_pending = 0;
	s->emptied = false;
	/* The chain first: without it list.bin is nothing. */
	if (ftruncate(s->chain, 0) != 0 || ftruncate(s->list.fd, 0) != 0 ||
	    (rc = write_at(s->chain, buf_view(&header), 0, e)) != 0 || fsync(s->chain) != 0 || fsync(s->dir) != 0)
		return err_errno(e, "cannot begin the spool of the measurement list");
	memcpy(s->boot_id, id, sizeof(id));
	s->chain_end = HEADER;
	return 0;
}

/* The link of a block behind ${before}. */
static int
link_of(const uint8_t before[32], const struct block *b, uint8_t link[32], struct buf *bytes,
    struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	int rc;

	buf_le64(bytes, b->entries);
	buf_le64(bytes, b->bytes);
	buf_le64(bytes, b->flags);
	buf_put(bytes, b->content, 32);
	if ((rc = buf_done(bytes, e)) != 0 || (rc = hasher_new(DIGEST_SHA256, &h, e)) != 0)
		return rc;
	if (!hasher_run(h, span_of(before, 32), buf_view(bytes), link))
		return err_set(e, ERR_CRYPTO, "a digest could not be computed");
	return 0;
}

static int
content_of(int fd, uint64_t from, uint64_t to, uint8_t digest[32], bool *there, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	uint8_t chunk[KIB(64)];
	int rc;

	*there = false;
	if ((rc = hasher_new(DIGEST_SHA256, &h, e)) != 0)
		return rc;
	if (!hasher_start(h))
		return err_set(e, ERR_CRYPTO, "a digest could not be computed");
	while (from < to) {
		size_t want = to - from < sizeof(chunk) ? (size_t)(to - from) : sizeof(chunk);
		ssize_t k = pread(fd, chunk, want, (off_t)from);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "cannot read the spool of the measurement list");
		if (k == 0)
			return 0;
		if (!hasher_add(h, span_of(chunk, (size_t)k)))
			return err_set(e, ERR_CRYPTO, "a digest could not be computed");
		from += (uint64_t)k;
	}
	*there = hasher_finish(h, digest);
	return 0;
}

static bool
read_block(struct rd *r, struct block *b)
{
	return rd_le64(r, &b->entries) && rd_le64(r, &b->bytes) && rd_le64(r, &b->flags) &&
	    rd_copy(r, b->content, 32) && rd_copy(r, b->link, 32);
}

/* Whether a block continues what was read so far: 1 yes, 0 no, or an error. */
static int
block_good(struct spool *s, const struct block *b, const struct block *before, struct err *e)
{
	BUF_AUTO struct buf bytes = buf_init(BLOCK);
	uint8_t link[32], content[32];
	bool there;
	int rc;

	if (b->bytes < before->bytes || b->entries < before->entries || (b->flags & ~(uint64_t)EMPTIED) != 0)
		return 0;
	if ((rc = link_of(s->link, b, link, &bytes, e)) != 0 ||
	    (rc = content_of(s->list.fd, before->bytes, b->bytes, content, &there, e)) != 0)
		return rc;
	return there && memcmp(link, b->link, 32) == 0 && memcmp(content, b->content, 32) == 0;
}

/* 1: the files are a spool and ${s} stands behind its last good block; 0: they are not. */
static int
read_chain(struct spool *s, struct span chain, struct err *e)
{
	struct rd r = rd_init(chain);
	struct block last = { 0 }, b;
	struct span magic, id;
	uint32_t version;
	struct digest d;
	int rc = 1;

	if (!(rd_bytes(&r, 8, &magic) && rd_le32(&r, &version) && rd_bytes(&r, SPOOL_BOOT_ID, &id)) ||
	    !span_eq(magic, span_lit(MAGIC)))
		return 0;
	if (version != VERSION)
		return err_set(e, ERR_VERSION, "the spool is of version %u, this agent reads version %d", version, VERSION);
	memcpy(s->boot_id, id.p, SPOOL_BOOT_ID);
	if ((rc = digest_of(DIGEST_SHA256, span_head(chain, HEADER), &d, e)) != 0)
		return rc;
	memcpy(s->link, d.v, 32);
	s->chain_end = HEADER;
	while (rd_left(&r) >= BLOCK && read_block(&r, &b)) {
		if ((rc = block_good(s, &b, &last, e)) < 0)
			return rc;
		if (rc == 0) {
			s->damaged = true;
			break;
		}
		last = b;
		memcpy(s->link, b.link, 32);
		s->chain_end = r.off;
	}
	s->emptied = (last.flags & EMPTIED) != 0;
	if (ftruncate(s->chain, (off_t)s->chain_end) != 0 || ftruncate(s->list.fd, (off_t)last.bytes) != 0)
		return err_errno(e, "cannot cut the spool of the measurement list");
	if ((rc = records_look(&s->list, NULL, NULL, e)) != 0 || s->list.n != last.entries ||
	    s->list.end != last.bytes) {
		s->damaged = true;
		return rc == 0 ? 0 : rc;
	}
	return 1;
}

int
spool_open(const char *dir, const char *boot_id, struct spool *out, struct err *e)
{
	struct spool s = { .list = records_none(), .chain = -1, .dir = -1, .pending = buf_init(2 * LIMIT_IMA_DATA) };
	BUF_AUTO struct buf path = buf_init(LIMIT_PATH);
	FILE_AUTO struct file chain = { 0 };
	int rc;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_errno(e, "cannot make the directory %s", dir);
	if ((s.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return err_errno(e, "cannot open the directory %s", dir);
	buf_printf(&path, "%s/list.chain", dir);
	if ((rc = buf_done(&path, e)) == 0 && (rc = open_in(s.dir, "list.bin", &s.list.fd, e)) == 0 &&
	    (rc = open_in(s.dir, "list.chain", &s.chain, e)) == 0 &&
	    (rc = file_read(buf_cstr(&path), LIMIT_IMA_LOG, &chain, e)) == 0)
		rc = read_chain(&s, file_view(&chain), e);
	if (rc == 0)
		rc = spool_begin(&s, boot_id, e);
	if (rc < 0) {
		spool_close(&s);
		return err_ctx(e, rc, "spool %s", dir);
	}
	*out = s;
	return 0;
}

void
spool_close(struct spool *s)
{
	records_close(&s->list);
	if (s->chain >= 0)
		(void)close(s->chain);
	if (s->dir >= 0)
		(void)close(s->dir);
	s->chain = s->dir = -1;
	buf_free(&s->pending);
}

int
spool_add(struct spool *s, struct span record, struct err *e)
{
	int rc;

	if (s->pending.n > PENDING_MAX && (rc = spool_flush(s, false, e)) != 0)
		return rc;
	buf_span(&s->pending, record);
	s->n_pending++;
	return buf_done(&s->pending, e);
}

int
spool_flush(struct spool *s, bool emptied, struct err *e)
{
	BUF_AUTO struct buf bytes = buf_init(BLOCK);
	struct block b = { .entries = s->list.n + s->n_pending, .bytes = s->list.end + s->pending.n,
	    .flags = emptied ? EMPTIED : 0 };
	struct digest d;
	int rc;

	if (s->n_pending == 0 && (!emptied || s->emptied))
		return 0;
	if ((rc = digest_of(DIGEST_SHA256, buf_view(&s->pending), &d, e)) != 0)
		return rc;
	memcpy(b.content, d.v, 32);
	if ((rc = link_of(s->link, &b, b.link, &bytes, e)) != 0)
		return rc;
	buf_put(&bytes, b.link, 32);
	if ((rc = buf_done(&bytes, e)) != 0 ||
	    (rc = write_at(s->list.fd, buf_view(&s->pending), s->list.end, e)) != 0)
		return rc;
	if (fdatasync(s->list.fd) != 0)
		return err_errno(e, "cannot bring the spool to the disk");
	if ((rc = write_at(s->chain, buf_view(&bytes), s->chain_end, e)) != 0)
		return rc;
	if (fdatasync(s->chain) != 0)
		return err_errno(e, "cannot bring the spool to the disk");
	memcpy(s->link, b.link, 32);
	s->chain_end += BLOCK;
	s->emptied = emptied;
	s->pending.n = 0;
	s->n_pending = 0;
	return records_look(&s->list, NULL, NULL, e);
}
