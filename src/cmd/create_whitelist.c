#include "cmd/create_whitelist.h"

#include <glob.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/limits.h"
#include "cmd/command.h"
#include "cmd/term.h"
#include "port/source.h"

struct line {
	struct span path;
	struct digest digest;
};

struct whitelist {
	struct arena arena;
	struct line *lines;
	size_t n, cap;
	uint64_t unreadable;
	struct progress progress;
};

static int
on_file(void *cookie, struct span path, const struct digest *d, uint32_t package, struct err *e)
{
	struct whitelist *w = cookie;
	struct line *v = arena_grow(&w->arena, w->lines, w->n, &w->cap, sizeof(*v)), l = { .digest = *d };

	(void)package;
	if (v == NULL || !arena_copy(&w->arena, path, &l.path))
		return arena_err(&w->arena, e);
	w->lines = v;
	w->lines[w->n++] = l;
	return 0;
}

static int
on_package(void *cookie, struct span name, struct span version, struct span arch, uint32_t *index,
    struct err *e)
{
	(void)cookie, (void)name, (void)version, (void)arch, (void)e;
	*index = SOURCE_NO_PACKAGE;
	return 0;
}

static int
on_excluded(void *cookie, struct span path, bool *yes, struct err *e)
{
	(void)cookie, (void)path, (void)e;
	*yes = false;
	return 0;
}

static int
on_unreadable(void *cookie, struct span path, const struct err *why, struct err *e)
{
	struct whitelist *w = cookie;
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);

	(void)e;
	progress_end(&w->progress);
	buf_escape(&b, path);
	buf_printf(&b, ": %s", why->message);
	fprintf(stderr, "%s\n", buf_cstr(&b));
	w->unreadable++;
	return 0;
}

static int ERR_PRINTF(3, 4)
on_warn(void *cookie, struct err *e, const char *fmt, ...)
{
	(void)cookie, (void)e, (void)fmt;	/* pseudo file systems were never listed */
	return 0;
}

static void
on_progress(void *cookie, uint64_t count, uint64_t total, const char *unit)
{
	struct whitelist *w = cookie;

	(void)unit;
	w->progress.total = total >> 20;
	progress_update(&w->progress, count >> 20, "MiB");
}

static int
by_path(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int c = span_cmp(x->path, y->path);

	return c != 0 ? c : span_cmp(digest_view(&x->digest), digest_view(&y->digest));
}

/* As the sum programs write it: a name with a newline or backslash is escaped, and a
 * backslash in front of the line says so. */
static void
put_line(struct buf *b, const struct line *l)
{
	bool odd = span_find(l->path, '\n') != l->path.n || span_find(l->path, '\\') != l->path.n ||
	    span_find(l->path, '\r') != l->path.n;

	buf_str(b, odd ? "\\" : "");
	buf_hex(b, digest_view(&l->digest));
	buf_str(b, "  ");
	for (size_t i = 0; i < l->path.n; i++) {
		uint8_t c = l->path.p[i];

		if (odd && (c == '\n' || c == '\\' || c == '\r')) {
			buf_u8(b, '\\');
			c = c == '\n' ? 'n' : c == '\r' ? 'r' : c;
		}
		buf_u8(b, c);
	}
	buf_u8(b, '\n');
}

static int
read_all(struct whitelist *w, enum digest_alg alg, struct err *e)
{
	static const char *const prune[] = { "/sys", "/run", "/proc", "/lost+found", "/dev", "/media",
	    "/snap", "/mnt" };
	const struct source_sink sink = { w, on_file, on_package, on_excluded, on_unreadable, on_warn,
	    on_progress };
	struct source_options o = { .alg = alg, .root_owned_only = true, .prune = prune,
	    .n_prune = sizeof(prune) / sizeof(prune[0]), .count_first = isatty(STDERR_FILENO) == 1 };
	struct source_stats stats = { 0 };
	glob_t found;
	int rc;

	progress_start(&w->progress, "files", 0);
	rc = source_read(SOURCE_DIR, "/", &o, &sink, &stats, e);
	progress_end(&w->progress);
	if (rc != 0)
		return rc;
	puts("Creating whitelist for init ram disk");
	/* Where ostree keeps them, too (Keylime's later create_allowlist.sh). */
	if (glob("/boot/initr*", 0, NULL, &found) != 0 && glob("/boot/ostree/*/initr*", 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && rc == 0; i++) {
		printf("extracting %s\n", found.gl_pathv[i]);
		rc = source_read(SOURCE_INITRAMFS, found.gl_pathv[i], &o, &sink, &stats, e);
	}
	globfree(&found);
	return rc;
}

static int
usage(void)
{
	fputs("Usage:  " CREATE_WHITELIST_NAME " list.txt [hash-algo]\n", stderr);
	return EXIT_USAGE;
}

/* "sha256sum" or "sha256". */
static enum digest_alg
algorithm(const char *name)
{
	struct span s = span_str(name);

	if (span_ends(s, span_lit("sum")))
		s.n -= 3;
	return digest_alg_by_name(s);
}

static int
make_list(const char *path, enum digest_alg alg, struct err *e)
{
	struct whitelist w = { .arena = arena_init(LIMIT_ARCHIVE_ARENA) };
	BUF_AUTO struct buf b = buf_init(LIMIT_POLICY_FILE);
	int rc = read_all(&w, alg, e);

	if (rc == 0) {
		qsort(w.lines, w.n, sizeof(*w.lines), by_path);
		for (size_t i = 0; i < w.n; i++)
			if (i == 0 || by_path(&w.lines[i - 1], &w.lines[i]) != 0)
				put_line(&b, &w.lines[i]);
		if ((rc = buf_done(&b, e)) == 0)
			rc = file_write(path, buf_view(&b), 0644, e);
	}
	if (rc == 0 && w.unreadable > 0)
		rc = err_file(e, err_set(e, ERR_IO, "was written, but lacks %llu files that could not be read",
		    (unsigned long long)w.unreadable), path);
	arena_free(&w.arena);
	return rc;
}

int
create_whitelist(int argc, char **argv)
{
	const char *name = "sha1sum";
	struct err e = { 0 };
	enum digest_alg alg;

	if (argc < 2 || argc > 4)
		return usage();
	/* In the oldest versions the kind of RAM disk came second; both are read here. */
	if (argc == 4 && strcmp(argv[2], "initrd") != 0 && strcmp(argv[2], "initramfs") != 0)
		return usage();
	if (argc == 4 || (argc == 3 && strcmp(argv[2], "initrd") != 0 && strcmp(argv[2], "initramfs") != 0))
		name = argv[argc - 1];
	alg = algorithm(name);
	if (alg == DIGEST_NONE || digest_alg_openssl(alg) == NULL) {
		fprintf(stderr, CREATE_WHITELIST_NAME ": %s: want sha1sum, sha256sum, sha384sum or sha512sum\n",
		    name);
		return EXIT_USAGE;
	}
	if (geteuid() != 0) {
		fputs("This script must be run as root\n", stderr);
		return EXIT_FINDING;	/* the script's status */
	}
	printf("Writing whitelist to %s with %s...\n", argv[1], name);
	if (make_list(argv[1], alg, &e) != 0)
		return (int)cmd_error(NULL, &e);
	return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_UNDECIDED;
}
