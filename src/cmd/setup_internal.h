/* setup_internal.h: assay setup measurement: its parts, private to cmd/setup_*.c and
 * cmd_setup_measurement.c. */
#ifndef CMD_SETUP_INTERNAL_H
#define CMD_SETUP_INTERNAL_H

#include "cmd/command.h"
#include "engine/setup_plan.h"
#include "port/sys/root_dir.h"

/* One run of the command. */
struct setup_run {
	const struct invocation *in;
	struct arena arena;
	struct root_dir root;
	const char *root_name;		/* as typed; NULL: the running system */
	bool has_state;
	struct setup_state state;	/* of an earlier run */
};

/* What is done about one file, for people. */
struct setup_shown {
	const char *path, *what;	/* "new", "changed", "restored", "removed", "as before" */
	struct setup_change change;	/* from what stands there now; for the diff */
};

/* Outcome of a command that brings the change to the boot loader. */
struct setup_ran { const char *command; bool ran; int status; };

struct setup_outcome {
	const char *action;		/* "installed", "planned", "unchanged", "undone" */
	const struct setup_plan *plan;	/* NULL for undo */
	const struct setup_state *state;
	struct setup_shown *files;
	size_t n_files;
	struct setup_ran *ran;
	size_t n_ran;
};

/** setup_install(x, plan, s, dry, o, e): Bring all files from what they are to the plan, and
 * keep the state ${s}; ${dry}: only say what would be done. ERR_CONFLICT with a sentence if
 * somebody changed a file since. */
MUST_CHECK int setup_install(struct setup_run *x, const struct setup_plan *plan, struct setup_state *s, bool dry,
    struct setup_outcome *o, struct err *e);

/** setup_undo(x, dry, o, e): The same back to what was there before x->state. */
MUST_CHECK int setup_undo(struct setup_run *x, bool dry, struct setup_outcome *o, struct err *e);

/** setup_print(x, o, dry, e): Text or JSON. */
MUST_CHECK int setup_print(const struct setup_run *x, const struct setup_outcome *o, bool dry, struct err *e);

/** setup_status_print(x, status, e): Judge and print (setup_status_show.c). */
MUST_CHECK int setup_status_print(struct setup_run *x, enum exit_status *status, struct err *e);

#endif
