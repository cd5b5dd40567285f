#include "engine/match.h"

#include <stdlib.h>

#include "formats/monitor_list.h"

/* One way to read the list: from which values, and how many entries to step over. */
struct attempt {
	const struct resume_state *from;	/* NULL: from zero */
	uint64_t skip;
	uint64_t shift;
	enum ima_extend how;
};

/* The state of one attempt while it runs. */
struct run {
	const struct match_input *in;
	struct replay r;
	struct hasher *sha256, *digest;		/* digest: for a target known only by it */
	struct match *m;
};

static unsigned
list_pcr(const struct match_input *in)
{
	return in->pcr == 0 ? IMA_PCR : in->pcr;
}

void
match_done(struct match *m)
{
	free(m->wrong);
	m->wrong = NULL;
}

static int
note_wrong(struct match *m, const struct ima_entry *n, struct err *e)
{
	if (m->n_wrong == m->cap_wrong) {
		size_t cap = m->cap_wrong == 0 ? 16 : m->cap_wrong * 2;
		struct match_wrong *p = realloc(m->wrong, cap * sizeof(*p));

		if (p == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		m->wrong = p;
		m->cap_wrong = cap;
	}
	m->wrong[m->n_wrong++] = (struct match_wrong){ n->number, n->pcr };
	return 0;
}

/* What identifies a record across lists and formats: PCR, violation or not, data. */
static int
record_digest(struct hasher *h, const struct ima_entry *n, struct digest *d, struct err *e)
{
	uint8_t head[5] = { (uint8_t)n->pcr, (uint8_t)(n->pcr >> 8), (uint8_t)(n->pcr >> 16),
	    (uint8_t)(n->pcr >> 24), n->violation };
	uint8_t md[32];

	if (!hasher_run(h, span_of(head, sizeof(head)), n->data, md) ||
	    !digest_make(DIGEST_SHA256, span_of(md, sizeof(md)), d))
		return err_set(e, ERR_CRYPTO, "hashing entry %llu", (unsigned long long)n->number);
	return 0;
}

/* Whether the PCR that was just extended now has the quoted value. */
static bool
reached(struct run *x, uint32_t pcr)
{
	const struct match_target *t = x->in->target;
	size_t size = digest_alg_size(x->r.pcrs.bank);
	uint8_t md[LIMIT_DIGEST];

	if (t == NULL)
		return false;
	if (!t->by_digest)
		return ((t->covered >> pcr) & 1) != 0 && memcmp(x->r.pcrs.v[pcr], t->v[pcr], size) == 0;
	return pcr == list_pcr(x->in) && hasher_start(x->digest) && hasher_add(x->digest, t->before) &&
	    hasher_add(x->digest, span_of(x->r.pcrs.v[pcr], size)) &&
	    hasher_add(x->digest, t->after) && hasher_finish(x->digest, md) &&
	    span_eq(span_of(md, t->digest.size), digest_view(&t->digest));
}

/* Whether the list's PCR now has the value it had in the state that the replay did not begin at. */
static bool
passes_state(const struct run *x)
{
	const struct resume_state *s = x->in->resume;
	uint32_t pcr = list_pcr(x->in);

	for (size_t i = 0; s != NULL && !x->m->from_state && i < s->n_pcrs; i++)
		if (s->pcrs[i].index == pcr)
			return span_eq(digest_view(&s->pcrs[i].value),
			    span_of(x->r.pcrs.v[pcr], digest_alg_size(x->r.pcrs.bank)));
	return false;
}

static int
note_match(struct run *x, const struct ima_entry *n, struct err *e)
{
	struct match *m = x->m;

	m->authenticated[n->pcr] = n->number;
	m->behind[n->pcr] = 0;
	if (n->pcr != list_pcr(x->in))
		return 0;
	m->kind = MATCH_PREFIX;
	m->at_match = x->r.pcrs;
	m->count_at_match = x->r.count;
	return record_digest(x->sha256, n, &m->last, e);
}

static int
run_entry(struct run *x, struct ima_entry *n, const struct attempt *a, struct err *e)
{
	struct match *m = x->m;
	bool right;
	int rc;

	m->violations += n->violation;
	n->number += a->shift;
	m->total = n->number;
	if (n->number - a->shift <= a->skip)
		return 0;
	if ((rc = replay_entry(&x->r, n, &right, e)) != 0)
		return rc;
	if (!right && (rc = note_wrong(m, n, e)) != 0)
		return rc;
	m->passed_state |= n->pcr == list_pcr(x->in) && passes_state(x);
	if (reached(x, n->pcr))
		return note_match(x, n, e);
	if (m->behind[n->pcr] == 0)
		m->behind[n->pcr] = n->number;
	return 0;
}

/* Start from an earlier state's values; they may be the quoted ones already. */
static void
run_resume(struct run *x, const struct resume_state *s)
{
	struct pcr_values v = { .bank = s->bank };
	struct match *m = x->m;

	for (size_t i = 0; i < s->n_pcrs; i++) {
		v.used |= (uint64_t)1 << s->pcrs[i].index;
		memcpy(v.v[s->pcrs[i].index], s->pcrs[i].value.v, s->pcrs[i].value.size);
	}
	replay_resume(&x->r, s->count, &v);
	for (uint32_t i = 0; i < REPLAY_PCRS; i++)
		if ((v.used >> i) & 1 && reached(x, i))
			m->authenticated[i] = s->count;
	if (s->count > 0 && reached(x, list_pcr(x->in))) {
		m->kind = MATCH_PREFIX;
		m->at_match = v;
		m->count_at_match = s->count;
		m->last = s->last;
	}
}

static int
run_list(struct run *x, const struct attempt *a, struct err *e)
{
	struct ima_log log;
	struct ima_entry n;
	int rc;

	if ((rc = ima_log_open(x->in->list, &log, e)) != 0)
		return rc;
	x->m->total = a->shift;
	while ((rc = ima_log_next_frame(&log, &n, e)) > 0)
		if ((rc = run_entry(x, &n, a, e)) != 0)
			break;
	ima_log_close(&log);
	x->m->used = x->r.pcrs.used;
	x->m->at_end = x->r.pcrs;
	return rc;
}

static int
attempt_run(const struct match_input *in, enum digest_alg column, const struct attempt *a,
    struct match *m, struct err *e)
{
	HASHER_AUTO struct hasher *sha256 = NULL, *digest = NULL;
	struct match n = { .skip = a->skip, .shift = a->shift, .how = a->how,
	    .from_state = a->from != NULL };
	struct run x = { .in = in, .m = &n };
	int rc;

	if ((rc = hasher_new(DIGEST_SHA256, &sha256, e)) != 0 ||
	    (in->target != NULL && in->target->by_digest &&
	    (rc = hasher_new(in->target->digest.alg, &digest, e)) != 0) ||
	    (rc = replay_start(&x.r, in->bank, column, a->how, e)) != 0)
		return rc;
	x.sha256 = sha256;
	x.digest = digest;
	if (a->from != NULL)
		run_resume(&x, a->from);
	rc = run_list(&x, a, e);
	replay_end(&x.r);
	if (rc != 0) {
		match_done(&n);
		return rc;
	}
	match_done(m);
	*m = n;
	return 0;
}

/* The attempt as the state or any new kernel has it and, if that reaches nothing and it is
 * allowed, with zero-padded SHA-1 in both of its forms. */
static int
attempt_all(const struct match_input *in, enum digest_alg column, struct attempt a,
    struct match *m, struct err *e)
{
	int rc;

	a.how = a.from != NULL ? a.from->how : IMA_EXTEND_BANK;
	if ((rc = attempt_run(in, column, &a, m, e)) != 0)
		return rc;
	if (m->kind != MATCH_NONE || a.how != IMA_EXTEND_BANK || !in->allow_padded_sha1 ||
	    in->bank == DIGEST_SHA1)
		return 0;
	for (a.how = IMA_EXTEND_PADDED_SHA1; a.how <= IMA_EXTEND_PADDED_SHA1_OLD; a.how++) {
		struct match padded = { 0 };

		if ((rc = attempt_run(in, column, &a, &padded, e)) != 0)
			return rc;
		if (padded.kind != MATCH_NONE) {
			match_done(m);
			*m = padded;
			return 0;
		}
		match_done(&padded);
	}
	return 0;
}

/* What the list looks like beside the state: its length, whether it begins with the
 * boot's first entry, and behind which entry the state's last record stands. */
struct survey { uint64_t entries, first_at, last_at; bool begins_boot, last_fits; };

/* The execution monitor that takes its list up again says so in the same note. */
static bool
begins_boot(const struct ima_entry *n)
{
	struct monitor_note note;

	if (ima_entry_is_boot_aggregate(n))
		return true;
	return n->has_buf && span_is(n->path, monitor_note_name(MONITOR_NOTE_START)) &&
	    monitor_note_parse(MONITOR_NOTE_START, n->buf, &note, NULL) == 0 && note.why == MONITOR_WHY_FIRST;
}

static int
survey_list(const struct match_input *in, struct survey *s, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	const struct resume_state *from = in->resume;
	struct ima_log log;
	struct ima_entry n;
	struct digest d;
	int rc;

	*s = (struct survey){ 0 };
	if ((rc = hasher_new(DIGEST_SHA256, &h, e)) != 0 || (rc = ima_log_open(in->list, &log, e)) != 0)
		return rc;
	while ((rc = ima_log_next(&log, &n, e)) > 0) {
		s->entries++;
		if (s->entries == 1)
			s->begins_boot = begins_boot(&n);
		if (from == NULL)
			break;
		/* In a whole list only one place can hold the last record. */
		if (s->begins_boot && s->entries != from->count)
			continue;
		if ((rc = record_digest(h, &n, &d, e)) != 0)
			break;
		if (digest_eq(&d, &from->last)) {
			s->first_at = s->last_fits ? s->first_at : s->entries;
			s->last_at = s->entries;
			s->last_fits = true;
		}
	}
	ima_log_close(&log);
	return rc < 0 ? rc : 0;
}

/* The record of the state may stand there again: the kernel lists violations each time.  So
 * it is tried where it stands last, where it stands first, and as not being there. */
static int
continued(const struct match_input *in, enum digest_alg column, const struct survey *s,
    struct match *m, struct err *e)
{
	const uint64_t skips[] = { s->last_at, s->first_at, 0 };
	int rc = 0;

	for (size_t i = 0; i < 3 && rc == 0 && m->kind == MATCH_NONE; i++)
		if (i == 0 || skips[i] != skips[i - 1])
			rc = attempt_all(in, column, (struct attempt){ .from = in->resume, .skip = skips[i],
			    .shift = in->resume->count - skips[i] }, m, e);
	m->continuation = true;
	return rc;
}

/* A TPM Restart resets PCRs and no resetCount; the new list may look like the old one. */
static int
afresh(const struct match_input *in, enum digest_alg column, const struct survey *s, struct match *m,
    struct err *e)
{
	struct match fresh = { 0 };
	int rc = attempt_all(in, column, (struct attempt){ 0 }, &fresh, e);

	if (rc != 0)
		return rc;
	if (fresh.kind == MATCH_PREFIX || !s->last_fits) {
		match_done(m);
		*m = fresh;
	} else {
		match_done(&fresh);
	}
	return 0;
}

/* The list begins where the state ends. */
static int
behind(const struct match_input *in, enum digest_alg column, const struct survey *s, struct match *m,
    struct err *e)
{
	const struct resume_state *from = in->resume;
	int rc = attempt_all(in, column, (struct attempt){ .from = from, .shift = from->count }, m, e);

	m->continuation = true;
	if (s->begins_boot && m->kind == MATCH_PREFIX && m->count_at_match > from->count)
		m->kind = MATCH_KEXEC;
	return rc;
}

static int
resumed(const struct match_input *in, enum digest_alg column, const struct survey *s,
    struct match *m, struct err *e)
{
	const struct resume_state *from = in->resume;
	struct match kexec = { 0 };
	int rc;

	if (in->exact)
		return behind(in, column, s, m, e);
	if (!s->begins_boot)
		return in->whole ? attempt_all(in, column, (struct attempt){ 0 }, m, e) : continued(in, column, s, m, e);
	/* A list that goes on comes first: its beginning may also look like what another kernel measured. */
	if (s->last_fits && (rc = attempt_all(in, column, in->whole ? (struct attempt){ 0 } :
	    (struct attempt){ .from = from, .skip = from->count }, m, e)) != 0)
		return rc;
	if (m->kind == MATCH_PREFIX && (m->from_state || m->passed_state))
		return 0;
	/* A list that begins a boot, but goes on from where the old one stood: the TPM saw
	 * no reset, so another kernel was started without one, and each extension since the
	 * state stands in its list. */
	rc = attempt_all(in, column, (struct attempt){ .from = from, .shift = from->count }, &kexec, e);
	/* Behind the state's own value with nothing new, any list would "match". */
	if (rc != 0 || (kexec.kind == MATCH_PREFIX && kexec.count_at_match > from->count)) {
		match_done(m);
		*m = kexec;
		m->kind = MATCH_KEXEC;
		return rc;
	}
	match_done(&kexec);
	if ((rc = afresh(in, column, s, m, e)) != 0)
		return rc;
	if (m->kind == MATCH_NONE && s->entries < from->count)
		m->kind = MATCH_TOO_SHORT;
	return 0;
}

uint32_t
match_contradiction(const struct match *m, uint64_t covered)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < REPLAY_PCRS; i++)
		if (((covered >> i) & 1) != 0 && m->authenticated[i] > last)
			last = m->authenticated[i];
	for (uint32_t i = 0; i < REPLAY_PCRS; i++)
		if (((covered >> i) & 1) != 0 && m->behind[i] != 0 && m->behind[i] < last)
			return i;
	return REPLAY_PCRS;
}

int
match_list(const struct match_input *in, struct match *m, struct err *e)
{
	const struct match_target *t = in->target;
	struct match n = { 0 };
	struct survey s;
	enum digest_alg column;
	int rc;

	if ((rc = replay_column_alg(in->list, &column, e)) != 0 || (rc = survey_list(in, &s, e)) != 0)
		return rc;
	/* Where no algorithm fits the column, compare with the usual one, so that the
	 * entries are named as wrong. */
	if (column == DIGEST_NONE) {
		struct ima_log log;

		if ((rc = ima_log_open(in->list, &log, e)) != 0)
			return rc;
		ima_log_close(&log);
		column = log.digest_size == 20 ? DIGEST_SHA1 : log.digest_size == 32 ? DIGEST_SHA256 :
		    log.digest_size == 48 ? DIGEST_SHA384 : DIGEST_SHA512;
		if (log.digest_size != digest_alg_size(column))
			return err_set(e, ERR_UNSUPPORTED, "the list's digests have %zu bytes, which no"
			    " bank's algorithm has", log.digest_size);
	}
	rc = in->resume != NULL ? resumed(in, column, &s, &n, e) :
	    attempt_all(in, column, (struct attempt){ 0 }, &n, e);
	if (rc != 0) {
		match_done(&n);
		return rc;
	}
	n.begins_boot = s.begins_boot;
	n.untouched = t != NULL && !t->by_digest && ((t->covered >> list_pcr(in)) & 1) != 0 &&
	    span_zero(span_of(t->v[list_pcr(in)], digest_alg_size(in->bank)));
	*m = n;
	return 0;
}
