/* doctor_ima.c: what IMA and EVM do at this moment, and which keys they have. */
#include "engine/doctor_internal.h"
#include "formats/ima_kernel.h"
#include "formats/kernel_config.h"

/* ---- IMA ---------------------------------------------------------------------------- */

static void
missing_ima(struct judge *j)
{
	struct span v;

	if (j->m->securityfs == ACCESS_ABSENT) {
		judge_item(j, GROUP_IMA, "ima", "state", MARK_UNKNOWN, "unknown",
		    "securityfs is not mounted");
		judge_advise(j, 30, "securityfs", "securityfs is not mounted, so neither the measurement "
		    "list nor the policy can be read: mount -t securityfs securityfs /sys/kernel/security.");
	} else if (judge_parameter(j, "ima", &v) && span_is(v, "off")) {
		judge_item(j, GROUP_IMA, "ima", "state", MARK_BAD, "off", "ima=off on the command line");
		judge_advise(j, 95, "ima-off", "IMA was switched off at boot.  Take ima=off from the kernel's "
		    "command line.");
	} else {
		judge_item(j, GROUP_IMA, "ima", "state", MARK_BAD, "absent", "the kernel has no IMA");
	}
	if (judge_option(j, "CONFIG_IMA") == FACT_NO)
		judge_advise(j, 95, "no-ima", "This kernel was built without IMA: it cannot tell which files "
		    "ran, and nothing that Assay does remotely can start here.  Boot a kernel with "
		    "CONFIG_IMA (those of Debian, Ubuntu, RHEL, Fedora and SUSE have it).");
}

/* Built-in rules, or a policy that was loaded: a kernel without CONFIG_IMA_WRITE_POLICY
 * removes the file "policy" after the first load, one with it keeps it (ima_fs.c,
 * ima_release_policy). */
static void
policy_state(struct judge *j)
{
	const struct machine *m = j->m;
	struct span v;
	bool builtin = judge_parameter(j, "ima_policy", &v) || judge_parameter(j, "ima_tcb", &v) ||
	    judge_parameter(j, "ima_appraise_tcb", &v);
	bool loaded = m->ima_policy == ACCESS_ABSENT;
	bool measuring = m->ima_entries.known && m->ima_entries.n > 1;

	if (loaded || builtin || measuring) {
		judge_item(j, GROUP_IMA, "ima-policy", "policy", MARK_GOOD,
		    loaded ? "loaded" : builtin ? "built-in" : "in force", "%s",
		    judge_option(j, "CONFIG_IMA_READ_POLICY") == FACT_YES ? "it can be read in /sys/kernel/security/ima/policy" : "");
		return;
	}
	judge_item(j, GROUP_IMA, "ima-policy", "policy", m->ima_entries.known ? MARK_BAD : MARK_WARN, "none",
	    "no ima_policy= on the command line and none was loaded: only boot_aggregate is measured");
	judge_advise(j, 90, "ima-idle", "IMA is there but measures no file.  Boot with ima_policy=tcb, or "
	    "write a policy of your own (assay ima-policy sample) to /etc/ima/ima-policy, which "
	    "systemd loads.");
}

static void
list_state(struct judge *j)
{
	const struct machine *m = j->m;

	if (m->ima_entries.known)
		judge_item(j, GROUP_IMA, "ima-entries", "measurement list", m->ima_entries.n > 0 ?
		    MARK_GOOD : MARK_BAD, judge_text(j, "%llu entries", (unsigned long long)m->ima_entries.n),
		    "%s", m->ima_entries.n > 0 ? "" : "not even boot_aggregate is there");
	else
		judge_item(j, GROUP_IMA, "ima-entries", "measurement list", MARK_UNKNOWN, "not readable",
		    m->root ? "%s" : "%s (only root may read it)", "the count cannot be read");
	if (m->ima_violations.known && m->ima_violations.n > 0)
		judge_item(j, GROUP_IMA, "ima-violations", "violations", MARK_WARN,
		    judge_text(j, "%llu", (unsigned long long)m->ima_violations.n),
		    "files were written while they were measured; their content is not known");
	if (m->ima_violations.known && m->ima_violations.n > 0)
		judge_advise(j, 22, "ima-violations", "Files that are written while they are measured (logs, "
		    "databases) spoil the proof.  Find them with assay ima-log show, and leave them out of "
		    "the policy by their owner, label or file system.");
	else if (m->ima_violations.known)
		judge_item(j, GROUP_IMA, "ima-violations", "violations", MARK_GOOD, "0", "%s", "");
	judge_item(j, GROUP_IMA, "ima-bank-lists", "lists by bank", m->ima_bank_lists ? MARK_GOOD : MARK_INFO,
	    m->ima_bank_lists ? "yes" : "no", "%s", m->ima_bank_lists ? "" :
	    "the list shows SHA-1 only; other banks are replayed from the data of its entries");
}

static void
template_state(struct judge *j)
{
	struct ima_kernel k;
	struct span now, v;

	ima_kernel_default(&k);
	if (j->version == 0 || j->m->config_source == NULL ||
	    ima_kernel_set_version(&k, j->m->release, NULL) != 0 ||
	    ima_kernel_set_config(&k, j->m->config, NULL) != 0)
		return;
	ima_kernel_set_cmdline(&k, j->m->cmdline);
	now = ima_kernel_template_now(&k);
	if (now.n == 0 || now.n > 256)
		return;
	bool sig = memmem(now.p, now.n, "sig", 3) != NULL, weak = span_is(now, "d|n");
	judge_item(j, GROUP_IMA, "ima-template", "template", weak ? MARK_BAD : sig ? MARK_GOOD : MARK_WARN,
	    judge_text(j, "%.*s", (int)now.n, (const char *)now.p), "%s",
	    weak ? "file digests are SHA-1 and names are cut" :
	    sig ? "" : "signatures of files are not in the list, so they cannot approve a file");
	if (weak)
		judge_advise(j, 70, "ima-template", "The template in use records SHA-1 digests, which can be "
		    "forged.  Boot with ima_template=ima-sig.");
	else if (!sig)
		judge_advise(j, 25, "ima-template", "The template in use does not record signatures, so each "
		    "file must be in the policy by its digest.  Boot with ima_template=ima-sig to "
		    "let trusted keys approve files.");
	if (judge_parameter(j, "ima_hash", &v) && (span_is(v, "sha1") || span_is(v, "md5")))
		judge_advise(j, 70, "ima-hash", "ima_hash= asks for a digest that can be forged.  Take it off "
		    "the command line or ask for sha256.");
}

static void
appraise_state(struct judge *j)
{
	struct span v;
	bool has = judge_parameter(j, "ima_appraise", &v);

	if (!has)
		return;
	bool weak = span_is(v, "off") || span_is(v, "log") || span_is(v, "fix");
	judge_item(j, GROUP_IMA, "ima-appraise", "ima_appraise=", weak ? MARK_WARN : MARK_GOOD,
	    judge_text(j, "%.*s", v.n > 64 ? 64 : (int)v.n, (const char *)v.p), "%s",
	    span_is(v, "fix") ? "every file that is opened gets a good mark of its own" :
	    weak ? "altered files are not refused" : "");
	if (span_is(v, "fix"))
		judge_advise(j, 65, "ima-appraise-fix", "ima_appraise=fix is for labelling only: while it is "
		    "set, whoever alters a file gets it marked as good.  Take it off when all is labelled.");
}

void
judge_ima(struct judge *j)
{
	const struct machine *m = j->m;

	if (!m->ima_dir) {
		missing_ima(j);
	} else {
		judge_item(j, GROUP_IMA, "ima", "state", MARK_GOOD, "active", "%s", "");
		policy_state(j);
		list_state(j);
		template_state(j);
		appraise_state(j);
	}
	if (m->evm.known) {
		bool on = (m->evm.n & 3) != 0;

		judge_item(j, GROUP_EVM, "evm", "state", on ? MARK_GOOD : MARK_INFO,
		    judge_text(j, "%llu (%s%s%s)", (unsigned long long)m->evm.n,
		    !on ? "not active" : (m->evm.n & 1) ? "HMAC" : "", (m->evm.n & 3) == 3 ? ", " : "",
		    (m->evm.n & 2) ? "signatures" : ""), "%s",
		    on ? "" : "no key was loaded for it");
	}
	if (m->ima_dir && judge_option(j, "CONFIG_IMA_KEXEC") == FACT_NO)
		judge_advise(j, 40, "ima-kexec", "After a kexec this kernel starts a new list while PCR 10 goes "
		    "on: such a boot is verified only if the server knew all entries before it.  Reboot through the firmware, or forbid kexec "
		    "(sysctl kernel.kexec_load_disabled=1).");
}

/* ---- keys ------------------------------------------------------------------------------ */

static const struct { const char *name, *about; } keyrings[] = {
	{ ".ima", "keys for file signatures, each signed itself" },
	{ "_ima", "keys for file signatures; root can add any" },
	{ ".evm", "keys for metadata signatures, each signed itself" },
	{ "_evm", "keys for metadata signatures; root can add any" },
	{ ".builtin_trusted_keys", "compiled into the kernel" },
	{ ".secondary_trusted_keys", "added by those" },
	{ ".machine", "the machine owner's (MOK)" },
	{ ".platform", "the firmware's db" },
	{ ".blacklist", "revoked digests and certificates" },
};

void
judge_keys(struct judge *j)
{
	const struct machine *m = j->m;
	bool ima_key = false;

	if (!m->keys_known) {
		judge_item(j, GROUP_KEYS, "keyrings", "keyrings", MARK_UNKNOWN, "unknown",
		    "/proc/keys cannot be read");
		return;
	}
	for (size_t i = 0; i < sizeof(keyrings) / sizeof(keyrings[0]); i++)
		for (size_t k = 0; k < m->n_keyrings; k++) {
			if (!span_is(m->keyrings[k].name, keyrings[i].name))
				continue;
			judge_item(j, GROUP_KEYS, "keyring", keyrings[i].name, MARK_INFO,
			    judge_text(j, "%llu %s", (unsigned long long)m->keyrings[k].keys,
			    m->keyrings[k].keys == 1 ? "key" : "keys"), "%s", keyrings[i].about);
			ima_key |= (i < 2) && m->keyrings[k].keys > 0;
		}
	if (m->ima_dir && judge_option(j, "CONFIG_IMA_APPRAISE") == FACT_YES && !ima_key)
		judge_item(j, GROUP_KEYS, "ima-keys", "file signing keys", MARK_INFO, "none",
		    "signatures of files cannot be verified by the kernel until a key is loaded");
	if (m->ima_dir && judge_option(j, "CONFIG_INTEGRITY_TRUSTED_KEYRING") == FACT_NO)
		judge_advise(j, 35, "keyring-open", "Root can add keys to _ima, so local appraisal does not hold "
		    "against root here.  Measure what is loaded (measure func=KEY_CHECK) and let the "
		    "verifier judge it, or use a kernel with CONFIG_INTEGRITY_TRUSTED_KEYRING.");
}
