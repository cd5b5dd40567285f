/* What a list is known not to have: times that the execution monitor missed, by its own notes in
 * the list, and entries that the agent could not get, by its facts. */
#include "base/json.h"
#include "svc/server/api.h"
#include "svc/server/attest_internal.h"
#include "svc/server/gaps.h"

static json_t *
ns_time(uint64_t ns)
{
	return api_time((int64_t)(ns / 1000000));
}

json_t *
gap_of_entry(const struct ima_entry *n, unsigned list_pcr)
{
	struct monitor_note note;

	if (list_pcr == IMA_PCR || n->pcr != list_pcr || !n->has_buf ||
	    monitor_note_by_name(n->path) != MONITOR_NOTE_GAP || monitor_note_parse(MONITOR_NOTE_GAP, n->buf, &note, NULL) != 0)
		return NULL;
	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:I}", "code", monitor_why_token(note.why), "why",
	    monitor_why_text(note.why), "entry", (json_int_t)n->number, "from", ns_time(note.from), "to", ns_time(note.time),
	    "lost", (json_int_t)note.count);
}

struct scan {
	json_t *list;
	uint64_t total;
	unsigned pcr;
};

static int
look_at(void *ctx, const struct store_log_item *item, struct err *e)
{
	struct scan *s = ctx;
	struct ima_entry n;
	struct ima_log log;
	json_t *j;
	int rc = ima_log_open(item->bytes, &log, e);

	if (rc != 0)
		return rc;
	if ((rc = ima_log_next(&log, &n, e)) > 0) {
		n.number = item->index + 1;
		if ((j = gap_of_entry(&n, s->pcr)) != NULL && s->total++ < GAPS_SHOWN)
			json_array_append_new(s->list, j);
		else
			json_decref(j);
	}
	ima_log_close(&log);
	return rc < 0 ? rc : 0;
}

/* What the agent could not get: entries [from, to) of the kernel's list. */
static void
add_told(const struct store_host *h, struct scan *s)
{
	JSON_AUTO json_t *facts = api_object(h->facts);
	const json_t *told = json_object_get(facts, "gaps"), *g;
	size_t i;

	json_array_foreach(told, i, g) {
		json_int_t from = json_integer_value(json_object_get(g, "from")), to = json_integer_value(json_object_get(g, "to"));

		if (json_is_object(g) && s->total++ < GAPS_SHOWN)
			json_array_append_new(s->list, json_pack("{s:s, s:o, s:I, s:n, s:n, s:I}", "code", "entries-lost", "why",
			    json_escaped(json_string_span(json_object_get(g, "why"))), "entry", from + 1, "from", "to", "lost",
			    to > from ? to - from : 0));
	}
}

int
gaps_add(struct worker *w, const struct store_host *h, json_t *j, struct err *e)
{
	struct scan s = { .list = json_array(), .pcr = attest_list_pcr(h) };
	int rc = 0;

	json_object_set_new(j, "gaps", s.list);
	if (h->boot != 0 && s.pcr != IMA_PCR)
		rc = store_log_read(w->store, h->boot, 0, h->count, look_at, &s, e);
	add_told(h, &s);
	json_object_set_new(j, "gaps_total", json_integer((json_int_t)s.total));
	return rc;
}
