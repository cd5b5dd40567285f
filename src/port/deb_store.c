#include "port/deb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "formats/deb_cache.h"

struct deb_store { char *dir; };

/* The directory and those above it. */
static int
make_directories(char *path)
{
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		int rc = mkdir(path, 0700);
		*p = '/';
		if (rc != 0 && errno != EEXIST)
			return -1;
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

int
deb_store_open(const char *dir, struct deb_store **out, struct err *e)
{
	DEB_STORE_AUTO struct deb_store *s = calloc(1, sizeof(*s));
	struct stat st;

	if (s == NULL || (s->dir = strdup(dir)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (make_directories(s->dir) != 0 || stat(s->dir, &st) != 0)
		return err_hint(e, err_file(e, err_errno(e, "the cache cannot be made"), dir),
		    "name another place with --cache, or work without one: --no-cache");
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return err_hint(e, err_file(e, err_set(e, ERR_IO,
		    "the cache could be changed by somebody else"), dir),
		    "it must belong to you and be writable by you alone; or work without it: --no-cache");
	*out = s;
	s = NULL;	/* transferred */
	return 0;
}

void
deb_store_free(struct deb_store *s)
{
	if (s == NULL)
		return;
	free(s->dir);
	free(s);
}

static void
entry_path(const struct deb_store *s, const struct digest *key, enum digest_alg alg, bool dir_only,
    struct buf *b)
{
	buf_printf(b, "%s/", s->dir);
	buf_hex(b, span_head(digest_view(key), 1));
	if (dir_only)
		return;
	buf_u8(b, '/');
	buf_hex(b, digest_view(key));
	buf_printf(b, ".%s", digest_alg_name(alg));
}

/* The last bytes are the SHA-256 of the others. */
static bool
sum_is_right(struct span in)
{
	struct digest d;
	struct span body = span_head(in, in.n - DEB_CACHE_SUM);

	return digest_of(DIGEST_SHA256, body, &d, NULL) == 0 &&
	    span_eq(digest_view(&d), span_from(in, body.n));
}

static bool
load(struct span in, enum digest_alg alg, struct deb_content *c)
{
	struct deb_cache k;
	struct digest d;
	struct span path;
	int rc;

	if (in.n < DEB_CACHE_SUM || !sum_is_right(in) || deb_cache_parse(in, &k, NULL) != 0 ||
	    k.alg != alg || !arena_copy(&c->arena, k.name, &c->name) ||
	    !arena_copy(&c->arena, k.version, &c->version) || !arena_copy(&c->arena, k.arch, &c->arch))
		return false;
	while ((rc = deb_cache_next(&k, &path, &d, NULL)) > 0)
		if (deb_content_add(c, path, &d, NULL) != 0)
			return false;
	c->counts = (struct tree_counts){ .files = c->n, .symlinks = k.symlinks, .special = k.special };
	return rc == 0;
}

bool
deb_store_get(const struct deb_store *s, const struct digest *key, enum digest_alg alg,
    struct deb_content *c)
{
	BUF_AUTO struct buf path = buf_init(KIB(64));
	FILE_AUTO struct file f = { 0 };

	entry_path(s, key, alg, false, &path);
	if (file_read(buf_cstr(&path), LIMIT_REPO_INDEX, &f, NULL) != 0)
		return false;
	if (load(file_view(&f), alg, c))
		return true;
	deb_content_free(c);
	deb_content_init(c);
	return false;
}

/* Without fsync: an entry that a crash leaves cut is found by its sum. */
static void
write_entry(const char *path, struct span data)
{
	char tmp[4096];
	int fd;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp) ||
	    (fd = mkostemp(tmp, O_CLOEXEC)) < 0)
		return;
	while (data.n > 0) {
		ssize_t k = write(fd, data.p, data.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			break;
		data = span_from(data, (size_t)k);
	}
	(void)close(fd);
	if (data.n > 0 || rename(tmp, path) != 0)
		(void)unlink(tmp);
}

void
deb_store_put(const struct deb_store *s, const struct digest *key, enum digest_alg alg,
    const struct deb_content *c)
{
	BUF_AUTO struct buf path = buf_init(KIB(64)), data = buf_init(LIMIT_REPO_INDEX);
	struct deb_cache k = { .alg = alg, .name = c->name, .version = c->version, .arch = c->arch,
	    .symlinks = c->counts.symlinks, .special = c->counts.special, .bytes = c->bytes,
	    .n = (uint32_t)c->n };
	struct digest sum;

	deb_cache_begin(&k, &data);
	for (size_t i = 0; i < c->n; i++)
		deb_cache_file(&data, c->files[i].path, &c->files[i].digest);
	if (data.why != 0 || digest_of(DIGEST_SHA256, buf_view(&data), &sum, NULL) != 0)
		return;
	buf_span(&data, digest_view(&sum));
	entry_path(s, key, alg, true, &path);
	(void)mkdir(buf_cstr(&path), 0700);
	path.n = 0;
	entry_path(s, key, alg, false, &path);
	if (data.why == 0 && path.why == 0)
		write_entry(buf_cstr(&path), buf_view(&data));
}
