/* deb-repo: every package of a Debian repository.  What a Release file (signed, if a
 * keyring is given) says about the Packages files is checked, and what those say about
 * each .deb; so a file digest hangs on the signature by a chain of SHA-256. */
#include <stdlib.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/text.h"
#include "formats/deb822.h"
#include "port/deb_jobs.h"
#include "port/decompress.h"
#include "port/repo.h"

/* Packages known already: several suites list the same ones. */
struct seen {
	struct digest *v;	/* owned; an open hash table of cap, a power of 2 */
	size_t n, cap;
	uint64_t seed;
};

/* One package of an index, to be read. */
struct wanted {
	struct span name;	/* relative to the root */
	struct digest digest;
	uint64_t size;
};

struct deb_repo {
	struct repo repo;
	struct seen seen;
	struct wanted *wanted;	/* in repo.arena */
	size_t n_wanted, cap_wanted;
	size_t indexes;
	uint64_t absent;	/* indexes that Release lists but that are not here */
};

static void
deb_repo_free(struct deb_repo *d)
{
	free(d->seen.v);
	repo_close(&d->repo);
}

static struct digest *
slot(const struct seen *s, const struct digest *d)
{
	size_t i = (size_t)XXH3_64bits_withSeed(d->v, 32, s->seed) & (s->cap - 1);

	while (s->v[i].alg != DIGEST_NONE && !digest_eq(&s->v[i], d))
		i = (i + 1) & (s->cap - 1);
	return &s->v[i];
}

static int
see(struct seen *s, const struct digest *d, bool *first, struct err *e)
{
	if (s->n * 2 >= s->cap) {
		struct seen new = { .n = s->n, .cap = s->cap == 0 ? 4096 : s->cap * 2, .seed = s->seed };

		if (s->cap == 0 && getrandom(&new.seed, sizeof(new.seed), 0) != sizeof(new.seed))
			return err_errno(e, "no random number can be had");
		if ((new.v = calloc(new.cap, sizeof(*new.v))) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		for (size_t i = 0; i < s->cap; i++)
			if (s->v[i].alg != DIGEST_NONE)
				*slot(&new, &s->v[i]) = s->v[i];
		free(s->v);
		*s = new;
	}

	struct digest *at = slot(s, d);

	*first = at->alg == DIGEST_NONE;
	if (*first) {
		*at = *d;
		s->n++;
	}
	return 0;
}

/* ---- Packages ------------------------------------------------------------ */

static int
want(struct deb_repo *d, const struct deb822_paragraph *p, struct err *e)
{
	struct span name, size, hex;
	struct wanted w = { .digest = { .alg = DIGEST_SHA256, .size = 32 } };
	BUF_AUTO struct buf path = buf_init(LIMIT_PATH + 2);
	struct arena *a = &d->repo.arena;
	bool first = true;
	int rc;

	if ((rc = deb822_get(p, "Filename", true, &name, e)) != 0 ||
	    (rc = deb822_get(p, "Size", true, &size, e)) != 0 ||
	    (rc = deb822_get(p, "SHA256", true, &hex, e)) != 0)
		return rc;
	if (!dec_u64(size, &w.size) || !hex_fixed(hex, w.digest.v, 32))
		return err_line(e, ERR_FORMAT, p->line, 0, "Size or SHA256 of this package is not valid");
	/* A name must stay inside the repository. */
	if ((rc = path_absolute(name, &path, e)) != 0 || (rc = see(&d->seen, &w.digest, &first, e)) != 0)
		return rc;
	if (!first)
		return 0;

	struct wanted *v = arena_grow(a, d->wanted, d->n_wanted, &d->cap_wanted, sizeof(*v));

	if (v == NULL || !arena_copy(a, span_from(buf_view(&path), 1), &w.name))
		return arena_err(a, e);
	d->wanted = v;
	d->wanted[d->n_wanted++] = w;
	return 0;
}

static int
read_packages(struct deb_repo *d, struct span text, struct err *e)
{
	struct deb822 r = deb822_init(text);
	struct deb822_paragraph p;
	int rc;

	while ((rc = deb822_next(&r, &p, e)) > 0)
		if ((rc = want(d, &p, e)) != 0)
			return rc;
	return rc;
}

static int
expand(struct span raw, struct buf *out, struct err *e)
{
	STREAM_AUTO struct stream *in = NULL, *plain = NULL;
	struct span v;
	int rc;

	if ((rc = stream_mem(raw, &in, e)) != 0 || (rc = decompress_auto(in, &plain, e)) != 0)
		return rc;
	for (;;) {
		if ((rc = stream_view(plain, 1, &v, e)) != 0)
			return rc;
		if (v.n == 0)
			return buf_done(out, e);
		buf_span(out, v);
		stream_take(plain, v.n);
		if (out->why != 0)
			return buf_done(out, e);
	}
}

/* ---- which indexes ------------------------------------------------------- */

static const char *const suffixes[] = { "", ".xz", ".zst", ".gz", ".bz2", ".lzma" };
#define N_SUFFIXES (sizeof(suffixes) / sizeof(suffixes[0]))

/* "main/binary-amd64/Packages.xz" without its suffix; *which is the suffix.  False if it
 * is no index of packages. */
static bool
split_name(struct span name, struct span *stem, size_t *which)
{
	for (size_t i = N_SUFFIXES; i-- > 0;) {
		struct span suffix = span_str(suffixes[i]);

		if (!span_ends(name, suffix))
			continue;
		*stem = span_head(name, name.n - suffix.n);
		*which = i;
		return span_is(path_base(*stem), "Packages");
	}
	return false;
}

static bool
listed(const char *const *v, size_t n, struct span what)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(what, v[i]))
			return true;
	return n == 0;
}

/* Whether an index is asked for.  Packages for the installer (udebs) are not. */
static bool
chosen(const struct source_options *o, struct span stem)
{
	struct span dir = path_parent(stem), last = path_base(dir), component = path_parent(dir);

	if (memmem(stem.p, stem.n, "debian-installer/", 17) != NULL)
		return false;
	if (!span_starts(last, span_lit("binary-")))
		return true;	/* a flat repository's only index */
	last = span_from(last, 7);
	return listed(o->components, o->n_components, component) &&
	    (span_is(last, "all") || listed(o->archs, o->n_archs, last));
}

/* One index: its variants by suffix; size 0 of a variant that Release does not list. */
struct index {
	struct span stem;
	struct release_file variants[N_SUFFIXES];
	bool has[N_SUFFIXES];
};

struct index_list {
	struct index *v;	/* in the repository's arena */
	size_t n, cap;
};

static int
note_index(struct deb_repo *d, struct index_list *l, const struct release_file *f, struct err *e)
{
	struct span stem;
	size_t which, i = 0;

	BUF_AUTO struct buf path = buf_init(LIMIT_PATH + 2);
	int rc;

	if (!split_name(f->name, &stem, &which) || !chosen(d->repo.r->o, stem))
		return 0;
	if ((rc = path_absolute(f->name, &path, e)) != 0)
		return rc;
	while (i < l->n && !span_eq(l->v[i].stem, stem))
		i++;
	if (i == l->n) {
		struct index *v = arena_grow(&d->repo.arena, l->v, l->n, &l->cap, sizeof(*v));

		if (v == NULL)
			return arena_err(&d->repo.arena, e);
		l->v = v;
		l->v[l->n++] = (struct index){ .stem = stem };
	}
	l->v[i].variants[which] = *f;
	l->v[i].has[which] = true;
	return 0;
}

static int
check_index(const struct release_file *f, struct span raw, struct err *e)
{
	struct digest got;
	int rc = digest_of(DIGEST_SHA256, raw, &got, e);

	if (rc != 0)
		return rc;
	if (raw.n != f->size || !digest_eq(&got, &f->digest))
		return err_hint(e, err_set(e, ERR_MISMATCH,
		    "its size or SHA-256 is not what the Release file says"),
		    "the mirror may be half-way through an update: try again");
	return 0;
}

/* The first variant of an index that is there, read. */
static int
read_index(struct deb_repo *d, struct span suite, const struct index *x, struct err *e)
{
	bool url = d->repo.fetch != NULL, present = false;
	int rc;

	for (size_t k = 0; k < N_SUFFIXES && !present; k++) {
		/* Over a network the compressed variants come first. */
		size_t i = url ? (k + 1) % N_SUFFIXES : k;
		BUF_AUTO struct buf raw = buf_init(LIMIT_REPO_INDEX), text = buf_init(LIMIT_REPO_INDEX);

		if (!x->has[i])
			continue;
		if ((rc = repo_get(&d->repo, suite, x->variants[i].name, &raw, &present, e)) != 0)
			return rc;
		if (!present)
			continue;
		if ((rc = check_index(&x->variants[i], buf_view(&raw), e)) != 0 ||
		    (rc = expand(buf_view(&raw), &text, e)) != 0 ||
		    (rc = read_packages(d, buf_view(&text), e)) != 0)
			return err_ctx(e, rc, "%.*s", (int)x->variants[i].name.n,
			    (const char *)x->variants[i].name.p);
	}
	d->indexes += present;
	d->absent += !present;
	return 0;
}

/* A URL does not say which of a distribution's architectures are meant. */
static int
need_arch(const struct deb_repo *d, const struct index_list *l, struct err *e)
{
	struct span first = { NULL, 0 };

	if (d->repo.fetch == NULL || d->repo.r->o->n_archs > 0)
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		struct span last = path_base(path_parent(l->v[i].stem));

		if (!span_starts(last, span_lit("binary-")) || span_is(last, "binary-all"))
			continue;
		if (first.n > 0 && !span_eq(first, last))
			return err_set(e, ERR_USAGE, "this repository has several architectures (%.*s, %.*s, "
			    "...): say which with --arch", (int)first.n - 7, (const char *)first.p + 7,
			    (int)last.n - 7, (const char *)last.p + 7);
		first = last;
	}
	return 0;
}

/* A flat repository without a Release file, as dpkg-scanpackages makes it. */
static int
read_bare(struct deb_repo *d, struct err *e)
{
	const struct source_sink *k = d->repo.r->sink;
	bool present = false;
	int rc;

	for (size_t i = 0; i < N_SUFFIXES && !present; i++) {
		BUF_AUTO struct buf raw = buf_init(LIMIT_REPO_INDEX), text = buf_init(LIMIT_REPO_INDEX);
		char name[32];

		(void)snprintf(name, sizeof(name), "Packages%s", suffixes[i]);
		if ((rc = repo_get(&d->repo, span_of(NULL, 0), span_str(name), &raw, &present, e)) != 0)
			return rc;
		if (present && ((rc = expand(buf_view(&raw), &text, e)) != 0 ||
		    (rc = read_packages(d, buf_view(&text), e)) != 0))
			return err_ctx(e, rc, "%s", name);
	}
	if (!present)
		return err_set(e, ERR_FORMAT, "there is no InRelease, Release or Packages file");
	d->indexes++;
	return k->warn(k->cookie, e, "%s: there is no Release file, so the list of packages was not "
	    "checked", d->repo.r->where);
}

/* An old index, however well signed, would approve old packages again. */
static int
check_age(struct deb_repo *d, const struct deb822_paragraph *p, struct err *e)
{
	const struct source_sink *k = d->repo.r->sink;
	struct tm tm = { 0 };
	struct span until;
	char text[64];
	int rc;

	if ((rc = deb822_get(p, "Valid-Until", false, &until, e)) != 0 || until.n == 0)
		return rc;
	(void)snprintf(text, sizeof(text), "%.*s", (int)until.n, (const char *)until.p);
	/* RFC 2822, always in UTC (Debian's repository format, "Date, Valid-Until"). */
	if (strptime(text, "%a, %d %b %Y %H:%M:%S", &tm) == NULL)
		return err_set(e, ERR_FORMAT, "the Release file's Valid-Until is no date: %s", text);
	if (timegm(&tm) >= time(NULL))
		return 0;
	return k->warn(k->cookie, e, "%s: this copy of the repository is out of date since %s",
	    d->repo.r->where, text);
}

static int
read_suite(struct deb_repo *d, struct span suite, struct err *e)
{
	BUF_AUTO struct buf release = buf_init(LIMIT_REPO_INDEX);
	struct index_list list = { 0 };
	struct deb822_paragraph p;
	struct release_file f;
	struct span sums;
	bool present;
	int rc;

	if ((rc = repo_release(&d->repo, suite, &release, &present, e)) != 0)
		return rc;
	if (!present && suite.n == 0 && d->repo.r->o->keyring == NULL)
		return read_bare(d, e);
	if (!present)
		return err_set(e, ERR_FORMAT, "there is neither an InRelease nor a Release file");

	struct deb822 r = deb822_init(buf_view(&release));

	if ((rc = deb822_next(&r, &p, e)) == 0)
		return err_set(e, ERR_FORMAT, "the Release file is empty");
	if (rc < 0 || (rc = deb822_get(&p, "SHA256", true, &sums, e)) != 0)
		return err_ctx(e, rc, "the Release file");
	if ((rc = check_age(d, &p, e)) != 0)
		return rc;
	while ((rc = release_file_next(&sums, &f, e)) > 0)
		if ((rc = note_index(d, &list, &f, e)) != 0)
			return rc;
	if (rc != 0 || (rc = need_arch(d, &list, e)) != 0)
		return rc;
	for (size_t i = 0; i < list.n; i++)
		if ((rc = read_index(d, suite, &list.v[i], e)) != 0)
			return rc;
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

static int
read_wanted(struct deb_repo *d, struct err *e)
{
	DEB_JOBS_AUTO struct deb_jobs *j = NULL;
	int rc = deb_jobs_new(d->repo.r, d->repo.root, &j, e);

	if (rc != 0)
		return rc;
	deb_jobs_total(j, d->n_wanted);
	for (size_t i = 0; i < d->n_wanted; i++)
		if ((rc = deb_jobs_add(j, d->wanted[i].name, &d->wanted[i].digest, d->wanted[i].size,
		    e)) != 0)
			return rc;
	return deb_jobs_finish(j, e);
}

int
source_deb_repo(const struct source_run *r, struct err *e)
{
	__attribute__((cleanup(deb_repo_free))) struct deb_repo d = { 0 };
	const struct source_sink *k = r->sink;
	int rc;

	if ((rc = repo_open(r, &d.repo, e)) != 0)
		return rc;
	if (r->o->keyring == NULL && (rc = k->warn(k->cookie, e, "%s: who made this repository was not "
	    "checked: no --keyring was given", r->where)) != 0)
		return rc;
	for (size_t i = 0; i < d.repo.n_suites; i++) {
		struct span s = d.repo.suites[i];

		if ((rc = read_suite(&d, s, e)) != 0)
			return err_file(e, err_ctx(e, rc, "suite \"%.*s\"", (int)s.n,
			    s.n == 0 ? "" : (const char *)s.p), r->where);
	}
	if (d.indexes == 0)
		return err_file(e, err_set(e, ERR_FORMAT, "no Packages file of it fits --arch and --component"),
		    r->where);
	if (d.absent > 0 && (rc = k->warn(k->cookie, e, "%s: %llu Packages files that its Release files "
	    "list are not there", r->where, (unsigned long long)d.absent)) != 0)
		return rc;
	return read_wanted(&d, e);
}
