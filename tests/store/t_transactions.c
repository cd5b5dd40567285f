/* Promise: what is between begin and commit happens as one or not at all; an error in it
 * ends it; nothing that was rolled back is remembered. */
#include <time.h>

#include "port/store/handle.h"
#include "tests/store/kit.h"

static void
as_one(struct store *s, struct store *other)
{
	struct store_host h;
	struct store_host got = { 0 };
	struct err e = { 0 };

	good(store_begin(s, &e), &e, "a transaction begins");
	kit_host(s, 1, &h);
	is_code(kit_append(s, &h, "boot", 1, 10, 1), 0, "an attestation within it");
	is_code(store_host_by_id(other, h.id, &kit_arena, &got, &e), ERR_NOT_FOUND, "another handle does not see it");
	good(store_host_by_id(s, h.id, &kit_arena, &got, &e), &e, "the same does");
	good(store_commit(s, &e), &e, "it is committed");
	good(store_host_by_id(other, h.id, &kit_arena, &got, &e), &e, "then all see it");
	ok(got.count == 10, "whole");
}

static void
rolled_back(struct store *s)
{
	struct store_host h, before, got = { 0 };
	uint8_t key[1][32];
	uint64_t number = 9;
	struct err e = { 0 };

	kit_host(s, 2, &h);
	before = h;
	must(store_begin(s, &e), &e, "beginning");
	is_code(kit_append(s, &h, "boot", 5000, 3, 1), 0, "records that nobody had");
	store_rollback(s);
	must(store_host_by_id(s, h.id, &kit_arena, &got, &e), &e, "reading");
	ok(got.revision == 1 && got.count == 0, "are gone when it is rolled back");
	memcpy(key[0], kit_record(5001).key, 32);
	must(store_entries_known(s, (const uint8_t (*)[32])key, 1, &number, &e), &e, "looking up");
	ok(number == 0, "also from what the handle remembers");
	is_code(kit_append(s, &before, "boot", 5000, 3, 1), 0, "and can come again");
	must(store_entries_known(s, (const uint8_t (*)[32])key, 1, &number, &e), &e, "looking up");
	ok(number != 0, "for good");
}

/* ERR_CONFLICT and the like harm nothing; anything else ends the transaction. */
static void
lost(struct store *s)
{
	struct store_enrolment v = { .token = "token", .expires = 100 };
	struct store_host h, stale;
	struct span got = { 0 };
	struct err e = { 0 };

	kit_host(s, 3, &h);
	stale = h;
	must(store_host_update(s, &h, &e), &e, "updating");
	must(store_begin(s, &e), &e, "beginning");
	must(store_setting_put(s, span_lit("a"), span_lit("1"), &e), &e, "putting");
	is_code(store_host_update(s, &stale, &e), ERR_CONFLICT, "a conflict in a transaction");
	is_code(store_setting_get(s, span_lit("none"), &kit_arena, &got, &e), ERR_NOT_FOUND, "something that is not there");
	good(store_commit(s, &e), &e, "can be committed around");
	good(store_setting_get(s, span_lit("a"), &kit_arena, &got, &e), &e, "with the rest");
	must(store_begin(s, &e), &e, "beginning");
	must(store_setting_put(s, span_lit("b"), span_lit("1"), &e), &e, "putting");
	is_code(store_enrolment_add(s, &v, 0, 0, &e), ERR_LIMIT, "a limit in a transaction");
	is_code(store_setting_put(s, span_lit("c"), span_lit("1"), &e), ERR_LIMIT, "is repeated by what follows");
	is_code(store_commit(s, &e), ERR_LIMIT, "and by the commit");
	store_rollback(s);
	is_code(store_setting_get(s, span_lit("b"), &kit_arena, &got, &e), ERR_NOT_FOUND, "nothing of it is there");
	is_code(store_commit(s, &e), ERR_INTERNAL, "what was not begun cannot be committed");
	store_rollback(s);
	good(store_setting_put(s, span_lit("c"), span_lit("1"), &e), &e, "the handle can be used again");
}

/* PostgreSQL calls it a success when it takes a commit for a rollback. */
static void
failed_within(struct store *s, struct store *other)
{
	static const char twice[] = "INSERT INTO setting (name, value) SELECT name, value FROM setting WHERE name = 'twice'";
	struct span got = { 0 };
	struct err e = { 0 };
	int rc;

	if (!kit_pgsql())
		return;
	must(store_setting_put(s, span_lit("twice"), span_lit("1"), &e), &e, "putting");
	must(store_begin(s, &e), &e, "beginning");
	must(store_setting_put(s, span_lit("gone"), span_lit("1"), &e), &e, "putting");
	is_code(db_exec(s->db, twice, &e), ERR_DUPLICATE, "a row that is there already");
	rc = store_commit(s, &e);
	if (rc != 0)
		store_rollback(s);
	ok((rc == 0) == (store_setting_get(other, span_lit("gone"), &kit_arena, &got, &e) == 0),
	    "what is not stored is not called committed");
	/* Of a rollback that did not arrive. */
	must(s->db->ops->exec(s->db, "BEGIN", &e), &e, "beginning past the store");
	good(store_setting_put(s, span_lit("after"), span_lit("1"), &e), &e, "behind a transaction that did not end");
	good(store_setting_get(other, span_lit("after"), &kit_arena, &got, &e), &e, "what is acknowledged is stored");
}

static void
clock_of_database(struct store *s)
{
	int64_t now = 0, here = (int64_t)time(NULL) * 1000;
	struct err e = { 0 };

	good(store_now(s, &now, &e), &e, "the database tells the time");
	ok(now > here - 5000 && now < here + 5000, "in milliseconds");
}

/* A writer waits for another, for a while. */
static void
busy(const char *url)
{
	STORE_AUTO struct store *a = kit_store(url), *b = kit_store(url);
	struct store_host h, mine;
	struct err e = { 0 };

	must(db_exec(b->db, kit_pgsql() ? "SET lock_timeout = 200" : "PRAGMA busy_timeout = 200", &e), &e,
	    "less patience");
	if (kit_pgsql()) {
		kit_host(a, 4, &h);
		mine = h;
		must(store_begin(a, &e), &e, "beginning");
		must(store_host_update(a, &h, &e), &e, "updating");
		is_code(kit_append(b, &mine, "boot", 1, 1, 1), ERR_STORE_BUSY, "who waits too long is told to try again");
		store_rollback(a);
		is_code(kit_append(b, &mine, "boot", 1, 1, 1), 0, "which then works");
		return;
	}
	must(store_begin(a, &e), &e, "beginning");
	is_code(store_setting_put(b, span_lit("x"), span_lit("1"), &e), ERR_STORE_BUSY,
	    "who waits too long is told to try again");
	store_rollback(a);
	good(store_setting_put(b, span_lit("x"), span_lit("1"), &e), &e, "which then works");
}

void
test_transactions(void)
{
	const char *url = kit_url("transactions");
	STORE_AUTO struct store *s = kit_store(url), *other = kit_store(url);

	as_one(s, other);
	rolled_back(s);
	lost(s);
	failed_within(s, other);
	clock_of_database(s);
	busy(url);
}
