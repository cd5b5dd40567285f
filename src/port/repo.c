#include "port/repo.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/rd.h"
#include "port/gpgv.h"
#include "port/walk.h"

static int
add_suite(struct repo *repo, struct span name, struct err *e)
{
	struct span *v = arena_grow(&repo->arena, repo->suites, repo->n_suites, &repo->cap_suites,
	    sizeof(*v));

	if (v == NULL)
		return arena_err(&repo->arena, e);
	repo->suites = v;
	for (size_t i = 0; i < repo->n_suites; i++)
		if (span_eq(v[i], name))
			return 0;
	return arena_copy(&repo->arena, name, &v[repo->n_suites++]) ? 0 : arena_err(&repo->arena, e);
}

/* ---- suites of a directory ----------------------------------------------- */

struct suite_finder {
	struct repo *repo;
	size_t root_n;		/* length of the root's real path */
};

static int
on_file(void *cookie, int dir, const char *name, struct span path, struct err *e)
{
	struct suite_finder *f = cookie;
	struct span parent = path_parent(path), last = path_base(parent);

	(void)dir;
	if (strcmp(name, "InRelease") != 0 && strcmp(name, "Release") != 0)
		return 0;
	/* Older archives have a Release file in each index directory, too. */
	if (span_starts(last, span_lit("binary-")) || span_is(last, "source") ||
	    span_starts(last, span_lit("installer-")))
		return 0;
	return add_suite(f->repo, span_from(parent, f->root_n + 1), e);
}

static int
on_other(void *cookie, enum walk_other what, struct span path, struct err *e)
{
	(void)cookie, (void)what, (void)path, (void)e;
	return 0;
}

static bool
on_descend(void *cookie, struct span path)
{
	(void)cookie;
	return !span_is(path_base(path), "by-hash");
}

static int
on_left_out(void *cookie, struct span path, bool pseudo, struct err *e)
{
	(void)cookie, (void)path, (void)pseudo, (void)e;
	return 0;
}

static int
on_failed(void *cookie, struct span path, const struct err *why, struct err *e)
{
	const struct source_sink *k = ((struct suite_finder *)cookie)->repo->r->sink;

	return k->unreadable(k->cookie, path, why, e);
}

static int
find_suites(struct repo *repo, struct err *e)
{
	static const struct walk_ops ops = { on_file, on_other, on_descend, on_left_out, on_failed };
	struct suite_finder f = { .repo = repo };
	BUF_AUTO struct buf dists = buf_init(LIMIT_PATH + 16);
	char *real = realpath(repo->root, NULL);
	struct stat st;
	int rc;

	if (real == NULL)
		return err_file(e, err_errno(e, "cannot open the directory"), repo->root);
	f.root_n = strcmp(real, "/") == 0 ? 0 : strlen(real);
	buf_printf(&dists, "%s/dists", real);
	free(real);
	if (stat(buf_cstr(&dists), &st) != 0 || !S_ISDIR(st.st_mode))
		return add_suite(repo, span_of(NULL, 0), e);
	if ((rc = walk(buf_cstr(&dists), false, &ops, &f, e)) != 0)
		return rc;
	if (repo->n_suites == 0)
		return err_file(e, err_set(e, ERR_FORMAT,
		    "no InRelease or Release file lies below its dists directory"), repo->root);
	return 0;
}

int
repo_open(const struct source_run *r, struct repo *repo, struct err *e)
{
	size_t n = strlen(r->where);
	const char *dists = strstr(r->where, "/dists/");
	struct span where;

	*repo = (struct repo){ .r = r, .arena = arena_init(LIMIT_ARCHIVE_ARENA) };
	while (n > 1 && r->where[n - 1] == '/')
		n--;
	where = span_of(r->where, n);
	if (dists != NULL && (size_t)(dists - r->where) + 7 < n) {
		/* One suite of a repository: the root is above dists. */
		struct span suite = span_from(where, (size_t)(dists - r->where) + 1);
		int rc = add_suite(repo, suite, e);

		if (rc != 0)
			return rc;
		where.n = (size_t)(dists - r->where);
	}
	if ((repo->root = arena_str(&repo->arena, where)) == NULL)
		return arena_err(&repo->arena, e);
	if (fetch_is_url(r->where)) {
		int rc = fetch_new(&repo->fetch, e);

		return rc != 0 || repo->n_suites > 0 ? rc : add_suite(repo, span_of(NULL, 0), e);
	}
	return repo->n_suites > 0 ? 0 : find_suites(repo, e);
}

void
repo_close(struct repo *repo)
{
	fetch_free(repo->fetch);
	arena_free(&repo->arena);
	*repo = (struct repo){ 0 };
}

int
repo_get(struct repo *repo, struct span dir, struct span name, struct buf *out, bool *present,
    struct err *e)
{
	BUF_AUTO struct buf path = buf_init(LIMIT_PATH * 2);
	FILE_AUTO struct file f = { 0 };
	bool missing = false;
	struct stat st;
	int rc;

	buf_printf(&path, "%s/", repo->root);
	buf_span(&path, dir);
	buf_str(&path, dir.n > 0 ? "/" : "");
	buf_span(&path, name);
	if ((rc = buf_done(&path, e)) != 0)
		return rc;
	*present = true;
	if (repo->fetch != NULL) {
		rc = fetch_bytes(repo->fetch, buf_cstr(&path), out, &missing, e);
		*present = !missing;
		return missing ? 0 : rc;
	}
	if (stat(buf_cstr(&path), &st) != 0 && errno == ENOENT) {
		*present = false;
		return 0;
	}
	if ((rc = file_read(buf_cstr(&path), out->max - out->n, &f, e)) != 0)
		return rc;
	buf_span(out, file_view(&f));
	return buf_done(out, e);
}

/* ---- the Release text ---------------------------------------------------- */

/* The text of a clear-signed file (RFC 4880 section 7), nothing before it, nothing
 * behind its signature; the signature itself is not looked at. */
static int
unwrap(struct span in, struct buf *out, struct err *e)
{
	struct rd r = rd_init(in);
	struct span line;
	enum { BEGIN, HEADERS, TEXT, SIGNATURE, END } at = BEGIN;

	while (rd_line(&r, LIMIT_TEXT_LINE, &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (at == BEGIN && span_is(line, "-----BEGIN PGP SIGNED MESSAGE-----"))
			at = HEADERS;
		else if (at == HEADERS)
			at = line.n == 0 ? TEXT : HEADERS;
		else if (at == TEXT && span_is(line, "-----BEGIN PGP SIGNATURE-----"))
			at = SIGNATURE;
		else if (at == TEXT) {
			buf_span(out, span_starts(line, span_lit("- ")) ? span_from(line, 2) : line);
			buf_u8(out, '\n');
		} else if (at == SIGNATURE)
			at = span_is(line, "-----END PGP SIGNATURE-----") ? END : SIGNATURE;
		else if (at == BEGIN || line.n > 0)
			return err_set(e, ERR_FORMAT, "InRelease has text outside its signed part");
	}
	if (at != END || r.why != 0)
		return err_set(e, ERR_FORMAT, "InRelease is not a whole clear-signed text");
	return buf_done(out, e);
}

static int
from_inrelease(struct repo *repo, struct span raw, struct buf *text, struct err *e)
{
	const char *keyring = repo->r->o->keyring;

	return keyring != NULL ? gpgv_inline(keyring, raw, text, e) : unwrap(raw, text, e);
}

static int
from_release(struct repo *repo, struct span suite, struct buf *text, struct err *e)
{
	BUF_AUTO struct buf sig = buf_init(LIMIT_SMALL_FILE);
	bool present;
	int rc;

	if (repo->r->o->keyring == NULL)
		return 0;
	if ((rc = repo_get(repo, suite, span_lit("Release.gpg"), &sig, &present, e)) != 0)
		return rc;
	if (!present)
		return err_set(e, ERR_SIGNATURE, "there is neither InRelease nor Release.gpg: "
		    "the repository is not signed");
	return gpgv_detached(repo->r->o->keyring, buf_view(text), buf_view(&sig), e);
}

int
repo_release(struct repo *repo, struct span suite, struct buf *text, bool *present, struct err *e)
{
	BUF_AUTO struct buf raw = buf_init(LIMIT_REPO_INDEX);
	int rc;

	if ((rc = repo_get(repo, suite, span_lit("InRelease"), &raw, present, e)) != 0)
		return rc;
	if (*present)
		return from_inrelease(repo, buf_view(&raw), text, e);
	if ((rc = repo_get(repo, suite, span_lit("Release"), text, present, e)) != 0 || !*present)
		return rc;
	return from_release(repo, suite, text, e);
}
