/* setup_internal.h: what the parts of the plan share: editing boot files, and who boots.
 * Private to src/engine/setup_*.c. */
#ifndef ENGINE_SETUP_INTERNAL_H
#define ENGINE_SETUP_INTERNAL_H

#include "engine/setup_plan.h"

#define SETUP_DRACUT_PART "/etc/dracut.conf.d/90-assay-measurement.conf"

/* Boot parameters about IMA that somebody wrote already. */
struct setup_owner {
	bool tcb;			/* ima_policy= with tcb among its names */
	bool old_tcb;			/* ima_tcb: the older built-in policy */
	bool off;			/* ima=off */
	struct span hash, template;	/* ima_hash=; ima_template= or ima_template_fmt= */
};

/** setup_owner_scan(text, only, o): Add the parameters in ${text}; comment lines are none.
 * ${only}: lines that contain it, or NULL for all. */
void setup_owner_scan(struct span text, const char *only, struct setup_owner *o);

/* How a file takes boot parameters. */
enum setup_edit {
	SETUP_EDIT_SHELL,	/* a line GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX ..." at the end */
	SETUP_EDIT_LINE,	/* the one line of /etc/kernel/cmdline */
	SETUP_EDIT_OPTIONS,	/* the first line that begins with "options" */
	SETUP_EDIT_APPEND,	/* each line that begins with "append" */
};

/** setup_edit(f, how, words, b, e): The content of ${f} with ${words} added. */
MUST_CHECK int setup_edit(const struct setup_file *f, enum setup_edit how, struct span words,
    struct buf *b, struct err *e);

/** setup_boot_choose(f, wanted, out, e): ERR_UNSUPPORTED if none or several are there. */
MUST_CHECK int setup_boot_choose(const struct setup_facts *f, enum setup_boot wanted,
    enum setup_boot *out, struct err *e);

/** setup_boot_plan(f, p, e): The changes and commands for p->boot and its parameters. */
MUST_CHECK int setup_boot_plan(const struct setup_facts *f, struct setup_plan *p, struct err *e);

/** setup_boot_owner(f, boot, o): The owner's parameters, as this boot loader has them. */
void setup_boot_owner(const struct setup_facts *f, enum setup_boot boot, struct setup_owner *o);

MUST_CHECK int setup_add_change(struct setup_plan *p, const struct setup_file *f, struct span after,
    struct err *e);
MUST_CHECK int setup_add_command(struct setup_plan *p, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);
MUST_CHECK int setup_add_note(struct setup_plan *p, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);

#endif
