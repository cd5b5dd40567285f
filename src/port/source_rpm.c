/* rpm: the files of RPM packages.  Their digests stand in the header; where those are of
 * the wanted algorithm and strong they are taken from there, and the header is held
 * against the SHA-256 in the signature header.  Else the payload is hashed.  The OpenPGP
 * signature of a package is not checked here: rpmkeys -K does. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/limits.h"
#include "formats/rpm_header.h"
#include "port/cpio_read.h"
#include "port/decompress.h"
#include "port/find_files.h"
#include "port/pool.h"

#define AHEAD 64

struct rpm_job {
	struct pool_job job;	/* first */
	const char *path;	/* borrowed */
	struct arena arena;
	struct rpm_package package;
	struct rpm_file *files;	/* regular ones with the wanted digest; in the arena */
	size_t n, cap;
	uint64_t bytes, symlinks, special;
	struct err *why;	/* owned */
	bool failed;
};

struct rpm_run {
	const struct source_run *r;
	struct pool *pool;
	uint64_t done, total;
};

/* ---- one package --------------------------------------------------------- */

/* A header's bytes, copied: the next read would overwrite them. */
static int
read_header(struct stream *in, struct arena *a, struct rpm_header *h, struct span *raw,
    struct err *e)
{
	uint64_t start = in->offset;
	uint8_t *copy;
	struct span v;
	size_t size, at = 0;
	int rc;

	if ((rc = stream_view(in, RPM_HEADER_START, &v, e)) != 0)
		return rc;
	if ((rc = rpm_header_size(span_head(v, RPM_HEADER_START), &size, e)) != 0)
		return err_shift(e, rc, start);
	/* Only as much memory as there is input, whatever the size claims. */
	BUF_AUTO struct buf b = buf_init(LIMIT_RPM_HEADER * 2 + RPM_HEADER_START);

	while (at < size) {
		size_t part = size - at < KIB(64) ? size - at : KIB(64);

		if ((rc = stream_exact(in, part, &v, e)) != 0)
			return rc;
		buf_span(&b, v);
		at += part;
	}
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	if ((copy = arena_alloc(a, b.n)) == NULL)
		return arena_err(a, e);
	memcpy(copy, b.p, b.n);
	*raw = span_of(copy, b.n);
	rc = rpm_header_parse(*raw, h, e);
	return err_shift(e, rc, start);
}

/* Up to the payload. */
static int
read_headers(struct stream *in, struct rpm_job *j, struct err *e)
{
	struct rpm_header sig, main;
	struct digest want, got;
	struct span v, raw;
	int rc;

	if ((rc = stream_exact(in, RPM_LEAD_SIZE, &v, e)) != 0 || (rc = rpm_lead_check(v, e)) != 0 ||
	    (rc = read_header(in, &j->arena, &sig, &raw, e)) != 0 ||
	    (rc = stream_skip(in, (8 - raw.n % 8) % 8, e)) != 0 ||
	    (rc = read_header(in, &j->arena, &main, &raw, e)) != 0)
		return rc;
	if (rpm_header_sha256(&sig, &want)) {
		if ((rc = digest_of(DIGEST_SHA256, raw, &got, e)) != 0)
			return rc;
		if (!digest_eq(&want, &got))
			return err_set(e, ERR_MISMATCH, "its header is not the one its SHA-256 belongs to");
	}
	return rpm_package_read(&main, &j->arena, &j->package, e);
}

static int
keep(struct rpm_job *j, struct span path, const struct digest *d, struct err *e)
{
	struct rpm_file *v = arena_grow(&j->arena, j->files, j->n, &j->cap, sizeof(*v)), f = {
	    .digest = *d };

	if (v == NULL || !arena_copy(&j->arena, path, &f.path))
		return arena_err(&j->arena, e);
	j->files = v;
	j->files[j->n++] = f;
	return 0;
}

/* Whether the header has a digest of ${alg} for every file that will be there. */
static bool
header_will_do(const struct rpm_package *p, enum digest_alg alg)
{
	if (p->alg != alg || digest_alg_weak(alg))
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (S_ISREG(p->files[i].mode) && !p->files[i].ghost &&
		    p->files[i].digest.alg == DIGEST_NONE)
			return false;
	return true;
}

static int
files_of_header(struct rpm_job *j, struct err *e)
{
	const struct rpm_package *p = &j->package;
	int rc;

	for (size_t i = 0; i < p->n; i++) {
		const struct rpm_file *f = &p->files[i];

		j->symlinks += S_ISLNK(f->mode);
		j->special += f->ghost || !(S_ISREG(f->mode) || S_ISLNK(f->mode) || S_ISDIR(f->mode));
		if (S_ISREG(f->mode) && !f->ghost && (rc = keep(j, f->path, &f->digest, e)) != 0)
			return rc;
	}
	return 0;
}

static int
on_file(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	return keep(cookie, path, d, e);
}

static int
files_of_payload(struct stream *in, struct rpm_job *j, struct hasher *h, enum digest_alg alg,
    struct err *e)
{
	STREAM_AUTO struct stream *plain = NULL;
	TREE_AUTO struct tree *tree = NULL;
	struct tree_counts counts = { 0 };
	int rc;

	if ((rc = tree_new(&tree, e)) != 0 || (rc = decompress_auto(in, &plain, e)) != 0)
		return rc;

	struct cpio_job job = { .h = h, .alg = alg, .tree = tree };

	if ((rc = cpio_into_tree(plain, &job, e)) != 0)
		return err_ctx(e, rc, "payload");
	rc = tree_each(tree, on_file, j, &counts, e);
	j->bytes = job.bytes;
	j->symlinks = counts.symlinks;
	j->special = counts.special;
	return rc;
}

/* ---- workers ------------------------------------------------------------- */

struct rpm_worker { enum digest_alg alg; struct hasher *h; };

static int
rpm_worker_new(void *cookie, void **worker, struct err *e)
{
	struct rpm_run *run = cookie;
	struct rpm_worker *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->alg = run->r->o->alg;
	if ((rc = hasher_new(w->alg, &w->h, e)) != 0) {
		free(w);
		return rc;
	}
	*worker = w;
	return 0;
}

static void
rpm_worker_free(void *worker)
{
	hasher_free(((struct rpm_worker *)worker)->h);
	free(worker);
}

static int
work(struct rpm_worker *w, struct rpm_job *j, struct err *e)
{
	STREAM_AUTO struct stream *in = NULL;
	int rc;

	if ((rc = stream_open(j->path, NULL, &in, e)) != 0 || (rc = read_headers(in, j, e)) != 0)
		return rc;
	return header_will_do(&j->package, w->alg) ? files_of_header(j, e) :
	    files_of_payload(in, j, w->h, w->alg, e);
}

static void
rpm_worker_run(void *worker, struct pool_job *job)
{
	struct rpm_job *j = (struct rpm_job *)job;
	struct err e = { 0 };

	j->failed = work(worker, j, &e) != 0;
	if (j->failed && (j->why = malloc(sizeof(e))) != NULL)
		*j->why = e;
}

/* ---- results ------------------------------------------------------------- */

static void
job_free(struct rpm_job *j)
{
	arena_free(&j->arena);
	free(j->why);
	free(j);
}

static int
tell(struct rpm_run *run, const struct rpm_job *j, struct err *e)
{
	static const struct err no_memory = { .code = ERR_NOMEM, .message = "out of memory" };
	const struct source_sink *k = run->r->sink;
	struct source_stats *s = run->r->stats;
	uint32_t package;
	int rc;

	if (j->failed)
		return k->unreadable(k->cookie, span_str(j->path), j->why == NULL ? &no_memory : j->why, e);
	s->archives++;
	s->bytes += j->bytes;
	s->symlinks += j->symlinks;
	s->special += j->special;
	if ((rc = k->package(k->cookie, j->package.name, j->package.version, j->package.arch, &package,
	    e)) != 0)
		return rc;
	for (size_t i = 0; i < j->n; i++)
		if ((rc = source_tell(run->r, j->files[i].path, &j->files[i].digest, package, e)) != 0)
			return rc;
	return 0;
}

static int
drain(struct rpm_run *run, unsigned most, struct err *e)
{
	int rc = 0;

	do {
		for (struct pool_job *job = pool_take(run->pool, most), *next; job != NULL; job = next) {
			next = job->next;
			if (rc == 0)
				rc = tell(run, (struct rpm_job *)job, e);
			job_free((struct rpm_job *)job);
			run->done++;
		}
		run->r->sink->progress(run->r->sink->cookie, run->done, run->total, "packages");
	} while (rc == 0 && pool_pending(run->pool) > most);
	return rc;
}

static int
read_all(struct rpm_run *run, const struct found *found, struct err *e)
{
	int rc;

	run->total = found->n;
	for (size_t i = 0; i < found->n; i++) {
		struct rpm_job *j = calloc(1, sizeof(*j));

		if (j == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		j->path = (const char *)found->paths[i].p;
		j->arena = arena_init(LIMIT_ARCHIVE_ARENA);
		pool_submit(run->pool, &j->job);
		if (pool_pending(run->pool) >= AHEAD && (rc = drain(run, AHEAD / 2, e)) != 0)
			return rc;
	}
	return drain(run, 0, e);
}

int
source_rpm(const struct source_run *r, struct err *e)
{
	static const struct pool_work ops = { rpm_worker_new, rpm_worker_free, rpm_worker_run };
	ARENA_AUTO struct arena a = arena_init(LIMIT_ARCHIVE_ARENA);
	struct rpm_run run = { .r = r };
	struct found found = { 0 };
	int rc;

	if ((rc = find_files(r, ".rpm", &a, &found, e)) != 0 ||
	    (rc = pool_new(&ops, &run, r->o->threads, &run.pool, e)) != 0)
		return rc;
	rc = read_all(&run, &found, e);
	for (struct pool_job *job = pool_stop(run.pool), *next; job != NULL; job = next) {
		next = job->next;
		job_free((struct rpm_job *)job);
	}
	pool_free(run.pool);
	return rc;
}
