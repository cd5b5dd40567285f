/* fleet_rows.c URL N EK AK [BUNDLE]: a fleet in a store, written as a server would, for api.t.
 *
 * Host I (from 1) is "host-NNNNN", but number 7, whose name has a newline and a byte that is
 * no UTF-8.  It has labels role=web or role=db, a boot with 3 + I % 5 measurements, and
 * stands by I % 10: 0 untrusted with two findings, 1 undecided, 2 of a verdict that ran out,
 * 3 (up to number 100) waiting for an operator, else trusted.  Everybody's first entries
 * are the same; host I alone ran /opt/only-I.  The evidence behind its verdict is a line of
 * text, or the bundle that is given.
 */
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "port/store/store.h"

#define BATCH 50
#define RECORDS 8

static const char *const shared[] = { "boot_aggregate", "/usr/bin/bash", "/usr/lib/x86_64-linux-gnu/libc.so.6",
    "/usr/bin/dash", "/usr/sbin/sshd", "/usr/bin/odd\nname\xff", "/usr/bin/env" };
static struct arena arena;
static int64_t now;
static struct file ek, ak, evidence;

static void
must(int rc, const struct err *e)
{
	if (rc == 0)
		return;
	fprintf(stderr, "fleet-rows: %s (%s)\n", e->message, err_token(e->code));
	exit(3);
}

static struct span
keep(struct span s)
{
	struct span out;

	if (!arena_copy(&arena, s, &out))
		abort();
	return out;
}

static struct digest
sha256(struct span s)
{
	struct digest d;
	struct err e = { 0 };

	must(digest_of(DIGEST_SHA256, s, &d, &e), &e);
	return d;
}

/* A record of template ima-ng; the file's digest is that of its path. */
static struct store_record
record(const char *path)
{
	BUF_AUTO struct buf data = buf_init(KIB(4)), all = buf_init(KIB(8));
	struct digest file = sha256(span_str(path)), template, key;
	struct store_record r = { .path = keep(span_str(path)), .digest = file };
	struct err e = { 0 };

	buf_le32(&data, 8 + 32);
	buf_put(&data, "sha256:", 8);
	buf_span(&data, digest_view(&file));
	buf_le32(&data, (uint32_t)strlen(path) + 1);
	buf_put(&data, path, strlen(path) + 1);
	must(digest_of(DIGEST_SHA1, buf_view(&data), &template, &e), &e);
	buf_le32(&all, 10);
	buf_span(&all, digest_view(&template));
	buf_le32(&all, 6);
	buf_str(&all, "ima-ng");
	buf_le32(&all, (uint32_t)data.n);
	buf_span(&all, buf_view(&data));
	r.bytes = keep(buf_view(&all));
	key = sha256(r.bytes);
	memcpy(r.key, digest_view(&key).p, sizeof(r.key));
	return r;
}

static struct store_record *
records(unsigned i, size_t *n)
{
	struct store_record *v = arena_array(&arena, RECORDS, sizeof(*v));
	char only[32];

	if (v == NULL)
		abort();
	*n = 3 + i % 5;
	for (size_t k = 0; k + 1 < *n; k++)
		v[k] = record(shared[k]);
	(void)snprintf(only, sizeof(only), "/opt/only-%u", i);
	v[*n - 1] = record(only);
	return v;
}

static struct span
text(const char *fmt, unsigned i)
{
	char b[1024];

	/* Only this file's own formats. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(b, sizeof(b), fmt, i);
#pragma GCC diagnostic pop
	return keep(span_str(b));
}

static void
enrol(struct store *s, unsigned i, struct store_host *h)
{
	struct digest id = sha256(text("host %u", i)), name = sha256(text("ak %u", i));
	BUF_AUTO struct buf hex = buf_init(128);
	struct store_identity who = { .made = now - 86400000, .trust_mode = span_lit("ek-list"),
	    .ek_public = file_view(&ek), .ak_public = file_view(&ak), .ak_name = keep(digest_view(&name)) };
	struct err e = { 0 };

	*h = (struct store_host){ .name = i == 7 ? span_lit("odd\nname\xff") : text("host-%05u", i),
	    .registration = i % 10 == 3 && i < 100 ? STORE_PENDING : STORE_ENROLLED, .made = now - 86400000,
	    .labels = i % 2 == 0 ? span_lit("{\"role\":\"web\"}") : span_lit("{\"role\":\"db\",\"site\":\"berlin\"}"),
	    .facts = text("{\"hostname\":\"host-%05u\",\"kernel\":\"6.1.0\",\"list\":\"kernel\",\"tpm\":{\"kind\":\"device\"}}", i),
	    .facts_at = now };
	buf_hex(&hex, digest_view(&id));
	memcpy(h->id, buf_cstr(&hex), STORE_HOST_ID);
	must(store_host_add(s, h, &who, NULL, &e), &e);
}

static void
find(unsigned i, struct store_advance *a)
{
	struct store_finding *v = arena_array(&arena, 2, sizeof(*v));

	if (v == NULL)
		abort();
	for (unsigned k = 0; k < 2; k++)
		v[k] = (struct store_finding){ .code = span_lit("not-in-policy"), .entry = k + 2,
		    .path = text("/opt/only-%u", i), .text = text(k == 0 ? "{\"code\":\"not-in-policy\",\"entry\":3,"
		    "\"path\":\"/opt/only-%u\",\"seen\":\"sha256:00\",\"message\":\"the path is not in the policy\"}" :
		    "{\"code\":\"not-in-policy\",\"entry\":4,\"path\":\"/opt/%u\\\\x0a\",\"message\":\"nor is this\"}", i) };
	a->findings = v;
	a->n_findings = 2;
}

static void
attest(unsigned i, struct store_host *h, struct store_advance *a)
{
	struct store_interval *change = arena_array(&arena, 1, sizeof(*change));
	struct store_event *event = arena_array(&arena, 1, sizeof(*event));
	struct store_bundle *bundle = arena_array(&arena, 1, sizeof(*bundle));
	uint8_t verdict = i % 10 == 0 ? 2 : i % 10 == 1 ? 3 : 1;
	size_t n;

	if (change == NULL || event == NULL || bundle == NULL)
		abort();
	*a = (struct store_advance){ .host = h, .boot_id = span_lit("00000001:boot"), .records = records(i, &n),
	    .findings_new = true, .change = change, .events = event, .n_events = 1, .bundle = bundle };
	a->n_records = n;
	h->state.verdict = verdict;
	h->state.verdict_since = h->state.last_seen = now;
	h->state.valid_until = h->state.next_due = i % 10 == 2 ? now - 1000 : now + 86400000;
	h->state.entries = n;
	h->state.findings = verdict == 2 ? 2 : 0;
	h->state.policy_set = span_lit("base");
	h->state.policy = span_lit("0123456789abcdef");
	if (verdict == 2)
		find(i, a);
	*change = (struct store_interval){ .from = now, .verdict = verdict, .policy = h->state.policy,
	    .reason = verdict == 2 ? text("/opt/only-%u: the path is not in the policy (and 1 more)", i) :
	    verdict == 3 ? span_lit("no policy is assigned to this host") : text("%u entries, all approved", (unsigned)n) };
	*event = (struct store_event){ .at = now, .kind = span_lit("verdict"), .body = text("{\"name\":\"host-%05u\"}", i) };
	*bundle = (struct store_bundle){ .at = now, .verdict = verdict, .policy = h->state.policy,
	    .body = evidence.n > 0 ? file_view(&evidence) : text("evidence of host %u", i) };
}

static void
batch(struct store *s, unsigned first, unsigned n)
{
	struct store_host hosts[BATCH];
	struct store_advance v[BATCH];
	struct err e = { 0 };
	size_t used = 0;

	must(store_begin(s, &e), &e);
	for (unsigned i = 0; i < n; i++)
		enrol(s, first + i, &hosts[i]);
	must(store_commit(s, &e), &e);
	for (unsigned i = 0; i < n; i++)
		if (hosts[i].registration == STORE_ENROLLED)
			attest(first + i, &hosts[i], &v[used++]);
	must(store_advance(s, v, used, now, &e), &e);
	for (size_t i = 0; i < used; i++)
		if (v[i].rc != 0)
			must(err_set(&e, v[i].rc, "host %u", first), &e);
}

int
main(int argc, char **argv)
{
	STORE_AUTO struct store *s = NULL;
	struct err e = { 0 };
	unsigned n;

	if (argc != 5 && argc != 6)
		return 2;
	arena = arena_init(GIB(1));
	now = (int64_t)time(NULL) * 1000;
	n = (unsigned)strtoul(argv[2], NULL, 10);
	must(file_read(argv[3], MIB(1), &ek, &e), &e);
	must(file_read(argv[4], MIB(1), &ak, &e), &e);
	if (argc == 6)
		must(file_read(argv[5], MIB(64), &evidence, &e), &e);
	must(store_open(argv[1], STORE_CREATE | STORE_MIGRATE, &s, &e), &e);
	for (unsigned i = 1; i <= n; i += BATCH)
		batch(s, i, n - i + 1 < BATCH ? n - i + 1 : BATCH);
	arena_free(&arena);
	file_free(&ek);
	file_free(&ak);
	file_free(&evidence);
	return 0;
}
