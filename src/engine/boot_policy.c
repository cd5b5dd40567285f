#include "engine/boot_policy.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "engine/boot_internal.h"
#include "engine/boot_policy_internal.h"
#include "engine/boot_profile.h"

#define SENTENCE_MAX 900

int
demand_failed(struct demands *d, enum reason reason, struct err *e, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return check_fail(d->r, CHECK_BOOT_POLICY, reason, e, "%s", text);
}

int
demand_open(struct demands *d, struct err *e, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;

	d->open = true;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return result_warn(d->r, e, "%s", text);
}

int
demand_needs(struct demands *d, const char *what, unsigned pcr, bool *go, struct err *e)
{
	const struct boot_report *report = d->report;

	*go = false;
	if (!report->has_log)
		return demand_open(d, e, "the policy demands %s, but no event log was given", what);
	*go = boot_pcr_authentic(report, pcr);
	if (*go)
		return 0;
	if (report->pcr[pcr].state == BOOT_PCR_MISMATCH)
		return demand_open(d, e, "the policy demands %s, but the event log does not replay to "
		    "PCR %u", what, pcr);
	return demand_open(d, e, "the policy demands %s, but no quote proves PCR %u of bank %s", what,
	    pcr, digest_alg_name(report->bank));
}

static int
judge_secure_boot(struct demands *d, struct err *e)
{
	const struct boot_facts *f = &d->report->facts;
	bool go;
	int rc = demand_needs(d, "Secure Boot", 7, &go, e);

	if (rc != 0 || !go)
		return rc;
	if (f->secure_boot == BOOT_OFF)
		return demand_failed(d, REASON_SECURE_BOOT, e, "Secure Boot is off (event %llu)",
		    (unsigned long long)f->secure_boot_event);
	if (f->secure_boot != BOOT_ON && f->pcr7_unproven != 0)
		return demand_failed(d, REASON_SECURE_BOOT, e, "Secure Boot is not proven to be on: "
		    "event %llu: %s", (unsigned long long)f->pcr7_unproven, f->secure_boot_why);
	if (f->secure_boot != BOOT_ON)
		return demand_failed(d, REASON_SECURE_BOOT, e, "Secure Boot is not proven to be on: %s",
		    f->secure_boot_why);
	if (f->shim_insecure)
		return demand_failed(d, REASON_SECURE_BOOT, e, "Secure Boot is on, but shim was told not "
		    "to check what it starts (MokSBState)");
	if (f->debug_mode)
		return demand_failed(d, REASON_SECURE_BOOT, e, "Secure Boot is on, but the firmware runs in "
		    "debug mode");
	return 0;
}

static bool
listed(const json_t *list, const struct digest *seen)
{
	const json_t *one;
	struct digest d;
	size_t i;

	json_array_foreach(list, i, one)
		if (demand_digest(json_string_span(one), &d) && digest_eq(&d, seen))
			return true;
	return false;
}

static int
judge_signer(struct demands *d, const json_t *list, const struct boot_authority *a, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(KIB(64));

	if (a->kind != BOOT_AUTHORITY_OTHER &&
	    listed(list, &a->fingerprint))
		return 0;
	buf_escape(&b, a->source);
	if (a->kind == BOOT_AUTHORITY_OTHER)
		return demand_failed(d, REASON_BOOT_SIGNER, e, "event %llu: an authority from %s is neither "
		    "a certificate nor a digest", (unsigned long long)a->event, buf_cstr(&b));
	buf_printf(&b, ", %s sha256:", boot_authority_token(a->kind));
	buf_hex(&b, digest_view(&a->fingerprint));
	if (a->subject.n > 0) {
		buf_str(&b, " (");
		buf_escape(&b, span_head(a->subject, 256));
		buf_u8(&b, ')');
	}
	return demand_failed(d, REASON_BOOT_SIGNER, e, "event %llu: something was started on the "
	    "authority of %s, which the policy does not name", (unsigned long long)a->event,
	    buf_cstr(&b));
}

static int
judge_signers(struct demands *d, const json_t *list, struct err *e)
{
	const struct boot_facts *f = &d->report->facts;
	bool go;
	int rc;

	if (list == NULL)
		return 0;
	if ((rc = demand_needs(d, "signers", 7, &go, e)) != 0 || !go)
		return rc;
	if (f->pcr7_unproven != 0)
		return demand_failed(d, REASON_BOOT_SIGNER, e, "event %llu of PCR 7 proves nothing and "
		    "could hide a signer", (unsigned long long)f->pcr7_unproven);
	if (f->n_authorities == 0)
		return demand_failed(d, REASON_BOOT_SIGNER, e, "no signature was checked in this boot: "
		    "PCR 7 has no authority");
	for (size_t i = 0; i < f->n_authorities; i++)
		if ((rc = judge_signer(d, list, &f->authorities[i], e)) != 0)
			return rc;
	return 0;
}

/* The digest of an image in any bank in which PCR 4 is proven. */
static bool
image_listed(const struct demands *d, const json_t *list, const struct boot_image *image)
{
	const struct tcg_event *ev = &d->report->log.events[image->event - 1].ev;

	for (size_t i = 0; i < d->report->n_proven; i++) {
		enum digest_alg bank = d->report->proven[i].bank;
		struct digest seen;

		if (boot_pcr_proven(d->report, bank, 4) &&
		    digest_make(bank, tcg_event_digest(ev, bank), &seen) && listed(list, &seen))
			return true;
	}
	return false;
}

/* Whether a digest in the list is of a bank in which PCR 4 is proven. */
static bool
comparable(const struct demands *d, const json_t *list)
{
	const json_t *one;
	struct digest wanted;
	size_t i;

	json_array_foreach(list, i, one)
		if (demand_digest(json_string_span(one), &wanted) &&
		    boot_pcr_proven(d->report, wanted.alg, 4))
			return true;
	return false;
}

static int
judge_image(struct demands *d, const json_t *loaders, const struct boot_image *image, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(KIB(1));

	if (image_listed(d, loaders, image))
		return 0;
	buf_printf(&b, "%s:", digest_alg_name(d->report->bank));
	buf_hex(&b, image->digest);
	return demand_failed(d, REASON_BOOT_KERNEL, e, "event %llu: the image %s was started, which the "
	    "policy does not name", (unsigned long long)image->event, buf_cstr(&b));
}

/* "The last image is the kernel" would not do: whoever is root can extend PCR 4 with an
 * approved kernel's digest after the boot.  So every image must be one that is named. */
static int
judge_kernel(struct demands *d, const json_t *kernels, const json_t *loaders, struct err *e)
{
	const struct boot_facts *f = &d->report->facts;
	size_t found = 0;
	bool go;
	int rc;

	if (kernels == NULL)
		return 0;
	if ((rc = demand_needs(d, "a kernel", 4, &go, e)) != 0 || !go)
		return rc;
	if (!comparable(d, kernels))
		return demand_open(d, e, "the policy demands a kernel, but names no digest of a bank that is "
		    "proven (%s is)", digest_alg_name(d->report->bank));
	for (size_t i = 0; i < f->n_images; i++) {
		if (f->images[i].pcr != 4)
			continue;
		if (image_listed(d, kernels, &f->images[i]))
			found++;
		else if ((rc = judge_image(d, loaders, &f->images[i], e)) != 0)
			return rc;
	}
	if (found > 0)
		return 0;
	return demand_failed(d, REASON_BOOT_KERNEL, e, "no kernel that the policy names was measured "
	    "into PCR 4 (%s digests)", digest_alg_name(d->report->bank));
}

/* A quoted value needs no log; a value that boot_aggregate proves is as good. */
static const uint8_t *
authentic_value(const struct demands *d, enum digest_alg bank, unsigned pcr)
{
	const struct tpm_pcr_bank *quoted = boot_quoted(d->in, bank);

	if (quoted != NULL && (quoted->mask & 1u << pcr) != 0)
		return quoted->v[pcr];
	if (bank == d->report->bank && boot_pcr_authentic(d->report, pcr))
		return d->report->pcr[pcr].v;
	return NULL;
}

static int
judge_pcr(struct demands *d, const char *bank_name, const char *key, const json_t *values,
    struct err *e)
{
	enum digest_alg bank = digest_alg_by_name(span_str(bank_name));
	BUF_AUTO struct buf b = buf_init(KIB(1));
	const uint8_t *seen;
	const json_t *one;
	unsigned pcr;
	size_t i;

	if (!boot_pcr_key(key, &pcr))
		return err_set(e, ERR_INTERNAL, "a PCR number that was checked is none");
	seen = authentic_value(d, bank, pcr);
	if (seen == NULL)
		return demand_open(d, e, "the policy demands a value of PCR %u, but no quote covers it in "
		    "bank %s", pcr, bank_name);
	json_array_foreach(values, i, one) {
		uint8_t v[LIMIT_DIGEST];

		if (hex_fixed(json_string_span(one), v, digest_alg_size(bank)) &&
		    memcmp(v, seen, digest_alg_size(bank)) == 0)
			return 0;
	}
	buf_hex(&b, span_of(seen, digest_alg_size(bank)));
	return demand_failed(d, REASON_BOOT_PCR, e, "PCR %u of bank %s is %s, which the policy does not "
	    "name", pcr, bank_name, buf_cstr(&b));
}

static int
judge_pcrs(struct demands *d, json_t *pcrs, struct err *e)
{
	int rc = 0;

	for (void *at = json_object_iter(pcrs); at != NULL; at = json_object_iter_next(pcrs, at)) {
		json_t *bank = json_object_iter_value(at);

		for (void *in = json_object_iter(bank); in != NULL && rc == 0;
		    in = json_object_iter_next(bank, in))
			rc = judge_pcr(d, json_object_iter_key(at), json_object_iter_key(in),
			    json_object_iter_value(in), e);
	}
	return rc;
}

static int
compare_profiles(struct demands *d, const json_t *list, size_t n, struct boot_profile_diff *best,
    bool *met, struct err *e)
{
	*best = (struct boot_profile_diff){ .same = true };
	*met = false;
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_is_array(list) ? json_array_get(list, i) : list;
		struct boot_profile_diff diff;
		int rc = boot_profile_compare(one, d->report, &diff, e);

		if (rc != 0)
			return rc;
		*met |= diff.same && diff.judged;
		/* What could not be judged may still fit, so it keeps the answer open. */
		if (i == 0 || (best->same ? false : diff.same || diff.matched > best->matched))
			*best = diff;
	}
	return 0;
}

static int
judge_profile(struct demands *d, const json_t *p, struct err *e)
{
	size_t n = json_is_array(p) ? json_array_size(p) : 1;
	struct boot_profile_diff best;
	bool met;
	int rc;

	if (p == NULL || (rc = compare_profiles(d, p, n, &best, &met, e)) != 0)
		return p == NULL ? 0 : rc;
	if (met)
		return 0;
	if (best.same && !d->report->has_log)
		return demand_open(d, e, "the policy demands a boot profile, but no event log was given");
	if (best.same)
		return demand_open(d, e, "the policy demands a boot profile, but no quote proves PCR %u in "
		    "its bank", best.unjudged_pcr);
	return demand_failed(d, REASON_BOOT_PROFILE, e, "the boot is not the recorded one%s: %s",
	    n > 1 ? " (nearest of several)" : "", best.text);
}

/* Each kernel begins with a boot_aggregate; the firmware saw the first. */
static int
judge_started_since(struct demands *d, const json_t *p, struct err *e)
{
	if (d->in->n_aggregates < 2 || (json_object_get(p, "kernel") == NULL && json_object_get(p, "cmdline") == NULL))
		return 0;
	return demand_open(d, e, "the policy demands a kernel or a command line, but another kernel was started"
	    " by kexec, of which the event log tells nothing");
}

#define DAY ((int64_t)86400)

int64_t
boot_policy_expires(const json_t *const *policies, int64_t began)
{
	int64_t first = 0;

	for (size_t i = 0; policies != NULL && policies[i] != NULL && began != 0; i++) {
		json_int_t days = json_integer_value(json_object_get(policies[i], "max_age_days"));

		if (days > 0 && days <= BOOT_AGE_DAYS && (first == 0 || began + days * DAY < first))
			first = began + days * DAY;
	}
	return first;
}

/* The sentence says when, not how long ago: it must not differ from one quote to the next. */
static int
judge_age(struct demands *d, const json_t *days, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(64);

	if (days == NULL)
		return 0;
	if (d->in->began == 0)
		return demand_open(d, e, "the policy demands a boot of at most %lld days, but when this one was first"
		    " seen is not known here: a server that attests the host knows", (long long)json_integer_value(days));
	if (d->in->now < d->in->began + json_integer_value(days) * DAY)
		return 0;
	buf_rfc3339(&b, d->in->began);
	return demand_failed(d, REASON_BOOT_TOO_OLD, e, "this boot was first seen at %s, and the policy wants the host"
	    " started anew every %lld days", buf_cstr(&b), (long long)json_integer_value(days));
}

static int
judge(struct demands *d, const json_t *p, struct err *e)
{
	int rc;

	if ((rc = boot_policy_check(p, e)) != 0)
		return rc;
	if (json_object_get(p, "secure_boot") != NULL && (rc = judge_secure_boot(d, e)) != 0)
		return rc;
	if ((rc = judge_signers(d, json_object_get(p, "signers"), e)) != 0 ||
	    (rc = judge_kernel(d, json_object_get(p, "kernel"), json_object_get(p, "loaders"), e)) != 0 ||
	    (rc = boot_cmdline_judge(d, json_object_get(p, "cmdline"), e)) != 0 ||
	    (rc = judge_pcrs(d, json_object_get(p, "pcrs"), e)) != 0 ||
	    (rc = judge_age(d, json_object_get(p, "max_age_days"), e)) != 0)
		return rc;
	if ((rc = judge_started_since(d, p, e)) != 0)
		return rc;
	return judge_profile(d, json_object_get(p, "profile"), e);
}

int
boot_policy_appraise(const struct boot_input *in, const struct boot_report *report,
    struct result *r, struct err *e)
{
	struct demands d = { .in = in, .report = report, .r = r };
	size_t n = 0;

	for (; in->policies != NULL && in->policies[n] != NULL; n++) {
		int rc = judge(&d, in->policies[n], e);

		if (rc != 0)
			return rc;
	}
	return n == 0 || d.open ? 0 : check_pass(r, CHECK_BOOT_POLICY);
}
