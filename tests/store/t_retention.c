/* Promise: what is let go is what was said, in pieces; never a host's present boot; and a host
 * that is forgotten leaves who it was and what people did with it, and nothing that it showed. */
#include "tests/store/kit.h"

static uint64_t
boots_of(struct store *s, uint32_t host)
{
	struct store_boot *v = NULL;
	struct err e = { 0 };
	size_t n = 0;

	must(store_boots(s, host, &kit_arena, &v, &n, &e), &e, "boots");
	return n;
}

static uint64_t
sweep(struct store *s, int64_t before, uint64_t keep)
{
	uint64_t all = 0, deleted;
	struct err e = { 0 };

	do {
		deleted = 0;
		must(store_boots_sweep(s, before, keep, &deleted, &e), &e, "sweeping");
		all += deleted;
	} while (deleted != 0);
	return all;
}

/* Host ${h} boots ${n} times, a second apart. */
static void
boot(struct store *s, struct store_host *h, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char text[32], *name;

		(void)snprintf(text, sizeof(text), "boot-%u", i);
		name = arena_str(&kit_arena, span_str(text));	/* the host's row keeps it */
		if (name == NULL || kit_append(s, h, name, 10 * i, 5, 1000 * (int64_t)(i + 1)) != 0)
			ok(false, "appending");
	}
}

static void
lists(struct store *s)
{
	struct store_host a, b, once;
	struct store_boot *v = NULL;
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 1, &a);
	kit_host(s, 2, &b);
	kit_host(s, 3, &once);
	boot(s, &a, 50);
	boot(s, &b, 3);
	boot(s, &once, 1);
	ok(sweep(s, 0, 0) == 0, "nothing is said: nothing goes");
	/* Boot i ends when boot i + 1 begins, at 1000 * (i + 2). */
	ok(sweep(s, 5001, 0) == 6 && boots_of(s, a.number) == 46 && boots_of(s, b.number) == 1, "boots that ended before");
	ok(sweep(s, INT64_MAX, 0) == 45 && boots_of(s, a.number) == 1 && boots_of(s, once.number) == 1,
	    "never the present one, however old");
	must(store_boots(s, a.number, &kit_arena, &v, &n, &e), &e, "boots");
	ok(n == 1 && span_is(v[0].id, "boot-49") && v[0].count == 5, "which is whole");
	kit_host(s, 4, &b);
	boot(s, &b, 30);
	ok(sweep(s, 0, 4) == 26 && boots_of(s, b.number) == 4, "all but the newest");
	ok(sweep(s, 0, 1) == 3 && boots_of(s, b.number) == 1, "the last is kept");
	ok(kit_append(s, &b, "boot-29", 900, 1, 99000) == 0, "and goes on");
}

static void
show(struct store *s, struct store_host *h)
{
	struct store_finding f = { .code = span_lit("code"), .path = span_lit("/secret"), .text = span_lit("{}") };
	struct store_interval c = { .from = 5, .verdict = 2, .reason = span_lit("reason") };
	struct store_bundle b = { .at = 5, .verdict = 2, .body = span_lit("bundle") };
	struct store_event ev = { .at = 5, .kind = span_lit("verdict"), .body = span_lit("{}") };
	struct store_advance v = { .host = h, .change = &c, .bundle = &b, .events = &ev, .n_events = 1,
	    .findings = &f, .n_findings = 1, .findings_new = true };
	struct err e = { 0 };

	h->state.verdict = 2;
	h->state.last_seen = 5;
	h->state.findings = 1;
	must(store_advance(s, &v, 1, 5, &e), &e, "advancing");
	ev = (struct store_event){ .at = 6, .kind = span_lit("approved"), .host = h->number, .body = span_lit("{}") };
	must(store_event_add(s, &ev, 1, &e), &e, "an event");
}

static int
forget(struct store *s, uint32_t number)
{
	struct err e = { 0 };
	bool done = false;
	int rc = 0;

	while (!done && rc == 0)
		rc = store_host_forget(s, number, &done, &e);
	return rc;
}

static void
left_of(struct store *s, const struct store_host *was)
{
	struct store_certificate cert = kit_certificate(11);
	struct store_interval *iv = NULL;
	struct store_finding *fv = NULL;
	struct store_bundle *bv = NULL;
	struct store_event *ev = NULL;
	struct store_identity who;
	struct store_host h = { 0 };
	struct err e = { 0 };
	size_t ni = 9, nf = 9, nb = 9, ne = 9;

	must(store_host_by_number(s, was->number, &kit_arena, &h, &e), &e, "reading");
	must(store_intervals(s, h.number, 0, 10, &kit_arena, &iv, &ni, &e), &e, "intervals");
	must(store_findings(s, h.number, &kit_arena, &fv, &nf, &e), &e, "findings");
	must(store_bundles(s, h.number, 0, 10, &kit_arena, &bv, &nb, &e), &e, "bundles");
	must(store_events(s, 0, h.number, 10, &kit_arena, &ev, &ne, &e), &e, "events");
	ok(boots_of(s, h.number) == 0 && ni == 0 && nf == 0 && nb == 0, "no list, no verdict, no finding, no evidence");
	ok(h.registration == STORE_FORGOTTEN && h.facts.n == 0 && h.labels.n == 0 && h.state.resume.n == 0 &&
	    h.state.verdict == 0 && h.count == 0 && h.boot == 0, "nothing it said of itself");
	ok(ne == 1 && span_is(ev[0].kind, "approved"), "what people did with it stays");
	ok(strcmp(h.id, was->id) == 0 && span_eq(h.name, was->name), "and who it was");
	must(store_identity_get(s, h.identity, &kit_arena, &who, &e), &e, "the identity");
	ok(who.ek_public.n > 0 && who.ek_certs.n == 0 && who.csr.n == 0, "by the public parts of its keys alone");
	is_code(store_certificate_get(s, cert.sha256, &kit_arena, &cert, &e), ERR_NOT_FOUND, "its certificate is nobody's");
}

static bool
has(const uint32_t *v, size_t n, uint32_t number)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == number)
			return true;
	return false;
}

static void
hosts(struct store *s)
{
	struct store_host h, other, fresh;
	struct store_identity who = kit_identity(11);
	uint32_t v[8];
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 11, &h);
	kit_host(s, 12, &other);
	kit_host(s, 13, &fresh);
	boot(s, &h, 45);
	show(s, &h);
	show(s, &other);
	is_code(forget(s, h.number), ERR_CONFLICT, "a host that may attest is not forgotten");
	h.registration = STORE_REMOVED;
	must(store_host_update(s, &h, &e), &e, "removing");
	is_code(forget(s, h.number), 0, "one that was removed is, in pieces");
	left_of(s, &h);
	must(store_findings(s, other.number, &kit_arena, &(struct store_finding *){ NULL }, &n, &e), &e, "findings");
	ok(n == 1, "another host has all of its own");
	must(store_host_by_number(s, h.number, &kit_arena, &h, &e), &e, "reading");
	h.registration = STORE_ENROLLED;
	who.ak_name = span_lit("another");
	is_code(store_identity_add(s, &h, &who, NULL, &e), 0, "it may come again, with the number it had");
	other.state.last_seen = 0;
	n = 9;
	must(store_hosts_unseen(s, 1, v, 8, &n, &e), &e, "unseen");
	ok(n == 0 || v[0] != fresh.number, "hosts that were made since are not unseen");
	/* Forgotten, it could enrol again: it would only have to wait. */
	must(store_hosts_unseen(s, INT64_MAX, v, 8, &n, &e), &e, "unseen");
	ok(has(v, n, fresh.number), "one that never attested is");
	fresh.registration = STORE_REMOVED;
	must(store_host_update(s, &fresh, &e), &e, "removing");
	must(store_hosts_unseen(s, INT64_MAX, v, 8, &n, &e), &e, "unseen");
	ok(!has(v, n, fresh.number), "one that somebody removed is not: people alone forget it");
}

void
test_retention(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("retention"));

	lists(s);
	hosts(s);
}
