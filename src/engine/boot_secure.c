/* PCR 7: Secure Boot's state, its data bases, and what they allowed to run.
 *
 * TCG PC Client Platform Firmware Profile 1.06, 3.3.4.8: the firmware measures the
 * variables (SecureBoot first), then a separator, then each authority when an image
 * is verified with it.  shim goes on with its own.
 */
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/pubkey.h"
#include "engine/boot_facts_internal.h"
#include "formats/uefi_sig.h"

struct pcr7 {
	bool separated;
	bool error;			/* a separator reported an error */
	unsigned seen;			/* SecureBoot events */
	bool contradictory;
	bool value;
};

static int
add_authority(struct arena *a, struct boot_authority **list, size_t *n, size_t *cap,
    const struct boot_authority *one, struct err *e)
{
	struct boot_authority *grown = arena_grow(a, *list, *n, cap, sizeof(**list));

	if (grown == NULL)
		return arena_err(a, e);
	*list = grown;
	grown[(*n)++] = *one;
	return 0;
}

static int
describe_cert(struct span der, struct arena *a, struct boot_authority *x, struct err *e)
{
	PUBKEY_AUTO struct pubkey *key = NULL;
	int rc;

	x->kind = BOOT_AUTHORITY_CERT;
	if ((rc = digest_of(DIGEST_SHA256, der, &x->fingerprint, e)) != 0)
		return rc;
	/* A certificate that we would not use ourselves is still identified by its bytes. */
	if (pubkey_parse(der, &key, NULL) != 0)
		return 0;
	return arena_copy(a, span_str(pubkey_subject(key)), &x->subject) ? 0 : arena_err(a, e);
}

static int
variable_name(const struct tcg_variable *v, struct arena *a, struct span *out, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_EVENT_LOG * 2);

	tcg_variable_name_put(v, &b);
	if (b.why != 0)
		return buf_done(&b, e);
	return arena_copy(a, buf_view(&b), out) ? 0 : arena_err(a, e);
}

/* Firmware measures EFI_SIGNATURE_DATA (owner, content), shim the content alone. */
static int
classify(const struct boot_event *n, struct arena *a, struct boot_authority *x, struct err *e)
{
	struct span all = n->data.u.variable.content;
	struct span inner = span_from(all, UEFI_GUID_SIZE);

	x->kind = BOOT_AUTHORITY_OTHER;
	if (all.n > 0 && uefi_der_size(all) == all.n)
		return describe_cert(all, a, x, e);
	if (inner.n > 0 && uefi_der_size(inner) == inner.n)
		return describe_cert(inner, a, x, e);
	if ((inner.n == 32 && digest_make(DIGEST_SHA256, inner, &x->fingerprint)) ||
	    (all.n == 32 && digest_make(DIGEST_SHA256, all, &x->fingerprint)))
		x->kind = BOOT_AUTHORITY_HASH;
	return 0;
}

static bool
shim_variable(const struct tcg_variable *v, const char *name)
{
	return tcg_variable_is(v, UEFI_GUID_SHIM, name);
}

static int
see_authority(const struct boot_event *n, struct arena *a, struct boot_facts *f, struct err *e)
{
	const struct tcg_variable *v = &n->data.u.variable;
	struct boot_authority x = { .event = n->ev.number };
	int rc;

	if (shim_variable(v, "SbatLevel")) {
		f->sbat_level = v->content;
		return 0;
	}
	if (shim_variable(v, "MokSBState")) {
		f->shim_insecure |= !span_zero(v->content);
		return 0;
	}
	/* Whether MokListTrusted was set: keys of the owner may check kernels. */
	if (shim_variable(v, "MokListTrusted") && v->content.n == 1)
		return 0;
	if ((rc = variable_name(v, a, &x.source, e)) != 0 || (rc = classify(n, a, &x, e)) != 0)
		return rc;
	return add_authority(a, &f->authorities, &f->n_authorities, &f->cap_authorities, &x, e);
}

static bool
are_sig_lists(struct span content)
{
	struct uefi_sigs sigs = uefi_sigs_open(content);
	struct uefi_sig sig;
	int rc;

	while ((rc = uefi_sigs_next(&sigs, &sig, NULL)) > 0)
		continue;
	return rc == 0;
}

static int
see_db(const struct boot_event *n, struct arena *a, struct boot_facts *f, struct err *e)
{
	struct uefi_sigs sigs = uefi_sigs_open(n->data.u.variable.content);
	struct uefi_sig sig;
	int rc = 0;

	while (rc == 0 && uefi_sigs_next(&sigs, &sig, NULL) > 0) {
		struct boot_authority x = { .event = n->ev.number, .source = span_lit("db"),
		    .kind = BOOT_AUTHORITY_OTHER };

		if (sig.type == UEFI_SIG_X509)
			rc = describe_cert(sig.content, a, &x, e);
		else if (sig.type == UEFI_SIG_SHA256 &&
		    digest_make(DIGEST_SHA256, sig.content, &x.fingerprint))
			x.kind = BOOT_AUTHORITY_HASH;
		if (rc == 0)
			rc = add_authority(a, &f->db, &f->n_db, &f->cap_db, &x, e);
	}
	return rc;
}

static int
see_config(const struct boot_event *n, struct pcr7 *p, struct arena *a, struct boot_facts *f,
    struct err *e)
{
	const struct tcg_variable *v = &n->data.u.variable;

	if (tcg_variable_is(v, UEFI_GUID_GLOBAL, "SecureBoot")) {
		bool on = v->content.n == 1 && v->content.p[0] == 1;

		/* Said twice, it must be said alike; after the separator anybody may say it. */
		p->contradictory |= p->separated && p->seen == 0;
		p->contradictory |= p->seen > 0 && on != p->value;
		p->value = on;
		p->seen++;
		f->secure_boot_event = n->ev.number;
		return 0;
	}
	/* An authority passed off as configuration would go unseen: behind the separator
	 * all are authorities, and before it the data base holds signature lists. */
	if (p->separated)
		return see_authority(n, a, f, e);
	if (!tcg_variable_is(v, UEFI_GUID_SECURITY_DB, "db"))
		return 0;
	return are_sig_lists(v->content) ? see_db(n, a, f, e) : see_authority(n, a, f, e);
}

static void
see_action(const struct boot_event *n, struct boot_facts *f)
{
	f->debug_mode |= span_is(n->data.u.text, "UEFI Debug Mode");
	f->dma_protection_off |= span_is(n->data.u.text, "DMA Protection Disabled");
}

/* One event that is no separator.  What is not proven, or of a kind that nobody
 * measures there, is remembered: it may hide anything. */
static int
see(const struct boot_event *n, struct pcr7 *p, struct arena *a, struct boot_facts *f, struct err *e)
{
	bool whole = n->bind == BOOT_BIND_DATA;

	if (whole && n->data.kind == TCG_DATA_VARIABLE && n->ev.type == EV_EFI_VARIABLE_DRIVER_CONFIG)
		return see_config(n, p, a, f, e);
	if (whole && n->data.kind == TCG_DATA_VARIABLE && n->ev.type == EV_EFI_VARIABLE_AUTHORITY)
		return see_authority(n, a, f, e);
	if (boot_event_proven(n) && n->data.kind == TCG_DATA_TEXT &&
	    (n->ev.type == EV_EFI_ACTION || n->ev.type == EV_ACTION))
		see_action(n, f);
	else if (f->pcr7_unproven == 0)
		f->pcr7_unproven = n->ev.number;
	return 0;
}

static void
conclude(const struct pcr7 *p, struct boot_facts *f)
{
	const char *why = NULL;

	if (p->seen == 0)
		why = "the log has no event for the variable SecureBoot";
	else if (!p->separated)
		why = "PCR 7 has no separator";
	else if (p->error)
		why = "a separator in PCR 7 is not that of UEFI firmware without an error";
	else if (p->contradictory)
		why = "the variable SecureBoot is measured with different values or after the separator";
	else if (f->pcr7_unproven != 0)
		why = "PCR 7 has an event that proves nothing and could hide another state";
	if (why != NULL) {
		f->secure_boot_why = why;
		return;
	}
	f->secure_boot = p->value ? BOOT_ON : BOOT_OFF;
	if (!p->value)
		f->secure_boot_why = "the firmware measured SecureBoot as off";
}

int
boot_secure_boot_find(const struct boot_log *log, struct arena *a, struct boot_facts *f,
    struct err *e)
{
	struct pcr7 p = { 0 };
	int rc;

	for (size_t i = 0; i < log->n_events; i++) {
		const struct boot_event *n = &log->events[i];
		enum boot_separator separator;

		if (n->ev.pcr != 7 || n->ev.type == EV_NO_ACTION)
			continue;
		if ((separator = boot_separator(log, n)) != BOOT_SEPARATOR_NONE) {
			p.separated = true;
			p.error |= separator != BOOT_SEPARATOR_UEFI;
		} else if ((rc = see(n, &p, a, f, e)) != 0) {
			return rc;
		}
	}
	conclude(&p, f);
	return 0;
}
