/* setup_plan.h: what to write where, so that a system measures from its next boot on.
 *
 * From facts (formats/setup_facts.h) and a policy comes a list of files with what is to
 * stand in them, and the commands that bring them to the boot loader.  Two things are
 * needed: whatever loads an IMA policy early must find it where it looks, and the kernel
 * must measure from its first moment on (ima_policy=tcb), since only a rule that is in
 * force when the policy is loaded measures it (func=POLICY_CHECK), and only where the
 * kernel is given its name, not its text (ima_read_policy).
 *
 * What the owner wrote stays: parameters are added behind his, and those of his that
 * stand against the aim are named.  Where a boot loader is not known, nothing is planned
 * at all: the error says what to add by hand.
 *
 * Pure: no file is read, nothing is written.  Everything lives in the arena.
 */
#ifndef ENGINE_SETUP_PLAN_H
#define ENGINE_SETUP_PLAN_H

#include "base/arena.h"
#include "base/buf.h"
#include "formats/ima_policy.h"
#include "formats/setup_facts.h"
#include "formats/setup_state.h"

enum setup_init {
	SETUP_INIT_NONE = 0,
	SETUP_INIT_SYSTEMD,	/* /etc/ima/ima-policy, by PID 1 (systemd, src/core/ima-setup.c) */
	SETUP_INIT_DRACUT,	/* /etc/sysconfig/ima-policy, by the module 98integrity */
	SETUP_INIT_INITRAMFS,	/* /etc/default/ima-policy, by a script of initramfs-tools */
	SETUP_INIT_COUNT
};

enum setup_boot {
	SETUP_BOOT_NONE = 0,
	SETUP_BOOT_GRUB,	/* /etc/default/grub, /etc/default/grub.d */
	SETUP_BOOT_BLS,		/* GRUB with entries in /boot/loader/entries */
	SETUP_BOOT_SYSTEMD,	/* systemd-boot: the same entries, /etc/kernel/cmdline */
	SETUP_BOOT_UKI,		/* unified kernel images: /etc/kernel/cmdline, and build anew */
	SETUP_BOOT_EXTLINUX,
	SETUP_BOOT_COUNT
};

const char *setup_init_token(enum setup_init i);
const char *setup_boot_token(enum setup_boot b);
enum setup_init setup_init_by_token(const char *s);	/* NONE: no such */
enum setup_boot setup_boot_by_token(const char *s);

/** setup_policy_path(i): Where it looks for the policy. */
const char *setup_policy_path(enum setup_init i);

struct setup_request {
	struct span policy;		/* as it is to be loaded: labels resolved, linted */
	enum setup_init init;		/* NONE: find out */
	enum setup_boot boot;		/* NONE: find out */
};

struct setup_plan {
	enum setup_init init;
	enum setup_boot boot;
	const char *policy_path;
	const char *measured_as;	/* its name in the list; NULL: it is not measured */
	const char **parameters;	/* that the command line must have */
	size_t n_parameters, n_added;	/* ${n_added}: those the owner did not have */
	struct setup_change *changes;	/* what differs from what stands there */
	size_t n_changes, cap_changes;
	const char **commands;		/* to be run afterwards, in order */
	size_t n_commands, cap_commands;
	const char **notes;		/* what a person should know; conflicts among them */
	size_t n_notes, cap_notes;
	struct arena *a;
};

/** setup_init_choose(f, wanted, out, e): What loads the policy; ERR_UNSUPPORTED with a
 * sentence if nothing does. */
MUST_CHECK int setup_init_choose(const struct setup_facts *f, enum setup_init wanted,
    enum setup_init *out, struct err *e);

/** setup_facts_before(f, s): As if what ${s} tells of had not been written. */
void setup_facts_before(struct setup_facts *f, const struct setup_state *s);

/** setup_plan_make(f, r, a, p, e): ERR_UNSUPPORTED where it cannot be done by us; the
 * hint says how by hand. */
MUST_CHECK int setup_plan_make(const struct setup_facts *f, const struct setup_request *r,
    struct arena *a, struct setup_plan *p, struct err *e);

/** setup_load(i, f): How the policy reaches the kernel: by its name, or line by line. */
enum ima_load setup_load(enum setup_init i, const struct setup_facts *f);

/* ---- the policy's text (setup_labels.c, setup_lint.c) ---- */

struct setup_volume { struct span label; uint8_t uuid[16]; };

/** setup_labels_resolve(text, v, n, out, e): Replace fslabel=NAME by fsuuid=..., and each UUID
 * that a comment "# fslabel=NAME is fsuuid=UUID" declares as a stand-in.  ERR_NOT_FOUND or
 * ERR_DUPLICATE, with the line, for a label that no volume or several different ones have. */
MUST_CHECK int setup_labels_resolve(struct span text, const struct setup_volume *v, size_t n,
    struct buf *out, struct err *e);

/** setup_labels_any(text): Whether there is one to resolve. */
bool setup_labels_any(struct span text);

/** setup_lint(f, text, load, cmdline, a, e): ERR_FORMAT, with line and column, for the first
 * thing that one of the kernels of ${f} would refuse. */
MUST_CHECK int setup_lint(const struct setup_facts *f, struct span text, enum ima_load load,
    struct arena *a, struct err *e);

/** setup_diff(c, b): The change as "diff -u" shows it, without context. */
void setup_diff(const struct setup_change *c, struct buf *b);

#endif
