/* Promise: a move takes everything along, or nothing; a list of the tables that forgets
 * one is noticed. */
#include <unistd.h>

#include "port/store/handle.h"
#include "tests/store/kit.h"
#include "tests/store/kit_db.h"

void
kit_fill(struct store *s, unsigned hosts, size_t records)
{
	struct store_enrolment en = { .token = "sixteen bytes..", .expires = 100, .secret = span_lit("\0s") };
	struct store_policy p = { .name = span_lit("p"), .version = span_lit("v"), .document = span_lit("doc") };
	struct store_policy_set set = { .name = span_lit("set"), .version = span_lit("v") };
	struct store_assignment a = { .set = span_lit("set"), .began = 1 };
	struct store_principal pr = { .name = span_lit("n"), .digest = span_lit("0123456789abcdef0123456789abcdef") };
	struct store_record signed_one = kit_record(4242);
	struct store_interval change = { .from = 5, .verdict = 1 };
	struct store_finding finding = { .code = span_lit("c"), .path = span_lit("\n\0\xff") };
	struct store_event event = { .at = 1, .kind = span_lit("k") };
	struct store_bundle bundle = { .at = 1, .body = span_lit("body") };
	struct store_host h;
	struct store_advance v = { .host = &h, .boot_id = span_lit("boot"), .records = &signed_one, .n_records = 1,
		.change = &change, .findings_new = true, .findings = &finding, .n_findings = 1, .events = &event,
		.n_events = 1, .bundle = &bundle };
	uint32_t shard = 3;
	uint64_t left = 0;
	bool got;
	struct err e = { 0 };

	signed_one.key_id = span_lit("key");
	for (unsigned i = 0; i < hosts; i++) {
		kit_host(s, i, &h);
		is_code(kit_append(s, &h, "boot", 1, records + i, i), 0, "filling");
	}
	must(store_merge(s, hosts / 2, &left, &e), &e, "merging");
	kit_host(s, 100, &h);
	must(store_advance(s, &v, 1, 7, &e), &e, "advancing");
	must(store_event_log_put(s, h.boot, span_lit("d"), span_lit("log"), 1, &e), &e, "event log");
	must(store_enrolment_add(s, &en, 10, 0, &e), &e, "enrolment");
	must(store_policy_add(s, &p, &e), &e, "policy");
	must(store_policy_set_add(s, &set, &e), &e, "set");
	must(store_assign(s, &a, 0, &e), &e, "assignment");
	must(store_principal_add(s, &pr, &e), &e, "principal");
	must(store_lease_take(s, span_lit("o"), &shard, 1, 1000, &got, &e), &e, "lease");
	must(store_setting_put(s, span_lit(""), span_lit("empty name"), &e), &e, "setting");
	must(store_setting_put(s, span_lit("\0\xff"), span_lit(""), &e), &e, "setting");
}

/* Every table of the schema has something, and the list of the move knows it. */
static void
every_table(struct store *s)
{
	static const char *const known[] = {
#define T(table, numbers, size, types, key_types, columns, params, key, key_params) #table,
#include "port/store/tables.tbl"
#undef T
	};
	struct err e = { 0 };
	int64_t n = 0;
	char sql[128];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		n = 0;
		(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", known[i]);
		must(db_once(s->db, sql, "", NULL, kit_number, &n, &e), &e, sql);
		ok(n > 0, "there is something in %s", known[i]);
	}
	must(db_once(s->db, s->db->kind == STORE_SQLITE
	    ? "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	    : "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()",
	    "", NULL, kit_number, &n, &e), &e, "tables");
	ok(n == (int64_t)(sizeof(known) / sizeof(known[0])) + 1, "and the move knows all tables");
}

static void
told(void *ctx, const struct store_move *m)
{
	*(uint64_t *)ctx += m->rows != 0 || m->checking;
}

static void
moves(struct store *from, const char *url, const char *what)
{
	STORE_AUTO struct store *to = kit_store(url);
	struct store_host h, moved = { 0 };
	struct store_bundle a = { .host = 1, .body = span_lit("x") }, b = a;
	uint64_t calls = 0;
	struct err e = { 0 };

	good(store_move(from, to, told, &calls, &e), &e, what);
	ok(calls > 40, "telling how far it is");
	is_code(store_move(from, to, NULL, NULL, &e), ERR_DUPLICATE, "not into one where something is");
	must(store_host_by_number(from, 31, &kit_arena, &h, &e), &e, "reading");
	must(store_host_by_number(to, 31, &kit_arena, &moved, &e), &e, "reading");
	ok(strcmp(h.id, moved.id) == 0 && h.count == moved.count && h.tail_size == moved.tail_size &&
	    memcmp(h.tail, moved.tail, h.tail_size) == 0, "hosts are the same");
	is_code(kit_append(to, &moved, "boot", 9000, 20, 9), 0, "and go on");
	kit_host(to, 500, &h);
	ok(h.number == 32, "new ones get new numbers");
	must(store_bundle_add(from, &a, &e), &e, "adding");
	must(store_bundle_add(to, &b, &e), &e, "adding");
	ok(a.number == b.number, "numbers go on where they were");
}

void
test_move(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("move_from"));
	char there[512], back[600];
	struct err e = { 0 };

	kit_fill(s, 30, 400);
	every_table(s);
	(void)snprintf(there, sizeof(there), "%s", kit_url("move_to"));
	moves(s, there, "a move to the same kind");
	if (!kit_pgsql())
		return;
	(void)snprintf(back, sizeof(back), "%s/assay-move.%d.db", getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"),
	    (int)getpid());
	moves(s, back, "a move from PostgreSQL to SQLite");

	STORE_AUTO struct store *lite = kit_store(back), *again = kit_store(kit_url("move_back"));

	good(store_move(lite, again, NULL, NULL, &e), &e, "and back");
	(void)unlink(back);
}
