/* engine: evidence_appraise beside the digests and verifications it cannot avoid.
 *
 *	engine FIGURE P256-KEY.pem RSA2048-KEY.pem [ROUNDS]
 *
 * FIGURE: list    63,000 ima-ng entries against a compiled policy of 63,000 paths
 *         signed  63,000 ima-sig entries with 5,000 distinct RSA-2048 signatures
 *         one     one new entry on a resumed state
 *         write=DIR  nothing is measured: the evidence of "list" as files
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "bench/floor.h"
#include "bench/machine.h"
#include "bench/measure.h"
#include "crypto/digest.h"

#define ENTRIES 63000
#define DISTINCT 5000

static struct samples subject, bare, searched;
static size_t rounds = 15;

static struct privkey *
load_key(const char *path)
{
	FILE_AUTO struct file f = { 0 };
	struct privkey *key;
	struct err e = { 0 };

	if (file_read(path, KIB(64), &f, &e) != 0 || privkey_parse(file_view(&f), &key, &e) != 0)
		bench_die(path, &e);
	return key;
}

/* One appraisal, which must end in trust: a bench of refusals would be worth nothing. */
static struct watch
appraise(const struct evidence_input *in, uint64_t entries, struct resume_state *keep)
{
	RESULT_AUTO struct result r = result_init();
	EVIDENCE_REPORT_AUTO struct evidence_report report = { 0 };
	struct err e = { 0 };
	struct watch start = watch_now(), took;

	if (evidence_appraise(in, &r, &report, &e) != 0)
		bench_die("appraisal", &e);
	took = watch_since(start);
	if (r.verdict != VERDICT_TRUSTED || report.trusted != entries) {
		fprintf(stderr, "engine: %s, %llu entries trusted of %llu\n", verdict_token(r.verdict),
		    (unsigned long long)report.trusted, (unsigned long long)report.total);
		for (size_t i = 0; i < r.n_findings && i < 5; i++)
			fprintf(stderr, "engine: %s: %s\n", reason_code(r.findings[i].reason), r.findings[i].text);
		exit(3);
	}
	if (keep != NULL) {
		*keep = report.state;
		report.state = (struct resume_state){ 0 };
	}
	return took;
}

static void
bench_list(struct machine *m)
{
	struct runtime_policy p;
	const struct runtime_policy *policies[] = { &p };
	struct err e = { 0 };
	struct watch w;

	machine_make(m);
	if (runtime_policy_parse(buf_view(&m->table), &p, &e) != 0)
		bench_die("policy", &e);
	struct evidence_input in = machine_input(m, policies, 1), blind = in;

	blind.pcrs = NULL;
	for (size_t i = 0; i < rounds; i++) {
		floor_digests(m->data, m->entries, &w);
		samples_add(&bare, w);
		samples_add(&subject, appraise(&in, m->entries, NULL));
		samples_add(&searched, appraise(&blind, m->entries, NULL));
	}
	figure_print(&(struct figure){ .name = "engine", .title = "63,000 entries, 63,000 paths: engine",
	    .floor_title = "their digests", .unit = "ms", .scale = 1e3, .subject = &subject,
	    .floor = &bare, .factor = 1.5 });
	/* Then the quoted PCR is known by the quote's digest alone: one more digest an entry. */
	figure_print(&(struct figure){ .name = "engine-digest", .title = "the same without PCR values",
	    .floor_title = "their digests", .unit = "ms", .scale = 1e3, .subject = &searched, .floor = &bare });
}

static struct watch
verify_all(const struct machine *m)
{
	PUBKEY_AUTO struct pubkey *fresh = NULL;
	struct err e = { 0 };
	struct watch start;
	bool good = true;

	if (pubkey_parse(pubkey_spki(privkey_public(m->signer)), &fresh, &e) != 0)
		bench_die("key", &e);
	start = watch_now();
	for (size_t k = 0; k < m->distinct && good; k++)
		if (pubkey_verify(fresh, SIG_RSASSA, &m->digests[k], buf_view(&m->sigs[k]), &good, &e) != 0)
			bench_die("verifying", &e);
	if (!good)
		exit(3);
	return watch_since(start);
}

static void
bench_signed(struct machine *m)
{
	struct policy_key key = { .der = pubkey_spki(privkey_public(m->signer)) };
	struct runtime_policy p = { .keys = &key, .n_keys = 1 };
	const struct runtime_policy *policies[] = { &p };
	struct watch w, v;

	m->distinct = DISTINCT;
	machine_make(m);
	struct evidence_input in = machine_input(m, policies, 1);

	for (size_t i = 0; i < rounds; i++) {
		floor_digests(m->data, m->entries, &w);
		v = verify_all(m);
		samples_add(&bare, (struct watch){ w.cpu + v.cpu, w.wall + v.wall });
		samples_add(&subject, appraise(&in, m->entries, NULL));
	}
	figure_print(&(struct figure){ .name = "signed", .title = "63,000 signed entries, 5,000 signatures",
	    .floor_title = "digests and 5,000 verifications", .unit = "ms", .scale = 1e3,
	    .subject = &subject, .floor = &bare, .factor = 1.2 });
}

/* The quote's own verification, as often as the appraisal. */
static struct watch
verify_quote(const struct machine *m, struct pubkey *key, size_t times)
{
	struct buf der = buf_init(KIB(1));
	struct err e = { 0 };
	struct digest d;
	struct watch start, took;
	bool good = true;

	if (privkey_sign(m->ak, SIG_ECDSA, buf_view(&m->quote), DIGEST_SHA256, &der, &e) != 0 ||
	    digest_of(DIGEST_SHA256, buf_view(&m->quote), &d, &e) != 0)
		bench_die("the quote", &e);
	start = watch_now();
	for (size_t i = 0; i < times && good; i++)
		if (pubkey_verify(key, SIG_ECDSA, &d, buf_view(&der), &good, &e) != 0)
			bench_die("verifying", &e);
	took = watch_since(start);
	buf_free(&der);
	if (!good)
		exit(3);
	return took;
}

#define TIMES 100

static struct watch
each(struct watch w)
{
	return (struct watch){ w.cpu / TIMES, w.wall / TIMES };
}

static void
bench_one(struct machine *m)
{
	APPRAISER_AUTO struct appraiser *ready = NULL;
	ATTEST_KEY_AUTO struct attest_key key = { 0 };
	struct runtime_policy p;
	const struct runtime_policy *policies[] = { &p };
	struct err e = { 0 };
	struct resume_state state;
	struct sig_context ctx = { 0 };

	machine_make(m);
	if (runtime_policy_parse(buf_view(&m->table), &p, &e) != 0 ||
	    attest_key_parse(pubkey_spki(privkey_public(m->ak)), &key, &e) != 0 ||
	    appraiser_new(policies, 1, &ctx, &ready, &e) != 0)
		bench_die("policy", &e);
	struct evidence_input in = machine_input(m, policies, 1);

	in.appraiser = ready;
	in.key = &key;
	if (digest_of(DIGEST_SHA256, buf_view(&m->table), &in.policy_id, &e) != 0)
		bench_die("policy", &e);
	machine_quote(m, m->entries - 1);
	in.quote = buf_view(&m->quote);
	in.signature = buf_view(&m->signature);
	in.ima_log = span_head(in.ima_log, m->offsets[m->entries - 1]);
	appraise(&in, m->entries - 1, &state);
	machine_quote(m, m->entries);
	in.quote = buf_view(&m->quote);
	in.signature = buf_view(&m->signature);
	in.ima_log = span_from(buf_view(&m->list), m->offsets[m->entries - 1]);
	in.resume = &state;
	for (size_t i = 0; i < rounds; i++) {
		struct watch start;

		samples_add(&bare, each(verify_quote(m, key.key, TIMES)));
		start = watch_now();
		for (int k = 0; k < TIMES; k++)
			appraise(&in, m->entries, NULL);
		samples_add(&subject, each(watch_since(start)));
	}
	figure_print(&(struct figure){ .name = "one", .title = "one new entry on a resumed state",
	    .floor_title = "one P-256 verification", .unit = "us", .scale = 1e6,
	    .subject = &subject, .floor = &bare, .factor = 1, .extra = 100 });
	resume_state_free(&state);
}

static void
write_file(const char *dir, const char *name, struct span data)
{
	char path[4096];
	struct err e = { 0 };

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (file_write(path, data, 0644, &e) != 0)
		bench_die(path, &e);
}

static void
write_all(struct machine *m, const char *dir)
{
	struct buf hex = buf_init(KIB(1)), pcrs = buf_init(KIB(1));

	machine_make(m);
	buf_hex(&hex, m->nonce);
	buf_str(&pcrs, "{\"sha256\":{\"10\":\"");
	buf_hex(&pcrs, tpm_pcrs_get(&m->pcrs, DIGEST_SHA256, 10));
	buf_str(&pcrs, "\"}}");
	write_file(dir, "pcrs", buf_view(&pcrs));
	write_file(dir, "list", buf_view(&m->list));
	write_file(dir, "quote", buf_view(&m->quote));
	write_file(dir, "signature", buf_view(&m->signature));
	write_file(dir, "ak", pubkey_spki(privkey_public(m->ak)));
	write_file(dir, "policy", buf_view(&m->table));
	write_file(dir, "nonce", buf_view(&hex));
	buf_free(&hex);
	buf_free(&pcrs);
}

int
main(int argc, char **argv)
{
	static struct machine m = { .entries = ENTRIES };

	if (argc < 4)
		return 2;
	m.ak = load_key(argv[2]);
	m.signer = load_key(argv[3]);
	if (argc > 4)
		rounds = strtoull(argv[4], NULL, 10);
	if (strcmp(argv[1], "list") == 0)
		bench_list(&m);
	else if (strcmp(argv[1], "signed") == 0)
		bench_signed(&m);
	else if (strcmp(argv[1], "one") == 0)
		bench_one(&m);
	else if (strncmp(argv[1], "write=", 6) == 0)
		write_all(&m, argv[1] + 6);
	else
		return 2;
	return 0;
}
