/* doctor_kernel.c: how the machine was started, and what its kernel was built with. */
#include "engine/doctor_internal.h"
#include "formats/ima_kernel.h"
#include "formats/kernel_config.h"

static const struct option {
	const char *name;
	enum doctor_group group;
	enum mark on, off;
	unsigned since;
	const char *with, *without;
} options[] = {
#define OPTION(symbol, group, on, off, since, with, without) \
	{ "CONFIG_" #symbol, GROUP_##group, MARK_##on, MARK_##off, since, with, without },
#include "engine/doctor_options.tbl"
#undef OPTION
};

/* ---- boot -------------------------------------------------------------------------- */

static void
secure_boot(struct judge *j)
{
	const struct machine *m = j->m;
	static const char name[] = "Secure Boot", code[] = "secure-boot";

	if (!m->efi) {
		judge_item(j, GROUP_BOOT, code, name, MARK_WARN, "not UEFI",
		    "the boot loader and the kernel are not checked for a signature");
		return;
	}
	if (m->secure_boot == FACT_UNKNOWN) {
		judge_item(j, GROUP_BOOT, code, name, MARK_UNKNOWN, "unknown",
		    "the variable SecureBoot cannot be read; is efivarfs mounted?");
		return;
	}
	if (m->secure_boot == FACT_YES) {
		judge_item(j, GROUP_BOOT, code, name, MARK_GOOD, "on", "%s", "");
		return;
	}
	judge_item(j, GROUP_BOOT, code, name, MARK_WARN,
	    m->setup_mode == FACT_YES ? "off (setup mode)" : "off",
	    "what is booted is measured, but not refused");
	judge_advise(j, 60, "secure-boot-off", "Secure Boot is off, so a changed boot loader or kernel "
	    "starts all the same and only the measurement of it tells.  Switch it on in the firmware%s.",
	    m->setup_mode == FACT_YES ? "; it is in setup mode, so keys must be enrolled first" : "");
}

static void
lockdown(struct judge *j)
{
	struct span s = j->m->lockdown;
	const uint8_t *open = s.n == 0 ? NULL : memchr(s.p, '[', s.n);
	const uint8_t *end = open == NULL ? NULL : memchr(open, ']', s.n - (size_t)(open - s.p));
	static const char name[] = "lockdown", code[] = "lockdown";

	if (end == NULL) {
		judge_item(j, GROUP_BOOT, code, name, MARK_UNKNOWN, "unknown", "%s",
		    j->m->securityfs == ACCESS_OPEN ? "the lockdown module is not active" :
		    "securityfs is not mounted");
		return;
	}
	struct span mode = span_of(open + 1, (size_t)(end - open - 1));
	bool none = span_is(mode, "none");
	judge_item(j, GROUP_BOOT, code, name, none ? MARK_WARN : MARK_GOOD,
	    judge_text(j, "%.*s", (int)mode.n, (const char *)mode.p), "%s",
	    none ? "root can read and change the kernel's memory" : "");
	if (none)
		judge_advise(j, 50, "lockdown-none", "Root can change the running kernel, and with it what "
		    "the kernel measures.  Boot with lockdown=integrity (with Secure Boot most "
		    "distributions do it by themselves).");
}

void
judge_boot(struct judge *j)
{
	const struct machine *m = j->m;

	if (m->release.n == 0)
		judge_item(j, GROUP_BOOT, "kernel-release", "kernel", MARK_UNKNOWN, "unknown", "%s", "");
	else
		judge_item(j, GROUP_BOOT, "kernel-release", "kernel", MARK_INFO,
		    judge_text(j, "%.*s", (int)m->release.n, (const char *)m->release.p), "%s", "");
	secure_boot(j);
	lockdown(j);
	if (m->lsm.n > 0)
		judge_item(j, GROUP_BOOT, "lsm", "security modules", MARK_INFO,
		    judge_text(j, "%.*s", (int)m->lsm.n, (const char *)m->lsm.p), "%s", "");
}

/* ---- options ------------------------------------------------------------------------ */

/* An option under one that is off says nothing: nobody could have set it. */
static bool
moot(const struct judge *j, const struct option *o)
{
	static const struct { const char *prefix, *parent; } families[] = {
		{ "CONFIG_IMA_", "CONFIG_IMA" }, { "CONFIG_EVM_", "CONFIG_EVM" },
		{ "CONFIG_INTEGRITY_", "CONFIG_INTEGRITY" }, { "CONFIG_TCG_", "CONFIG_TCG_TPM" },
		{ "CONFIG_FS_VERITY_", "CONFIG_FS_VERITY" }, { "CONFIG_MODULE_SIG_", "CONFIG_MODULE_SIG" },
	};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (span_starts(span_str(o->name), span_str(families[i].prefix)) &&
		    strcmp(o->name, families[i].parent) != 0)
			return judge_option(j, families[i].parent) == FACT_NO;
	return false;
}

static void
one_option(struct judge *j, const struct option *o)
{
	struct span v;
	bool named = kernel_config_get(j->m->config, o->name, &v);
	bool on = named && (span_is(v, "y") || span_is(v, "m"));

	if (!on && o->since != 0 && j->version != 0 && j->version < o->since) {
		judge_item(j, o->group, o->name, o->name, MARK_INFO, "not in this kernel",
		    "there since %u.%u", o->since / 1000, o->since % 1000);
		return;
	}
	judge_item(j, o->group, o->name, o->name, on ? o->on : o->off,
	    !named ? "absent" : span_is(v, "m") ? "module" : on ? "yes" : "no",
	    "%s", on ? o->with : o->without);
}

static void
string_option(struct judge *j, const char *name)
{
	struct span v;

	if (kernel_config_get(j->m->config, name, &v) && v.n < 256)
		judge_item(j, GROUP_IMA, name, name, MARK_INFO,
		    judge_text(j, "%.*s", (int)v.n, (const char *)v.p), "%s", "");
}

void
judge_options(struct judge *j)
{
	if (j->m->config_source == NULL) {
		judge_item(j, GROUP_KERNEL, "kernel-config", "configuration", MARK_UNKNOWN, "not found",
		    "neither /proc/config.gz nor /boot/config-%.*s is there to read",
		    (int)j->m->release.n, (const char *)j->m->release.p);
		judge_advise(j, 20, "kernel-config", "The kernel's configuration could not be read, so much "
		    "of this report is unknown.  Run it where /boot/config-* is, or boot a kernel with "
		    "CONFIG_IKCONFIG_PROC.");
		return;
	}
	judge_item(j, GROUP_KERNEL, "kernel-config", "configuration", MARK_INFO, j->m->config_source,
	    "%s", "");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!moot(j, &options[i]))
			one_option(j, &options[i]);
	if (judge_option(j, "CONFIG_IMA") == FACT_YES) {
		string_option(j, "CONFIG_IMA_DEFAULT_TEMPLATE");
		string_option(j, "CONFIG_IMA_DEFAULT_HASH");
		string_option(j, "CONFIG_IMA_MEASURE_PCR_IDX");
	}
}
