/* Promise: what administrators change stays readable with who and when; a secret is never
 * stored; a lease has one owner at a time. */
#include <unistd.h>

#include "tests/store/kit.h"

static void
policies(struct store *s)
{
	struct store_policy p = { .name = span_lit("base\n\xff"), .version = span_lit("v1"),
		.document = span_lit("{\"digests\":{}}"), .signers = span_lit("[\"ab\"]"), .note = span_lit("first"),
		.who = span_lit("alice"), .at = 10 }, got = { 0 }, *v = NULL;
	struct err e = { 0 };
	size_t n = 0;

	good(store_policy_add(s, &p, &e), &e, "a policy is added");
	is_code(store_policy_add(s, &p, &e), ERR_DUPLICATE, "a version once");
	p.version = span_lit("v2");
	p.at = 5;	/* a clock that goes back does not change the order */
	must(store_policy_add(s, &p, &e), &e, "adding");
	p.name = span_lit("another");
	must(store_policy_add(s, &p, &e), &e, "adding");
	good(store_policy_get(s, span_lit("base\n\xff"), span_of(NULL, 0), &kit_arena, &got, &e), &e, "the newest is read");
	is_span(got.version, span_lit("v2"), "by the order they came");
	must(store_policy_get(s, span_lit("base\n\xff"), span_lit("v1"), &kit_arena, &got, &e), &e, "reading");
	ok(got.at == 10 && got.size == got.document.n && span_is(got.who, "alice") && span_is(got.note, "first") &&
	    span_is(got.signers, "[\"ab\"]"), "an older one as it was");
	is_span(got.document, span_lit("{\"digests\":{}}"), "its bytes");
	is_code(store_policy_get(s, span_lit("base"), span_of(NULL, 0), &kit_arena, &got, &e), ERR_NOT_FOUND, "another is not there");
	must(store_policies(s, span_of(NULL, 0), &kit_arena, &v, &n, &e), &e, "listing");
	ok(n == 3 && span_is(v[0].name, "another") && span_is(v[1].version, "v2") && v[1].document.n == 0, "all are listed, without their bytes");
	must(store_policies(s, span_lit("another"), &kit_arena, &v, &n, &e), &e, "listing");
	ok(n == 1, "or those of one name");
}

static void
sets(struct store *s)
{
	struct store_policy_set p = { .name = span_lit("web"), .version = span_lit("s1"), .members = span_lit("[1]"),
		.note = span_lit("n"), .who = span_lit("bob"), .at = 3 }, got = { 0 }, *v = NULL;
	struct err e = { 0 };
	size_t n = 0;

	good(store_policy_set_add(s, &p, &e), &e, "a policy set is added");
	is_code(store_policy_set_add(s, &p, &e), ERR_DUPLICATE, "a version once");
	p.version = span_lit("s2");
	must(store_policy_set_add(s, &p, &e), &e, "adding");
	must(store_policy_set_get(s, p.name, span_of(NULL, 0), &kit_arena, &got, &e), &e, "reading");
	is_span(got.version, span_lit("s2"), "the newest is read");
	must(store_policy_set_get(s, p.name, span_lit("s1"), &kit_arena, &got, &e), &e, "reading");
	ok(span_is(got.members, "[1]") && span_is(got.who, "bob") && got.at == 3, "or one version");
	is_code(store_policy_set_get(s, p.name, span_lit("s3"), &kit_arena, &got, &e), ERR_NOT_FOUND, "that is there");
	must(store_policy_sets(s, &kit_arena, &v, &n, &e), &e, "listing");
	ok(n == 2, "all are listed");
}

static size_t
holding(struct store *s, int64_t at, struct store_assignment **v)
{
	struct err e = { 0 };
	size_t n = 0;

	must(store_assignments(s, at, &kit_arena, v, &n, &e), &e, "listing");
	return n;
}

static void
assignments(struct store *s)
{
	struct store_assignment a = { .selector = span_lit("role=web"), .rank = 10, .set = span_lit("web"),
		.version = span_lit("s1"), .who = span_lit("alice"), .began = 100 };
	struct store_assignment all = { .rank = 0, .set = span_lit("default"), .who = span_lit("alice"), .began = 50 };
	struct store_assignment *v = NULL;
	uint64_t first;
	struct err e = { 0 };

	good(store_assign(s, &a, 0, &e), &e, "a set is assigned");
	must(store_assign(s, &all, 0, &e), &e, "assigning");
	first = a.number;
	ok(holding(s, 100, &v) == 2 && v[0].rank == 10, "assignments hold, by rank");
	ok(holding(s, 60, &v) == 2, "also if the clock was set back behind their beginning");
	a.version = span_lit("s2");
	a.who = span_lit("bob");
	a.began = 200;
	good(store_assign(s, &a, 260, &e), &e, "a change");
	ok(holding(s, 150, &v) == 2 && v[0].number == a.number, "holds, whatever the clock says then");
	ok(holding(s, 230, &v) == 3 && v[0].number == a.number && v[1].number == first && v[1].ended == 200 &&
	    v[1].holds_until == 260, "then old and new hold for the overlap");
	ok(holding(s, 260, &v) == 2 && v[0].number == a.number, "and then the new one");
	good(store_unassign(s, a.number, span_lit("carol"), 300, 0, &e), &e, "an assignment ends");
	is_code(store_unassign(s, a.number, span_lit("carol"), 300, 0, &e), ERR_NOT_FOUND, "once");
	ok(holding(s, 300, &v) == 1 && holding(s, 299, &v) == 1, "and stays ended");
	ok(holding(s, 0, &v) == 3 && span_is(v[0].ended_by, "carol") && span_is(v[0].who, "bob") &&
	    span_is(v[1].ended_by, "bob") && span_is(v[1].who, "alice"), "who did it stays readable");
}

/* Who assigns without an overlap means that nothing else is good any more. */
static void
overlaps(struct store *s)
{
	struct store_assignment a = { .selector = span_lit("role=cut"), .rank = 20, .set = span_lit("web"),
		.version = span_lit("s1"), .who = span_lit("alice"), .began = 1000 };
	struct store_assignment *v = NULL;
	struct err e = { 0 };
	size_t others = holding(s, 1000, &v);

	must(store_assign(s, &a, 0, &e), &e, "assigning");
	a.version = span_lit("s2");
	a.began = 1100;
	must(store_assign(s, &a, 9000, &e), &e, "assigning");
	ok(holding(s, 1200, &v) == others + 2, "a long overlap");
	a.version = span_lit("s3");
	a.began = 1300;
	must(store_assign(s, &a, 0, &e), &e, "assigning");
	ok(holding(s, 1299, &v) == others + 2 && holding(s, 1300, &v) == others + 1 && span_is(v[0].version, "s3"),
	    "ends with a change that has none");
}

static void
principals(struct store *s)
{
	struct store_principal p = { .name = span_lit("ci"), .kind = span_lit("token"),
		.digest = span_lit("0123456789abcdef0123456789abcde\0"), .role = span_lit("viewer"),
		.who = span_lit("alice"), .made = 5, .expires = 50 }, got = { 0 }, *v = NULL;
	struct err e = { 0 };
	size_t n = 0;

	good(store_principal_add(s, &p, &e), &e, "a principal is added");
	is_code(store_principal_add(s, &p, &e), ERR_DUPLICATE, "once");
	good(store_principal_by_digest(s, p.digest, &kit_arena, &got, &e), &e, "it is found by the digest of its secret");
	ok(got.number == p.number && got.expires == 50 && got.revoked == 0 && span_is(got.role, "viewer"), "with its role");
	is_code(store_principal_by_digest(s, span_head(p.digest, 31), &kit_arena, &got, &e), ERR_NOT_FOUND, "by all of it");
	good(store_principal_revoke(s, p.number, 9, &e), &e, "it is revoked");
	is_code(store_principal_revoke(s, p.number, 10, &e), ERR_NOT_FOUND, "once");
	must(store_principals(s, &kit_arena, &v, &n, &e), &e, "listing");
	ok(n == 1 && v[0].revoked == 9, "and stays listed");
	p.digest = span_of(NULL, 0);
	is_code(store_principal_add(s, &p, &e), ERR_FORMAT, "no digest is no principal");
}

static void
leases(struct store *s)
{
	uint32_t shards[] = { 0, 1, 2, STORE_SHARDS - 1 }, none = STORE_SHARDS;
	bool got[4];
	struct store_lease *v = NULL;
	struct err e = { 0 };
	int64_t now = 0;
	size_t n = 0;

	good(store_lease_take(s, span_lit("a"), shards, 2, 60000, got, &e), &e, "shards are leased");
	ok(got[0] && got[1], "both");
	must(store_lease_take(s, span_lit("b"), shards, 4, 60000, got, &e), &e, "leasing");
	ok(!got[0] && !got[1] && got[2] && got[3], "another gets those that are free");
	must(store_lease_take(s, span_lit("a"), shards, 4, 60000, got, &e), &e, "leasing");
	ok(got[0] && got[1] && !got[2] && !got[3], "the owner renews his");
	must(store_leases(s, &kit_arena, &v, &n, &now, &e), &e, "listing");
	ok(n == 4 && v[3].shard == STORE_SHARDS - 1 && span_is(v[3].owner, "b") && v[0].until > now + 50000 &&
	    v[0].until <= now + 60000, "leases are listed, by the database's clock");
	must(store_lease_release(s, span_lit("b"), shards, 4, &e), &e, "releasing");
	must(store_leases(s, &kit_arena, &v, &n, &now, &e), &e, "listing");
	ok(n == 2, "each releases only his own");
	must(store_lease_take(s, span_lit("a"), shards, 1, 30, got, &e), &e, "leasing");
	usleep(60000);
	must(store_lease_take(s, span_lit("b"), shards, 2, 60000, got, &e), &e, "leasing");
	ok(got[0] && !got[1], "what has expired can be taken over");
	is_code(store_lease_take(s, span_lit("b"), &none, 1, 1, got, &e), ERR_RANGE, "there are so many shards");
	must(store_begin(s, &e), &e, "beginning");
	good(store_lease_hold(s, span_lit("b"), 0, &e), &e, "a lease is held in a transaction");
	is_code(store_lease_hold(s, span_lit("a"), 0, &e), ERR_CONFLICT, "by its owner alone");
	must(store_commit(s, &e), &e, "committing");
	must(store_lease_take(s, span_lit("b"), shards, 1, 30, got, &e), &e, "leasing");
	usleep(60000);
	is_code(store_lease_hold(s, span_lit("b"), 0, &e), ERR_CONFLICT, "and not once it has expired");
	must(store_lease_take(s, span_lit("b"), shards, 1, 60000, got, &e), &e, "leasing");
	must(store_lease_take(s, span_lit("a"), shards, 1, 30000, got, &e), &e, "leasing");
	ok(got[0], "a lease that lasts longer than any is asked for is of before the clock was set back");
}

static void
settings(struct store *s)
{
	struct span got = { 0 };
	struct err e = { 0 };

	is_code(store_setting_get(s, span_lit("ca"), &kit_arena, &got, &e), ERR_NOT_FOUND, "a setting is not set");
	good(store_setting_add(s, span_lit("ca"), span_lit("first\0\xff"), &e), &e, "it is made");
	is_code(store_setting_add(s, span_lit("ca"), span_lit("second"), &e), ERR_DUPLICATE, "by one of two");
	must(store_setting_get(s, span_lit("ca"), &kit_arena, &got, &e), &e, "reading");
	is_span(got, span_lit("first\0\xff"), "the first");
	must(store_setting_put(s, span_lit("ca"), span_lit("third"), &e), &e, "putting");
	must(store_setting_get(s, span_lit("ca"), &kit_arena, &got, &e), &e, "reading");
	is_span(got, span_lit("third"), "it is replaced");
	is_code(store_setting_swap(s, span_lit("ca"), span_lit("first"), span_lit("fourth"), &e), ERR_CONFLICT,
	    "one that was read before is not replaced");
	good(store_setting_swap(s, span_lit("ca"), span_lit("third"), span_lit("fifth\0\xff"), &e), &e, "one that is so still is");
	is_code(store_setting_swap(s, span_lit("ca"), span_lit("third"), span_lit("sixth"), &e), ERR_CONFLICT, "by one of two");
	must(store_setting_get(s, span_lit("ca"), &kit_arena, &got, &e), &e, "reading");
	is_span(got, span_lit("fifth\0\xff"), "the first");
	is_code(store_setting_swap(s, span_lit("none"), span_lit(""), span_lit("x"), &e), ERR_CONFLICT, "nor one that is none");
	must(store_setting_delete(s, span_lit("ca"), &e), &e, "deleting");
	is_code(store_setting_get(s, span_lit("ca"), &kit_arena, &got, &e), ERR_NOT_FOUND, "and removed");
}

void
test_admin(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("admin"));

	policies(s);
	sets(s);
	assignments(s);
	overlaps(s);
	principals(s);
	leases(s);
	settings(s);
}
