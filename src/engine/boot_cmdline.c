/* The demand on the kernel's command line.
 *
 * A demand is compared with the text as /proc/cmdline has it.  GRUB measures it without
 * the word "BOOT_IMAGE=" that it puts in front.  The kernel's EFI stub measures the load
 * options, UTF-16 with a NUL, and logs no text: an exact demand is then hashed and
 * compared, and the text that the host tells of itself counts if its digest is right.
 */
#include "base/text.h"
#include "crypto/digest.h"
#include "engine/boot_policy_internal.h"
#include "engine/pattern.h"

#define BOOT_IMAGE "BOOT_IMAGE="

struct wanted {
	const json_t *list;
	struct pattern_set *set;		/* the regular expressions, in order */
	struct pattern_scratch *scratch;
};

static int
check_one(const json_t *one, size_t i, struct err *e)
{
	static const char *const keys[] = { "regex", NULL };
	char where[64];
	json_t *regex;
	int rc;

	(void)snprintf(where, sizeof(where), "boot/cmdline/%zu", i);
	if (json_is_string(one))
		return 0;
	if ((rc = json_only(one, where, keys, e)) != 0)
		return err_hint(e, rc, "each is an exact text or { \"regex\": \"...\" }");
	return json_member(one, where, "regex", JSON_STRING, true, &regex, e);
}

/* Compiles what is a regular expression; the set is the caller's to free. */
static int
compile(const json_t *list, struct pattern_set **set, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(16));
	struct policy_pattern *p = arena_array(&a, json_array_size(list) + 1, sizeof(*p));
	size_t n = 0, i;
	const json_t *one;
	int rc;

	if (p == NULL)
		return arena_err(&a, e);
	json_array_foreach(list, i, one)
		if (json_is_object(one))
			p[n++] = (struct policy_pattern){ json_string_span(json_object_get(one, "regex")),
			    POLICY_MATCH_FULL };
	/* The set borrows the text from the JSON, not from the array. */
	if ((rc = pattern_set_new(p, n, set, e)) != 0)
		return err_ctx(e, rc, "boot/cmdline");
	return 0;
}

int
boot_cmdline_check(const json_t *list, struct err *e)
{
	PATTERN_SET_AUTO struct pattern_set *set = NULL;
	const json_t *one;
	size_t i;
	int rc;

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0)
		return err_set(e, ERR_FORMAT, "boot/cmdline is not a list of command lines");
	json_array_foreach(list, i, one)
		if ((rc = check_one(one, i, e)) != 0)
			return rc;
	return compile(list, &set, e);
}

/* Whether ${text}, as it is, meets one of the demands. */
static int
meets(const struct wanted *w, struct span text, bool *met, struct err *e)
{
	const json_t *one;
	size_t i, hit = SIZE_MAX;
	int rc;

	json_array_foreach(w->list, i, one)
		if (json_is_string(one) && span_eq(json_string_span(one), text)) {
			*met = true;
			return 0;
		}
	if ((rc = pattern_match(w->set, w->scratch, text, &hit, e)) != 0)
		return rc;
	*met = hit != SIZE_MAX;
	return 0;
}

static int
grub_meets(const struct wanted *w, struct span text, bool *met, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_EVENT_LOG * 2);
	int rc;

	if ((rc = meets(w, text, met, e)) != 0 || *met)
		return rc;
	buf_str(&b, BOOT_IMAGE);
	buf_span(&b, text);
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	return meets(w, buf_view(&b), met, e);
}

/* The text the host tells; /proc/cmdline ends with a newline. */
static struct span
told(const struct demands *d)
{
	struct span s = d->in->cmdline;

	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	return s;
}

static int
stub_meets(const struct demands *d, const struct wanted *w, const struct boot_cmdline *c, bool *met,
    bool *known, struct err *e)
{
	enum digest_alg alg = d->report->bank;
	const json_t *one;
	bool same;
	size_t i;
	int rc;

	json_array_foreach(w->list, i, one) {
		if (!json_is_string(one))
			continue;
		if ((rc = boot_is_load_options(alg, json_string_span(one), c->digest, &same, e)) != 0)
			return rc;
		*met |= same;
	}
	*known = *met;
	if (*met || d->in->cmdline.n == 0)
		return 0;
	if ((rc = boot_is_load_options(alg, told(d), c->digest, known, e)) != 0 || !*known)
		return rc;
	return meets(w, told(d), met, e);
}

static int
tell(struct demands *d, const struct boot_cmdline *c, bool known, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_EVENT_LOG * 8);
	unsigned long long event = (unsigned long long)c->event;

	if (c->has_text || known) {
		buf_escape(&b, span_head(c->has_text ? c->text : told(d), 512));
		return demand_failed(d, REASON_BOOT_CMDLINE, e,
		    "event %llu: the kernel's command line is \"%.640s\", which the policy does not name",
		    event, buf_cstr(&b));
	}
	return demand_failed(d, REASON_BOOT_CMDLINE, e, "event %llu: the kernel's command line is none of "
	    "those the policy names; the log has only its digest, so a regular expression cannot be "
	    "tried%s", event, d->in->cmdline.n > 0 ? ", and the text given beside it has another digest" :
	    " without the text");
}

static int
judge_one(struct demands *d, const struct wanted *w, const struct boot_cmdline *c, struct err *e)
{
	bool met = false, known = false;
	int rc;

	if (c->source == BOOT_CMDLINE_STUB && !c->has_text)
		rc = stub_meets(d, w, c, &met, &known, e);
	else if (c->source == BOOT_CMDLINE_SYSTEMD || c->source == BOOT_CMDLINE_STUB)
		rc = meets(w, c->text, &met, e);
	else
		rc = grub_meets(w, c->text, &met, e);
	return rc != 0 || met ? rc : tell(d, c, known, e);
}

/* Whether nothing can have been measured into ${pcr} since IMA started. */
static bool
closed_since_boot(const struct demands *d, unsigned pcr)
{
	return pcr <= d->report->aggregate_reach;
}

static int
judge_all(struct demands *d, const struct wanted *w, struct err *e)
{
	const struct boot_facts *f = &d->report->facts;
	size_t judged = 0, beyond = 0, closed = 0;
	int rc;

	for (size_t i = 0; i < f->n_cmdlines; i++) {
		if (!boot_pcr_authentic(d->report, f->cmdlines[i].pcr)) {
			beyond++;
			continue;
		}
		judged++;
		closed += closed_since_boot(d, f->cmdlines[i].pcr);
		if ((rc = judge_one(d, w, &f->cmdlines[i], e)) != 0)
			return rc;
	}
	if (boot_pcr_authentic(d->report, 8) && f->pcr8_unproven != 0)
		return demand_failed(d, REASON_BOOT_CMDLINE, e, "event %llu of PCR 8 proves nothing and could "
		    "hide a command line", (unsigned long long)f->pcr8_unproven);
	/* systemd measures more than command lines there, so it need not hide one. */
	if (boot_pcr_authentic(d->report, 12) && f->pcr12_unproven != 0)
		return demand_open(d, e, "the policy demands a command line, but event %llu of PCR 12 proves"
		    " nothing and could hide one", (unsigned long long)f->pcr12_unproven);
	/* The EFI stub's own event can be relabelled among others of PCR 9, and what the policy
	 * wants to see be extended later. */
	if (judged > 0 && closed == 0)
		return demand_open(d, e, "the policy demands a command line, but the log has one only in PCRs that"
		    " boot_aggregate does not reach (it covers %s): whoever is root can extend them after the boot",
		    d->report->aggregate_reach == 0 ? "none" : d->report->aggregate_reach == 7 ? "0 to 7" : "0 to 9");
	if (judged > 0)
		return 0;
	if (beyond > 0)
		return demand_open(d, e, "the policy demands a command line, but no quote proves the PCR that "
		    "it was measured into");
	return demand_open(d, e, "the policy demands a command line, but nothing in this boot measured one");
}

int
boot_cmdline_judge(struct demands *d, const json_t *list, struct err *e)
{
	PATTERN_SET_AUTO struct pattern_set *set = NULL;
	PATTERN_SCRATCH_AUTO struct pattern_scratch *scratch = NULL;
	struct wanted w = { .list = list };
	int rc;

	if (list == NULL)
		return 0;
	if (!d->report->has_log)
		return demand_open(d, e, "the policy demands a command line, but no event log was given");
	if ((rc = compile(list, &set, e)) != 0 || (rc = pattern_scratch_new(&scratch, e)) != 0)
		return rc;
	w.set = set;
	w.scratch = scratch;
	return judge_all(d, &w, e);
}
