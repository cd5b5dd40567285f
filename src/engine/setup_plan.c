#include "engine/setup_plan.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "crypto/digest.h"
#include "engine/setup_internal.h"

static const struct {
	const char *token, *path, *measured;
} inits[] = {
	{ "none", NULL, NULL },
	{ "systemd", "/etc/ima/ima-policy", "/etc/ima/ima-policy" },
	/* The initramfs has the root file system below /sysroot at that time. */
	{ "dracut", "/etc/sysconfig/ima-policy", "/sysroot/etc/sysconfig/ima-policy" },
	{ "initramfs-tools", "/etc/default/ima-policy", NULL },
};

const char *
setup_init_token(enum setup_init i)
{
	return inits[i].token;
}

enum setup_init
setup_init_by_token(const char *s)
{
	for (int i = 1; i < SETUP_INIT_COUNT; i++)
		if (strcmp(s, inits[i].token) == 0)
			return (enum setup_init)i;
	return SETUP_INIT_NONE;
}

const char *
setup_policy_path(enum setup_init i)
{
	return inits[i].path;
}

enum ima_load
setup_load(enum setup_init i, const struct setup_facts *f)
{
	return i == SETUP_INIT_SYSTEMD || (i == SETUP_INIT_DRACUT && f->dracut_by_path) ? IMA_LOAD_PATH : IMA_LOAD_WRITE;
}

/* systemd first: it needs nothing in the initramfs.  Without a list of features (a systemd
 * before 208, or one that was stripped of it) nobody knows, and that is not enough. */
int
setup_init_choose(const struct setup_facts *f, enum setup_init wanted, enum setup_init *out, struct err *e)
{
	int rc;

	*out = wanted != SETUP_INIT_NONE ? wanted :
	    f->systemd && f->systemd_ima ? SETUP_INIT_SYSTEMD :
	    f->dracut && f->dracut_integrity ? SETUP_INIT_DRACUT :
	    f->initramfs_hook != NULL ? SETUP_INIT_INITRAMFS : SETUP_INIT_NONE;
	if (*out != SETUP_INIT_NONE)
		return 0;
	rc = err_set(e, ERR_UNSUPPORTED, "nothing here loads an IMA policy at boot: %s, and the initramfs has no part that does",
	    !f->systemd ? "init is not systemd" : f->systemd_says ? "this systemd is built without IMA (-IMA)" :
	    "whether this systemd is built with IMA could not be found out");
	return err_hint(e, rc, "have a script of the initramfs write the policy's name to /sys/kernel/security/ima/policy"
	    " before init starts (dracut has a module for it: 98integrity), or say --init NAME if something does");
}

/* ---- lists that grow ------------------------------------------------------ */

static int
add_text(struct setup_plan *p, const char ***list, size_t *n, size_t *cap, const char *fmt, va_list ap,
    struct err *e)
{
	char text[1024];
	const char **grown = arena_grow(p->a, *list, *n, cap, sizeof(*grown));

	if (grown == NULL)
		return arena_err(p->a, e);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	*list = grown;
	if ((grown[*n] = arena_str(p->a, span_str(text))) == NULL)
		return arena_err(p->a, e);
	(*n)++;
	return 0;
}

int
setup_add_command(struct setup_plan *p, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = add_text(p, &p->commands, &p->n_commands, &p->cap_commands, fmt, ap, e);
	va_end(ap);
	return rc;
}

int
setup_add_note(struct setup_plan *p, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = add_text(p, &p->notes, &p->n_notes, &p->cap_notes, fmt, ap, e);
	va_end(ap);
	return rc;
}

int
setup_add_change(struct setup_plan *p, const struct setup_file *f, struct span after, struct err *e)
{
	struct setup_change *v, *c;
	int rc;

	if (f->present && span_eq(f->content, after))
		return 0;
	if ((v = arena_grow(p->a, p->changes, p->n_changes, &p->cap_changes, sizeof(*v))) == NULL)
		return arena_err(p->a, e);
	p->changes = v;
	c = &v[p->n_changes];
	*c = (struct setup_change){ .path = f->path, .existed = f->present, .before = f->content,
	    .mode = f->present ? f->mode : 0644, .uid = f->uid, .gid = f->gid };
	if (!arena_copy(p->a, after, &c->after))
		return arena_err(p->a, e);
	if ((rc = digest_of(DIGEST_SHA256, after, &c->written, e)) != 0)
		return rc;
	p->n_changes++;
	return 0;
}

/* ---- boot parameters -------------------------------------------------------- */

static bool
sha1_or_md5(struct span name)
{
	return span_is(name, "sha1") || span_is(name, "md5");
}

/* What a kernel does that is told nothing; where it is not known, as Debian's does. */
static int
defaults_of(const struct setup_kernel *k, struct ima_kernel *out, struct err *e)
{
	int rc;

	ima_kernel_default(out);
	if ((rc = ima_kernel_set_version(out, span_str(k->release), e)) != 0)
		return rc;
	return k->config.n == 0 ? 0 : ima_kernel_set_config(out, k->config, e);
}

/* ima_policy=tcb always; the others only for a kernel whose own choice proves nothing: the
 * template "ima" has no room for more than SHA-1, and SHA-1 digests can be forged. */
static int
choose_parameters(const struct setup_facts *f, struct setup_plan *p, struct err *e)
{
	bool hash = false, template = false;
	int rc;

	for (size_t i = 0; i < f->n_kernels; i++) {
		struct ima_kernel k;

		if ((rc = defaults_of(&f->kernels[i], &k, e)) != 0)
			return err_ctx(e, rc, "kernel %s", f->kernels[i].release);
		hash |= sha1_or_md5(k.default_hash);
		template |= span_is(k.default_template, "ima");
	}
	if ((p->parameters = arena_array(p->a, 3, sizeof(*p->parameters))) == NULL)
		return arena_err(p->a, e);
	p->parameters[p->n_parameters++] = "ima_policy=tcb";
	if (template)
		p->parameters[p->n_parameters++] = "ima_template=ima-ng";
	if (hash)
		p->parameters[p->n_parameters++] = "ima_hash=sha256";
	return 0;
}

static int
name_conflicts(const struct setup_plan *plan, const struct setup_owner *o, struct setup_plan *p, struct err *e)
{
	int rc = 0;

	if (o->off)
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "the kernel's command line has ima=off: nothing will be measured"),
		    "take it out, then run this again");
	if (o->old_tcb)
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "the kernel's command line has ima_tcb, the older built-in"
		    " policy: it keeps ima_policy=tcb out and does not measure policies that are loaded"),
		    "take it out, then run this again");
	if (sha1_or_md5(o->hash))
		rc = setup_add_note(p, e, "conflict: the owner's ima_hash=%.*s is kept, and gives digests that can be forged",
		    (int)span_head(o->hash, 16).n, o->hash.p);
	if (rc == 0 && span_is(o->template, "ima"))
		rc = setup_add_note(p, e, "conflict: the owner's ima_template=ima is kept, and has room for SHA-1 only");
	if (rc == 0 && plan->measured_as == NULL)
		rc = setup_add_note(p, e, "the policy is loaded by its text, so that no entry of the list tells of it: a runtime"
		    " policy cannot demand it of this host");
	return rc;
}

/* ---- the policy -------------------------------------------------------------- */

static const struct setup_file *
policy_file(const struct setup_facts *f, enum setup_init i)
{
	return &f->policies[i - SETUP_INIT_SYSTEMD];
}

/* What loads first wins, where the kernel takes one policy a boot. */
static int
name_rivals(const struct setup_facts *f, struct setup_plan *p, struct err *e)
{
	int rc;

	for (int i = 1; i < SETUP_INIT_COUNT; i++) {
		bool active = i == SETUP_INIT_SYSTEMD ? f->systemd && f->systemd_ima :
		    i == SETUP_INIT_DRACUT ? f->dracut && f->dracut_asked : f->initramfs_hook != NULL;

		if (i != (int)p->init && active && policy_file(f, (enum setup_init)i)->present &&
		    (rc = setup_add_note(p, e, "conflict: %s is there too, and %s may load it instead: kernels without"
		    " CONFIG_IMA_WRITE_POLICY take one policy a boot", inits[i].path, inits[i].token)) != 0)
			return rc;
	}
	if (policy_file(f, p->init)->present && p->n_changes > 0)
		return setup_add_note(p, e, "%s was there and is replaced; --undo puts it back", p->policy_path);
	return 0;
}

/* dracut leaves the module out unless it is asked for it (check() gives 255). */
static int
ask_dracut(const struct setup_facts *f, struct setup_plan *p, struct err *e)
{
	static const struct setup_file part = { .path = SETUP_DRACUT_PART };
	int rc;

	if (p->init != SETUP_INIT_DRACUT)
		return 0;
	if (!f->dracut_asked && (rc = setup_add_change(p, &part, span_lit("# Written by assay setup measurement,"
	    " which removes it with --undo.\nadd_dracutmodules+=\" integrity \"\n"), e)) != 0)
		return rc;
	return setup_add_command(p, e, "dracut --regenerate-all --force");
}

int
setup_plan_make(const struct setup_facts *f, const struct setup_request *r, struct arena *a,
    struct setup_plan *out, struct err *e)
{
	struct setup_plan p = { .a = a };
	struct setup_owner owner = { 0 };
	int rc;

	if ((rc = setup_init_choose(f, r->init, &p.init, e)) != 0 ||
	    (rc = setup_boot_choose(f, r->boot, &p.boot, e)) != 0 || (rc = choose_parameters(f, &p, e)) != 0)
		return rc;
	p.policy_path = setup_policy_path(p.init);
	p.measured_as = setup_load(p.init, f) == IMA_LOAD_PATH ? inits[p.init].measured : NULL;
	setup_boot_owner(f, p.boot, &owner);
	if ((rc = name_conflicts(&p, &owner, &p, e)) != 0 ||
	    (rc = setup_add_change(&p, policy_file(f, p.init), r->policy, e)) != 0 || (rc = name_rivals(f, &p, e)) != 0 ||
	    (rc = ask_dracut(f, &p, e)) != 0 || (rc = setup_boot_plan(f, &p, e)) != 0)
		return rc;
	*out = p;
	return 0;
}
