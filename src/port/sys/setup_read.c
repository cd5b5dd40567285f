#include "port/sys/setup_read.h"

#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "formats/kernel_config.h"

/* The reader's state: where, and into what. */
struct reader {
	const struct root_dir *r;
	struct arena *a;
	struct setup_facts *f;
	struct err *e;
};

static const char *
join(struct reader *x, const char *dir, const char *name)
{
	char path[LIMIT_SETUP_NAME];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return NULL;
	return arena_str(x->a, span_str(path));
}

static int
list(struct reader *x, const char *dir, const char *suffix, const char ***names, size_t *n)
{
	return root_dir_list(x->r, dir, suffix, x->a, names, n, x->e);
}

static int
one(struct reader *x, const char *path, struct setup_file *out)
{
	return root_dir_read(x->r, path, LIMIT_SETUP_FILE, x->a, out, x->e);
}

/* All files of a folder with that suffix; appended. */
static int
many(struct reader *x, const char *dir, const char *suffix, struct setup_files *out)
{
	const char **names;
	struct setup_file *v;
	size_t n;
	int rc = list(x, dir, suffix, &names, &n);

	if (rc != 0 || n == 0)
		return rc;
	if ((v = arena_array(x->a, out->n + n, sizeof(*v))) == NULL)
		return arena_err(x->a, x->e);
	if (out->n > 0)
		memcpy(v, out->v, out->n * sizeof(*v));
	out->v = v;
	for (size_t i = 0; i < n; i++) {
		const char *path = join(x, dir, names[i]);

		if (path == NULL)
			return err_set(x->e, ERR_LIMIT, "%s has too long names", dir);
		if ((rc = one(x, path, &v[out->n])) != 0)
			return rc;
		out->n += v[out->n].present;
	}
	return 0;
}

static const char *
first_of(const struct root_dir *r, const char *const *paths)
{
	for (; *paths != NULL; paths++)
		if (root_dir_has(r, *paths))
			return *paths;
	return NULL;
}

/* ---- what loads a policy ----------------------------------------------------- */

/* The list of features that "systemctl --version" prints is one string, in the library that
 * all of systemd shares, or in older ones in the program. */
static int
read_systemd(struct reader *x)
{
	static const char *const programs[] = { "/usr/lib/systemd/systemd", "/lib/systemd/systemd", NULL };
	static const char *const folders[] = { "/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd", NULL };
	static const char *const multi[] = { "/usr/lib", "/lib", NULL };
	const char *init = first_of(x->r, programs), **names, **libs;
	size_t n, k;
	int rc;

	/* Where /sbin/init is another program, systemd is there only as a package. */
	x->f->systemd = init != NULL && (root_dir_holds(x->r, "/sbin/init", span_lit("systemd")) ||
	    !root_dir_has(x->r, "/sbin/init"));
	if (init == NULL)
		return 0;
	for (const char *const *d = folders; *d != NULL; d++) {
		if ((rc = list(x, *d, ".so", &names, &n)) != 0)
			return rc;
		for (size_t i = 0; i < n; i++) {
			const char *path = join(x, *d, names[i]);

			if (path == NULL || strncmp(names[i], "libsystemd-shared", 17) != 0)
				continue;
			x->f->systemd_ima |= root_dir_holds(x->r, path, span_lit(" +IMA "));
			x->f->systemd_says |= x->f->systemd_ima || root_dir_holds(x->r, path, span_lit(" -IMA "));
		}
	}
	/* Debian: /usr/lib/x86_64-linux-gnu/systemd/ */
	for (const char *const *d = multi; *d != NULL && !x->f->systemd_says; d++) {
		if ((rc = list(x, *d, "", &names, &n)) != 0)
			return rc;
		for (size_t i = 0; i < n; i++) {
			const char *dir, *inner = join(x, *d, names[i]);

			if (inner == NULL || strstr(names[i], "-linux-") == NULL || (dir = join(x, inner, "systemd")) == NULL)
				continue;
			if ((rc = list(x, dir, ".so", &libs, &k)) != 0)
				return rc;
			for (size_t m = 0; m < k; m++) {
				const char *path = join(x, dir, libs[m]);

				if (path == NULL || strncmp(libs[m], "libsystemd-shared", 17) != 0)
					continue;
				x->f->systemd_ima |= root_dir_holds(x->r, path, span_lit(" +IMA "));
				x->f->systemd_says |= x->f->systemd_ima || root_dir_holds(x->r, path, span_lit(" -IMA "));
			}
		}
	}
	if (!x->f->systemd_says) {
		x->f->systemd_ima = root_dir_holds(x->r, init, span_lit(" +IMA "));
		x->f->systemd_says = x->f->systemd_ima || root_dir_holds(x->r, init, span_lit(" -IMA "));
	}
	return 0;
}

static int
read_dracut(struct reader *x)
{
	static const char load[] = "/usr/lib/dracut/modules.d/98integrity/ima-policy-load.sh";
	static const char *const dirs[] = { "/usr/lib/dracut/dracut.conf.d", "/etc/dracut.conf.d", NULL };
	struct setup_files conf = { 0 };
	struct setup_file script, main_conf;
	int rc = one(x, load, &script);

	if (rc != 0 || (rc = one(x, "/etc/dracut.conf", &main_conf)) != 0)
		return rc;
	x->f->dracut = root_dir_has(x->r, "/usr/bin/dracut") || root_dir_has(x->r, "/usr/sbin/dracut") ||
	    root_dir_has(x->r, "/sbin/dracut");
	x->f->dracut_integrity = script.present;
	/* printf '%s' "${IMAPOLICYPATH}" > .../policy: the name; older ones only cat it */
	x->f->dracut_by_path = script.present && memmem(script.content.p, script.content.n, "printf", 6) != NULL;
	for (const char *const *d = dirs; *d != NULL; d++)
		if ((rc = many(x, *d, ".conf", &conf)) != 0)
			return rc;
	for (size_t i = 0; i <= conf.n; i++) {
		struct span s = i < conf.n ? conf.v[i].content : main_conf.content;

		while (s.n > 0) {
			struct span line = span_head(s, span_find(s, '\n'));

			x->f->dracut_asked |= line.n > 0 && line.p[0] != '#' && memmem(line.p, line.n, "integrity", 9) != NULL &&
			    memmem(line.p, line.n, "add_dracutmodules", 17) != NULL;
			s = span_from(s, line.n + 1);
		}
	}
	return 0;
}

static int
read_hooks(struct reader *x)
{
	static const char *const dirs[] = { "/etc/initramfs-tools/scripts/init-bottom",
		"/etc/initramfs-tools/scripts/local-bottom", "/usr/share/initramfs-tools/scripts/init-bottom",
		"/usr/share/initramfs-tools/scripts/local-bottom", NULL };
	const char **names, *path;
	size_t n;
	int rc;

	for (const char *const *d = dirs; *d != NULL; d++) {
		if ((rc = list(x, *d, "", &names, &n)) != 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			if ((path = join(x, *d, names[i])) != NULL && root_dir_holds(x->r, path, span_lit("default/ima-policy")))
				x->f->initramfs_hook = path;
	}
	return 0;
}

static int
read_kernel(struct reader *x, const char *release, struct setup_kernel *k)
{
	const char *const places[][2] = { { "/boot/config-", "" }, { "/lib/modules/", "/config" },
		{ "/usr/lib/modules/", "/config" } };
	char path[LIMIT_SETUP_NAME];
	struct setup_file f;
	int rc;

	*k = (struct setup_kernel){ .release = release };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && k->config.n == 0; i++) {
		(void)snprintf(path, sizeof(path), "%s%s%s", places[i][0], release, places[i][1]);
		if ((rc = root_dir_read(x->r, path, LIMIT_KERNEL_CONFIG, x->a, &f, x->e)) != 0)
			return rc;
		if (f.present && kernel_config_looks(f.content))
			k->config = f.content;
	}
	return 0;
}

/* Each kernel that is installed may be the next one to start. */
static int
read_kernels(struct reader *x)
{
	const char **names;
	size_t n;
	int rc = list(x, "/lib/modules", "", &names, &n);

	if (rc != 0)
		return rc;
	if ((x->f->kernels = arena_array(x->a, n + 1, sizeof(*x->f->kernels))) == NULL)
		return arena_err(x->a, x->e);
	for (size_t i = 0; i < n; i++) {
		char mod[LIMIT_SETUP_NAME];

		/* Left behind by a kernel that was removed: no list of its modules. */
		(void)snprintf(mod, sizeof(mod), "/lib/modules/%s/modules.builtin", names[i]);
		if (names[i][0] < '0' || names[i][0] > '9' || !root_dir_has(x->r, mod))
			continue;
		if ((rc = read_kernel(x, names[i], &x->f->kernels[x->f->n_kernels])) != 0)
			return rc;
		x->f->n_kernels++;
	}
	return 0;
}

/* ---- boot loaders --------------------------------------------------------------- */

static int
read_grub(struct reader *x)
{
	static const char *const cfgs[] = { "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/efi/EFI/fedora/grub.cfg",
		"/etc/grub2.cfg", NULL };
	static const struct { const char *path, *name; } makers[] = {
		{ "/usr/sbin/update-grub", "update-grub" }, { "/usr/sbin/grub2-mkconfig", "grub2-mkconfig" },
		{ "/usr/bin/grub2-mkconfig", "grub2-mkconfig" }, { "/usr/sbin/grub-mkconfig", "grub-mkconfig" },
		{ "/usr/bin/grub-mkconfig", "grub-mkconfig" },
	};
	static const char *const scripts[] = { "/usr/sbin/grub-mkconfig", "/usr/sbin/grub2-mkconfig", "/usr/bin/grub-mkconfig",
		"/usr/bin/grub2-mkconfig", NULL };
	const char *script = first_of(x->r, scripts);
	int rc;

	x->f->grub_cfg = first_of(x->r, cfgs);
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]) && x->f->grub_mkconfig == NULL; i++)
		if (root_dir_has(x->r, makers[i].path))
			x->f->grub_mkconfig = makers[i].name;
	if (script == NULL)
		x->f->grub_mkconfig = NULL;	/* update-grub alone can make nothing */
	x->f->grub_parts = script != NULL && root_dir_holds(x->r, script, span_lit("/default/grub.d/"));
	if ((rc = one(x, "/etc/default/grub", &x->f->grub_default)) != 0 ||
	    (x->f->grub_parts && (rc = many(x, "/etc/default/grub.d", ".cfg", &x->f->grub_d)) != 0))
		return rc;
	x->f->grub_bls = x->f->grub_cfg != NULL && root_dir_holds(x->r, x->f->grub_cfg, span_lit("blscfg"));
	for (struct span s = x->f->grub_default.content; s.n > 0 && !x->f->grub_bls;) {
		struct span line = span_head(s, span_find(s, '\n'));

		x->f->grub_bls = span_starts(line, span_lit("GRUB_ENABLE_BLSCFG=true")) ||
		    span_starts(line, span_lit("GRUB_ENABLE_BLSCFG=\"true\""));
		s = span_from(s, line.n + 1);
	}
	return 0;
}

/* The EFI system partition and XBOOTLDR, where systemd mounts them; two names of one place
 * are one (an entry's file has the same content and name then). */
static int
read_efi(struct reader *x)
{
	static const char *const places[] = { "/efi", "/boot/efi", "/boot", NULL };
	const char **names, *dir, *path;
	size_t n;
	int rc;

	for (const char *const *d = places; *d != NULL; d++) {
		if ((dir = join(x, *d, "loader/entries")) == NULL || (rc = many(x, dir, ".conf", &x->f->entries)) != 0)
			return dir == NULL ? arena_err(x->a, x->e) : rc;
		if ((path = join(x, *d, "loader/loader.conf")) != NULL && root_dir_has(x->r, path))
			x->f->loader_conf = path;
		if ((dir = join(x, *d, "EFI/Linux")) == NULL || (rc = list(x, dir, ".efi", &names, &n)) != 0)
			return dir == NULL ? arena_err(x->a, x->e) : rc;
		if (n > 0)
			x->f->uki = join(x, dir, names[0]);
	}
	return 0;
}

static int
read_uki_builder(struct reader *x)
{
	struct setup_files presets = { 0 };
	struct setup_file conf;
	int rc = many(x, "/etc/mkinitcpio.d", ".preset", &presets);

	if (rc != 0 || (rc = one(x, "/etc/kernel/install.conf", &conf)) != 0)
		return rc;
	for (size_t i = 0; i < presets.n; i++)
		if (memmem(presets.v[i].content.p, presets.v[i].content.n, "_uki=", 5) != NULL)
			x->f->uki_builder = "mkinitcpio";
	if (x->f->uki_builder == NULL && conf.present && memmem(conf.content.p, conf.content.n, "layout=uki", 10) != NULL)
		x->f->uki_builder = "kernel-install";
	if (x->f->uki_builder == NULL && x->f->dracut)
		x->f->uki_builder = "dracut";
	return 0;
}

static int
read_boot(struct reader *x)
{
	static const char *const extlinux[] = { "/boot/extlinux/extlinux.conf", "/extlinux/extlinux.conf",
		"/boot/syslinux/extlinux.conf", NULL };
	const char *at = first_of(x->r, extlinux);
	int rc;

	x->f->booted_systemd_boot = !x->f->image &&
	    root_dir_holds(x->r, "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
	    span_lit("s\0y\0s\0t\0e\0m\0d\0"));
	if ((rc = read_grub(x)) != 0 || (rc = read_efi(x)) != 0 || (rc = read_uki_builder(x)) != 0 ||
	    (rc = one(x, "/etc/kernel/cmdline", &x->f->kernel_cmdline)) != 0)
		return rc;
	return at == NULL ? 0 : one(x, at, &x->f->extlinux);
}

int
setup_read(const struct root_dir *r, bool image, const char *name, struct arena *a, struct setup_facts *out,
    struct err *e)
{
	static const char *const policies[] = { "/etc/ima/ima-policy", "/etc/sysconfig/ima-policy", "/etc/default/ima-policy" };
	struct setup_facts f = { .image = image, .root = name };
	struct reader x = { r, a, &f, e };
	struct setup_file cmdline;
	int rc;

	for (size_t i = 0; i < 3; i++)
		if ((rc = one(&x, policies[i], &f.policies[i])) != 0)
			return rc;
	if ((rc = read_systemd(&x)) != 0 || (rc = read_dracut(&x)) != 0 || (rc = read_hooks(&x)) != 0 ||
	    (rc = read_kernels(&x)) != 0 || (rc = read_boot(&x)) != 0)
		return rc;
	if (!image) {
		if ((rc = one(&x, "/proc/cmdline", &cmdline)) != 0)
			return rc;
		f.cmdline = span_head(cmdline.content, span_find(cmdline.content, '\n'));
	}
	*out = f;
	return 0;
}
