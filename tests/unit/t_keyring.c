/* A key signs where its scope lets it and nowhere else; of keys with one 32-bit id each
 * is tried and the full key decides; what is revoked is never good; a key is learned
 * only where a policy lists its digest, and only for the keyring it was loaded into. */
#include "crypto/digest.h"
#include "tests/sig_keys.h"

static bool
in_scope(const struct trusted_key *k, enum sig_place place, const char *path, const struct sig_context *ctx)
{
	const char *why;

	return key_in_scope(k, place, span_str(path), ctx, &why);
}

static void
test_kinds(void)
{
	static const struct { const char *path; enum file_kind kind; } t[] = {
		{ "/usr/bin/cat", FILE_KIND_FILE },
		{ "/usr/lib/modules/6.1/kernel/fs/ext4.ko", FILE_KIND_MODULE },
		{ "/usr/lib/modules/6.1/kernel/fs/ext4.ko.zst", FILE_KIND_MODULE },
		{ "/x.ko.bak", FILE_KIND_FILE }, { "/usr/lib/.ko", FILE_KIND_FILE },
		{ "/lib/firmware/intel/ibt.sfi", FILE_KIND_FIRMWARE },
		{ "/usr/lib/firmware/a.ko", FILE_KIND_FIRMWARE },
		{ "/usr/lib/firmware2/a", FILE_KIND_FILE },
		{ "/boot/vmlinuz-6.1.0-50-amd64", FILE_KIND_KERNEL },
		{ "/boot/EFI/Linux/debian.efi", FILE_KIND_KERNEL }, { "/boot/Image", FILE_KIND_KERNEL },
		{ "/usr/lib/x86_64-linux-gnu/libc.so.6", FILE_KIND_LIBRARY },
		{ "/usr/lib/libssl.so", FILE_KIND_LIBRARY }, { "/usr/lib/libx.so.1.2.3", FILE_KIND_LIBRARY },
		{ "/usr/lib/libx.so1", FILE_KIND_FILE }, { "/usr/lib/also", FILE_KIND_FILE },
		{ ".so", FILE_KIND_FILE }, { "/.so.1", FILE_KIND_FILE }, { "", FILE_KIND_FILE }, { "/", FILE_KIND_FILE },
		{ "/1.2.3", FILE_KIND_FILE },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_str(file_kind_name(file_kind_of(span_str(t[i].path))), file_kind_name(t[i].kind), t[i].path);
}

static void
test_paths(void)
{
	static struct span paths[] = { { (const uint8_t *)"/opt/v/", 7 }, { (const uint8_t *)"/lib/my app", 11 } };
	static struct policy_alias alias[] = { { { (const uint8_t *)"/lib", 4 }, { (const uint8_t *)"/usr/lib", 8 } } };
	static const struct { const char *path; bool want; } t[] = {
		{ "/opt/v", true }, { "/opt/v/x", true }, { "/opt/v/a/b", true }, { "/opt/vx", false },
		{ "/opt", false }, { "/", false }, { "", false }, { "opt/v/x", false },
		{ "/opt/v/../../usr/bin/x", false }, { "/opt/v/./x", false }, { "/opt/v//x", false },
		{ "/opt/v/..x", true }, { "/opt/v/x/..", false },
		/* the alias and the space, in either form */
		{ "/lib/my_app/x", true }, { "/usr/lib/my_app/x", true }, { "/usr/lib/my app", true },
		{ "/usr/lib/myxapp/x", false }, { "/usr/lib", false },
	};
	struct sig_keys s = { 0 };
	struct policy_key *k = sig_keys_add(&s, "ima-sig/p256.der");

	k->scope.paths = paths;
	k->scope.n_paths = 2;
	s.policy.aliases = alias;
	s.policy.n_aliases = 1;
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ok(in_scope(keyring_at(ring, 0), SIG_PLACE_IMA, t[i].path, &s.ctx) == t[i].want,
		    "path scope: \"%s\"%s", t[i].path, t[i].want ? "" : " is outside");
	sig_keys_free(&s);

	struct sig_keys root = { 0 };
	static struct span slash[] = { { (const uint8_t *)"/", 1 } };

	k = sig_keys_add(&root, "ima-sig/p256.der");
	k->scope.paths = slash;
	k->scope.n_paths = 1;
	KEYRING_AUTO struct keyring *r2 = sig_keys_ring(&root);
	ok(in_scope(keyring_at(r2, 0), SIG_PLACE_IMA, "/x", &root.ctx), "\"/\" holds everything");
	sig_keys_free(&root);
}

static void
test_filesystems(void)
{
	static struct span labels[] = { { (const uint8_t *)"COS_OEM", 7 } };
	static const struct sig_mount mounts[] = {
		{ { (const uint8_t *)"COS_OEM", 7 }, { (const uint8_t *)"/oem", 4 } },
		{ { (const uint8_t *)"COS_PERSISTENT", 14 }, { (const uint8_t *)"/oem/data/", 10 } },
		{ { (const uint8_t *)"ROOT", 4 }, { (const uint8_t *)"/", 1 } },
	};
	static const struct sig_mount covered[] = {
		{ { (const uint8_t *)"COS_OEM", 7 }, { (const uint8_t *)"/oem", 4 } },
		{ { (const uint8_t *)"OTHER", 5 }, { (const uint8_t *)"/oem", 4 } },
	};
	struct sig_keys s = { 0 };
	struct policy_key *k = sig_keys_add(&s, "ima-sig/p256.der");

	k->scope.filesystems = labels;
	k->scope.n_filesystems = 1;
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);
	const struct trusted_key *key = keyring_at(ring, 0);

	ok(!in_scope(key, SIG_PLACE_IMA, "/oem/x", &s.ctx), "no mount known: outside");
	s.ctx = (struct sig_context){ .mounts = mounts, .n_mounts = 3 };
	ok(in_scope(key, SIG_PLACE_IMA, "/oem/x", &s.ctx), "on the volume");
	ok(!in_scope(key, SIG_PLACE_IMA, "/usr/bin/x", &s.ctx), "COS_OEM signs nothing under /usr");
	ok(!in_scope(key, SIG_PLACE_IMA, "/oem/data/x", &s.ctx), "the deeper mount decides");
	ok(!in_scope(key, SIG_PLACE_IMA, "/oem/../usr/x", &s.ctx), "nor by a way up");
	ok(!in_scope(key, SIG_PLACE_IMA, "/oemx", &s.ctx), "whole components");
	s.ctx = (struct sig_context){ .mounts = covered, .n_mounts = 2 };
	ok(!in_scope(key, SIG_PLACE_IMA, "/oem/x", &s.ctx), "a later mount at the same place covers it");

	/* The policy's own word, where the caller has none. */
	static struct span oem[] = { { (const uint8_t *)"/oem/", 5 } }, data[] = { { (const uint8_t *)"/oem/data", 9 } };
	struct policy_scope scopes[] = {
		{ .paths = oem, .n_paths = 1, .partition = labels[0] },
		{ .paths = data, .n_paths = 1, .partition = { (const uint8_t *)"COS_PERSISTENT", 14 } },
		{ .partition = { (const uint8_t *)"COS_OEM", 7 } },
	};

	s.ctx = (struct sig_context){ 0 };
	s.policy.scopes = scopes;
	s.policy.n_scopes = 3;
	ok(in_scope(key, SIG_PLACE_IMA, "/oem/x", &s.ctx), "on the volume, by a scope of the policy");
	ok(!in_scope(key, SIG_PLACE_IMA, "/oem/data/x", &s.ctx), "the deeper one decides there too");
	ok(!in_scope(key, SIG_PLACE_IMA, "/usr/bin/x", &s.ctx), "and nowhere else");
	sig_keys_free(&s);
}

static void
test_kind_date_ring(void)
{
	static struct span kinds[] = { { (const uint8_t *)"module", 6 }, { (const uint8_t *)"library", 7 } };
	static struct span evm[] = { { (const uint8_t *)".evm", 4 } };
	static struct span platform[] = { { (const uint8_t *)".platform", 9 } };
	static struct span ima[] = { { (const uint8_t *)"_ima", 4 } };
	struct sig_keys s = { 0 };
	struct policy_key *k = sig_keys_add(&s, "ima-sig/p256.der");

	k->scope = (struct policy_key_scope){ .kinds = kinds, .n_kinds = 2 };
	k = sig_keys_add(&s, "ima-sig/p384.der");
	k->scope = (struct policy_key_scope){ .not_before = 1000, .not_after = 2000 };
	k = sig_keys_add(&s, "ima-sig/rsa2048.der");
	k->scope = (struct policy_key_scope){ .keyrings = evm, .n_keyrings = 1 };
	k = sig_keys_add(&s, "ima-sig/rsa4096.der");
	k->scope = (struct policy_key_scope){ .keyrings = platform, .n_keyrings = 1 };
	k = sig_keys_add(&s, "ima-sig/same1.der");
	k->scope = (struct policy_key_scope){ .keyrings = ima, .n_keyrings = 1 };
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	ok(in_scope(keyring_at(ring, 0), SIG_PLACE_IMA, "/a.ko", &s.ctx) &&
	    in_scope(keyring_at(ring, 0), SIG_PLACE_IMA, "/a.so.1", &s.ctx) &&
	    !in_scope(keyring_at(ring, 0), SIG_PLACE_IMA, "/bin/a", &s.ctx), "kinds");
	for (int64_t now = 999; now <= 2001; now += now == 1000 ? 1000 : 1) {
		struct sig_context ctx = { .now = now };

		ok(in_scope(keyring_at(ring, 1), SIG_PLACE_IMA, "/a", &ctx) == (now >= 1000 && now <= 2000),
		    "dates: at %lld of 1000 to 2000", (long long)now);
	}
	ok(in_scope(keyring_at(ring, 2), SIG_PLACE_EVM, "/a", &s.ctx) &&
	    !in_scope(keyring_at(ring, 2), SIG_PLACE_IMA, "/a", &s.ctx) &&
	    !in_scope(keyring_at(ring, 2), SIG_PLACE_MODSIG, "/a.ko", &s.ctx), "keyring .evm");
	ok(in_scope(keyring_at(ring, 3), SIG_PLACE_MODSIG, "/a.ko", &s.ctx) &&
	    in_scope(keyring_at(ring, 3), SIG_PLACE_IMA, "/boot/vmlinuz", &s.ctx) &&
	    !in_scope(keyring_at(ring, 3), SIG_PLACE_IMA, "/a.ko", &s.ctx), "keyring .platform");
	ok(in_scope(keyring_at(ring, 4), SIG_PLACE_IMA, "/a", &s.ctx) &&
	    in_scope(keyring_at(ring, 4), SIG_PLACE_MODSIG, "/a.ko", &s.ctx) &&
	    !in_scope(keyring_at(ring, 4), SIG_PLACE_EVM, "/a", &s.ctx), "keyring _ima is .ima");
	sig_keys_free(&s);
}

static void
test_bad_policies(void)
{
	static struct span kinds[] = { { (const uint8_t *)"modul", 5 } };
	static struct span paths[] = { { (const uint8_t *)"opt/v", 5 } };
	struct sig_keys s = { 0 };
	struct keyring *ring = NULL;
	struct err e = { 0 };
	struct policy_key *k = sig_keys_add(&s, "ima-sig/p256.der");

	s.all[0] = &s.policy;
	k->scope = (struct policy_key_scope){ .kinds = kinds, .n_kinds = 1 };
	ok(keyring_new(s.all, 1, &ring, &e) == ERR_UNSUPPORTED && strstr(e.message, "modul") != NULL,
	    "a kind that does not exist");
	k->scope = (struct policy_key_scope){ .paths = paths, .n_paths = 1 };
	ok(keyring_new(s.all, 1, &ring, &e) == ERR_FORMAT, "a path that is not absolute");
	k->scope = (struct policy_key_scope){ 0 };
	k->der.n--;
	ok(keyring_new(s.all, 1, &ring, &e) == ERR_KEY && strstr(e.message, "p256") != NULL,
	    "a cut key is named");
	ok(ring == NULL, "nothing came out");
	sig_keys_free(&s);
}

static void
test_collision(void)
{
	struct sig_keys s = { 0 };
	const struct trusted_key *k = NULL;
	size_t n = 0;

	(void)sig_keys_add(&s, "ima-sig/same1.der");
	(void)sig_keys_add(&s, "ima-sig/p256.der");
	(void)sig_keys_add(&s, "ima-sig/same2.der");
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&s);

	while ((k = keyring_find(ring, 0xcafe1234, k)) != NULL)
		n++;
	is_int((int64_t)n, 2, "both keys of one id are candidates");
	ok(keyring_find(ring, 0xcafe1235, NULL) == NULL, "none of another id");
	/* Each is also found by the id made of the key itself. */
	for (size_t i = 0; i < 3; i++)
		ok(keyring_find(ring, keyring_at(ring, i)->keyid_bits, NULL) == keyring_at(ring, i), "by its bits");
	sig_keys_free(&s);
}

static void
test_load_like(void)
{
	struct file f = golden("ima-sig/p256.der"), big = golden("ima-sig/rsa4096.der");

	ok(key_load_like(file_view(&f)) && key_load_like(file_view(&big)), "certificates");
	ok(!key_load_like(span_of(f.p, f.n - 1)), "cut");
	ok(!key_load_like(span_lit("root=/dev/sda")) && !key_load_like(span_of(NULL, 0)) &&
	    !key_load_like(span_lit("0")) && !key_load_like(span_lit("0\x80")) &&
	    !key_load_like(span_lit("0\x84\xff\xff\xff\xff")) && !key_load_like(span_lit("0\x85\1\1\1\1\1")),
	    "text, nothing, broken lengths");
	file_free(&f);
	file_free(&big);
}

struct loads {
	struct sig_keys s;
	struct policy_keyring rings[3];
	struct digest approved;
	struct file p384;
};

static void
loads_init(struct loads *l, bool trust)
{
	*l = (struct loads){ .p384 = golden("ima-sig/p384.der") };
	(void)sig_keys_add(&l->s, "ima-sig/p256.der");
	if (digest_of(DIGEST_SHA256, file_view(&l->p384), &l->approved, NULL) != 0)
		exit(99);
	l->rings[0] = (struct policy_keyring){ .name = span_lit(".ima"), .trust = trust,
		.digests = &l->approved, .n_digests = 1 };
	l->rings[1] = (struct policy_keyring){ .name = span_lit(".blacklist"), .ignore = true, .trust = trust };
	l->s.policy.keyrings = l->rings;
	l->s.policy.n_keyrings = 2;
}

static void
loads_free(struct loads *l)
{
	file_free(&l->p384);
	sig_keys_free(&l->s);
}

static enum load_state
load(struct keyring *ring, const char *name, struct span der, struct load_outcome *o)
{
	struct err e = { 0 };

	if (keyring_load(ring, span_str(name), der, o, &e) != 0)
		diag("%s", e.message);
	diag("%s", o->why);
	return o->state;
}

static void
test_learning(void)
{
	struct load_outcome o;
	struct loads l;

	loads_init(&l, true);
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&l.s);
	struct file other = golden("ima-sig/rsa4096.der");

	ok(load(ring, ".secondary_trusted_keys", file_view(&l.p384), &o) == LOAD_UNKNOWN && !o.learned,
	    "listed for another keyring");
	ok(load(ring, ".ima", file_view(&other), &o) == LOAD_UNKNOWN && !o.learned, "not listed");
	ok(load(ring, ".blacklist", file_view(&other), &o) == LOAD_IGNORED && !o.learned,
	    "a keyring that is not judged teaches nothing");
	is_int((int64_t)keyring_count(ring), 1, "nothing learned so far");
	ok(load(ring, ".ima", file_view(&l.p384), &o) == LOAD_APPROVED && o.learned, "listed: learned");
	ok(load(ring, ".ima", file_view(&l.p384), &o) == LOAD_APPROVED && !o.learned && o.key != NULL,
	    "a second time: known");
	ok(in_scope(keyring_at(ring, 1), SIG_PLACE_IMA, "/a", &l.s.ctx) &&
	    !in_scope(keyring_at(ring, 1), SIG_PLACE_EVM, "/a", &l.s.ctx), "good for its keyring only");
	keyring_forget(ring);
	ok(keyring_count(ring) == 1 && keyring_find(ring, 0xdb2dbf51, NULL) == NULL, "forgotten");
	ok(load(ring, ".ima", file_view(&l.p384), &o) == LOAD_APPROVED && o.learned, "and learned again");
	file_free(&other);
	loads_free(&l);

	loads_init(&l, false);
	KEYRING_AUTO struct keyring *quiet = sig_keys_ring(&l.s);
	ok(load(quiet, ".ima", file_view(&l.p384), &o) == LOAD_APPROVED && !o.learned &&
	    keyring_count(quiet) == 1, "without trust: approved, not learned");
	loads_free(&l);
}

static void
test_loading_policy_keys(void)
{
	static struct span evm[] = { { (const uint8_t *)".evm", 4 } };
	struct load_outcome o;
	struct digest revoked;
	struct loads l;

	loads_init(&l, true);
	(void)sig_keys_add(&l.s, "ima-sig/p384.der");
	l.s.keys[1].scope = (struct policy_key_scope){ .keyrings = evm, .n_keyrings = 1 };
	KEYRING_AUTO struct keyring *ring = sig_keys_ring(&l.s);
	struct file p256 = golden("ima-sig/p256.der");

	ok(load(ring, ".anything", file_view(&p256), &o) == LOAD_APPROVED && !o.learned, "a key of the policy");
	ok(load(ring, ".other", file_view(&l.p384), &o) == LOAD_OUT_OF_SCOPE, "one scoped to .evm");
	ok(load(ring, ".ima", file_view(&l.p384), &o) == LOAD_APPROVED && !o.learned &&
	    keyring_count(ring) == 2, "listed by digest, but never learned past its scope");

	revoked = *pubkey_fingerprint(keyring_at(ring, 1)->pub);
	l.s.policy.revoked_keys = &revoked;
	l.s.policy.n_revoked_keys = 1;
	KEYRING_AUTO struct keyring *r2 = sig_keys_ring(&l.s);
	ok(keyring_at(r2, 1)->revoked && !keyring_at(r2, 0)->revoked, "revocation is by the full key");
	ok(load(r2, ".ima", file_view(&l.p384), &o) == LOAD_REVOKED && !o.learned, "it beats the digest");
	file_free(&p256);
	loads_free(&l);
}

int
main(void)
{
	test_kinds();
	test_paths();
	test_filesystems();
	test_kind_date_ring();
	test_bad_policies();
	test_collision();
	test_load_like();
	test_learning();
	test_loading_policy_keys();
	return done();
}
