#include "engine/boot_profile.h"

#include "base/text.h"
#include "engine/boot_internal.h"

#define PROFILE_VERSION 1
#define TEXT_SHOWN 160		/* of an event in a profile or a message: for people only */

static void
put_text(const struct boot_log *log, const struct tcg_event *ev, struct buf *b)
{
	BUF_AUTO struct buf all = buf_init(LIMIT_EVENT_LOG * 8);

	tcg_event_describe(ev, log->log.uintn_size, &all);
	buf_span(b, span_head(buf_view(&all), TEXT_SHOWN));
	buf_str(b, all.n > TEXT_SHOWN ? "..." : "");
}

static json_t *
event_json(const struct boot_log *log, const struct tcg_event *ev, enum digest_alg bank)
{
	BUF_AUTO struct buf type = buf_init(KIB(1));
	BUF_AUTO struct buf text = buf_init(KIB(4));

	tcg_type_put(ev->type, &type);
	put_text(log, ev, &text);
	return json_pack("{s:s, s:o, s:s}", "type", buf_cstr(&type),
	    "digest", json_hex(tcg_event_digest(ev, bank)), "text", buf_cstr(&text));
}

static json_t *
pcr_json(const struct boot_log *log, enum digest_alg bank, unsigned pcr)
{
	json_t *list = json_array();

	for (size_t i = 0; i < log->n_events; i++) {
		const struct tcg_event *ev = &log->events[i].ev;

		if (ev->pcr == pcr && ev->type != EV_NO_ACTION &&
		    json_array_append_new(list, event_json(log, ev, bank)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int
boot_profile_from_log(const struct boot_log *log, enum digest_alg bank, uint32_t pcrs,
    json_t **out, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	json_t *by_pcr = json_object();

	/* The bank that most hosts quote; a profile says nothing about another. */
	if (bank == DIGEST_NONE && boot_log_bank(log, DIGEST_SHA256) != NULL)
		bank = DIGEST_SHA256;
	else if (bank == DIGEST_NONE)
		bank = boot_log_strongest(log);
	if (boot_log_bank(log, bank) == NULL) {
		json_decref(by_pcr);
		return err_set(e, ERR_UNSUPPORTED, "the event log has no bank %s that can be replayed",
		    digest_alg_name(bank));
	}
	j = json_pack("{s:i, s:s, s:o}", "version", PROFILE_VERSION, "bank", digest_alg_name(bank),
	    "pcrs", by_pcr);
	if (pcrs == 0)
		pcrs = BOOT_PROFILE_ALWAYS |
		    (BOOT_PROFILE_IF_USED & boot_log_bank(log, bank)->touched);
	for (unsigned i = 0; j != NULL && i < LIMIT_PCRS; i++) {
		char key[8];

		(void)snprintf(key, sizeof(key), "%u", i);
		if ((pcrs & 1u << i) != 0 &&
		    json_object_set_new(by_pcr, key, pcr_json(log, bank, i)) != 0)
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*out = json_incref(j);
	return 0;
}

bool
boot_pcr_key(const char *key, unsigned *pcr)
{
	uint64_t v;

	if (!dec_u64(span_str(key), &v) || v >= LIMIT_PCRS)
		return false;
	*pcr = (unsigned)v;
	return true;
}

static int
check_event(const json_t *event, enum digest_alg bank, const char *where, struct err *e)
{
	static const char *const keys[] = { "type", "digest", "text", NULL };
	uint8_t v[LIMIT_DIGEST];
	json_t *digest, *ignored;
	int rc;

	if ((rc = json_only(event, where, keys, e)) != 0 ||
	    (rc = json_member(event, where, "type", JSON_STRING, false, &ignored, e)) != 0 ||
	    (rc = json_member(event, where, "text", JSON_STRING, false, &ignored, e)) != 0 ||
	    (rc = json_member(event, where, "digest", JSON_STRING, true, &digest, e)) != 0)
		return rc;
	if (!hex_fixed(json_string_span(digest), v, digest_alg_size(bank)))
		return err_set(e, ERR_ENCODING, "%s/digest is no %s digest in hex", where,
		    digest_alg_name(bank));
	return 0;
}

static int
check_pcr(const char *key, const json_t *list, enum digest_alg bank, const char *where, struct err *e)
{
	unsigned pcr;
	size_t i;
	const json_t *event;

	if (!boot_pcr_key(key, &pcr))
		return err_set(e, ERR_RANGE, "%s/pcrs: \"%s\" is not the number of a PCR", where, key);
	if (!json_is_array(list))
		return err_set(e, ERR_FORMAT, "%s/pcrs/%s is not a list of events", where, key);
	json_array_foreach(list, i, event) {
		char at[256];
		int rc;

		(void)snprintf(at, sizeof(at), "%s/pcrs/%s/%zu", where, key, i);
		if ((rc = check_event(event, bank, at, e)) != 0)
			return rc;
	}
	return 0;
}

int
boot_profile_check(const json_t *profile, const char *where, struct err *e)
{
	static const char *const keys[] = { "version", "bank", "pcrs", NULL };
	json_t *version, *bank, *pcrs;
	enum digest_alg alg;
	void *at;
	int rc;

	if ((rc = json_only(profile, where, keys, e)) != 0 ||
	    (rc = json_member(profile, where, "version", JSON_INTEGER, true, &version, e)) != 0 ||
	    (rc = json_member(profile, where, "bank", JSON_STRING, true, &bank, e)) != 0 ||
	    (rc = json_member(profile, where, "pcrs", JSON_OBJECT, true, &pcrs, e)) != 0)
		return rc;
	if (json_integer_value(version) != PROFILE_VERSION)
		return err_set(e, ERR_VERSION, "%s/version is %lld, this assay reads %d", where,
		    (long long)json_integer_value(version), PROFILE_VERSION);
	alg = digest_alg_by_name(json_string_span(bank));
	if (digest_alg_tpm(alg) == 0)
		return err_set(e, ERR_RANGE, "%s/bank is not the name of a PCR bank", where);
	if (json_object_size(pcrs) == 0)
		return err_set(e, ERR_FORMAT, "%s/pcrs is empty: the profile demands nothing", where);
	for (at = json_object_iter(pcrs); at != NULL; at = json_object_iter_next(pcrs, at))
		if ((rc = check_pcr(json_object_iter_key(at), json_object_iter_value(at), alg, where, e)) != 0)
			return rc;
	return 0;
}

/* One PCR of a profile against one of the log. */
struct side_by_side {
	const struct boot_log *log;
	enum digest_alg bank;
	unsigned pcr;
	const json_t *recorded;
	size_t at;			/* the log's event that comes next in this PCR */
};

static const struct tcg_event *
event_from(const struct side_by_side *s, size_t i)
{
	for (; i < s->log->n_events; i++) {
		const struct tcg_event *ev = &s->log->events[i].ev;

		if (ev->pcr == s->pcr && ev->type != EV_NO_ACTION)
			return ev;
	}
	return NULL;
}

static bool
is_recorded(const struct side_by_side *s, size_t i, const struct tcg_event *ev)
{
	const json_t *d = json_object_get(json_array_get(s->recorded, i), "digest");
	uint8_t v[LIMIT_DIGEST];
	size_t size = digest_alg_size(s->bank);

	return d != NULL && ev != NULL && hex_fixed(json_string_span(d), v, size) &&
	    span_eq(span_of(v, size), tcg_event_digest(ev, s->bank));
}

/* A profile's text was escaped when it was recorded; what was not is not printed. */
static void
put_plain(struct span s, struct buf *b)
{
	for (size_t i = 0; i < s.n && i < TEXT_SHOWN; i++)
		buf_u8(b, s.p[i] >= 0x20 && s.p[i] <= 0x7e ? s.p[i] : '?');
}

static void
put_recorded(const struct side_by_side *s, size_t i, struct buf *b)
{
	const json_t *event = json_array_get(s->recorded, i);
	const char *type = json_string_value(json_object_get(event, "type"));
	const char *text = json_string_value(json_object_get(event, "text"));
	const char *digest = json_string_value(json_object_get(event, "digest"));

	put_plain(span_str(type == NULL ? "event" : type), b);
	if (text != NULL && text[0] != '\0') {
		buf_str(b, " \"");
		put_plain(span_str(text), b);
		buf_u8(b, '"');
	}
	buf_printf(b, " %.16s...", digest);
}

static void
put_seen(const struct side_by_side *s, const struct tcg_event *ev, struct buf *b)
{
	tcg_type_put(ev->type, b);
	buf_str(b, " \"");
	put_text(s->log, ev, b);
	buf_str(b, "\" ");
	buf_hex(b, span_head(tcg_event_digest(ev, s->bank), 8));
	buf_printf(b, "... (event %llu of the log)", (unsigned long long)ev->number);
}

/* What the first difference is: one more, one less, or another. */
static void
tell(const struct side_by_side *s, size_t i, const struct tcg_event *ev, struct buf *b)
{
	bool recorded = i < json_array_size(s->recorded);
	const struct tcg_event *next = ev == NULL ? NULL : event_from(s, (size_t)ev->number);

	buf_printf(b, "PCR %u, measurement %zu: ", s->pcr, i + 1);
	if (ev != NULL && (!recorded || is_recorded(s, i, next))) {
		buf_str(b, "not in the profile: ");
		put_seen(s, ev, b);
	} else if (ev == NULL || is_recorded(s, i + 1, ev)) {
		buf_str(b, "missing: ");
		put_recorded(s, i, b);
	} else {
		buf_str(b, "was ");
		put_recorded(s, i, b);
		buf_str(b, ", is ");
		put_seen(s, ev, b);
	}
}

static void
compare_pcr(struct side_by_side *s, struct boot_profile_diff *diff)
{
	size_t n = json_array_size(s->recorded);

	for (size_t i = 0;; i++) {
		const struct tcg_event *ev = event_from(s, s->at);

		if (ev == NULL && i == n)
			return;
		if (!is_recorded(s, i, ev)) {
			BUF_AUTO struct buf b = buf_init(KIB(16));

			tell(s, i, ev, &b);
			diff->same = false;
			diff->pcr = s->pcr;
			(void)snprintf(diff->text, sizeof(diff->text), "%s", buf_cstr(&b));
			return;
		}
		diff->matched++;
		s->at = (size_t)ev->number;	/* numbers are from 1: the index behind it */
	}
}

static void
cannot_judge(struct boot_profile_diff *diff, unsigned pcr)
{
	if (diff->judged)
		diff->unjudged_pcr = pcr;
	diff->judged = false;
}

int
boot_profile_compare(const json_t *profile, const struct boot_report *report,
    struct boot_profile_diff *out, struct err *e)
{
	struct boot_profile_diff diff = { .same = true, .judged = true };
	enum digest_alg bank = digest_alg_by_name(json_string_span(json_object_get(profile, "bank")));
	json_t *pcrs = json_object_get(profile, "pcrs");
	int rc;

	if ((rc = boot_profile_check(profile, "profile", e)) != 0)
		return rc;
	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		struct side_by_side s = { .log = &report->log, .bank = bank, .pcr = i };
		char key[8];

		(void)snprintf(key, sizeof(key), "%u", i);
		s.recorded = json_object_get(pcrs, key);
		if (s.recorded == NULL)
			continue;
		if (!report->has_log || !boot_pcr_proven(report, bank, i))
			cannot_judge(&diff, i);
		else if (diff.same)
			compare_pcr(&s, &diff);
	}
	*out = diff;
	return 0;
}
