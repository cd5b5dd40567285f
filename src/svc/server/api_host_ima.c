/* The IMA policies of a host's kernel: those that its list shows, and the built-in ones that its
 * boot parameters name.
 *
 * What the list shows is authenticated (only covered entries are stored).  The command line is
 * the host's word, unless the firmware's event log, which a trusted verdict has compared with
 * the quote, has the same parameter. */
#include "engine/boot_facts.h"
#include "engine/ima_policies.h"
#include "formats/ima_kernel.h"
#include "svc/server/api.h"
#include "svc/server/api_entry.h"

#define MOST_RECORDS 32		/* by one name, over the fleet: one for each policy ever loaded */

/* The policies of the host, as far as they can be had: who only looks needs none. */
static const struct ima_demand *
demand_of(struct worker *w, const struct store_host *h)
{
	struct policy_choice c;
	struct err ignored;

	if (policy_cache_choose(w->policies, w, h, server_now(), &c, &ignored) != 0 || c.policies->n == 0)
		return NULL;
	return appraiser_ima_demand(c.policies->appraiser);
}

static json_t *
approval(const struct ima_demand *d, struct span record)
{
	struct ima_entry n = { 0 };
	struct ima_log log;
	struct err ignored;
	struct digest digest;
	bool known;

	if (d == NULL || d->n == 0 || ima_log_open(record, &log, &ignored) != 0)
		return json_null();
	known = ima_log_next(&log, &n, &ignored) == 1 && n.file_alg != DIGEST_NONE &&
	    n.digest_type == IMA_DIGEST_FILE && !n.violation && digest_make(n.file_alg, n.file_digest, &digest);
	ima_log_close(&log);
	return json_boolean(known && ima_demand_allows(d, &digest));
}

/* Records by this name that stand in the host's present list. */
static int
add_named(struct worker *w, struct http_request *r, const struct store_host *h, const struct ima_demand *d,
    struct span path, json_t *list, bool *more, struct err *e)
{
	struct store_query q = { .by = STORE_BY_PATH, .value = path };
	struct store_entry *v;
	size_t n;
	int rc = store_find(w->store, &q, 0, MOST_RECORDS, http_request_arena(r), &v, &n, e);

	if (rc == ERR_NOT_FOUND)
		return 0;
	*more |= n == MOST_RECORDS;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct store_query one = { .by = STORE_BY_ENTRY, .entry = v[i].number };
		struct store_hits hits = { 0 };
		json_t *j;

		if ((rc = store_search(w->store, &one, h->number - 1, 1, http_request_arena(r), &hits, e)) != 0)
			return rc == ERR_NOT_FOUND ? 0 : rc;
		if (hits.n == 0 || hits.v[0].host != h->number || !hits.v[0].now)
			continue;
		if ((rc = api_entry_json(v[i].record.bytes, &j, e)) != 0)
			return rc;
		json_array_append_new(list, json_pack("{s:O, s:O, s:O, s:O, s:o}", "path", json_object_get(j, "path"),
		    "path_b64", json_object_get(j, "path_b64"), "digest", json_object_get(j, "digest"),
		    "violation", json_object_get(j, "violation"), "approved", approval(d, v[i].record.bytes)));
		json_decref(j);
	}
	return rc;
}

/* All of ima_policy=, joined as the kernel joins them; "ima_tcb" where only that is said. */
static void
builtin_of(struct span cmdline, struct buf *out)
{
	struct span name, value;
	bool has;

	while (ima_cmdline_next(&cmdline, &name, &value, &has)) {
		if (has && span_is(name, "ima_policy")) {
			buf_str(out, out->n == 0 ? "" : "|");
			buf_span(out, value);
		} else if (span_is(name, "ima_tcb")) {
			buf_str(out, out->n == 0 ? "ima_tcb" : "|ima_tcb");
		}
	}
}

/* Whether the boot's event log has a command line with the same built-in policies, and none
 * that could be another one. */
static bool
log_says(struct worker *w, struct http_request *r, const struct store_host *h, struct span want)
{
	BOOT_LOG_AUTO struct boot_log log = { 0 };
	struct boot_facts f = { 0 };
	struct err ignored;
	struct span body;

	if (h->boot == 0 || store_event_log_get(w->store, h->boot, http_request_arena(r), &body, &ignored) != 0 ||
	    boot_log_load(body, &log, &ignored) != 0 || boot_log_bind(&log, DIGEST_SHA256, &ignored) != 0 ||
	    boot_facts_find(&log, http_request_arena(r), &f, &ignored) != 0 || f.n_cmdlines == 0 ||
	    f.pcr8_unproven != 0 || f.pcr12_unproven != 0)
		return false;
	for (size_t i = 0; i < f.n_cmdlines; i++) {
		BUF_AUTO struct buf b = buf_init(LIMIT_KERNEL_CMDLINE);

		builtin_of(f.cmdlines[i].text, &b);
		if (!f.cmdlines[i].has_text || !span_eq(buf_view(&b), want))
			return false;
	}
	return true;
}

int
api_host_ima(struct worker *w, struct http_request *r, const struct store_host *h, bool trusted, json_t *out,
    struct err *e)
{
	BUF_AUTO struct buf builtin = buf_init(LIMIT_KERNEL_CMDLINE);
	const struct ima_demand *d = demand_of(w, h);
	JSON_AUTO json_t *facts = NULL;
	json_t *list = json_array(), *j = json_pack("{s:b, s:o}", "demanded", d != NULL && d->n > 0, "measured", list);
	struct err ignored;
	bool more = false;
	int rc = 0;

	json_object_set_new(out, "ima_policy", j);
	for (size_t i = 0; rc == 0 && h->boot != 0 && ima_policy_known(i) != NULL; i++)
		rc = add_named(w, r, h, d, span_str(ima_policy_known(i)), list, &more, e);
	for (size_t i = 0; rc == 0 && h->boot != 0 && d != NULL && i < d->n; i++)
		for (size_t k = 0; rc == 0 && k < d->parts[i]->n_paths; k++)
			rc = add_named(w, r, h, d, d->parts[i]->paths[k], list, &more, e);
	if (rc != 0)
		return rc;
	json_object_set_new(j, "more", json_boolean(more));
	if (h->facts.n > 0 && json_parse(h->facts, LIMIT_ATTEST_FACTS, &facts, &ignored) == 0)
		builtin_of(json_string_span(json_object_get(facts, "cmdline")), &builtin);
	json_object_set_new(j, "builtin", facts == NULL ? json_null() : json_escaped(buf_view(&builtin)));
	json_object_set_new(j, "builtin_proven", json_boolean(facts != NULL && trusted && log_says(w, r, h, buf_view(&builtin))));
	return 0;
}
