/* assay policy build: reference values from directories, packages, images and lists. */
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "cmd/boot_options.h"
#include "cmd/collect.h"
#include "crypto/pubkey.h"

/* What the options come down to for the sources. */
struct plan {
	struct source_options o;
	struct arena arena;
};

static void
plan_free(struct plan *p)
{
	arena_free(&p->arena);
}

/* The values of a repeatable option as an array. */
static int
values(const struct invocation *in, const char *name, struct arena *a, const char *const **out,
    size_t *n, struct err *e)
{
	const char **v = arena_array(a, opt_count(in, name) + 1, sizeof(*v));

	if (v == NULL)
		return arena_err(a, e);
	*n = opt_count(in, name);
	for (size_t i = 0; i < *n; i++)
		v[i] = opt_nth(in, name, i);
	*out = v;
	return 0;
}

static int
by_length(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->n < y->n) - (x->n > y->n);
}

/* --strip: real paths, as the walk gives them, the longest first. */
static int
plan_strip(const struct invocation *in, struct plan *p, struct err *e)
{
	size_t n = opt_count(in, "strip");
	struct span *v = arena_array(&p->arena, n + 1, sizeof(*v));

	if (v == NULL)
		return arena_err(&p->arena, e);
	for (size_t i = 0; i < n; i++) {
		const char *given = opt_nth(in, "strip", i);
		char *real = realpath(given, NULL);
		bool copied;

		if (real == NULL)
			return err_file(e, err_errno(e, "--strip"), given);
		/* Stripping "/" strips nothing. */
		copied = arena_copy(&p->arena, span_str(strcmp(real, "/") == 0 ? "" : real), &v[i]);
		free(real);
		if (!copied)
			return arena_err(&p->arena, e);
	}
	qsort(v, n, sizeof(*v), by_length);
	p->o.strip = v;
	p->o.n_strip = n;
	return 0;
}

/* A prefix that no dir: source lies at or below would silently strip nothing. */
static int
check_strip(const struct plan *p, const struct collect *c, struct err *e)
{
	for (size_t i = 0; i < p->o.n_strip; i++) {
		bool used = p->o.strip[i].n == 0;

		for (size_t k = 0; k < c->n_from && !used; k++) {
			char *real = c->from[k].kind == SOURCE_DIR ? realpath(c->from[k].where, NULL) : NULL;

			used = real != NULL && path_below(span_str(real), p->o.strip[i]);
			free(real);
		}
		if (!used)
			return err_set(e, ERR_USAGE, "--strip %.*s: no dir: source lies there",
			    (int)p->o.strip[i].n, (const char *)p->o.strip[i].p);
	}
	return 0;
}

/* Where file digests of packages are kept between runs. */
static int
plan_cache(const struct invocation *in, struct plan *p, struct err *e)
{
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CACHE_HOME");
	BUF_AUTO struct buf b = buf_init(KIB(8));

	if (opt_has(in, "no-cache") || (opt_get(in, "cache") == NULL && home == NULL && xdg == NULL))
		return 0;
	if (opt_get(in, "cache") != NULL)
		buf_str(&b, opt_get(in, "cache"));
	else if (xdg != NULL && xdg[0] == '/')
		buf_printf(&b, "%s/assay/deb", xdg);
	else
		buf_printf(&b, "%s/.cache/assay/deb", home == NULL ? "" : home);
	p->o.cache = arena_str(&p->arena, buf_view(&b));
	return p->o.cache != NULL ? 0 : arena_err(&p->arena, e);
}

static int
plan_make(const struct invocation *in, struct plan *p, struct err *e)
{
	const char *hash = opt_get(in, "hash");
	int rc;

	p->arena = arena_init(MIB(64));
	p->o.alg = hash == NULL ? DIGEST_SHA256 : digest_alg_by_name(span_str(hash));
	if (p->o.alg == DIGEST_NONE || digest_alg_openssl(p->o.alg) == NULL || p->o.alg == DIGEST_MD5)
		return err_set(e, ERR_USAGE, "--hash %s: want sha1, sha256, sha384, sha512 or another "
		    "digest that IMA knows", hash);
	p->o.count_first = isatty(STDERR_FILENO) == 1;
	p->o.one_file_system = opt_has(in, "one-file-system");
	p->o.keyring = opt_get(in, "keyring");
	if ((rc = plan_strip(in, p, e)) != 0 || (rc = plan_cache(in, p, e)) != 0 ||
	    (rc = values(in, "arch", &p->arena, &p->o.archs, &p->o.n_archs, e)) != 0 ||
	    (rc = values(in, "component", &p->arena, &p->o.components, &p->o.n_components, e)) != 0)
		return rc;
	return 0;
}

/* ---- the policy beside its files ----------------------------------------- */

static int
add_keys(const struct invocation *in, struct runtime_policy *p, struct err *e)
{
	size_t n = opt_count(in, "key");
	int rc;

	if (n == 0)
		return 0;
	if ((p->keys = arena_array(&p->arena, n, sizeof(*p->keys))) == NULL)
		return arena_err(&p->arena, e);
	for (; p->n_keys < n; p->n_keys++) {
		const char *path = opt_nth(in, "key", p->n_keys);
		PUBKEY_AUTO struct pubkey *key = NULL;
		FILE_AUTO struct file f = { 0 };
		struct policy_key *k = &p->keys[p->n_keys];

		if ((rc = file_read(path, LIMIT_SMALL_FILE, &f, e)) != 0)
			return rc;
		if ((rc = pubkey_parse(file_view(&f), &key, e)) != 0)
			return err_file(e, rc, path);
		if (!arena_copy(&p->arena, pubkey_cert(key).n > 0 ? pubkey_cert(key) : pubkey_spki(key),
		    &k->der) || !arena_copy(&p->arena, span_str(pubkey_subject(key)[0] != '\0' ?
		    pubkey_subject(key) : path), &k->name))
			return arena_err(&p->arena, e);
	}
	return 0;
}

static int
add_closed(const struct invocation *in, struct runtime_policy *p, struct err *e)
{
	size_t n = opt_count(in, "closed-directory");

	if (n == 0)
		return 0;
	if ((p->closed_directories = arena_array(&p->arena, n, sizeof(struct span))) == NULL)
		return arena_err(&p->arena, e);
	for (; p->n_closed_directories < n; p->n_closed_directories++) {
		const char *dir = opt_nth(in, "closed-directory", p->n_closed_directories);
		size_t len = strlen(dir);

		if (dir[0] != '/')
			return err_set(e, ERR_USAGE, "--closed-directory %s: want an absolute path", dir);
		while (len > 1 && dir[len - 1] == '/')
			len--;
		if (!arena_copy(&p->arena, span_of(dir, len),
		    &p->closed_directories[p->n_closed_directories]))
			return arena_err(&p->arena, e);
	}
	return 0;
}

/* When it was made; SOURCE_DATE_EPOCH makes builds reproducible (reproducible-builds.org). */
static int
add_created(struct runtime_policy *p, struct err *e)
{
	const char *fixed = getenv("SOURCE_DATE_EPOCH");
	BUF_AUTO struct buf b = buf_init(64);
	uint64_t when = (uint64_t)time(NULL);

	if (fixed != NULL && (!dec_u64(span_str(fixed), &when) || when > INT64_MAX))
		return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH=%s is no number of seconds", fixed);
	buf_rfc3339(&b, (int64_t)when);
	p->generator = span_str("assay " ASSAY_VERSION);
	return arena_copy(&p->arena, buf_view(&b), &p->created) ? 0 : arena_err(&p->arena, e);
}

static int
fill_policy(const struct invocation *in, struct runtime_policy *p, const struct exclude_list *x,
    struct err *e)
{
	const char *min = opt_get(in, "min-digest");
	int rc;

	if (min != NULL && (p->min_digest = digest_alg_by_name(span_str(min))) == DIGEST_NONE)
		return err_set(e, ERR_USAGE, "--min-digest %s: no such digest", min);
	if (opt_get(in, "name") != NULL)
		p->name = span_str(opt_get(in, "name"));
	p->excludes = x->patterns;	/* live as long as the policy is used here */
	p->n_excludes = x->n;
	if ((rc = add_created(p, e)) != 0 || (rc = add_keys(in, p, e)) != 0 ||
	    (rc = add_closed(in, p, e)) != 0 || (rc = boot_options_add(in, p, e)) != 0)
		return rc;
	return opt_has(in, "no-merged-usr") ? 0 : runtime_policy_merged_usr(p, e);
}

/* ---- the command --------------------------------------------------------- */

static int
write_policy(const struct invocation *in, const struct runtime_policy *p, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_POLICY_FILE);
	int rc;

	if ((rc = runtime_policy_to_json(p, &b, e)) != 0)
		return rc;
	return cmd_output(opt_get(in, "output"), buf_view(&b), e);
}

static int
report(const struct invocation *in, const struct collect *c, struct err *e)
{
	JSON_AUTO json_t *j = NULL;

	if (!in->json) {
		collect_print(c, stderr);
		return 0;
	}
	if ((j = collect_json(c)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return cmd_print_json(j, e);
}

/* Files that could not be read: no policy, unless that was allowed for. */
static bool
complete(const struct invocation *in, const struct collect *c)
{
	return c->n_unreadable == 0 || opt_has(in, "allow-unreadable");
}

static int
run(const struct invocation *in, const struct plan *plan, struct exclude_list *x,
    struct runtime_policy *p, struct collect *c, struct err *e)
{
	const char *const *from;
	struct arena a = arena_init(MIB(1));
	size_t n;
	int rc;

	if ((rc = values(in, "from", &a, &from, &n, e)) == 0 &&
	    (rc = collect_init(c, p, x, from, n, e)) == 0 && (rc = check_strip(plan, c, e)) == 0 &&
	    (rc = fill_policy(in, p, x, e)) == 0) {
		c->min_digest = p->min_digest;
		if ((rc = collect_run(c, &plan->o, e)) == 0 && complete(in, c) &&
		    (rc = collect_finish(c, e)) == 0)
			rc = write_policy(in, p, e);
	}
	arena_free(&a);
	return rc;
}

static enum exit_status
build(const struct invocation *in, struct err *e)
{
	__attribute__((cleanup(plan_free))) struct plan plan = { 0 };
	EXCLUDE_LIST_AUTO struct exclude_list x = { 0 };
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	COLLECT_AUTO struct collect c = { 0 };

	if (opt_count(in, "from") == 0)
		return cmd_usage(in, "nothing to build from: give at least one --from KIND:PATH");
	if (in->json && (opt_get(in, "output") == NULL || strcmp(opt_get(in, "output"), "-") == 0))
		return cmd_usage(in, "--json prints a summary to standard output: give -o FILE for the policy");
	runtime_policy_init(&p);
	if (plan_make(in, &plan, e) != 0 ||
	    exclude_list_load(in, "exclude", "excludes", &x, e) != 0 ||
	    run(in, &plan, &x, &p, &c, e) != 0 || report(in, &c, e) != 0)
		return cmd_error(in, e);
	if (complete(in, &c))
		return EXIT_GOOD;
	if (!in->json)
		fputs("assay: no policy was written, because it would lack these files\n"
		    "       leave them out with --exclude, or accept that with --allow-unreadable\n", stderr);
	return EXIT_UNDECIDED;
}

static const struct option_spec options[] = {
	{ .name = "from", .letter = 'f', .arg = "[NAME=]KIND:PATH", .repeat = true, .complete = COMPLETE_WORDS, .words = "dir: digests: keylime: deb: deb-repo: rpm: initramfs: tar: sbom: ima-log:",
	    .help = "where approved digests come from; each is a layer of the policy" },
	{ .name = "output", .letter = 'o', .arg = "FILE", .complete = COMPLETE_FILE, .help = "write the policy there, not to standard output" },
	{ .name = "exclude", .letter = 'x', .arg = "REGEX", .repeat = true,
	    .help = "leave out, and never judge, paths that match from their start" },
	{ .name = "excludes", .arg = "FILE", .repeat = true, .complete = COMPLETE_FILE, .help = "a list of such expressions, one a line" },
	{ .name = "key", .letter = 'k', .arg = "CERT", .repeat = true, .complete = COMPLETE_FILE, .help = "a certificate or public key whose signatures on files count" },
	{ .name = "name", .letter = 'n', .arg = "TEXT", .help = "a name for the policy" },
	{ .name = "hash", .arg = "ALG", .complete = COMPLETE_WORDS, .words = "sha1 sha256 sha384 sha512",
	    .help = "the digest of what is hashed here (sha256)" },
	{ .name = "min-digest", .arg = "ALG", .complete = COMPLETE_WORDS, .words = "sha1 sha256 sha384 sha512",
	    .help = "demand at least this digest, and leave weaker ones out" },
	{ .name = "closed-directory", .arg = "DIR", .repeat = true, .complete = COMPLETE_DIR,
	    .help = "unknown names below it are findings even when validly signed" },
	{ .name = "boot-profile", .arg = "EVENTLOG", .repeat = true, .complete = COMPLETE_FILE,
	    .help = "demand that a host boots as recorded in this firmware event log, or in one of several" },
	{ .name = "boot-pcrs", .arg = "LIST",
	    .help = "PCRs of the boot profile (0,2,3,4,6,7,8,9, and 12,13,14 where used)" },
	{ .name = "no-merged-usr",
	    .help = "the target has a /bin and a /lib of its own, beside /usr" },
	{ .name = "strip", .arg = "DIR", .repeat = true, .complete = COMPLETE_DIR,
	    .help = "remove this prefix from the paths of dir: sources, as for a mounted image" },
	{ .name = "one-file-system", .help = "do not enter other file systems below dir: sources" },
	{ .name = "arch", .arg = "ARCH", .repeat = true, .help = "architectures of a deb-repo: or of an image" },
	{ .name = "component", .arg = "NAME", .repeat = true, .help = "components of a deb-repo:" },
	{ .name = "keyring", .arg = "FILE", .complete = COMPLETE_FILE,
	    .help = "OpenPGP keys, one of which must have signed the repository (checked by gpgv)" },
	{ .name = "cache", .arg = "DIR", .complete = COMPLETE_DIR,
	    .help = "where digests of packages seen before are kept (~/.cache/assay/deb)" },
	{ .name = "no-cache", .help = "neither read nor write that cache" },
	{ .name = "allow-unreadable",
	    .help = "write the policy even if some files could not be read" },
	{ NULL },
};

const struct command cmd_policy_build = {
	.noun = "policy", .verb = "build",
	.summary = "make a runtime policy from directories, packages, images and lists",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "Collects the digests of files that may run. Sources are read, never installed, unpacked or\n"
	    "executed, and no network is used unless a source is a URL:\n"
	    "\n"
	    "  dir:DIR        every regular file below it, hashed on all cores\n"
	    "  deb:FILE|DIR   the files inside Debian packages; rpm:FILE|DIR the same for RPM\n"
	    "  deb-repo:DIR|URL  every package of a repository, checked against its index\n"
	    "  initramfs:FILE what the kernel would unpack from it\n"
	    "  tar:FILE|DIR   a tar archive, or a container image (OCI layout, docker save)\n"
	    "  digests:FILE   lists as sha1sum to sha512sum write them\n"
	    "  keylime:FILE   the files of a Keylime policy or allowlist\n"
	    "  sbom:FILE      file hashes of SPDX 2 or CycloneDX; what it does not list stays open\n"
	    "  ima-log:FILE   what a machine had run when this list was recorded\n"
	    "\n"
	    "What an exclude covers is left out of the policy, and the exclude itself goes in. A file\n"
	    "that cannot be read, or changes while it is read, is listed at the end; no policy is then\n"
	    "written and the exit status is 3.\n"
	    "\n"
	    "Names of a merged /usr (/bin, /lib, ...) and of /usr count as the same, unless\n"
	    "--no-merged-usr. The digests of an RPM package come from its header where they are of the\n"
	    "wanted kind; rpmkeys -K checks its signature. Under the name create_whitelist.sh, as which it\n"
	    "is installed in libexec/assay, the program does what Keylime's script of that name did.",
	.example =
	    "  $ assay policy build --from dir:/usr --from initramfs:/boot/initrd.img-6.1.0-50-amd64 \\\n"
	    "      --exclude '/tmp/' --exclude '/var/log/' -o policy.json\n"
	    "  140612 paths in 2 layers\n"
	    "    dir:usr: 138201 files, 8123.4 MiB hashed, 2.9 s; not files: 21033 symbolic links, 0 others\n"
	    "    initramfs:initrd.img-6.1.0-50-amd64: 2411 files from 2 archives, 160.2 MiB hashed, 0.8 s",
	.wants_json = true,
	.options = options,
	.run = build,
};
