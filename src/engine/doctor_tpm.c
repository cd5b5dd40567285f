/* doctor_tpm.c: the root of it all. */
#include "engine/doctor_internal.h"
#include "engine/tpm_faults.h"

/* Those whose TPM is a program: what they prove is worth as much as who runs it. */
static const struct { const char *id, *maker, *kind; bool software; } makers[] = {
	{ "AMD", "AMD", "firmware TPM", false },
	{ "AMZN", "Amazon", "virtual TPM of the cloud", true },
	{ "ATML", "Atmel", "chip", false },
	{ "BRCM", "Broadcom", "chip", false },
	{ "GOOG", "Google", "virtual TPM of the cloud", true },
	{ "IBM", "IBM / libtpms", "software TPM (swtpm)", true },
	{ "IFX", "Infineon", "chip", false },
	{ "INTC", "Intel", "firmware TPM (PTT)", false },
	{ "MSFT", "Microsoft", "virtual TPM", true },
	{ "NTC", "Nuvoton", "chip", false },
	{ "NSM", "National Semiconductor", "chip", false },
	{ "QCOM", "Qualcomm", "firmware TPM", false },
	{ "STM", "STMicroelectronics", "chip", false },
	{ "VMW", "VMware", "virtual TPM", true },
};

static void
maker(struct judge *j)
{
	const struct tpm_caps *t = &j->m->tpm;
	size_t i = 0, n = sizeof(makers) / sizeof(makers[0]);

	while (i < n && strcmp(makers[i].id, t->manufacturer) != 0)
		i++;
	judge_item(j, GROUP_TPM, "tpm-maker", "manufacturer", i == n ? MARK_UNKNOWN :
	    makers[i].software ? MARK_WARN : MARK_GOOD,
	    judge_text(j, "%s%s%s", t->manufacturer, i < n ? ", " : "", i < n ? makers[i].maker : ""),
	    "%s%s%s%s", i < n ? makers[i].kind : "a manufacturer that is not known here",
	    t->vendor[0] == '\0' ? "" : "; says of itself \"", t->vendor, t->vendor[0] == '\0' ? "" : "\"");
	if (i < n && makers[i].software)
		judge_advise(j, 30, "tpm-software", "The TPM is a program: whoever runs it can make it sign "
		    "anything.  What it proves holds as far as you trust the host or the cloud that "
		    "runs this machine.");
}

static void
version(struct judge *j)
{
	const struct tpm_caps *t = &j->m->tpm;
	bool two = strcmp(t->family, "2.0") == 0;

	judge_item(j, GROUP_TPM, "tpm-version", "version", two ? MARK_GOOD : MARK_BAD, t->family,
	    "specification %u.%02u", t->revision / 100, t->revision % 100);
	judge_item(j, GROUP_TPM, "tpm-firmware", "firmware", MARK_INFO, judge_text(j, "%u.%u.%u.%u",
	    t->firmware[0], t->firmware[1], t->firmware[2], t->firmware[3]), "words %04x%04x %04x%04x",
	    t->firmware[0], t->firmware[1], t->firmware[2], t->firmware[3]);
}

static void
faults(struct judge *j)
{
	const struct tpm_fault *f;
	size_t i = 0, n = 0;

	while ((f = tpm_fault_next(&j->m->tpm, &i)) != NULL) {
		bool bad = f->attestation && f->sure != SURE_POSSIBLE;

		n++;
		judge_item(j, GROUP_TPM, "tpm-fault", f->id, bad ? MARK_BAD : MARK_WARN,
		    sureness_token(f->sure), "%s; %s", f->text, f->fix);
		judge_advise(j, bad ? 97 : f->sure == SURE_POSSIBLE ? 15 : 55,
		    f->id, "The TPM's firmware %s has %s: %s.  Remedy: %s.",
		    f->sure == SURE_CERTAIN ? "certainly" : f->sure == SURE_LIKELY ? "very likely" : "perhaps",
		    f->id, f->text, f->fix);
	}
	if (n == 0)
		judge_item(j, GROUP_TPM, "tpm-fault", "known faults", MARK_INFO, "none",
		    "none of those in the table is published for this manufacturer and firmware");
}

static bool
has_strong_bank(const struct tpm_selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->banks[i].mask != 0 && s->banks[i].alg != DIGEST_NONE &&
		    !digest_alg_weak(s->banks[i].alg))
			return true;
	return false;
}

static void
banks_advice(struct judge *j, bool strong)
{
	if (!strong)
		judge_advise(j, 85, "tpm-banks", "Only the SHA-1 bank of PCRs is in use, and SHA-1 can be "
		    "forged.  Switch the SHA-256 bank on in the firmware, or with "
		    "tpm2_pcrallocate sha1:none+sha256:all and a reboot.");
}

static void
banks(struct judge *j)
{
	const struct machine *m = j->m;
	BUF_AUTO struct buf b = buf_init(1024);

	if (m->tpm.have) {
		bool strong = has_strong_bank(&m->tpm.pcrs);

		for (size_t i = 0; i < m->tpm.pcrs.n; i++)
			if (m->tpm.pcrs.banks[i].mask != 0)
				buf_printf(&b, "%s%s", b.n == 0 ? "" : " ", tpm_alg_name(m->tpm.pcrs.banks[i].id));
		judge_item(j, GROUP_TPM, "tpm-banks", "PCR banks", strong ? MARK_GOOD : MARK_BAD,
		    judge_text(j, "%s", buf_cstr(&b)), "%s", strong ? "" : "SHA-1 can be forged");
		banks_advice(j, strong);
	} else if (m->tpm_banks.n > 0) {
		bool strong = memmem(m->tpm_banks.p, m->tpm_banks.n, "sha256", 6) != NULL ||
		    memmem(m->tpm_banks.p, m->tpm_banks.n, "sha384", 6) != NULL ||
		    memmem(m->tpm_banks.p, m->tpm_banks.n, "sha512", 6) != NULL;

		judge_item(j, GROUP_TPM, "tpm-banks", "PCR banks", strong ? MARK_GOOD : MARK_BAD,
		    judge_text(j, "%.*s", (int)m->tpm_banks.n, (const char *)m->tpm_banks.p), "%s",
		    strong ? "" : "SHA-1 can be forged");
		banks_advice(j, strong);
	} else {
		judge_item(j, GROUP_TPM, "tpm-banks", "PCR banks", MARK_UNKNOWN, "unknown",
		    "the kernel lists them in /sys/class/tpm/tpm0/pcr-* since 5.12");
	}
}

/* A measured extend would change a PCR for good; what one command that only asks costs
 * is the least that an extend costs. */
static void
extend_time(struct judge *j)
{
	const struct tpm_caps *t = &j->m->tpm;
	bool hmac = judge_option(j, "CONFIG_TCG_TPM2_HMAC") == FACT_YES;
	double ms = (double)t->command_ns / 1e6;

	if (!t->have)
		return;
	judge_item(j, GROUP_TPM, "tpm-time", "one command", ms > 50 ? MARK_WARN : MARK_INFO,
	    judge_text(j, "%.2f ms", ms), "the quickest answer to a question; a PCR extend takes at least "
	    "as long%s, and IMA makes one for each new file (not tried: it would change a PCR for good)",
	    hmac ? ", with CONFIG_TCG_TPM2_HMAC tens of milliseconds more" : "");
	if (hmac)
		judge_advise(j, 45, "tpm-hmac", "CONFIG_TCG_TPM2_HMAC makes each extend several times slower "
		    "(measured elsewhere: 24 to 158 ms instead of 8).  Where nobody can listen on "
		    "the bus, boot a kernel without it, or (from 6.13 on) with tpm.disable_pcr_integrity=1.");
}

static void
event_log(struct judge *j)
{
	if (j->m->tpm_event_log != ACCESS_ABSENT) {
		judge_item(j, GROUP_TPM, "tpm-event-log", "firmware event log", MARK_GOOD, "yes", "%s", "");
		return;
	}
	judge_item(j, GROUP_TPM, "tpm-event-log", "firmware event log", MARK_WARN, "none",
	    "what the boot PCRs were made of cannot be told");
	judge_advise(j, 30, "tpm-event-log", "There is no firmware event log, so the boot PCRs can only be "
	    "compared as a whole.  Boot through UEFI with a boot loader that hands the log on.");
}

static void
no_tpm(struct judge *j)
{
	bool can = judge_option(j, "CONFIG_TCG_TPM") != FACT_NO;

	judge_item(j, GROUP_TPM, "tpm", "TPM", MARK_BAD, "none", "%s",
	    can ? "the kernel sees none" : "the kernel was built without support for one");
	judge_advise(j, 100, "no-tpm", "There is no TPM that the kernel can use: nothing that this machine "
	    "says about itself can be proved to somebody else.  %s", can ?
	    "Switch it on in the firmware, fit one, or give the virtual machine one (with QEMU: swtpm)." :
	    "Boot a kernel with CONFIG_TCG_TPM.");
}

void
judge_tpm(struct judge *j)
{
	const struct machine *m = j->m;

	if (!m->tpm_class && !m->tpm.have) {
		no_tpm(j);
		return;
	}
	if (m->tpm.have) {
		version(j);
		maker(j);
		faults(j);
	} else {
		bool one = m->tpm_major.known && m->tpm_major.n == 1;

		judge_item(j, GROUP_TPM, "tpm", "TPM", one ? MARK_BAD : MARK_UNKNOWN,
		    !m->tpm_major.known ? "present" : one ? "1.2" : "2.0", "%s", one ?
		    "too old: SHA-1 only" : m->tpm_error != NULL ? m->tpm_error :
		    m->recorded ? "who made it was not recorded" : "no device of it can be opened");
		if (one)
			judge_advise(j, 96, "tpm-1.2", "The TPM is of version 1.2, which knows SHA-1 only.  Some can "
			    "be switched to 2.0 in the firmware; otherwise fit another.");
		else if (m->tpm_error != NULL && !m->root)
			judge_advise(j, 10, "tpm-access", "Who made the TPM and which faults its firmware has could "
			    "not be asked: run this as root or as a member of the group tss.");
	}
	banks(j);
	extend_time(j);
	event_log(j);
	if (m->deep_sleep && m->tpm.have && m->tpm.revision <= 138)
		judge_item(j, GROUP_TPM, "tpm-sleep", "sleep (S3)", MARK_INFO, "possible",
		    "some firmware lets PCRs be reset over a sleep (CVE-2018-6622); a rise of the signed "
		    "restartCount tells of it");
}
