/* doctor_internal.h: what the parts of the doctor share.
 *
 * The first failure (memory) sticks in the judge, so that the parts read as the
 * list of facts that they are; doctor_judge looks once at the end.
 */
#ifndef ENGINE_DOCTOR_INTERNAL_H
#define ENGINE_DOCTOR_INTERNAL_H

#include "engine/doctor.h"

struct judge {
	const struct machine *m;
	struct arena *a;
	struct diagnosis *d;
	unsigned version;		/* KVER() of the kernel; 0: unknown */
	int rc;
	struct err *e;
};

/** judge_item(j, group, code, name, mark, value, fmt, ...): One item. */
void judge_item(struct judge *j, enum doctor_group group, const char *code, const char *name,
    enum mark mark, const char *value, const char *fmt, ...) ERR_PRINTF(7, 8);

/** judge_mount(j, mount, code, name, mark, value, text): One item about a mount. */
void judge_mount(struct judge *j, struct span mount, const char *code, const char *name,
    enum mark mark, const char *value, const char *text);

/** judge_advise(j, weight, code, fmt, ...): Advice; a code is given once. */
void judge_advise(struct judge *j, unsigned weight, const char *code, const char *fmt, ...)
    ERR_PRINTF(4, 5);

/** judge_text(j, fmt, ...): A string in the arena; "" after a failure. */
const char *judge_text(struct judge *j, const char *fmt, ...) ERR_PRINTF(2, 3);

/** judge_option(j, name): A kernel option: on, off or unknown. */
enum fact judge_option(const struct judge *j, const char *name);

/** judge_parameter(j, name, value): Whether the command line has it; its last value. */
bool judge_parameter(const struct judge *j, const char *name, struct span *value);

/* The parts. */
void judge_boot(struct judge *j);
void judge_options(struct judge *j);
void judge_ima(struct judge *j);
void judge_keys(struct judge *j);
void judge_tpm(struct judge *j);
void judge_mounts(struct judge *j);

#endif
