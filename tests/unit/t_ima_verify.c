/* A signature is good only if a trusted key, in its scope and not revoked, signed the very
 * digest that was measured; each other fault has its own name; no flipped bit is good. */
#include "crypto/digest.h"
#include "formats/ima_xattr.h"
#include "tests/sig_keys.h"

static const char *const states[] = { "none", "good", "invalid", "unknown-key", "out-of-scope",
	"revoked", "unsupported" };

/* The list's entries with their outcomes, one line each: "/path state". */
static void
judge_list(struct keyring *ring, const struct sig_context *ctx, struct span list, struct buf *out)
{
	struct err e = { 0 };
	struct ima_log log;
	struct ima_entry n;
	struct sig_outcome o;

	if (ima_log_open(list, &log, &e) != 0)
		return;
	while (ima_log_next(&log, &n, &e) > 0) {
		if (ima_verify_entry(ring, &n, ctx, &o, &e) != 0) {
			buf_printf(out, "error: %s\n", e.message);
			break;
		}
		if (o.state == SIG_NONE)
			continue;
		buf_escape(out, n.path);
		buf_printf(out, " %s", sig_state_name(o.state));
		if (o.key != NULL) {
			buf_str(out, " ");
			buf_span(out, o.key->name);
		}
		buf_str(out, "\n");
	}
	ima_log_close(&log);
}

static void
is_judged(const char *list, struct keyring *ring, const struct sig_context *ctx, const char *want)
{
	struct buf b = buf_init(1 << 20);
	struct file f = golden(list);

	judge_list(ring, ctx, file_view(&f), &b);
	is_str(buf_cstr(&b), want, list);
	buf_free(&b);
	file_free(&f);
}

static void
test_recorded(void)
{
	struct sig_keys s = { 0 };

	(void)sig_keys_add(&s, "debian12-vm/ima-rsa.der");
	(void)sig_keys_add(&s, "debian12-vm/ima-ec.der");
	(void)sig_keys_add(&s, "debian12-vm/ima-p384.der");
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	is_judged("debian12-vm/list3.bin", ring, &s.ctx,
	    "/opt/vendor/tool-rsa good debian12-vm/ima-rsa.der\n"
	    "/opt/vendor/tool-ec good debian12-vm/ima-ec.der\n"
	    "/opt/vendor/tool-p384 good debian12-vm/ima-p384.der\n"
	    "/opt/vendor/tool-rogue unknown-key\n"
	    "/opt/vendor/tool-altered invalid\n"
	    "/opt/vendor/elf-rsa good debian12-vm/ima-rsa.der\n");
	sig_keys_free(&s);

	struct sig_keys none = { 0 };
	KEYRING_AUTO struct keyring *empty = sig_keys_ring(&none);

	is_judged("debian12-vm/list3.bin", empty, &none.ctx,
	    "/opt/vendor/tool-rsa unknown-key\n/opt/vendor/tool-ec unknown-key\n"
	    "/opt/vendor/tool-p384 unknown-key\n/opt/vendor/tool-rogue unknown-key\n"
	    "/opt/vendor/tool-altered unknown-key\n/opt/vendor/elf-rsa unknown-key\n");
}

static void
all_keys(struct sig_keys *s)
{
	(void)sig_keys_add(s, "ima-sig/rsa2048.der");
	(void)sig_keys_add(s, "ima-sig/rsa4096.der");
	(void)sig_keys_add(s, "ima-sig/p256.der");
	(void)sig_keys_add(s, "ima-sig/p384.der");
	(void)sig_keys_add(s, "ima-sig/same1.der");
	(void)sig_keys_add(s, "ima-sig/same2.der");
}

static enum sig_state
verify(struct keyring *ring, const struct sig_keys *s, const char *xattr, enum digest_alg alg,
    struct sig_outcome *o)
{
	char path[300];
	struct file content = golden("ima-sig/content");
	struct digest d;
	struct err e = { 0 };

	(void)snprintf(path, sizeof(path), "ima-sig/%s.xattr", xattr);
	struct file f = golden(path);

	if (digest_of(alg, file_view(&content), &d, &e) != 0 ||
	    ima_verify_xattr(ring, file_view(&f), &d, false, span_lit("/f"), &s->ctx, o, &e) != 0)
		diag("%s: %s", xattr, e.message);
	file_free(&content);
	file_free(&f);
	return o->state;
}

/* What evmctl signed, with each key and hash. */
static void
test_evmctl(void)
{
	static const struct { const char *name; enum digest_alg alg; enum sig_state want; } t[] = {
		{ "rsa2048-sha1", DIGEST_SHA1, SIG_GOOD }, { "rsa2048-sha256", DIGEST_SHA256, SIG_GOOD },
		{ "rsa2048-sha512", DIGEST_SHA512, SIG_GOOD }, { "rsa4096-sha1", DIGEST_SHA1, SIG_GOOD },
		{ "rsa4096-sha256", DIGEST_SHA256, SIG_GOOD }, { "rsa4096-sha512", DIGEST_SHA512, SIG_GOOD },
		{ "p256-sha1", DIGEST_SHA1, SIG_GOOD }, { "p256-sha256", DIGEST_SHA256, SIG_GOOD },
		{ "p256-sha384", DIGEST_SHA384, SIG_GOOD }, { "p256-sha512", DIGEST_SHA512, SIG_GOOD },
		{ "p384-sha1", DIGEST_SHA1, SIG_GOOD }, { "p384-sha256", DIGEST_SHA256, SIG_GOOD },
		{ "p384-sha512", DIGEST_SHA512, SIG_GOOD }, { "rsa2048-rmd160", DIGEST_RMD160, SIG_GOOD },
		{ "same1-sha256", DIGEST_SHA256, SIG_GOOD }, { "same2-sha256", DIGEST_SHA256, SIG_GOOD },
		{ "v3-file-rsa", DIGEST_SHA256, SIG_GOOD }, { "v3-file-p384", DIGEST_SHA256, SIG_GOOD },
		/* the right digest of another algorithm */
		{ "rsa2048-sha256", DIGEST_SHA512, SIG_INVALID }, { "p256-sha512", DIGEST_SHA256, SIG_INVALID },
		{ "rsa2048-md5", DIGEST_MD5, SIG_UNSUPPORTED }, { "v1-sha1", DIGEST_SHA1, SIG_UNSUPPORTED },
		{ "hash-ng-sha256", DIGEST_SHA256, SIG_UNSUPPORTED },
		{ "evm-portable-rsa", DIGEST_SHA256, SIG_UNSUPPORTED },
		{ "v3-verity-rsa", DIGEST_SHA256, SIG_INVALID },
	};
	struct sig_keys s = { 0 };
	struct sig_outcome o;

	all_keys(&s);
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (!ok(verify(ring, &s, t[i].name, t[i].alg, &o) == t[i].want, "%s over %s: %s", t[i].name,
		    digest_alg_name(t[i].alg), states[t[i].want]))
			diag("got %s: %s", states[o.state], o.why);
	ok(verify(ring, &s, "same2-sha256", DIGEST_SHA256, &o) == SIG_GOOD && o.keyid == 0xcafe1234 &&
	    span_ends(o.key->name, span_lit("same2.der")), "of two keys with one id the right one is named");
	sig_keys_free(&s);
}

/* One of two keys with the same id is trusted: what the other signed is invalid. */
static void
test_impostor(void)
{
	struct sig_keys s = { 0 };
	struct sig_outcome o;

	(void)sig_keys_add(&s, "ima-sig/same2.der");
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	ok(verify(ring, &s, "same1-sha256", DIGEST_SHA256, &o) == SIG_INVALID, "an id alone proves nothing");
	ok(verify(ring, &s, "p256-sha256", DIGEST_SHA256, &o) == SIG_UNKNOWN_KEY, "nor does another id");
	sig_keys_free(&s);

	struct sig_keys bare = { 0 };

	(void)sig_keys_add(&bare, "ima-sig/p256.spki");
	KEYRING_AUTO struct keyring *r2 = sig_keys_ring(&bare);
	ok(verify(r2, &bare, "p256-sha256", DIGEST_SHA256, &o) == SIG_GOOD, "a bare public key will do");
	sig_keys_free(&bare);
}

static void
test_templates(void)
{
	struct sig_keys s = { 0 };

	all_keys(&s);
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	is_judged("ima-sig/ima-sigv2.bin", ring, &s.ctx,
	    "/opt/v/rsa good ima-sig/rsa2048.der\n"
	    "/opt/v/p256 good ima-sig/p256.der\n"
	    "/opt/v/file good ima-sig/rsa2048.der\n"
	    "/opt/v/file2 good ima-sig/p384.der\n"
	    "/opt/v/v2 good ima-sig/p256.der\n"
	    "/opt/v/descriptor invalid\n"
	    "/opt/v/reverse invalid\n"
	    "/opt/v/untyped unsupported\n"
	    "/opt/v/portable unsupported\n");
	is_judged("ima-sig/ima-modsig.bin", ring, &s.ctx,
	    "/lib/modules/6.1/a.ko good ima-sig/rsa2048.der\n"
	    "/lib/modules/6.1/b.ko good ima-sig/rsa2048.der\n"
	    "/lib/modules/6.1/c.ko good ima-sig/p384.der\n"
	    "/lib/modules/6.1/d.ko unsupported\n"
	    "/lib/modules/6.1/other.ko invalid\n"
	    "/lib/modules/6.1/algorithm.ko invalid\n"
	    "/lib/modules/6.1/both-bad.ko invalid\n"
	    "/lib/modules/6.1/both-unknown.ko good ima-sig/rsa2048.der\n");
	is_judged("ima-sig/evm-sig.bin", ring, &s.ctx,
	    "/opt/e/hash good ima-sig/rsa2048.der\n"
	    "/opt/e/signature good ima-sig/p256.der\n"
	    "/opt/e/uid invalid\n"
	    "/opt/e/mode invalid\n"
	    "/opt/e/capability invalid\n"
	    "/opt/e/content invalid ima-sig/rsa2048.der\n"
	    "/opt/e/no-ima invalid\n"
	    "/opt/e/shifted invalid ima-sig/rsa2048.der\n");
	is_judged("ima-sig/evm-sig-v3.bin", ring, &s.ctx,
	    "/opt/e/v3 good ima-sig/p256.der\n/opt/e/v2 good ima-sig/p256.der\n");
	is_judged("ima-sig/evm-sig-be.bin", ring, &s.ctx,
	    "/opt/e/be good ima-sig/p256.der\n/opt/e/le-on-be invalid\n");
	sig_keys_free(&s);
}

/* security.evm good, but the security.ima that it covers is by a key that is not trusted. */
static void
test_inner_signature(void)
{
	struct sig_keys s = { 0 };
	static struct span evm[] = { { (const uint8_t *)".evm", 4 } };

	sig_keys_add(&s, "ima-sig/p256.der")->scope =
	    (struct policy_key_scope){ .keyrings = evm, .n_keyrings = 1 };
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	is_judged("ima-sig/evm-sig.bin", ring, &s.ctx,
	    "/opt/e/hash unknown-key\n"
	    "/opt/e/signature out-of-scope ima-sig/p256.der\n"	/* the one inside is for .ima */
	    "/opt/e/uid unknown-key\n/opt/e/mode unknown-key\n/opt/e/capability unknown-key\n"
	    "/opt/e/content unknown-key\n/opt/e/no-ima invalid\n/opt/e/shifted unknown-key\n");
	sig_keys_free(&s);
}

static void
test_scope_and_revocation(void)
{
	static struct span opt[] = { { (const uint8_t *)"/opt", 4 } };
	struct sig_keys s = { 0 };
	struct sig_outcome o;
	struct digest print;

	sig_keys_add(&s, "ima-sig/rsa2048.der")->scope = (struct policy_key_scope){ .paths = opt, .n_paths = 1 };
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);
	ok(verify(ring, &s, "rsa2048-sha256", DIGEST_SHA256, &o) == SIG_OUT_OF_SCOPE && o.key != NULL,
	    "out of scope");
	ok(verify(ring, &s, "rsa2048-sha256", DIGEST_SHA512, &o) == SIG_INVALID, "invalid comes before scope");

	/* The same key twice, once for elsewhere: what one record lets pass, passes. */
	(void)sig_keys_add(&s, "ima-sig/rsa2048.der");
	KEYRING_AUTO struct keyring *both = sig_keys_ring(&s);
	ok(verify(both, &s, "rsa2048-sha256", DIGEST_SHA256, &o) == SIG_GOOD && o.key->number == 1,
	    "a second record of the key, without scope");

	print = *pubkey_fingerprint(keyring_at(both, 0)->pub);
	s.policy.revoked_keys = &print;
	s.policy.n_revoked_keys = 1;
	KEYRING_AUTO struct keyring *revoked = sig_keys_ring(&s);
	ok(verify(revoked, &s, "rsa2048-sha256", DIGEST_SHA256, &o) == SIG_REVOKED, "revoked");
	is_judged("ima-sig/ima-modsig.bin", revoked, &s.ctx,
	    "/lib/modules/6.1/a.ko revoked ima-sig/rsa2048.der\n"
	    "/lib/modules/6.1/b.ko revoked ima-sig/rsa2048.der\n"
	    "/lib/modules/6.1/c.ko unknown-key\n"
	    "/lib/modules/6.1/d.ko unsupported\n"
	    "/lib/modules/6.1/other.ko invalid\n"
	    "/lib/modules/6.1/algorithm.ko invalid\n"
	    "/lib/modules/6.1/both-bad.ko invalid\n"
	    "/lib/modules/6.1/both-unknown.ko revoked ima-sig/rsa2048.der\n");
	sig_keys_free(&s);
}

/* Two signatures of one file: a trusted key's, and in either place a revoked one's. */
static void
test_revoked_beside_good(void)
{
	struct file list = golden("ima-sig/ima-modsig.bin"), content = golden("ima-sig/content"),
	    xattr = golden("ima-sig/p256-sha256.xattr");
	struct sig_keys s = { 0 };
	struct ima_log log;
	struct ima_entry n;
	struct digest d, prints[2];
	struct sig_outcome o;
	struct err e = { 0 };

	sig_keys_add(&s, "ima-sig/rsa2048.der");	/* of the appended signature */
	sig_keys_add(&s, "ima-sig/p256.der");		/* of the attribute */
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);
	for (size_t i = 0; i < 2; i++)
		prints[i] = *pubkey_fingerprint(keyring_at(ring, i)->pub);
	if (!ok(ima_log_open(file_view(&list), &log, &e) == 0 && ima_log_next(&log, &n, &e) == 1 &&
	    ima_log_next(&log, &n, &e) == 1 && n.modsig.n > 0 && digest_of(DIGEST_SHA256, file_view(&content), &d, &e) == 0, "an entry with an appended signature"))
		return;
	n.sig = file_view(&xattr);
	n.file_alg = d.alg;
	n.file_digest = digest_view(&d);
	ok(ima_verify_entry(ring, &n, &s.ctx, &o, &e) == 0 && o.state == SIG_GOOD && o.place == SIG_PLACE_IMA,
	    "and one in its attribute, both good");
	for (size_t i = 0; i < 2; i++) {
		s.policy.revoked_keys = &prints[i];
		s.policy.n_revoked_keys = 1;
		KEYRING_AUTO struct keyring *revoked = sig_keys_ring(&s);

		ok(ima_verify_entry(revoked, &n, &s.ctx, &o, &e) == 0 && o.state == SIG_REVOKED,
		    "the key of %s is revoked: so is the file", i == 0 ? "the appended one" : "the attribute's");
	}
	ima_log_close(&log);
	file_free(&list);
	file_free(&content);
	file_free(&xattr);
	sig_keys_free(&s);
}

static void
test_learned(void)
{
	struct sig_keys s = { 0 };
	struct file p384 = golden("ima-sig/p384.der");
	struct load_outcome l;
	struct sig_outcome o;
	struct digest d;
	struct err e = { 0 };

	if (digest_of(DIGEST_SHA256, file_view(&p384), &d, &e) != 0)
		return;
	struct policy_keyring kr = { .name = span_lit(".ima"), .trust = true, .digests = &d, .n_digests = 1 };

	s.policy.keyrings = &kr;
	s.policy.n_keyrings = 1;
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	ok(verify(ring, &s, "p384-sha256", DIGEST_SHA256, &o) == SIG_UNKNOWN_KEY, "before the key is loaded");
	ok(keyring_load(ring, span_lit(".ima"), file_view(&p384), &l, &e) == 0 && l.learned &&
	    verify(ring, &s, "p384-sha256", DIGEST_SHA256, &o) == SIG_GOOD && o.key->policy == NULL,
	    "after it");
	keyring_forget(ring);
	ok(verify(ring, &s, "p384-sha256", DIGEST_SHA256, &o) == SIG_UNKNOWN_KEY, "on another machine");
	file_free(&p384);
}

static void
test_bit_flips(void)
{
	static const char *const names[] = { "rsa2048-sha256", "p256-sha256", "p384-sha512", "v3-verity-rsa" };
	struct sig_keys s = { 0 };
	size_t good = 0, flips = 0, unasked = 0;
	struct err e = { 0 };

	all_keys(&s);
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);
	struct file content = golden("ima-sig/content");

	for (size_t k = 0; k < 4; k++) {
		char path[64];
		struct sig_outcome o;
		struct ima_xattr x;
		struct digest d;

		(void)snprintf(path, sizeof(path), "ima-sig/%s.xattr", names[k]);
		struct file f = golden(path);
		bool verity = k == 3;
		struct span signed_ = verity ? span_lit("descriptor") : file_view(&content);

		if (ima_xattr_parse(file_view(&f), &x, &e) != 0 || digest_of(x.alg, signed_, &d, &e) != 0)
			return;
		ok(ima_verify_xattr(ring, file_view(&f), &d, verity, span_lit("/f"), &s.ctx, &o, &e) == 0 &&
		    o.state == SIG_GOOD, "%s as it is", names[k]);
		for (size_t i = 0; i < f.n * 8; i++, flips++) {
			f.p[i / 8] ^= (uint8_t)(1u << i % 8);
			if (ima_verify_xattr(ring, file_view(&f), &d, verity, span_lit("/f"), &s.ctx, &o, &e) != 0)
				diag("%s: bit %zu: %s (%zu errors)", names[k], i, e.message, ++unasked);
			else if (o.state == SIG_GOOD && good++ < 10)
				diag("%s: bit %zu: %s", names[k], i, o.why);
			f.p[i / 8] ^= (uint8_t)(1u << i % 8);
		}
		/* ECDSA takes as many bits of a digest as the curve has (FIPS 186-5, 6.4). */
		size_t counts = k == 2 ? 384 : (size_t)d.size * 8;

		for (size_t i = 0; i < counts; i++, flips++) {
			d.v[i / 8] ^= (uint8_t)(1u << i % 8);
			if (ima_verify_xattr(ring, file_view(&f), &d, verity, span_lit("/f"), &s.ctx, &o, &e) != 0)
				unasked++;
			good += o.state == SIG_GOOD;
			d.v[i / 8] ^= (uint8_t)(1u << i % 8);
		}
		file_free(&f);
	}
	ok(good == 0 && unasked == 0, "%zu flipped bits of signature or digest: none is good", flips);
	file_free(&content);
	sig_keys_free(&s);
}

/* Over every byte of the record's data: what is still good is so because only the name
 * or something unsigned changed.  (The template digest covers those.) */
static void
test_list_flips(void)
{
	struct sig_keys s = { 0 };
	struct file f = golden("ima-sig/evm-sig.bin");
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };
	size_t good = 0, in_name = 0;

	all_keys(&s);
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);
	if (ima_log_open(file_view(&f), &log, &e) != 0 || ima_log_next(&log, &n, &e) != 1 ||
	    ima_log_next(&log, &n, &e) != 1)
		return;
	size_t start = n.offset, size = n.size, data = (size_t)(n.data.p - f.p);
	size_t name = (size_t)(n.path.p - f.p), name_end = name + n.path.n;

	for (size_t i = data; i < start + size; i++) {
		struct ima_log one;
		struct sig_outcome o = { 0 };

		f.p[i] ^= 0x10;
		if (ima_log_open(span_of(f.p + start, size), &one, &e) == 0) {
			if (ima_log_next(&one, &n, &e) == 1 && ima_verify_entry(ring, &n, &s.ctx, &o, &e) == 0 &&
			    o.state == SIG_GOOD) {
				good++;
				in_name += i >= name && i < name_end;
			}
			ima_log_close(&one);
		}
		f.p[i] ^= 0x10;
	}
	/* Also not signed: the names of the attributes but security.ima's own. */
	diag("%zu of %zu bytes change nothing, %zu of them in the file's name", good, size, in_name);
	ok(in_name == name_end - name && good - in_name <= strlen("security.selinuxsecurity.capability"),
	    "what a portable signature covers cannot be changed");
	ima_log_close(&log);
	file_free(&f);
	sig_keys_free(&s);
}

static void
test_never_good(void)
{
	struct sig_keys s = { 0 };
	struct file f = golden("debian12-vm/list3.bin");
	struct ima_log log;
	struct ima_entry n;
	struct sig_outcome o;
	struct err e = { 0 };

	(void)sig_keys_add(&s, "debian12-vm/ima-rsa.der");
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);
	if (ima_log_open(file_view(&f), &log, &e) != 0)
		return;
	while (ima_log_next(&log, &n, &e) > 0 && n.number != 414)
		;
	ok(ima_verify_entry(ring, &n, &s.ctx, &o, &e) == 0 && o.state == SIG_GOOD, "entry 414");
	n.violation = true;
	ok(ima_verify_entry(ring, &n, &s.ctx, &o, &e) == 0 && o.state == SIG_NONE, "as a violation");
	n.violation = false;
	n.well_formed = false;
	ok(ima_verify_entry(ring, &n, &s.ctx, &o, &e) == 0 && o.state == SIG_NONE, "malformed");
	n.well_formed = true;
	n.file_alg = DIGEST_NONE;
	ok(ima_verify_entry(ring, &n, &s.ctx, &o, &e) == 0 && o.state == SIG_UNSUPPORTED, "unknown digest");
	ima_log_close(&log);
	file_free(&f);
	sig_keys_free(&s);
}

/* The same answer from memory, and one verification for each triple. */
static void
test_memory(void)
{
	struct sig_keys s = { 0 };
	struct sig_outcome o;
	size_t good = 0;

	all_keys(&s);
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);
	for (int i = 0; i < 100; i++) {
		good += verify(ring, &s, "p256-sha256", DIGEST_SHA256, &o) == SIG_GOOD;
		good += verify(ring, &s, "same1-sha256", DIGEST_SHA256, &o) == SIG_GOOD;
	}
	struct keyring_stats st = keyring_stats(ring);

	ok(good == 200 && st.verified == 2 && st.remembered == 198,
	    "200 questions, %llu verifications", (unsigned long long)st.verified);
	sig_keys_free(&s);
}

int
main(void)
{
	test_recorded();
	test_evmctl();
	test_impostor();
	test_templates();
	test_inner_signature();
	test_scope_and_revocation();
	test_revoked_beside_good();
	test_learned();
	test_bit_flips();
	test_list_flips();
	test_never_good();
	test_memory();
	return done();
}
