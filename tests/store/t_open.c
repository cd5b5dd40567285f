/* Promise: opening makes, brings up to date, or refuses a database; what is refused is
 * left as it was. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "port/store/handle.h"
#include "tests/store/kit.h"
#include "tests/store/kit_db.h"

#define FIRST schema_migrations.v[0]

static const struct migration later[] = {
	{ .number = 2, .sql = { "ALTER TABLE host ADD COLUMN later INTEGER NOT NULL DEFAULT 7;"
	    "UPDATE host SET later = number + 1", "ALTER TABLE host ADD COLUMN later BIGINT NOT NULL DEFAULT 7;"
	    "UPDATE host SET later = number + 1" } },
	{ .number = 3, .sql = { "CREATE TABLE later (x INTEGER); SELECT no_such_thing()",
	    "CREATE TABLE later (x INTEGER); SELECT no_such_thing()" } },
};

static struct migrations
upto(int n)
{
	static struct migration v[3];

	v[0] = FIRST;
	v[1] = later[0];
	v[2] = later[1];
	return (struct migrations){ v, (size_t)n };
}

static int64_t
ask(struct store *s, const char *sql)
{
	struct err e = { 0 };
	int64_t out = -1;

	must(db_once(s->db, sql, "", NULL, kit_number, &out, &e), &e, sql);
	return out;
}

/* Servers together, or one that takes everything along: whoever dies lets go. */
static void
held(void)
{
	const char *url = kit_url("held");
	struct store *a = NULL, *b = NULL, *c = NULL;
	struct err e = { 0 };

	good(store_open(url, STORE_CREATE | STORE_SERVE, &a, &e), &e, "a server holds it");
	good(store_open(url, STORE_SERVE, &b, &e), &e, "and another");
	is_code(store_open(url, STORE_ALONE, &c, &e), ERR_STORE_BUSY, "so it is nobody's alone");
	ok(e.hint[0] != '\0', "which says what to do");
	store_close(a);
	is_code(store_open(url, STORE_ALONE, &c, &e), ERR_STORE_BUSY, "nor when one has ended");
	good(store_open(url, 0, &a, &e), &e, "who neither serves nor moves is not asked");
	store_close(b);
	good(store_open(url, STORE_ALONE, &c, &e), &e, "when both have");
	is_code(store_open(url, STORE_SERVE, &b, &e), ERR_STORE_BUSY, "no server then");
	is_code(store_open(url, STORE_ALONE, &b, &e), ERR_STORE_BUSY, "nor a second move");
	store_close(c);
	good(store_open(url, STORE_SERVE, &b, &e), &e, "until it has ended");
	store_close(b);
	store_close(a);
}

static void
makes(void)
{
	const char *url = kit_url("opening");
	struct store *s = NULL;
	struct err e = { 0 };
	struct stat st;

	is_code(store_open(url, 0, &s, &e), ERR_NOT_FOUND, "what is not there is made only if asked for");
	ok(kit_pgsql() || stat(url, &st) != 0, "and no file either");
	good(store_open(url, STORE_CREATE, &s, &e), &e, "then it is");
	ok(strstr(store_where(s), "://") != NULL || kit_pgsql() == 0, "its name can be told: %s", store_where(s));
	store_close(s);
	good(store_open(url, 0, &s, &e), &e, "and opened again");
	ok(store_kind(s) == (kit_pgsql() ? STORE_POSTGRESQL : STORE_SQLITE), "of its kind");
	store_close(s);
	if (!kit_pgsql())
		ok(stat(url, &st) == 0 && (st.st_mode & 0777) == 0600, "a file of its owner's only");
	is_code(store_open("mysql://x/y", STORE_CREATE, &s, &e), ERR_USAGE, "another kind of URL is refused");
	is_code(store_open("", STORE_CREATE, &s, &e), ERR_USAGE, "an empty path is");
	is_code(store_open("sqlite:", STORE_CREATE, &s, &e), ERR_USAGE, "an empty path is");
}

static void
migrates(void)
{
	const char *url = kit_url("migrating");
	struct migrations one = upto(1), two = upto(2), three = upto(3);
	struct store *s = NULL;
	struct store_host h;
	struct err e = { 0 };

	must(store_open_with(url, STORE_CREATE, &one, &s, &e), &e, "making schema 1");
	kit_host(s, 1, &h);
	store_close(s);
	is_code(store_open_with(url, STORE_CREATE, &two, &s, &e), ERR_VERSION, "an older schema is brought up to date only if asked for");
	good(store_open_with(url, STORE_MIGRATE, &two, &s, &e), &e, "then it is");
	ok(ask(s, "SELECT later FROM host WHERE number = 1") == 2, "with its rows");
	ok(ask(s, "SELECT count(*) FROM assay_schema") == 2, "each migration is recorded");
	must(store_host_by_number(s, h.number, &kit_arena, &h, &e), &e, "reading");
	store_close(s);
	ok(store_open_with(url, STORE_MIGRATE, &three, &s, &e) != 0, "a migration that fails");
	ok(strstr(e.message, "schema 3") != NULL, "says which");
	good(store_open_with(url, STORE_MIGRATE, &two, &s, &e), &e, "leaves the database as it was");
	ok(ask(s, "SELECT max(version) FROM assay_schema") == 2, "with its version");
	store_close(s);
}

static void
refuses_newer(void)
{
	const char *url = kit_url("newer");
	struct migrations two = upto(2);
	struct store *s = NULL, *holder = NULL;
	struct file before = { 0 }, after = { 0 };
	char path[600];
	struct stat st;
	struct err e = { 0 };
	int rc;

	must(store_open_with(url, STORE_CREATE, &two, &s, &e), &e, "making schema 2");
	store_close(s);
	if (!kit_pgsql())
		must(file_read(url, MIB(16), &before, &e), &e, url);
	rc = store_open(url, STORE_CREATE | STORE_MIGRATE, &s, &e);
	is_code(rc, ERR_VERSION, "a database of a newer assay is refused");
	ok(strstr(e.message, "schema 2") != NULL && strstr(e.message, "up to 1") != NULL &&
	    strstr(e.message, "not touched") != NULL && e.hint[0] != '\0', "with a sentence: %s", e.message);
	if (kit_pgsql())
		return;
	must(file_read(url, MIB(16), &after, &e), &e, url);
	ok(span_eq(file_view(&before), file_view(&after)), "its file is the same");
	(void)snprintf(path, sizeof(path), "%s-shm", url);
	ok(stat(path, &st) != 0, "nothing was made beside it");
	file_free(&before);
	file_free(&after);

	/* Its newness may still stand in its write-ahead log only. */
	url = kit_url("newer_wal");
	struct migrations one = upto(1);

	must(store_open_with(url, STORE_CREATE, &one, &s, &e), &e, "making schema 1");
	store_close(s);
	must(store_open_with(url, STORE_MIGRATE, &two, &holder, &e), &e, "migrating");
	must(file_read(url, MIB(16), &before, &e), &e, url);
	is_code(store_open(url, STORE_CREATE | STORE_MIGRATE, &s, &e), ERR_VERSION, "also if only its log says so");
	must(file_read(url, MIB(16), &after, &e), &e, url);
	ok(span_eq(file_view(&before), file_view(&after)), "its file is the same");
	file_free(&before);
	file_free(&after);
	store_close(holder);
}

static void
refuses_others(void)
{
	const char *url = kit_url("others");
	struct store *s = NULL;
	struct err e = { 0 };

	if (kit_pgsql()) {
		struct db *d;

		must(db_pgsql_open(url, &d, &e), &e, url);
		must(db_exec(d, "CREATE TABLE theirs (x INTEGER)", &e), &e, "creating");
		db_close(d);
	} else {
		must(file_write(url, span_lit("this is somebody's diary, and long enough for a header of a hundred bytes, is it not? so it is."), 0600, &e), &e, url);
		is_code(store_open(url, STORE_CREATE, &s, &e), ERR_FORMAT, "a file that is no database is refused");
		must(file_write(url, span_lit("short"), 0600, &e), &e, url);
		is_code(store_open(url, STORE_CREATE, &s, &e), ERR_FORMAT, "a short one too");
		return;
	}
	is_code(store_open(url, STORE_CREATE | STORE_MIGRATE, &s, &e), ERR_FORMAT, "a database with somebody else's tables is refused");
}

/* Every statement is one that the database understands. */
static void
statements(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("statements"));
	struct err e = { 0 };
	int bad = 0;

	for (enum query q = 0; q < Q_COUNT; q++) {
		struct db_value params[DB_PARAMS];
		const char *types = db_types(q);

		for (size_t i = 0; types[i] != '\0'; i++)
			params[i] = types[i] == 'i' ? db_int(i) : db_bytes(span_lit("\0\xff"));
		if (db_run(s->db, q, params, NULL, NULL, NULL, &e) == ERR_STORE && ++bad != 0)
			diag("%s: %s", db_text(q), e.message);
	}
	ok(bad == 0, "all %d statements run", (int)Q_COUNT);
}

void
test_open(void)
{
	makes();
	held();
	migrates();
	refuses_newer();
	refuses_others();
	statements();
}
