/* sigtool: file signatures judged one by one, for ima_signature.t: what the program does
 * with a list's entry, done with a file and what signed it.
 *
 *	sigtool ima KEYS SIGNATURE FILE		security.ima over FILE's content
 *	sigtool verity KEYS SIGNATURE FILE	the same, FILE's digest taken for fs-verity's
 *	sigtool evm KEYS FILE			security.evm of FILE, from its attributes
 *	sigtool modsig KEYS FILE		appended signature
 *	sigtool flips KEYS SIGNATURE FILE	ima, with each bit of SIGNATURE changed
 *	sigtool list KEYS LIST			each entry of a list that is signed
 *
 * KEYS: files, comma-separated.  One line a judgement: state, key's file, sentence.
 */
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "crypto/digest.h"
#include "engine/ima_verify.h"
#include "formats/ima_xattr.h"
#include "formats/modsig.h"

#define KEYS_MAX 32

static struct file files[KEYS_MAX];
static struct policy_key keys[KEYS_MAX];
static struct runtime_policy policy = { .keys = keys };
static const struct sig_context context;

static void
die(const char *what, const struct err *e)
{
	fprintf(stderr, "sigtool: %s: %s\n", what, e->message);
	exit(3);
}

static struct file
slurp(const char *path)
{
	struct err e = { 0 };
	struct file f;

	if (file_read(path, GIB(1), &f, &e) != 0)
		die(path, &e);
	return f;
}

static struct keyring *
load_keys(char *names)
{
	const struct runtime_policy *all[] = { &policy };
	struct keyring *ring;
	struct err e = { 0 };
	char *name;

	while ((name = strsep(&names, ",")) != NULL && policy.n_keys < KEYS_MAX) {
		files[policy.n_keys] = slurp(name);
		keys[policy.n_keys] = (struct policy_key){ .der = file_view(&files[policy.n_keys]),
		    .name = span_str(name) };
		policy.n_keys++;
	}
	if (keyring_new(all, 1, &ring, &e) != 0)
		die("keys", &e);
	return ring;
}

static void
print(const struct sig_outcome *o)
{
	printf("%s %.*s %s\n", sig_state_name(o->state), o->key == NULL ? 1 : (int)o->key->name.n,
	    o->key == NULL ? "-" : (const char *)o->key->name.p, o->why);
}

static struct digest
hash(enum digest_alg alg, struct span s)
{
	struct err e = { 0 };
	struct digest d;

	if (digest_alg_openssl(alg) == NULL)
		alg = DIGEST_SHA256;
	if (digest_of(alg, s, &d, &e) != 0)
		die("digest", &e);
	return d;
}

/* The measured digest has the signature's algorithm, as in the kernel. */
static enum digest_alg
alg_of(struct span sig)
{
	struct ima_xattr x;

	return ima_xattr_parse(sig, &x, NULL) == 0 ? x.alg : DIGEST_SHA256;
}

static void
judge_ima(struct keyring *ring, struct span sig, const struct digest *d, bool verity, const char *path,
    struct sig_outcome *o)
{
	struct err e = { 0 };

	if (ima_verify_xattr(ring, sig, d, verity, span_str(path), &context, o, &e) != 0)
		die("verifying", &e);
}

static void
flips(struct keyring *ring, struct file *sig, const struct digest *d, const char *path)
{
	size_t good = 0;
	struct sig_outcome o;

	for (size_t i = 0; i < sig->n * 8; i++) {
		sig->p[i / 8] ^= (uint8_t)(1u << i % 8);
		judge_ima(ring, file_view(sig), d, false, path, &o);
		good += o.state == SIG_GOOD;
		sig->p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	printf("%zu flips, %zu good\n", sig->n * 8, good);
}

static void
evm(struct keyring *ring, const char *path)
{
	/* The kernel's order: evm_main.c, evm_config_default_xattrnames. */
	static const char *const all[] = { "security.selinux", "security.SMACK64",
		"security.SMACK64EXEC", "security.SMACK64TRANSMUTE", "security.SMACK64MMAP",
		"security.apparmor", "security.ima", "security.capability" };
	static uint8_t room[9][4096];
	struct span names[8], values[8];
	struct evm_metadata m = { .names = names, .values = values };
	struct ima_xattr x;
	struct sig_outcome o;
	struct err e = { 0 };
	struct stat st;
	ssize_t n = getxattr(path, "security.evm", room[8], sizeof(room[8]));
	enum digest_alg alg = DIGEST_SHA256;

	if (n < 0 || stat(path, &st) != 0) {
		perror(path);
		exit(3);
	}
	struct span value = span_of(room[8], (size_t)n);

	for (size_t i = 0; i < 8; i++) {
		if ((n = getxattr(path, all[i], room[i], sizeof(room[i]))) < 0)
			continue;
		names[m.n] = span_str(all[i]);
		values[m.n++] = span_of(room[i], (size_t)n);
		if (i == 6 && ima_xattr_parse(span_of(room[i], (size_t)n), &x, NULL) == 0)
			alg = x.alg;
	}
	m.uid = st.st_uid;
	m.gid = st.st_gid;
	m.mode = (uint16_t)st.st_mode;

	struct file f = slurp(path);
	struct digest d = hash(alg, file_view(&f));

	if (ima_verify_portable(ring, value, &m, &d, span_str(path), &context, &o, &e) != 0)
		die("verifying", &e);
	print(&o);
	file_free(&f);
}

static void
modsig(struct keyring *ring, const char *path, const char *alg)
{
	struct file f = slurp(path);
	struct sig_outcome o = { .why = "no signature is appended" };
	struct err e = { 0 };
	struct modsig m;
	int rc = modsig_parse(file_view(&f), &m, &e);

	if (rc < 0) {
		o = (struct sig_outcome){ .state = SIG_INVALID, .why = e.message };
	} else if (rc > 0) {
		struct digest d = hash(digest_alg_by_name(span_str(alg)), m.content);

		if (ima_verify_modsig(ring, m.pkcs7, &d, span_str(path), &context, &o, &e) != 0)
			die("verifying", &e);
	}
	print(&o);
	file_free(&f);
}

static void
list(struct keyring *ring, const char *path)
{
	struct file f = slurp(path);
	struct ima_log log;
	struct ima_entry n;
	struct sig_outcome o;
	struct err e = { 0 };
	int rc;

	if (ima_log_open(file_view(&f), &log, &e) != 0)
		die(path, &e);
	while ((rc = ima_log_next(&log, &n, &e)) > 0) {
		if (ima_verify_entry(ring, &n, &context, &o, &e) != 0)
			die("verifying", &e);
		if (o.state != SIG_NONE) {
			printf("%llu ", (unsigned long long)n.number);
			print(&o);
		}
	}
	if (rc < 0)
		die(path, &e);
	ima_log_close(&log);
	file_free(&f);
}

static void
run(const char *verb, struct keyring *ring, int n, char **a)
{
	if (strcmp(verb, "evm") == 0 && n == 1) {
		evm(ring, a[0]);
	} else if (strcmp(verb, "modsig") == 0 && n >= 1) {
		modsig(ring, a[0], n == 2 ? a[1] : "sha256");
	} else if (strcmp(verb, "list") == 0 && n == 1) {
		list(ring, a[0]);
	} else if (n == 2) {
		struct file sig = slurp(a[0]), f = slurp(a[1]);
		struct digest d = hash(alg_of(file_view(&sig)), file_view(&f));
		struct sig_outcome o;

		if (strcmp(verb, "flips") == 0) {
			flips(ring, &sig, &d, a[1]);
		} else {
			judge_ima(ring, file_view(&sig), &d, strcmp(verb, "verity") == 0, a[1], &o);
			print(&o);
		}
		file_free(&sig);
		file_free(&f);
	} else {
		fprintf(stderr, "sigtool: usage: see its source\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	struct keyring *ring = load_keys(argv[2]);

	run(argv[1], ring, argc - 3, argv + 3);
	keyring_free(ring);
	for (size_t i = 0; i < policy.n_keys; i++)
		file_free(&files[i]);
	return 0;
}
