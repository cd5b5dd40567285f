/* From an outcome to what the store is to keep of it. */
#include "base/json.h"
#include "crypto/digest.h"
#include "engine/evidence_bundle_check.h"
#include "engine/result_json.h"
#include "svc/server/attest_internal.h"
#include "svc/server/gaps.h"

/* Findings kept of one host, for people; the count is always whole. */
#define KEPT_FINDINGS 1000
#define SHOWN_FINDINGS 10	/* in an event */
#define SHOWN_PATH 4096		/* PATH_MAX: no kernel writes a longer one, but a host may send it */
/* Of one host in an hour: who lies anew with each message must not fill the disk with his lists. */
#define BUNDLES_AN_HOUR 200
#define BUNDLES_ALWAYS 10
#define BUNDLE_BYTES_AN_HOUR MIB(256)
#define HOUR_MS ((int64_t)3600 * 1000)

static int
append_record(void *ctx, const struct store_log_item *item, struct err *e)
{
	(void)e;
	buf_span(ctx, item->bytes);
	return 0;
}

int
attest_read_list(void *ctx, uint64_t first, uint64_t n, struct buf *out, struct err *e)
{
	struct attest_reader *r = ctx;
	int rc = store_log_read(r->store, r->boot, first, n, append_record, out, e);

	return rc != 0 ? rc : buf_done(out, e);
}

static enum host_verdict
verdict_of(const struct host_outcome *o)
{
	switch (o->result.verdict) {
	case VERDICT_TRUSTED: return HOST_TRUSTED;
	case VERDICT_UNTRUSTED: return HOST_UNTRUSTED;
	case VERDICT_UNDECIDED:
	default: return HOST_UNDECIDED;
	}
}

/* One record, as the fleet keeps it: its bytes are its name. */
static int
make_record(const struct ima_entry *n, struct span list, struct store_record *out, struct err *e)
{
	struct digest key;
	int rc;

	out->bytes = span_of(list.p + n->offset, n->size);
	/* To be searched for; a longer one would keep its host from ever being found out. */
	out->path = span_head(n->path, LIMIT_PATH);
	if (n->file_alg != DIGEST_NONE && !digest_make(n->file_alg, n->file_digest, &out->digest))
		out->digest = (struct digest){ 0 };
	/* security.ima, signature version 2: type, version, hash, key id (4), ... */
	if (n->sig.n > 7 && n->sig.p[0] == 3)
		out->key_id = span_of(n->sig.p + 3, 4);
	if ((rc = digest_of(DIGEST_SHA256, out->bytes, &key, e)) == 0)
		memcpy(out->key, digest_view(&key).p, sizeof(out->key));
	return rc;
}

static void
note_gap(struct attestation *a, const struct ima_entry *n)
{
	json_t *j = gap_of_entry(n, a->list_pcr);

	if (j == NULL)
		return;
	if (a->gaps == NULL)
		a->gaps = json_array();
	if (json_array_size(a->gaps) < SHOWN_FINDINGS)
		json_array_append_new(a->gaps, j);
	else
		json_decref(j);
}

static int
make_records(struct attestation *a, struct err *e)
{
	const struct host_outcome *o = &a->outcome;
	struct store_record *v = arena_array(http_request_arena(a->r), (size_t)o->n_new + 1, sizeof(*v));
	struct ima_log log;
	struct ima_entry n;
	size_t made = 0;
	int rc;

	if (v == NULL)
		return arena_err(http_request_arena(a->r), e);
	if ((rc = ima_log_open(o->records, &log, e)) != 0)
		return rc;
	while (made < o->n_new && (rc = ima_log_next(&log, &n, e)) > 0 &&
	    (rc = make_record(&n, o->records, &v[made], e)) == 0) {
		n.number = o->first + ++made;
		note_gap(a, &n);
	}
	ima_log_close(&log);
	if (rc < 0)
		return rc;
	a->write.advance.records = v;
	a->write.advance.n_records = made;
	return 0;
}

/* As it is shown: what a host can make longer than any name is cut, and its length told.  The record keeps
 * all of it. */
static json_t *
shown_finding(const struct finding *f)
{
	struct finding shown = *f;
	json_t *j;

	shown.path = span_head(f->path, SHOWN_PATH);
	if ((j = finding_json(&shown)) != NULL && f->path.n > SHOWN_PATH)
		json_object_set_new(j, "path_bytes", json_integer((json_int_t)f->path.n));
	return j;
}

static int
make_findings(struct attestation *a, struct buf *all, struct err *e)
{
	const struct result *r = &a->outcome.result;
	struct arena *arena = http_request_arena(a->r);
	struct store_finding *v = arena_array(arena, r->n_findings + 1, sizeof(*v));
	size_t n = 0;

	if (v == NULL)
		return arena_err(arena, e);
	for (size_t i = 0; i < r->n_findings; i++) {
		const struct finding *f = &r->findings[i];
		JSON_AUTO json_t *j = f->decides ? shown_finding(f) : NULL;
		BUF_AUTO struct buf text = buf_init(LIMIT_SMALL_FILE);

		if (j == NULL)
			continue;
		a->host.state.findings++;
		json_write_compact(j, &text);
		buf_span(all, buf_view(&text));
		if (n == KEPT_FINDINGS)
			continue;
		v[n] = (struct store_finding){ .code = span_str(reason_code(f->reason)),
		    .entry = f->entry == 0 ? UINT64_MAX : f->entry - 1,
		    .path = span_head(f->path, SHOWN_PATH) };
		if (!arena_copy(arena, buf_view(&text), &v[n++].text))
			return arena_err(arena, e);
	}
	a->write.advance.findings = v;
	a->write.advance.n_findings = n;
	return buf_done(all, e);
}

/* What a verdict waits for: checks that must pass and were not made, and why. */
static void
tell_open(const struct result *r, struct buf *out)
{
	const char *comma = "not judged: ";

	for (size_t i = 0; i < CHECK_COUNT; i++)
		if (r->checks[i].required && r->checks[i].state != CHECK_PASS) {
			buf_printf(out, "%s%s", comma, check_token((enum check_id)i));
			if (r->checks[i].detail != NULL)
				buf_printf(out, " (%s)", r->checks[i].detail);
			comma = ", ";
		}
	for (size_t i = 0; i < r->n_warnings && i < SHOWN_FINDINGS; i++) {
		buf_str(out, i == 0 ? ": " : "; ");
		buf_escape(out, span_str(r->warnings[i]));
	}
}

/* One sentence for people: what the verdict rests on. */
static int
make_reason(struct attestation *a, struct err *e)
{
	const struct host_outcome *o = &a->outcome;
	const struct finding *first = NULL;

	a->reason = buf_init(KIB(64));
	for (size_t i = 0; first == NULL && i < o->result.n_findings; i++)
		if (o->result.findings[i].decides)
			first = &o->result.findings[i];
	if (o->unreadable.code != 0) {
		buf_printf(&a->reason, "the evidence cannot be read: %s: ", o->unreadable.file);
		buf_escape(&a->reason, span_str(o->unreadable.message));
	} else if (first != NULL) {
		if (first->path.n > 0) {
			buf_escape(&a->reason, span_head(first->path, SHOWN_PATH));
			if (first->path.n > SHOWN_PATH)
				buf_printf(&a->reason, "... (a name of %zu bytes)", first->path.n);
			if (first->partition.n > 0) {
				buf_str(&a->reason, " on ");
				buf_escape(&a->reason, first->partition);
			}
			buf_str(&a->reason, ": ");
		}
		buf_str(&a->reason, first->text);
		if (a->host.state.findings > 1)
			buf_printf(&a->reason, " (and %llu more)", (unsigned long long)a->host.state.findings - 1);
	} else if (a->policy.policies->n == 0) {
		buf_str(&a->reason, "no policy is assigned to this host: its evidence is sound, and says nothing more");
	} else if (o->result.verdict == VERDICT_UNDECIDED) {
		tell_open(&o->result, &a->reason);
	} else {
		buf_printf(&a->reason, "%llu entries, all approved%s", (unsigned long long)o->entries,
		    o->event_log.n > 0 ? "" : "; no event log came, so how this host was booted is not judged");
	}
	return buf_done(&a->reason, e);
}

static int
make_bundle(struct attestation *a, struct worker *w, int64_t now, struct err *e)
{
	EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { .arena = arena_init(LIMIT_SMALL_FILE),
	    .created = now / 1000, .generator = span_lit("assay " ASSAY_VERSION), .bank = DIGEST_SHA256 };
	BUF_AUTO struct buf list = buf_init(LIMIT_IMA_LOG);
	struct attest_reader reader = { w->store, a->host.boot };
	const struct host_outcome *o = &a->outcome;
	struct span event_log = o->event_log;
	const struct { enum evidence_section to; enum attest_section from; } parts[] = {
		{ EVIDENCE_QUOTE, ATTEST_QUOTE }, { EVIDENCE_SIGNATURE, ATTEST_SIGNATURE },
		{ EVIDENCE_NONCE, ATTEST_NONCE }, { EVIDENCE_PCRS, ATTEST_PCRS },
	};
	int rc;

	if (o->first > 0 && (rc = attest_read_list(&reader, 0, o->first, &list, e)) != 0)
		return rc;
	buf_span(&list, a->m.s[ATTEST_IMA_LOG].bytes);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		b.parts[parts[i].to] = (struct evidence_part){ .present = true, .bytes = a->m.s[parts[i].from].bytes };
	b.parts[EVIDENCE_IMA_LOG] = (struct evidence_part){ .present = true, .bytes = buf_view(&list) };
	b.parts[EVIDENCE_AK] = (struct evidence_part){ .present = true, .bytes = a->ak };
	b.parts[EVIDENCE_EVENT_LOG] = (struct evidence_part){ .present = event_log.n > 0, .bytes = event_log };
	b.entries = o->entries;
	b.verdict = span_str(verdict_token(o->result.verdict));
	a->bundle_bytes = buf_init(LIMIT_EVIDENCE_BUNDLE);
	if ((rc = buf_done(&list, e)) != 0 || (rc = evidence_bundle_seal(&b, &a->bundle_bytes, e)) != 0)
		return rc;
	a->bundle = (struct store_bundle){ .at = now, .verdict = a->host.state.verdict,
	    .policy = span_str(a->policy.version), .body = buf_view(&a->bundle_bytes) };
	a->write.advance.bundle = &a->bundle;
	return 0;
}

/* Whether one more bundle of this host is kept. */
static int
has_room(struct attestation *a, struct worker *w, int64_t now, bool *room, struct err *e)
{
	struct store_bundle *v;
	uint64_t bytes = 0;
	size_t n, recent = 0;
	int rc = store_bundles(w->store, a->host.number, 0, BUNDLES_AN_HOUR, http_request_arena(a->r), &v, &n, e);

	if (rc != 0)
		return rc;
	/* Of the future are those from before the clock was set back. */
	for (size_t i = 0; i < n && v[i].at > now - HOUR_MS; i++)
		if (v[i].at <= now + LIMIT_CLOCK_SKEW_MS) {
			recent++;
			bytes += v[i].size;
		}
	*room = recent < BUNDLES_ALWAYS || (recent < BUNDLES_AN_HOUR && bytes < BUNDLE_BYTES_AN_HOUR);
	return 0;
}

static int
keep_bundle(struct attestation *a, struct worker *w, int64_t now, struct err *e)
{
	bool room;
	int rc = has_room(a, w, now, &room, e);

	if (rc != 0 || room)
		return rc != 0 ? rc : make_bundle(a, w, now, e);
	a->no_room = true;
	buf_str(&a->reason, " (this host's verdict changed so often that its evidence is not kept for an hour)");
	return buf_done(&a->reason, e);
}

static int
make_event(struct attestation *a, unsigned before, int64_t now, struct err *e)
{
	const struct result *r = &a->outcome.result;
	JSON_AUTO json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:[]}", "id", a->host.id,
	    "verdict", host_verdict_token(a->host.state.verdict), "before", host_verdict_token(before),
	    "reason", buf_cstr(&a->reason), "entries", (json_int_t)a->host.state.entries,
	    "findings_total", (json_int_t)a->host.state.findings, "findings");

	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	json_object_set_new(j, "name", json_escaped(a->host.name));
	for (size_t i = 0; i < r->n_findings && json_array_size(json_object_get(j, "findings")) < SHOWN_FINDINGS; i++)
		if (r->findings[i].decides)
			json_array_append_new(json_object_get(j, "findings"), shown_finding(&r->findings[i]));
	a->event_body = buf_init(LIMIT_SMALL_FILE);
	json_write_compact(j, &a->event_body);
	a->events[0] = (struct store_event){ .at = now, .kind = span_lit("verdict"), .body = buf_view(&a->event_body) };
	a->write.advance.events = a->events;
	a->write.advance.n_events = 1;
	return buf_done(&a->event_body, e);
}

/* In a gap a file could run unseen: told of whatever the policy says. */
static int
tell_gaps(struct attestation *a, int64_t now, struct err *e)
{
	JSON_AUTO json_t *j = a->gaps == NULL ? NULL : json_pack("{s:s, s:o, s:O}", "id", a->host.id, "name",
	    json_escaped(a->host.name), "gaps", a->gaps);

	if (a->gaps == NULL)
		return 0;
	a->gaps_body = buf_init(LIMIT_SMALL_FILE);
	json_write_compact(j, &a->gaps_body);
	a->events[a->write.advance.n_events] = (struct store_event){ .at = now, .kind = span_lit("gap"),
	    .body = buf_view(&a->gaps_body) };
	a->write.advance.events = a->events;
	a->write.advance.n_events++;
	return buf_done(&a->gaps_body, e);
}

/* The verdict, or what it rests on, is another than before: an interval, an event, a bundle. */
static int
make_change(struct attestation *a, struct worker *w, unsigned before, int64_t now, struct err *e)
{
	int rc;

	if ((rc = make_reason(a, e)) != 0 || (rc = keep_bundle(a, w, now, e)) != 0 ||
	    (rc = make_event(a, before, now, e)) != 0)
		return rc;
	a->host.state.verdict_since = before == a->host.state.verdict ? a->host.state.verdict_since : now;
	a->change = (struct store_interval){ .from = now, .verdict = a->host.state.verdict,
	    .policy = span_str(a->policy.version), .reason = buf_view(&a->reason) };
	a->write.advance.change = &a->change;
	a->write.advance.findings_new = true;
	return 0;
}

/* A boot of its own that another kernel began has the log of the one before.  Another one for the
 * same boot takes its place where it changes something: all that were ever taken are kept. */
static bool
keeps_event_log(const struct attestation *a)
{
	const struct host_outcome *o = &a->outcome;

	if (!o->reset_signed || a->no_room)
		return false;
	return o->new_boot || (a->m.s[ATTEST_EVENT_LOG].present && (!a->had_event_log || a->write.advance.change != NULL));
}

int
attest_prepare(struct attestation *a, struct worker *w, int64_t now, struct err *e)
{
	BUF_AUTO struct buf all = buf_init(LIMIT_APPRAISAL_ARENA);
	struct digest found;
	struct attest_detail kept = { 0 };
	const struct host_outcome *o = &a->outcome;
	struct store_state *s = &a->host.state;
	unsigned before = s->verdict;
	int rc;

	s->verdict = (uint8_t)verdict_of(o);
	s->last_seen = now;
	s->next_due = s->valid_until = now + (int64_t)a->wait_ms * 3;
	if (o->report.boot_expires != 0 && o->report.boot_expires > now / 1000 && o->report.boot_expires * 1000 < s->valid_until)
		s->valid_until = o->report.boot_expires * 1000;
	s->entries = o->entries;
	s->findings = 0;
	s->policy_set = a->policy.set;
	s->policy = span_str(a->policy.version);
	if (o->state.n > 0)
		s->resume = buf_view(&o->state);
	buf_str(&all, o->unreadable.message);
	buf_str(&all, o->event_log.n > 0 ? "" : "no event log");
	buf_str(&all, a->policy.policies->n > 0 ? "" : "no policy");
	if (o->result.verdict == VERDICT_UNDECIDED)
		tell_open(&o->result, &all);
	if ((rc = make_findings(a, &all, e)) != 0 || (rc = digest_of(DIGEST_SHA256, buf_view(&all), &found, e)) != 0)
		return rc;
	a->detail = buf_init(DETAIL_SIZE + 8 + HOST_KERNEL_ID);
	buf_span(&a->detail, digest_view(&found));
	/* Whoever is not the TPM must not make a boot younger by a reset that never was, nor a key
	 * that has signed nothing yet. */
	if (!attest_detail(&a->host, &kept))
		kept = (struct attest_detail){ .identity = a->host.identity, .other_key = true };
	/* Of another key, which from now on nothing would tell. */
	if (kept.other_key && o->state.n == 0)
		s->resume = span_of(NULL, 0);
	buf_le64(&a->detail, o->reset_signed ? a->host.identity : kept.identity);
	if (o->unreadable.code == 0)	/* else it is of no boot that could be told */
		kept = (struct attest_detail){ .reset_count = kept.reset_count, .reset_seen = kept.reset_seen,
		    .stale = o->stale, .base = o->base, .base_id = span_str(o->base_id) };
	buf_u8(&a->detail, (uint8_t)(a->list_pcr | (kept.stale ? DETAIL_STALE : 0)));
	buf_le32(&a->detail, o->reset_signed ? o->reset_count : kept.reset_count);
	buf_le64(&a->detail, (uint64_t)(o->reset_signed ? o->reset_seen : kept.reset_seen));
	if (kept.base > 0) {
		buf_le64(&a->detail, kept.base);
		buf_span(&a->detail, kept.base_id);
	}
	if ((before != s->verdict || !span_eq(s->detail, buf_view(&a->detail)) || o->new_boot) &&
	    (rc = make_change(a, w, before, now, e)) != 0)
		return rc;
	s->detail = buf_view(&a->detail);
	if (o->unreadable.code != 0)
		return 0;	/* of no boot that could be told */
	a->write.advance.boot_id = span_str(o->boot);
	a->write.advance.first = o->first;
	if (keeps_event_log(a))
		a->write.event_log = o->event_log;
	if ((rc = make_records(a, e)) != 0)
		return rc;
	return tell_gaps(a, now, e);
}
