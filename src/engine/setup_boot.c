/* Boot loaders: which one starts the kernel, and where it has boot parameters from. */
#include "engine/setup_internal.h"

#include <stdarg.h>

#include "base/limits.h"

#define GRUB_PART "/etc/default/grub.d/zz-assay-measurement.cfg"

static const char *const boot_tokens[] = { "none", "grub", "grub-bls", "systemd-boot", "uki", "extlinux" };

const char *
setup_boot_token(enum setup_boot b)
{
	return boot_tokens[b];
}

enum setup_boot
setup_boot_by_token(const char *s)
{
	for (int i = 1; i < SETUP_BOOT_COUNT; i++)
		if (strcmp(s, boot_tokens[i]) == 0)
			return (enum setup_boot)i;
	return SETUP_BOOT_NONE;
}

static bool
is_there(const struct setup_facts *f, enum setup_boot b)
{
	switch (b) {
	case SETUP_BOOT_GRUB:
		return f->grub_mkconfig != NULL && !f->grub_bls && (f->grub_cfg != NULL || f->grub_default.present);
	case SETUP_BOOT_BLS:
		return f->grub_bls && f->entries.n > 0;
	case SETUP_BOOT_SYSTEMD:
		return f->entries.n > 0 && !f->grub_bls && (f->loader_conf != NULL || f->booted_systemd_boot);
	case SETUP_BOOT_UKI:
		return f->uki != NULL && (f->entries.n == 0 || f->grub_bls);
	case SETUP_BOOT_EXTLINUX:
		return f->extlinux.present;
	case SETUP_BOOT_NONE:
	case SETUP_BOOT_COUNT:
	default:
		return false;
	}
}

static int
by_hand(struct err *e, int rc)
{
	return err_hint(e, rc, "add ima_policy=tcb to the kernel's command line by hand, install the policy where"
	    " what loads it looks (/etc/ima/ima-policy for systemd), and check with --status behind the next boot");
}

int
setup_boot_choose(const struct setup_facts *f, enum setup_boot wanted, enum setup_boot *out, struct err *e)
{
	enum setup_boot found = SETUP_BOOT_NONE;

	if (wanted != SETUP_BOOT_NONE) {
		*out = wanted;
		return 0;
	}
	/* The running system knows what started it. */
	if (!f->image && f->booted_systemd_boot) {
		*out = is_there(f, SETUP_BOOT_SYSTEMD) ? SETUP_BOOT_SYSTEMD : SETUP_BOOT_UKI;
		if (is_there(f, *out))
			return 0;
	}
	for (int i = 1; i < SETUP_BOOT_COUNT; i++) {
		if (!is_there(f, (enum setup_boot)i))
			continue;
		if (found != SETUP_BOOT_NONE)
			return err_hint(e, err_set(e, ERR_UNSUPPORTED, "more than one boot loader is set up here: %s and %s",
			    boot_tokens[found], boot_tokens[i]), "say which starts this system with --boot-loader");
		found = (enum setup_boot)i;
	}
	if (found == SETUP_BOOT_NONE && f->grub_cfg != NULL)
		return by_hand(e, err_set(e, ERR_UNSUPPORTED, "%s is there, but nothing that makes it (grub-mkconfig):"
		    " it seems to be written by hand, or by another program", f->grub_cfg));
	if (found == SETUP_BOOT_NONE)
		return by_hand(e, err_set(e, ERR_UNSUPPORTED, "no boot loader was found that assay knows (GRUB,"
		    " systemd-boot, unified kernel images, extlinux)"));
	*out = found;
	return 0;
}

void
setup_boot_owner(const struct setup_facts *f, enum setup_boot boot, struct setup_owner *o)
{
	if (boot == SETUP_BOOT_GRUB || boot == SETUP_BOOT_BLS) {
		setup_owner_scan(f->grub_default.content, "GRUB_CMDLINE_LINUX", o);
		for (size_t i = 0; i < f->grub_d.n; i++)
			setup_owner_scan(f->grub_d.v[i].content, "GRUB_CMDLINE_LINUX", o);
	}
	if (boot == SETUP_BOOT_BLS || boot == SETUP_BOOT_SYSTEMD)
		for (size_t i = 0; i < f->entries.n; i++)
			setup_owner_scan(f->entries.v[i].content, "options", o);
	if (boot == SETUP_BOOT_SYSTEMD || boot == SETUP_BOOT_UKI || boot == SETUP_BOOT_BLS)
		setup_owner_scan(f->kernel_cmdline.content, NULL, o);
	if (boot == SETUP_BOOT_EXTLINUX)
		setup_owner_scan(f->extlinux.content, NULL, o);
}

/* What of the plan's parameters this file's own text lacks; empty: nothing. */
static void
missing(const struct setup_plan *p, struct span text, const char *only, struct buf *b)
{
	struct setup_owner o = { 0 };

	setup_owner_scan(text, only, &o);
	for (size_t i = 0; i < p->n_parameters; i++) {
		struct span w = span_str(p->parameters[i]);
		bool has = span_starts(w, span_lit("ima_policy=")) ? o.tcb :
		    span_starts(w, span_lit("ima_hash=")) ? o.hash.n > 0 : o.template.n > 0;

		if (!has)
			buf_printf(b, "%s%s", b->n == 0 ? "" : " ", p->parameters[i]);
	}
}

static int
edit(struct setup_plan *p, const struct setup_file *f, enum setup_edit how, const char *only, struct err *e)
{
	BUF_AUTO struct buf words = buf_init(KIB(4)), text = buf_init(LIMIT_SETUP_FILE + KIB(64));
	int rc;

	missing(p, f->content, only, &words);
	if (words.n == 0)
		return 0;
	if ((rc = buf_done(&words, e)) != 0 || (rc = setup_edit(f, how, buf_view(&words), &text, e)) != 0)
		return rc;
	return setup_add_change(p, f, buf_view(&text), e);
}

static int
plan_grub(const struct setup_facts *f, struct setup_plan *p, struct err *e)
{
	BUF_AUTO struct buf all = buf_init(MIB(64)), words = buf_init(KIB(4)), text = buf_init(KIB(64));
	struct setup_file part = { .path = GRUB_PART }, whole = f->grub_default;
	int rc;

	buf_span(&all, f->grub_default.content);
	for (size_t i = 0; i < f->grub_d.n; i++) {
		buf_u8(&all, '\n');
		buf_span(&all, f->grub_d.v[i].content);
	}
	missing(p, buf_view(&all), "GRUB_CMDLINE_LINUX", &words);
	if ((rc = buf_done(&all, e)) != 0 || (rc = buf_done(&words, e)) != 0 || words.n == 0)
		return rc;
	if (!whole.present)
		whole.path = "/etc/default/grub";
	if ((rc = setup_edit(f->grub_parts ? &part : &whole, SETUP_EDIT_SHELL, buf_view(&words), &text, e)) != 0 ||
	    (rc = setup_add_change(p, f->grub_parts ? &part : &whole, buf_view(&text), e)) != 0)
		return rc;
	if (strcmp(f->grub_mkconfig, "update-grub") == 0)
		return setup_add_command(p, e, "update-grub");
	return setup_add_command(p, e, "%s -o %s", f->grub_mkconfig, f->grub_cfg != NULL ? f->grub_cfg :
	    strncmp(f->grub_mkconfig, "grub2", 5) == 0 ? "/boot/grub2/grub.cfg" : "/boot/grub/grub.cfg");
}

/* Entries for the kernels that are there, and what those to come are made from. */
static int
plan_entries(const struct setup_facts *f, struct setup_plan *p, struct err *e)
{
	bool saved = false;
	int rc;

	for (size_t i = 0; i < f->entries.n; i++) {
		if ((rc = edit(p, &f->entries.v[i], SETUP_EDIT_OPTIONS, "options", e)) != 0)
			return rc;
		saved |= memmem(f->entries.v[i].content.p, f->entries.v[i].content.n, "$kernelopts", 11) != NULL;
	}
	if (f->kernel_cmdline.present && (rc = edit(p, &f->kernel_cmdline, SETUP_EDIT_LINE, NULL, e)) != 0)
		return rc;
	if (p->boot == SETUP_BOOT_BLS && f->grub_default.present &&
	    (rc = edit(p, &f->grub_default, SETUP_EDIT_SHELL, "GRUB_CMDLINE_LINUX", e)) != 0)
		return rc;
	if (saved)
		return setup_add_note(p, e, "entries of kernels to come take $kernelopts from GRUB's environment: add the"
		    " parameters there too (grub2-editenv), or run this again behind an update of the kernel");
	if (!f->kernel_cmdline.present)
		return setup_add_note(p, e, "kernels to come take their parameters from the running kernel's, once it was"
		    " started with these (kernel-install)");
	return 0;
}

static int
plan_uki(const struct setup_facts *f, struct setup_plan *p, struct err *e)
{
	static const char *const builders[][2] = {
		{ "mkinitcpio", "mkinitcpio -P" },
		{ "dracut", "dracut --regenerate-all --force --uefi" },
		{ "kernel-install", "kernel-install add \"$(uname -r)\" \"/lib/modules/$(uname -r)/vmlinuz\"" },
	};
	int rc;

	if (!f->kernel_cmdline.present)
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "%s is a unified kernel image, and there is no"
		    " /etc/kernel/cmdline from which its command line is made", f->uki != NULL ? f->uki : "it"),
		    "put the whole command line, with root= and ima_policy=tcb, where the program that builds the image"
		    " takes it from, and build it anew");
	if ((rc = edit(p, &f->kernel_cmdline, SETUP_EDIT_LINE, NULL, e)) != 0)
		return rc;
	if ((rc = setup_add_note(p, e, "the command line is inside the unified kernel image (%s), which must be built anew,"
	    " and signed anew where Secure Boot is on", f->uki != NULL ? f->uki : "EFI/Linux")) != 0)
		return rc;
	for (size_t i = 0; f->uki_builder != NULL && i < sizeof(builders) / sizeof(builders[0]); i++)
		if (strcmp(f->uki_builder, builders[i][0]) == 0)
			return setup_add_command(p, e, "%s", builders[i][1]);
	return setup_add_note(p, e, "what builds the image was not found here: run what does (ukify, dracut --uefi,"
	    " mkinitcpio -P, kernel-install add)");
}

int
setup_boot_plan(const struct setup_facts *f, struct setup_plan *p, struct err *e)
{
	int rc;

	switch (p->boot) {
	case SETUP_BOOT_GRUB:
		if (f->grub_mkconfig == NULL)
			return by_hand(e, err_set(e, ERR_UNSUPPORTED, "grub-mkconfig and its like are not there"));
		return plan_grub(f, p, e);
	case SETUP_BOOT_BLS:
	case SETUP_BOOT_SYSTEMD:
		if (f->entries.n == 0)
			return by_hand(e, err_set(e, ERR_UNSUPPORTED, "there are no entries in loader/entries"));
		if ((rc = plan_entries(f, p, e)) != 0 || f->uki == NULL || p->boot == SETUP_BOOT_BLS)
			return rc;
		return plan_uki(f, p, e);
	case SETUP_BOOT_UKI:
		return plan_uki(f, p, e);
	case SETUP_BOOT_EXTLINUX:
		if (!f->extlinux.present)
			return by_hand(e, err_set(e, ERR_UNSUPPORTED, "there is no extlinux.conf"));
		if ((rc = edit(p, &f->extlinux, SETUP_EDIT_APPEND, NULL, e)) != 0)
			return rc;
		return setup_add_note(p, e, "if a program makes %s (u-boot-update), give it the parameters too, or run this"
		    " again behind an update of the kernel", f->extlinux.path);
	case SETUP_BOOT_NONE:
	case SETUP_BOOT_COUNT:
	default:
		return err_set(e, ERR_INTERNAL, "no boot loader was chosen");
	}
}
