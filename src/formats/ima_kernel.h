/* ima_kernel.h: the kernel that an IMA policy is judged for.
 *
 * What a kernel takes depends on its version (which words it knows), on its
 * configuration (/boot/config-*: which words work), on the boot parameters
 * (templates, the security module, policies that demand a signature) and on the
 * labels that the security module has loaded.  All of it is input here and plain
 * data afterwards; nothing is asked of the machine we run on.
 *
 * Where nothing is said, the configuration is Debian 12's for the nearer of its
 * two kernels, 6.1 and 6.12: ima_kernel.assumed tells.
 *
 * Refused: a version that is not "MAJOR.MINOR...", a configuration file without a
 * single CONFIG_ line.
 */
#ifndef FORMATS_IMA_KERNEL_H
#define FORMATS_IMA_KERNEL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define KVER(major, minor) ((unsigned)(major) * 1000u + (unsigned)(minor))

enum ima_config {
#define CONFIG(sym, d61, d612) IMA_CONFIG_##sym,
#include "formats/ima_kernel_configs.tbl"
#undef CONFIG
	IMA_CONFIG_COUNT
};

/* The security module whose labels the policy can name; the kernel has one at most
 * of those that audit_rule_init serves. */
enum ima_lsm { IMA_LSM_NONE = 0, IMA_LSM_APPARMOR, IMA_LSM_SELINUX, IMA_LSM_SMACK };

/* ima_appraise= */
enum ima_appraise_mode {
	IMA_APPRAISE_MODE_UNSAID = 0, IMA_APPRAISE_MODE_OFF, IMA_APPRAISE_MODE_LOG,
	IMA_APPRAISE_MODE_FIX, IMA_APPRAISE_MODE_ENFORCE
};

/* ima_policy= */
enum {
	IMA_BUILTIN_TCB = 1u << 0,
	IMA_BUILTIN_APPRAISE_TCB = 1u << 1,
	IMA_BUILTIN_SECURE_BOOT = 1u << 2,
	IMA_BUILTIN_CRITICAL_DATA = 1u << 3,
	IMA_BUILTIN_FAIL_SECURELY = 1u << 4,
};

struct ima_kernel {
	unsigned version;		/* KVER() */
	bool assumed;			/* configuration is Debian's, not the user's */
	bool config[IMA_CONFIG_COUNT];
	struct span default_template;	/* CONFIG_IMA_DEFAULT_TEMPLATE */
	struct span default_hash;	/* CONFIG_IMA_DEFAULT_HASH */
	struct span lsm_order;		/* CONFIG_LSM, or lsm= */
	enum ima_lsm lsm;

	bool have_cmdline;		/* the next ones are known */
	struct span template_fmt;	/* ima_template_fmt=; empty: none */
	struct span template_name;	/* ima_template=; empty: none */
	unsigned builtin;		/* IMA_BUILTIN_* */
	enum ima_appraise_mode appraise;

	bool labels_known;		/* ${labels} is all the security module has */
	struct span *labels;
	size_t n_labels;
};

/** ima_kernel_default(k): Debian 12's 6.1 with its default security module. */
void ima_kernel_default(struct ima_kernel *k);

/** ima_kernel_set_version(k, text, e): "6.1", "6.12.43+deb12-cloud-amd64"; also takes
 * the nearer of Debian's two configurations. */
MUST_CHECK int ima_kernel_set_version(struct ima_kernel *k, struct span text, struct err *e);

/** ima_kernel_set_config(k, text, e): The text of /boot/config-*; ${text} must outlive ${k}. */
MUST_CHECK int ima_kernel_set_config(struct ima_kernel *k, struct span text, struct err *e);

/** ima_kernel_set_cmdline(k, text): The kernel's command line; ${text} must outlive
 * ${k}.  Call it after the configuration. */
void ima_kernel_set_cmdline(struct ima_kernel *k, struct span text);

/** ima_kernel_set_labels(k, text, a, e): One label a line: the security module has
 * these and no others. */
MUST_CHECK int ima_kernel_set_labels(struct ima_kernel *k, struct span text, struct arena *a,
    struct err *e);

/** ima_kernel_has_label(k, label): Whether it is in the given list. */
bool ima_kernel_has_label(const struct ima_kernel *k, struct span label);

/** ima_kernel_template(k, name): The format of the template that template= finds, or
 * an empty span. */
struct span ima_kernel_template(const struct ima_kernel *k, struct span name);

/** ima_kernel_template_now(k): The format in use where a rule has no template=. */
struct span ima_kernel_template_now(const struct ima_kernel *k);

/** ima_template_call(fmt): What people call a format: the built-in name, or the format. */
struct span ima_template_call(struct span fmt);

const char *ima_config_name(enum ima_config c);		/* "CONFIG_IMA" */
const char *ima_lsm_name(enum ima_lsm lsm);		/* "AppArmor"; "none" */

/** ima_cmdline_next(rest, name, value, has_value): One boot parameter, as the kernel's
 * next_arg cuts them: blanks separate, double quotes hold together.  False at the end
 * and at "--", behind which stand init's arguments. */
bool ima_cmdline_next(struct span *rest, struct span *name, struct span *value, bool *has_value);

#endif
