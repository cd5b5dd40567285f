#include "tests/store/kit.h"

#include <dirent.h>
#include <unistd.h>

#include "port/store/db.h"

#define ok tap_ok
#define diag tap_diag
#include "tests/tap.h"
#undef ok
#undef diag

struct arena kit_arena;
static char dir[256];
static const char *base;

bool
ok(bool holds, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return tap_ok(holds, "%s", what);
}

void
diag(const char *fmt, ...)
{
	char what[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	tap_diag("%s", what);
}

int
kit_done(void)
{
	return done();
}

bool
kit_pgsql(void)
{
	return base != NULL && strncmp(base, "postgres", 8) == 0;
}

const char *
kit_dir(void)
{
	return dir;
}

void
kit_begin(const char *url)
{
	const char *tmp = getenv("TMPDIR");

	kit_arena = arena_init(GIB(1));
	base = url;
	if (kit_pgsql())
		return;
	/* In memory if possible: nothing here asks whether a disk keeps what was synced. */
	if (tmp == NULL)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	(void)snprintf(dir, sizeof(dir), "%s/assay-store.XXXXXX", tmp);
	if (url != NULL)
		(void)snprintf(dir, sizeof(dir), "%s", url);
	else if (mkdtemp(dir) == NULL)
		abort();
}

void
kit_end(void)
{
	DIR *d = dir[0] == '\0' || base != NULL ? NULL : opendir(dir);
	struct dirent *f;
	char path[600];

	arena_free(&kit_arena);
	if (d == NULL)
		return;
	while ((f = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, f->d_name);
		if (f->d_name[0] != '.')
			(void)unlink(path);
	}
	closedir(d);
	(void)rmdir(dir);
}

static void
fresh_schema(const char *name)
{
	char sql[256];
	struct err e = { 0 };
	struct db *d;

	must(db_pgsql_open(base, &d, &e), &e, base);
	(void)snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s", name, name);
	must(db_exec(d, sql, &e), &e, sql);
	db_close(d);
}

const char *
kit_url(const char *name)
{
	static char out[8][512];
	static unsigned turn;
	char *url = out[turn++ % 8];

	if (!kit_pgsql()) {
		(void)snprintf(url, sizeof(out[0]), "%s/%s.db", dir, name);
		(void)unlink(url);
		return url;
	}
	fresh_schema(name);
	(void)snprintf(url, sizeof(out[0]), "%s%coptions=-csearch_path%%3D%s", base,
	    strchr(base, '?') == NULL ? '?' : '&', name);
	return url;
}

struct store *
kit_store(const char *url)
{
	struct store *s;
	struct err e = { 0 };

	must(store_open(url, STORE_CREATE, &s, &e), &e, url);
	return s;
}

bool
good(int rc, const struct err *e, const char *what)
{
	if (!ok(rc == 0, "%s", what))
		diag("%s: %s", err_token(rc), e->message);
	return rc == 0;
}

void
must(int rc, const struct err *e, const char *what)
{
	if (rc == 0)
		return;
	diag("%s: %s: %s", what, err_token(rc), e->message);
	ok(false, "%s", what);
	exit(1);
}

bool
is_code(int rc, int want, const char *what)
{
	if (!ok(rc == want, "%s", what))
		diag("got %s, want %s", rc == 0 ? "0" : err_token(rc), want == 0 ? "0" : err_token(want));
	return rc == want;
}

bool
is_span(struct span got, struct span want, const char *what)
{
	BUF_AUTO struct buf g = buf_init(KIB(4)), w = buf_init(KIB(4));

	if (ok(span_eq(got, want), "%s", what))
		return true;
	buf_escape(&g, span_head(got, 300));
	buf_escape(&w, span_head(want, 300));
	diag("got  %zu bytes: %s", got.n, buf_cstr(&g));
	diag("want %zu bytes: %s", want.n, buf_cstr(&w));
	return false;
}

ERR_PRINTF(1, 2) static struct span
text(const char *fmt, ...)
{
	char t[128];
	struct span out;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t, sizeof(t), fmt, ap);
	va_end(ap);
	if (!arena_copy(&kit_arena, span_of(t, (size_t)n), &out))
		abort();
	return out;
}

void
kit_host_id(unsigned i, char id[STORE_HOST_ID + 1])
{
	(void)snprintf(id, STORE_HOST_ID + 1, "%08x%024x", i * 2654435761u, i);
}

struct store_identity
kit_identity(unsigned i)
{
	return (struct store_identity){ .made = 1000 + i, .trust_mode = span_lit("ca"),
		.ek_public = text("ek public %u", i), .ek_certs = text("ek certificates %u", i),
		.ak_public = text("ak public %u", i), .ak_name = text("ak name %u", i),
		.csr = text("csr %u", i), .detail = text("{\"n\":%u}", i) };
}

struct store_certificate
kit_certificate(unsigned i)
{
	struct store_certificate c = { .der = text("der %u", i), .issued = 1000, .expires = 9000 };

	memset(c.sha256, 0xc0, sizeof(c.sha256));
	memcpy(c.sha256, &i, sizeof(i));
	return c;
}

void
kit_host(struct store *s, unsigned i, struct store_host *h)
{
	struct store_identity who = kit_identity(i);
	struct store_certificate cert = kit_certificate(i);
	struct err e = { 0 };

	*h = (struct store_host){ .name = text("host-%05u.example", i), .registration = STORE_ENROLLED,
		.made = 1000 + i, .labels = text(i % 2 ? "{\"role\":\"web\",\"n\":\"%u\"}"
		: "{\"role\":\"db\",\"n\":\"%u\"}", i),
		.facts = span_lit("{\"kernel\":\"6.1\"}"), .facts_at = 1000 };
	kit_host_id(i, h->id);
	h->state.nonce = text("nonce %u", i);
	must(store_host_add(s, h, &who, &cert, &e), &e, "a host is added");
}

struct store_record
kit_record(uint64_t i)
{
	struct store_record r = { .digest = { .alg = DIGEST_SHA256, .size = 32 } };

	memset(r.key, 0x5a, sizeof(r.key));
	for (int b = 0; b < 8; b++) {
		r.key[b] = (uint8_t)((i * 0x9e3779b97f4a7c15u) >> (8 * b));
		r.digest.v[b] = (uint8_t)((i * 0xd1342543de82ef95u) >> (8 * b));
	}
	memcpy(r.key + 8, &i, sizeof(i));
	memcpy(r.digest.v + 8, &i, sizeof(i));
	r.path = text("/usr/bin/program-%u", (unsigned)i);
	r.bytes = text("10 record of an ima list, number %u, and what it holds\n", (unsigned)i);
	return r;
}

struct store_record *
kit_records(uint64_t from, size_t n)
{
	struct store_record *v = arena_array(&kit_arena, n + 1, sizeof(*v));

	if (v == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		v[i] = kit_record(from + i);
	return v;
}

int
kit_append(struct store *s, struct store_host *h, const char *boot, uint64_t from, size_t n,
    int64_t now)
{
	struct store_advance v = { .host = h, .boot_id = span_str(boot), .records = kit_records(from, n),
		.n_records = n, .first = span_is(h->boot_id, boot) ? h->count : 0 };
	struct err e = { 0 };
	int rc = store_advance(s, &v, 1, now, &e);

	if (rc != 0)
		diag("append: %s", e.message);
	return rc != 0 ? rc : v.rc;
}
