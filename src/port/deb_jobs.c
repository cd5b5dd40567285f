#include "port/deb_jobs.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "port/deb_store.h"
#include "port/fetch.h"
#include "port/hash_file.h"
#include "port/pool.h"

#define AHEAD 64	/* packages in work or waiting */

struct deb_jobs {
	const struct source_run *r;
	const char *base;
	bool url;
	struct deb_store *store;	/* owned, or NULL */
	struct pool *pool;
	uint64_t done, total;
	_Atomic uint64_t ignored;
};

struct deb_job {
	struct pool_job job;	/* first */
	struct span name;	/* owned, with a NUL behind */
	bool indexed;		/* an index says digest and size */
	struct digest want;
	uint64_t size;
	struct deb_content content;
	bool cached;
	struct err *why;	/* owned */
	bool failed;
};

/* ---- workers ------------------------------------------------------------- */

struct deb_worker {
	struct deb_jobs *j;
	struct hasher *files, *whole;	/* of the files inside; of the .deb, SHA-256 */
	struct fetch *fetch;		/* only for a URL */
	uint8_t buffer[HASH_FILE_BUFFER];
};

static void
deb_worker_free(void *worker)
{
	struct deb_worker *w = worker;

	hasher_free(w->files);
	hasher_free(w->whole);
	fetch_free(w->fetch);
	free(w);
}

static int
deb_worker_new(void *cookie, void **worker, struct err *e)
{
	struct deb_jobs *j = cookie;
	struct deb_worker *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	w->j = j;
	if ((rc = hasher_new(j->r->o->alg, &w->files, e)) != 0 ||
	    (rc = hasher_new(DIGEST_SHA256, &w->whole, e)) != 0 ||
	    (j->url && (rc = fetch_new(&w->fetch, e)) != 0)) {
		deb_worker_free(w);
		return rc;
	}
	*worker = w;
	return 0;
}

/* An open .deb, at its start. */
static int
open_deb(struct deb_worker *w, struct deb_job *d, int *fd, struct err *e)
{
	BUF_AUTO struct buf path = buf_init(LIMIT_PATH * 2);
	struct stat st;

	if (w->j->base != NULL)
		buf_printf(&path, "%s/", w->j->base);
	buf_span(&path, d->name);
	if (w->j->url)
		return fetch_file(w->fetch, buf_cstr(&path), d->size, fd, e);
	*fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return err_errno(e, "cannot open");
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	(void)close(*fd);
	return err_set(e, ERR_IO, "is not a regular file");
}

static int
check_whole(struct deb_worker *w, const struct deb_job *d, uint64_t size, struct err *e)
{
	uint8_t sum[32];

	if (!hasher_finish(w->whole, sum))
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	if (d->indexed && size != d->size)
		return err_set(e, ERR_MISMATCH, "has %llu bytes, but the index says %llu",
		    (unsigned long long)size, (unsigned long long)d->size);
	if (!span_eq(span_of(sum, 32), digest_view(&d->want)))
		return err_set(e, ERR_MISMATCH, d->indexed ?
		    "its SHA-256 is not the one in the index" : "changed while it was read");
	return 0;
}

/* Read a package that the cache does not know; ${fd} is taken over. */
static int
read_deb(struct deb_worker *w, struct deb_job *d, int fd, struct err *e)
{
	STREAM_AUTO struct stream *in = NULL;
	int rc;

	if (!hasher_start(w->whole)) {
		(void)close(fd);
		return err_set(e, ERR_CRYPTO, "computing a digest failed");
	}
	if ((rc = stream_fd(fd, w->whole, &in, e)) != 0)
		return rc;
	rc = deb_read(in, w->files, w->j->r->o->alg, &d->content, e);
	/* What the package is comes before what is wrong inside it. */
	if (rc != 0 && d->indexed && stream_drain(in, NULL) == 0) {
		struct err other = { 0 };
		int bad = check_whole(w, d, in->offset, &other);

		if (bad != 0) {
			*e = other;
			return bad;
		}
	}
	return rc != 0 ? rc : check_whole(w, d, in->offset, e);
}

static int
work(struct deb_worker *w, struct deb_job *d, struct err *e)
{
	struct deb_store *store = w->j->store;
	enum digest_alg alg = w->j->r->o->alg;
	int fd, rc;

	if (d->indexed && store != NULL && deb_store_get(store, &d->want, alg, &d->content)) {
		d->cached = true;
		return 0;
	}
	if ((rc = open_deb(w, d, &fd, e)) != 0)
		return rc;
	if (!d->indexed) {
		/* Hashing a package is much cheaper than unpacking it. */
		if ((rc = hash_file(fd, w->whole, DIGEST_SHA256, w->buffer, &d->want, &w->j->ignored,
		    e)) != 0) {
			(void)close(fd);
			return rc;
		}
		if (store != NULL && deb_store_get(store, &d->want, alg, &d->content)) {
			(void)close(fd);
			d->cached = true;
			return 0;
		}
	}
	if ((rc = read_deb(w, d, fd, e)) == 0 && store != NULL)
		deb_store_put(store, &d->want, alg, &d->content);
	return rc;
}

static void
deb_worker_run(void *worker, struct pool_job *job)
{
	struct deb_job *d = (struct deb_job *)job;
	struct err e = { 0 };

	d->failed = work(worker, d, &e) != 0;
	if (d->failed && (d->why = malloc(sizeof(e))) != NULL)
		*d->why = e;
}

/* ---- results ------------------------------------------------------------- */

static void
job_free(struct deb_job *d)
{
	free((void *)(uintptr_t)d->name.p);
	free(d->why);
	deb_content_free(&d->content);
	free(d);
}

static int
tell(struct deb_jobs *j, const struct deb_job *d, struct err *e)
{
	static const struct err no_memory = { .code = ERR_NOMEM, .message = "out of memory" };
	const struct source_sink *k = j->r->sink;
	struct source_stats *s = j->r->stats;
	uint32_t package;
	int rc;

	if (d->failed)
		return k->unreadable(k->cookie, d->name, d->why == NULL ? &no_memory : d->why, e);
	s->archives += !d->cached;
	s->cached += d->cached;
	s->bytes += d->content.bytes;
	s->symlinks += d->content.counts.symlinks;
	s->special += d->content.counts.special;
	if ((rc = k->package(k->cookie, d->content.name, d->content.version, d->content.arch, &package,
	    e)) != 0)
		return rc;
	for (size_t i = 0; i < d->content.n; i++)
		if ((rc = source_tell(j->r, d->content.files[i].path, &d->content.files[i].digest,
		    package, e)) != 0)
			return rc;
	return 0;
}

static int
drain(struct deb_jobs *j, unsigned most, struct err *e)
{
	int rc = 0;

	do {
		for (struct pool_job *job = pool_take(j->pool, most), *next; job != NULL; job = next) {
			next = job->next;
			if (rc == 0)
				rc = tell(j, (struct deb_job *)job, e);
			job_free((struct deb_job *)job);
			j->done++;
		}
		j->r->sink->progress(j->r->sink->cookie, j->done, j->total, "packages");
	} while (rc == 0 && pool_pending(j->pool) > most);
	return rc;
}

int
deb_jobs_new(const struct source_run *r, const char *base, struct deb_jobs **out, struct err *e)
{
	static const struct pool_work ops = { deb_worker_new, deb_worker_free, deb_worker_run };
	DEB_JOBS_AUTO struct deb_jobs *j = calloc(1, sizeof(*j));
	int rc;

	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	j->r = r;
	j->base = base;
	j->url = base != NULL && fetch_is_url(base);
	if ((r->o->cache != NULL && (rc = deb_store_open(r->o->cache, &j->store, e)) != 0) ||
	    (rc = pool_new(&ops, j, r->o->threads, &j->pool, e)) != 0)
		return rc;
	*out = j;
	j = NULL;	/* transferred */
	return 0;
}

void
deb_jobs_free(struct deb_jobs *j)
{
	if (j == NULL)
		return;
	if (j->pool != NULL)
		for (struct pool_job *job = pool_stop(j->pool), *next; job != NULL; job = next) {
			next = job->next;
			job_free((struct deb_job *)job);
		}
	pool_free(j->pool);
	deb_store_free(j->store);
	free(j);
}

void
deb_jobs_total(struct deb_jobs *j, uint64_t n)
{
	j->total = n;
}

int
deb_jobs_add(struct deb_jobs *j, struct span name, const struct digest *want, uint64_t size,
    struct err *e)
{
	struct deb_job *d = calloc(1, sizeof(*d));
	uint8_t *copy = malloc(name.n + 1);

	if (d == NULL || copy == NULL) {
		free(d);
		free(copy);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	memcpy(copy, name.p, name.n);
	copy[name.n] = '\0';
	d->name = span_of(copy, name.n);
	d->indexed = want != NULL;
	if (want != NULL)
		d->want = *want;
	d->size = size;
	deb_content_init(&d->content);
	pool_submit(j->pool, &d->job);
	return pool_pending(j->pool) >= AHEAD ? drain(j, AHEAD / 2, e) : 0;
}

int
deb_jobs_finish(struct deb_jobs *j, struct err *e)
{
	return drain(j, 0, e);
}
