/* kit.h: what the parts of the store's conformance suite share.
 *
 * The suite runs on whatever URL it is given: without one, on SQLite in a temporary
 * directory.  Each part asks for databases of its own: files there, schemas of the one
 * database on PostgreSQL.
 */
#ifndef TESTS_STORE_KIT_H
#define TESTS_STORE_KIT_H

#include "base/buf.h"
#include "port/store/store.h"

/* Of tap.h, whose counters are one file's. */
bool ok(bool good, const char *fmt, ...) ERR_PRINTF(2, 3);
void diag(const char *fmt, ...) ERR_PRINTF(1, 2);
int kit_done(void);

/** kit_begin(url): NULL for SQLite in a new directory, which kit_end() removes. */
void kit_begin(const char *url);
void kit_end(void);
bool kit_pgsql(void);
const char *kit_dir(void);		/* "" on PostgreSQL */

/** kit_url(name): The URL of an empty database of this name (static, 8 at a time). */
const char *kit_url(const char *name);

/** kit_store(url): Opened, or the program ends. */
struct store *kit_store(const char *url);

/** good(rc, e, what): One point; an error is told. */
bool good(int rc, const struct err *e, const char *what);
/** must(rc, e, what): No point; an error ends the program. */
void must(int rc, const struct err *e, const char *what);
bool is_code(int rc, int want, const char *what);
bool is_span(struct span got, struct span want, const char *what);

/** kit_host(s, i, h): Host ${i} enrolled; its memory lives for ever. */
void kit_host(struct store *s, unsigned i, struct store_host *h);
void kit_host_id(unsigned i, char id[STORE_HOST_ID + 1]);
struct store_identity kit_identity(unsigned i);
struct store_certificate kit_certificate(unsigned i);

/** kit_record(i): Record ${i}: its key, bytes, path and digest tell it apart. */
struct store_record kit_record(uint64_t i);
struct store_record *kit_records(uint64_t from, size_t n);	/* lives for ever */

/** kit_append(s, h, boot, from, n, now): Advance the host by records; the code of the
 * one, or of the whole. */
int kit_append(struct store *s, struct store_host *h, const char *boot, uint64_t from, size_t n,
    int64_t now);

/** kit_fill(s, hosts, records): Something in every table. */
void kit_fill(struct store *s, unsigned hosts, size_t records);

extern struct arena kit_arena;

void test_golden(void);
void test_open(void);
void test_hosts(void);
void test_lists(void);
void test_advance(void);
void test_logs(void);
void test_runs(void);
void test_search(void);
void test_history(void);
void test_retention(void);
void test_admin(void);
void test_transactions(void);
void test_move(void);

#endif
