/* Promise: a store that the first program wrote is read by every later one. */
#include "base/file.h"
#include "port/store/handle.h"
#include "tests/store/kit.h"

static int
count_bytes(void *ctx, const struct store_log_item *i, struct err *e)
{
	struct span want = kit_record(1 + i->index).bytes;

	(void)e;
	*(uint64_t *)ctx += span_eq(i->bytes, want);
	return 0;
}

static int
statement(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)item;
	(void)n;
	(void)e;
	buf_span(ctx, row[0].s);
	buf_u8(ctx, '\n');
	return 0;
}

/* The statements by which SQLite made all tables and indices. */
static void
statements(struct db *d, struct buf *out)
{
	struct err e = { 0 };

	must(db_once(d, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name", "", NULL, statement,
	    out, &e), &e, "schema");
}

static void
first_migration_stays(struct db *golden)
{
	BUF_AUTO struct buf then = buf_init(MIB(1)), now = buf_init(MIB(1));
	struct migrations first = { schema_migrations.v, 1 };
	struct store *s;
	struct err e = { 0 };

	must(store_open_with(kit_url("first"), STORE_CREATE, &first, &s, &e), &e, "making schema 1");
	statements(golden, &then);
	statements(s->db, &now);
	store_close(s);
	is_span(buf_view(&now), buf_view(&then), "migration 1 is what it was: changes are new migrations");
}

static void
reads(struct store *s)
{
	struct store_query q = { .by = STORE_BY_PATH, .value = kit_record(100).path };
	struct store_hits hits = { 0 };
	struct store_host h = { 0 };
	struct store_policy p = { 0 };
	uint64_t same = 0;
	struct err e = { 0 };

	good(store_host_by_number(s, 3, &kit_arena, &h, &e), &e, "its hosts are read");
	ok(h.count == 262 && span_is(h.name, "host-00002.example"), "as they were");
	must(store_log_read(s, h.boot, 0, UINT64_MAX, count_bytes, &same, &e), &e, "log");
	ok(same == 262, "their lists, byte for byte");
	must(store_search(s, &q, 0, 100, &kit_arena, &hits, &e), &e, "searching");
	ok(hits.hosts == 5 && hits.n == 5 && hits.v[4].since == 4, "searches find what they had");
	good(store_policy_get(s, span_lit("p"), span_lit("v"), &kit_arena, &p, &e), &e, "policies are read");
	is_code(kit_append(s, &h, "boot", 9999, 1, 9), 0, "and attestations go on");
}

void
test_golden(void)
{
	const char *dir = getenv("ASSAY_GOLDEN");
	char path[600], name[600];
	struct file f = { 0 };
	struct db *d = NULL;
	struct store *s = NULL;
	struct err e = { 0 };

	if (kit_pgsql())
		return;
	(void)snprintf(name, sizeof(name), "%s/store/v1.sql", dir == NULL ? "tests/golden" : dir);
	must(file_read(name, MIB(16), &f, &e), &e, name);
	(void)snprintf(path, sizeof(path), "%s", kit_url("golden"));
	must(db_sqlite_open(path, true, 1, &d, &e), &e, path);

	BUF_AUTO struct buf sql = buf_init(MIB(16));

	buf_span(&sql, file_view(&f));
	must(db_exec(d, buf_cstr(&sql), &e), &e, "loading the dump");
	file_free(&f);
	first_migration_stays(d);
	db_close(d);
	good(store_open(path, STORE_MIGRATE, &s, &e), &e, "a store of schema 1 is opened");
	if (s != NULL)
		reads(s);
	store_close(s);
}
