/* Promise: hosts are found by each of their names, change only from the revision they
 * were read at, and a registration that fails or is repeated changes nothing. */
#include "tests/store/kit.h"

static void
same_host(const struct store_host *a, const struct store_host *b, const char *what)
{
	ok(a->number == b->number && a->revision == b->revision && strcmp(a->id, b->id) == 0 &&
	    span_eq(a->name, b->name) && a->registration == b->registration && a->made == b->made &&
	    a->identity == b->identity && span_eq(a->labels, b->labels) && span_eq(a->facts, b->facts) &&
	    a->facts_at == b->facts_at && span_eq(a->trust_mode, b->trust_mode) &&
	    span_eq(a->state.nonce, b->state.nonce) && a->boot == b->boot && a->count == b->count, "%s", what);
}

static void
found_in_every_way(struct store *s)
{
	struct store_host h, got = { 0 };
	struct store_certificate cert = { 0 };
	struct err e = { 0 };
	uint8_t digest[32];

	kit_host(s, 7, &h);
	memcpy(digest, kit_certificate(7).sha256, 32);
	ok(h.number > 0 && h.revision == 1 && h.identity > 0, "adding gives a number, a revision, an identity");
	good(store_host_by_id(s, h.id, &kit_arena, &got, &e), &e, "a host is found by its id");
	same_host(&got, &h, "as it was added");
	good(store_host_by_number(s, h.number, &kit_arena, &got, &e), &e, "by its number");
	same_host(&got, &h, "as it was added");
	good(store_host_by_cert(s, digest, &kit_arena, &got, &cert, &e), &e, "by its client certificate");
	same_host(&got, &h, "as it was added");
	ok(cert.identity == h.identity && cert.revoked == 0 && cert.expires == 9000, "with the certificate's dates");
	is_code(store_host_by_id(s, "00000000000000000000000000000000", &kit_arena, &got, &e), ERR_NOT_FOUND,
	    "an id that is not there is not found");
	is_code(store_host_by_id(s, "'; DROP TABLE host; --", &kit_arena, &got, &e), ERR_NOT_FOUND,
	    "nor a statement");
	same_host(&got, &h, "and the output stays as it was");
}

static void
odd_names(struct store *s)
{
	static const uint8_t odd[] = "a\nb\0c\xff\xc0\x80 \x1b[31m'\"\\";
	struct store_host h = { .name = span_of(odd, sizeof(odd)), .registration = STORE_ENROLLED,
		.facts = span_of(odd, sizeof(odd)) }, got = { 0 };
	struct store_identity who = kit_identity(50);
	struct err e = { 0 };

	kit_host_id(50, h.id);
	h.state.resume = h.state.detail = h.state.nonce = h.name;
	good(store_host_add(s, &h, &who, NULL, &e), &e, "a name of odd bytes is stored");
	good(store_host_by_id(s, h.id, &kit_arena, &got, &e), &e, "and read");
	is_span(got.name, h.name, "byte for byte: newline, NUL, invalid UTF-8, escapes");
	is_span(got.facts, h.name, "so are facts");
	is_span(got.state.resume, h.name, "and the state's blobs");
	is_span(got.labels, span_of(NULL, 0), "no labels are empty");

	uint8_t *longest = arena_alloc(&kit_arena, LIMIT_STORE_NAME + 1);

	memset(longest, 0xfe, LIMIT_STORE_NAME + 1);
	got.name = span_of(longest, LIMIT_STORE_NAME);
	good(store_host_update(s, &got, &e), &e, "the longest name is stored");
	got.name.n++;
	is_code(store_host_update(s, &got, &e), ERR_LIMIT, "one byte more is refused");
}

static void
repeated_registration(struct store *s)
{
	struct store_host h, again, got = { 0 };
	struct store_identity who = kit_identity(60), *all = NULL;
	struct store_certificate cert = kit_certificate(7), fresh = kit_certificate(160);
	struct err e = { 0 };
	size_t n = 0;

	kit_host(s, 60, &h);
	again = h;
	is_code(store_host_add(s, &again, &who, NULL, &e), ERR_DUPLICATE, "a host cannot be added twice");
	kit_host_id(61, again.id);
	is_code(store_host_add(s, &again, &who, NULL, &e), ERR_DUPLICATE, "nor its key under another id");
	who.ak_name = span_lit("another");
	is_code(store_host_add(s, &again, &who, &cert, &e), ERR_DUPLICATE, "nor another's certificate");
	is_code(store_host_by_id(s, again.id, &kit_arena, &got, &e), ERR_NOT_FOUND, "nothing of it is left");
	is_code(store_identity_by_ak(s, who.ak_name, &kit_arena, &who, &e), ERR_NOT_FOUND, "no identity either");
	again = h;
	is_code(store_identity_add(s, &again, &who, &cert, &e), ERR_DUPLICATE,
	    "enrolling again with another's certificate fails");
	must(store_host_by_id(s, h.id, &kit_arena, &got, &e), &e, "reading");
	same_host(&got, &h, "and changes nothing");
	good(store_identity_add(s, &again, &who, &fresh, &e), &e, "enrolling again makes a new identity");
	ok(again.revision == 2 && again.identity != h.identity, "to which the host refers");
	must(store_host_by_id(s, h.id, &kit_arena, &got, &e), &e, "reading");
	same_host(&got, &again, "as the database says");
	is_code(store_identity_add(s, &h, &who, NULL, &e), ERR_CONFLICT, "not from an old revision");
	good(store_identities(s, h.number, &kit_arena, &all, &n, &e), &e, "identities are listed");
	ok(n == 2 && all[0].number == h.identity && all[1].number == again.identity, "both are there");
	is_span(all[0].ek_certs, kit_identity(60).ek_certs, "the first as it was");
	good(store_identity_by_ak(s, span_lit("another"), &kit_arena, &who, &e), &e, "an identity is found by its AK");
	ok(who.number == again.identity && who.host == h.number, "the right one");
}

static void
certificates(struct store *s)
{
	struct store_certificate c = kit_certificate(200), got = { 0 };
	struct store_host h, owner = { 0 };
	struct err e = { 0 };

	kit_host(s, 70, &h);
	c.host = h.number;
	c.identity = h.identity + 1000;
	is_code(store_certificate_add(s, &c, &e), ERR_NOT_FOUND, "a certificate needs an identity");
	c.identity = h.identity - 1;
	is_code(store_certificate_add(s, &c, &e), ERR_NOT_FOUND, "of this host");
	c.identity = h.identity;
	good(store_certificate_add(s, &c, &e), &e, "renewal adds one");
	is_code(store_certificate_add(s, &c, &e), ERR_DUPLICATE, "once");
	good(store_certificate_get(s, c.sha256, &kit_arena, &got, &e), &e, "it is read");
	is_span(got.der, c.der, "whole");
	good(store_certificate_revoke(s, c.sha256, 77, &e), &e, "it is revoked");
	is_code(store_certificate_revoke(s, c.sha256, 78, &e), ERR_NOT_FOUND, "once");
	good(store_host_by_cert(s, c.sha256, &kit_arena, &owner, &got, &e), &e, "its host is still found");
	ok(owner.number == h.number && got.revoked == 77, "and told that it is revoked");
	is_code(store_certificate_get(s, kit_certificate(999).sha256, &kit_arena, &got, &e), ERR_NOT_FOUND,
	    "another is not there");
}

static void
enrolments(struct store *s)
{
	struct store_enrolment v = { .token = "sixteen bytes..", .made = 1, .expires = 100,
		.host_id = "abc", .trust_mode = span_lit("operator"), .ek_public = span_lit("ek\0"),
		.ek_certs = span_lit("certs"), .ak_public = span_lit("ak"), .ak_name = span_lit("name"),
		.csr = span_lit("csr"), .facts = span_lit("{}"), .secret = span_lit("\0\xffsecret"),
		.detail = span_lit("detail") }, got = { 0 };
	struct err e = { 0 };

	good(store_enrolment_add(s, &v, 2, 10, &e), &e, "a registration waits");
	is_code(store_enrolment_add(s, &v, 2, 10, &e), ERR_DUPLICATE, "its token is its own");
	v.token[0] = 'S';
	good(store_enrolment_add(s, &v, 2, 10, &e), &e, "another waits");
	v.token[0] = 'T';
	is_code(store_enrolment_add(s, &v, 2, 99, &e), ERR_LIMIT, "a third is over the limit");
	good(store_enrolment_add(s, &v, 2, 100, &e), &e, "until the others have expired");
	v.token[0] = 'S';
	is_code(store_enrolment_take(s, v.token, 50, &kit_arena, &got, &e), ERR_NOT_FOUND,
	    "those are gone");
	v.token[0] = 'U';
	v.expires = 200;
	must(store_enrolment_add(s, &v, 9, 100, &e), &e, "adding");
	good(store_enrolment_take(s, v.token, 150, &kit_arena, &got, &e), &e, "one is taken");
	ok(memcmp(got.token, v.token, 16) == 0 && strcmp(got.host_id, "abc") == 0 && got.expires == 200,
	    "with its token, host and time");
	is_span(got.secret, v.secret, "and its secret");
	is_span(got.ek_public, v.ek_public, "and its key");
	is_code(store_enrolment_take(s, v.token, 150, &kit_arena, &got, &e), ERR_NOT_FOUND, "once");
	must(store_enrolment_add(s, &v, 9, 100, &e), &e, "adding");
	is_code(store_enrolment_take(s, v.token, 200, &kit_arena, &got, &e), ERR_NOT_FOUND,
	    "and not once it has expired");
}

static void
updates(struct store *s)
{
	struct store_host h, other, got = { 0 };
	struct err e = { 0 };

	kit_host(s, 80, &h);
	other = h;
	h.name = span_lit("renamed");
	h.labels = span_lit("{\"role\":\"mail\"}");
	h.registration = STORE_REMOVED;
	good(store_host_update(s, &h, &e), &e, "a host is changed");
	must(store_host_by_id(s, h.id, &kit_arena, &got, &e), &e, "reading");
	same_host(&got, &h, "as asked, with the next revision");
	is_code(store_host_update(s, &other, &e), ERR_CONFLICT, "who read it before is told so");
	ok(other.revision == 1, "and keeps his revision");
	h.labels = span_lit("[1]");
	is_code(store_host_update(s, &h, &e), ERR_FORMAT, "labels are an object");
	h.labels = span_lit("{\"a\":1}");
	is_code(store_host_update(s, &h, &e), ERR_FORMAT, "of strings");
	h.labels = span_lit("{\"a\":\"\xff\"}");
	ok(store_host_update(s, &h, &e) != 0, "in UTF-8");
	must(store_host_by_id(s, h.id, &kit_arena, &got, &e), &e, "reading");
	is_span(got.labels, span_lit("{\"role\":\"mail\"}"), "a refused change changes nothing");
}

static int
found(struct store *s, unsigned certificate)
{
	struct store_certificate got;
	struct err e = { 0 };

	return store_certificate_get(s, kit_certificate(certificate).sha256, &kit_arena, &got, &e);
}

/* A host that enrols for ever. */
static void
endless(struct store *s)
{
	struct store_certificate c;
	struct store_identity who, *all = NULL;
	struct store_host h;
	struct err e = { 0 };
	uint64_t n = 0;
	size_t kept = 0;

	kit_host(s, 90, &h);
	for (unsigned i = 0; i < LIMIT_HOST_CERTIFICATES + 8; i++) {
		c = kit_certificate(3000 + i);
		c.host = h.number;
		c.identity = h.identity;
		c.issued = 5000 + i;
		must(store_certificate_add(s, &c, &e), &e, "adding a certificate");
	}
	ok(found(s, 90) == ERR_NOT_FOUND && found(s, 3007) == ERR_NOT_FOUND && found(s, 3008) == 0 &&
	    found(s, 3000 + LIMIT_HOST_CERTIFICATES + 7) == 0, "the newest certificates are kept");
	must(store_certificates_within(s, h.number, 5000, 5010, &n, &e), &e, "counting");
	ok(n == 3, "those of a time are counted");
	c = kit_certificate(3900);
	c.host = h.number;
	c.identity = h.identity;
	c.issued = 1;
	must(store_certificate_add(s, &c, &e), &e, "adding a certificate");
	ok(found(s, 3900) == 0, "a new one is kept, though the clock was set back");
	for (unsigned i = 0; i < LIMIT_HOST_IDENTITIES + 5; i++) {
		who = kit_identity(4000 + i);
		c = kit_certificate(4000 + i);
		must(store_identity_add(s, &h, &who, &c, &e), &e, "adding an identity");
	}
	must(store_identities(s, h.number, &kit_arena, &all, &kept, &e), &e, "listing");
	ok(kept == LIMIT_HOST_IDENTITIES && all[kept - 1].number == h.identity, "the newest identities are kept");
	ok(found(s, 3039) == ERR_NOT_FOUND && found(s, 4000 + LIMIT_HOST_IDENTITIES + 4) == 0,
	    "a certificate of a newer identity before one of an older");
	ok(found(s, 80) == 0, "of another host all");
}

static void
waiting(struct store *s)
{
	struct store_host h;
	struct err e = { 0 };
	uint64_t n = 9;

	must(store_hosts_pending(s, 10, &n, &e), &e, "counting");
	ok(n == 0, "none waits");
	for (unsigned i = 95; i < 98; i++) {
		kit_host(s, i, &h);
		h.registration = STORE_PENDING;
		must(store_host_update(s, &h, &e), &e, "changing");
	}
	must(store_hosts_pending(s, 10, &n, &e), &e, "counting");
	ok(n == 3, "three wait");
	must(store_hosts_pending(s, 2, &n, &e), &e, "counting");
	ok(n == 2, "no more are counted than matter");
}

void
test_hosts(void)
{
	STORE_AUTO struct store *s = kit_store(kit_url("hosts"));

	found_in_every_way(s);
	odd_names(s);
	repeated_registration(s);
	certificates(s);
	enrolments(s);
	updates(s);
	endless(s);
	waiting(s);
}
