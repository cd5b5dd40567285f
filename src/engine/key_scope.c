#include "engine/key_scope.h"

#include "formats/policy_alias.h"

static const char *const kind_names[FILE_KIND_COUNT] = {
	[FILE_KIND_FILE] = "file",
	[FILE_KIND_MODULE] = "module",
	[FILE_KIND_FIRMWARE] = "firmware",
	[FILE_KIND_KERNEL] = "kernel",
	[FILE_KIND_LIBRARY] = "library",
};

const char *
file_kind_name(enum file_kind kind)
{
	return kind_names[kind];
}

/* Names: the kernel writes a space as '_' (ima_template_lib.c), policies do not. */
static inline uint8_t
kernel_byte(uint8_t c)
{
	return c == ' ' ? '_' : c;
}

static bool
same_name(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (kernel_byte(a.p[i]) != kernel_byte(b.p[i]))
			return false;
	return true;
}

static struct span
without_slash(struct span s)
{
	while (s.n > 0 && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

/* Whether ${path} is ${prefix} or lies below it.  The root is the empty prefix. */
static bool
below(struct span path, struct span prefix)
{
	prefix = without_slash(prefix);
	return path.n >= prefix.n && same_name(span_head(path, prefix.n), prefix) &&
	    (path.n == prefix.n || path.p[prefix.n] == '/');
}

/* Absolute, and no component that walks or hides: "", ".", "..". */
static bool
plain_path(struct span path)
{
	if (path.n == 0 || path.p[0] != '/')
		return false;
	for (struct span rest = span_from(path, 1);;) {
		size_t n = span_find(rest, '/');
		struct span part = span_head(rest, n);

		if (part.n == 0 || span_is(part, ".") || span_is(part, ".."))
			return false;
		if (n == rest.n)
			return true;
		rest = span_of(rest.p + n + 1, rest.n - n - 1);
	}
}

static struct span
base_name(struct span path)
{
	for (size_t i = path.n; i > 0; i--)
		if (path.p[i - 1] == '/')
			return span_from(path, i);
	return path;
}

static bool
ends_any(struct span name, const char *const *ends, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name.n > strlen(ends[i]) && span_ends(name, span_str(ends[i])))
			return true;
	return false;
}

/* "libc.so", "libc.so.6", "libx.so.1.2.3" */
static bool
library_name(struct span name)
{
	size_t n = name.n;

	while (n > 0 && ((name.p[n - 1] >= '0' && name.p[n - 1] <= '9') || name.p[n - 1] == '.'))
		n--;
	return (n == name.n || name.p[n] == '.') && n > 3 &&
	    span_ends(span_head(name, n), span_lit(".so"));
}

static bool
kernel_name(struct span name)
{
	static const char *const starts[] = { "vmlinuz", "vmlinux", "bzImage", "zImage" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (span_starts(name, span_str(starts[i])))
			return true;
	return span_is(name, "Image") || span_is(name, "Image.gz") ||
	    ends_any(name, (const char *const[]){ ".efi" }, 1);
}

enum file_kind
file_kind_of(struct span path)
{
	static const char *const modules[] = { ".ko", ".ko.gz", ".ko.xz", ".ko.zst" };
	struct span name = base_name(path);

	if (below(path, span_lit("/lib/firmware")) ||
	    below(path, span_lit("/usr/lib/firmware")))
		return FILE_KIND_FIRMWARE;
	if (ends_any(name, modules, sizeof(modules) / sizeof(modules[0])))
		return FILE_KIND_MODULE;
	if (kernel_name(name))
		return FILE_KIND_KERNEL;
	return library_name(name) ? FILE_KIND_LIBRARY : FILE_KIND_FILE;
}

static int
prepare_paths(struct trusted_key *key, struct arena *a, struct err *e)
{
	const struct policy_key_scope *s = &key->policy->scope;

	if (s->n_paths == 0)
		return 0;
	if ((key->paths = arena_array(a, s->n_paths, sizeof(*key->paths))) == NULL)
		return arena_err(a, e);
	for (size_t i = 0; i < s->n_paths; i++) {
		struct span prefix = without_slash(s->paths[i]);
		uint8_t room[POLICY_ALIASED_MAX];

		if (prefix.n != 0 && !plain_path(prefix))
			return err_hint(e, err_set(e, ERR_FORMAT, "key \"%.*s\": its scope names a path "
			    "that is not absolute and plain", (int)key->name.n, (const char *)key->name.p),
			    "write it from the root, without empty, \".\" or \"..\" components");
		if (!arena_copy(a, policy_canonical(key->owner, prefix, room), &key->paths[i]))
			return arena_err(a, e);
	}
	return 0;
}

int
key_scope_prepare(struct trusted_key *key, struct arena *a, struct err *e)
{
	const struct policy_key_scope *s = &key->policy->scope;

	for (size_t i = 0; i < s->n_kinds; i++) {
		enum file_kind k = 0;

		while (k < FILE_KIND_COUNT && !span_is(s->kinds[i], kind_names[k]))
			k++;
		if (k == FILE_KIND_COUNT)
			return err_hint(e, err_set(e, ERR_UNSUPPORTED, "key \"%.*s\": its scope names a kind "
			    "of file that is not known, \"%.*s\"", (int)key->name.n, (const char *)key->name.p,
			    (int)(s->kinds[i].n < 64 ? s->kinds[i].n : 64), (const char *)s->kinds[i].p),
			    "the kinds are file, module, firmware, kernel and library");
		key->kinds |= 1u << k;
	}
	return prepare_paths(key, a, e);
}

/* "_ima" is what ".ima" is called by kernels without CONFIG_INTEGRITY_TRUSTED_KEYRING. */
static bool
same_ring(struct span a, struct span b)
{
	struct span x = span_from(a, 1), y = span_from(b, 1);

	if (same_name(a, b))
		return true;
	return a.n == 4 && b.n == 4 && span_eq(x, y) && (span_is(x, "ima") || span_is(x, "evm")) &&
	    (a.p[0] == '.' || a.p[0] == '_') && (b.p[0] == '.' || b.p[0] == '_');
}

bool
key_scope_has_ring(const struct policy_key_scope *s, struct span ring)
{
	for (size_t i = 0; i < s->n_keyrings; i++)
		if (same_ring(s->keyrings[i], ring))
			return true;
	return s->n_keyrings == 0;
}

/* Whether the kernel looks for keys of such a signature in ${ring}: integrity_digsig_verify
 * and ima_modsig_verify in .ima, for a kernel to kexec also in .platform; the module
 * loader (verify_pkcs7_signature) in the trusted keyrings. */
static bool
ring_serves(struct span ring, enum sig_place place, enum file_kind kind)
{
	static const char *const modules[] = { ".builtin_trusted_keys", ".secondary_trusted_keys",
		".machine", ".platform" };

	if (place == SIG_PLACE_EVM)
		return same_ring(ring, span_lit(".evm"));
	if (same_ring(ring, span_lit(".ima")) ||
	    (kind == FILE_KIND_KERNEL && span_is(ring, ".platform")))
		return true;
	for (size_t i = 0; place == SIG_PLACE_MODSIG && i < sizeof(modules) / sizeof(modules[0]); i++)
		if (span_is(ring, modules[i]))
			return true;
	return false;
}

static bool
rings_serve(const struct policy_key_scope *s, enum sig_place place, enum file_kind kind)
{
	for (size_t i = 0; i < s->n_keyrings; i++)
		if (ring_serves(s->keyrings[i], place, kind))
			return true;
	return s->n_keyrings == 0;
}

static bool
paths_cover(const struct trusted_key *key, struct span path)
{
	const struct policy_key_scope *s = &key->policy->scope;
	uint8_t room[POLICY_ALIASED_MAX];

	if (s->n_paths == 0)
		return true;
	if (!plain_path(path))
		return false;
	path = policy_canonical(key->owner, path, room);
	for (size_t i = 0; i < s->n_paths; i++)
		if (below(path, key->paths[i]))
			return true;
	return false;
}

/* The deepest mount above the path decides, the latest of equals. */
struct deepest {
	bool any;
	size_t depth;
	struct span label;
};

static void
consider(struct deepest *d, struct span path, struct span mount, struct span label)
{
	size_t depth = without_slash(mount).n;

	if (below(path, mount) && (!d->any || depth >= d->depth))
		*d = (struct deepest){ true, depth, label };
}

/* Where the key's own policy says that volumes are: its scopes with a partition and paths. */
static void
consider_scopes(struct deepest *d, const struct runtime_policy *p, struct span path)
{
	uint8_t room[POLICY_ALIASED_MAX], prefix[POLICY_ALIASED_MAX];

	path = policy_canonical(p, path, room);
	for (size_t i = 0; i < p->n_scopes; i++)
		for (size_t k = 0; p->scopes[i].partition.n > 0 && k < p->scopes[i].n_paths; k++)
			consider(d, path, policy_canonical(p, without_slash(p->scopes[i].paths[k]), prefix), p->scopes[i].partition);
}

static bool
filesystems_cover(const struct trusted_key *key, struct span path, const struct sig_context *ctx)
{
	const struct policy_key_scope *s = &key->policy->scope;
	struct deepest best = { 0 };

	if (s->n_filesystems == 0)
		return true;
	if (!plain_path(path))
		return false;
	if (key->owner != NULL && key->owner->n_scopes > 0)
		consider_scopes(&best, key->owner, path);
	for (size_t i = 0; i < ctx->n_mounts; i++)
		consider(&best, path, ctx->mounts[i].path, ctx->mounts[i].label);
	for (size_t i = 0; best.any && i < s->n_filesystems; i++)
		if (span_eq(s->filesystems[i], best.label))
			return true;
	return false;
}

static const char *
outside(const struct trusted_key *key, enum sig_place place, struct span path,
    const struct sig_context *ctx)
{
	const struct policy_key_scope *s = &key->policy->scope;
	enum file_kind kind;

	if (s->not_before != 0 && ctx->now < s->not_before)
		return "its signing key may not sign yet: the dates of its scope have not begun";
	if (s->not_after != 0 && ctx->now > s->not_after)
		return "its signing key may not sign any more: the dates of its scope are over";
	if (!paths_cover(key, path))
		return "its signing key may not sign at this path";
	if (!filesystems_cover(key, path, ctx))
		return "its signing key may not sign on this file system";
	if (key->kinds == 0 && s->n_keyrings == 0)
		return NULL;
	kind = file_kind_of(path);
	if (key->kinds != 0 && (key->kinds & 1u << kind) == 0)
		return "its signing key may not sign this kind of file";
	if (!rings_serve(s, place, kind))
		return "its signing key may not sign for the keyring in which the kernel looks for it";
	return NULL;
}

bool
key_in_scope(const struct trusted_key *key, enum sig_place place, struct span path,
    const struct sig_context *ctx, const char **why)
{
	if (key->policy != NULL)
		*why = outside(key, place, path, ctx);
	else
		*why = ring_serves(key->learned_from, place, file_kind_of(path)) ? NULL :
		    "its signing key was loaded into a keyring in which the kernel does not look for it";
	return *why == NULL;
}
