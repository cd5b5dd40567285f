/* What is kept from one appraisal to the next changes nothing: an appraiser and a key that
 * are made once give the results of new ones, whatever was appraised before; keys that one
 * boot taught are gone in the next; and reading ahead gives the list as it is. */
#include "engine/evidence.h"
#include "engine/read_ahead.h"
#include "base/text.h"
#include "tests/golden.h"

static struct runtime_policy policies[2];
static const struct runtime_policy *all[] = { &policies[0], &policies[1] };
static const struct sig_context ctx = { .now = 1790000000 };

static const char rest[] = "{\"assay_policy\":1,\"violations\":[{\"path\":\"/var/.*\",\"action\":\"ignore\"}],"
    "\"layers\":[{\"name\":\"l\",\"files\":{\"/root/evil_script.sh\":[\"sha1:1111111111111111111111111111111111111111\"]}}]}";

struct outcome {
	enum verdict verdict;
	size_t n_findings, n_warnings;
	uint64_t entries[64];
	enum reason reasons[64];
	uint64_t trusted, authenticated;
	bool has_state;
};

static struct outcome
appraise(int moment, const char *quote, const char *ak, struct appraiser *kept, const struct attest_key *key)
{
	char name[64];
	struct file list, msg, sig, pcrs_file, ak_file;
	struct buf nonce = buf_init(64);
	struct tpm_pcrs *pcrs = calloc(1, sizeof(*pcrs));
	struct evidence_report report = { 0 };
	struct result r = result_init();
	struct outcome o = { .verdict = VERDICT_UNDECIDED };
	struct err e = { 0 };

	(void)snprintf(name, sizeof(name), "debian12-vm/list%d.bin", moment);
	list = golden(name);
	(void)snprintf(name, sizeof(name), "debian12-vm/%s%d.msg", quote, moment);
	msg = golden(name);
	(void)snprintf(name, sizeof(name), "debian12-vm/%s%d.sig", quote, moment);
	sig = golden(name);
	(void)snprintf(name, sizeof(name), "debian12-vm/%s%d.pcrs", quote, moment);
	pcrs_file = golden(name);
	ak_file = golden(ak);
	(void)snprintf(name, sizeof(name), "00112233445566778899aabbccddeeff001122330%d", moment);
	struct evidence_input in = { .ima_log = file_view(&list), .has_quote = true, .quote = file_view(&msg),
	    .signature = file_view(&sig), .ak = kept == NULL ? file_view(&ak_file) : span_of(NULL, 0), .pcrs = pcrs,
	    .bank = DIGEST_SHA256, .policies = kept == NULL ? all : NULL, .n_policies = kept == NULL ? 2 : 0,
	    .ctx = ctx, .appraiser = kept, .key = key };

	if (pcrs == NULL || !hex_decode(span_str(name), &nonce) ||
	    tpm_pcrs_parse(file_view(&pcrs_file), pcrs, &e) != 0)
		ok(false, "the evidence: %s", e.message);
	in.nonce = buf_view(&nonce);
	if (evidence_appraise(&in, &r, &report, &e) != 0)
		ok(false, "moment %d: %s", moment, e.message);
	o.verdict = r.verdict;
	o.n_findings = r.n_findings;
	o.n_warnings = r.n_warnings;
	for (size_t i = 0; i < r.n_findings && i < 64; i++) {
		o.entries[i] = r.findings[i].entry;
		o.reasons[i] = r.findings[i].reason;
	}
	o.trusted = report.trusted;
	o.authenticated = report.authenticated;
	o.has_state = report.has_state;
	evidence_report_free(&report);
	result_free(&r);
	free(pcrs);
	buf_free(&nonce);
	file_free(&list);
	file_free(&msg);
	file_free(&sig);
	file_free(&pcrs_file);
	file_free(&ak_file);
	return o;
}

static void
test_recorded(void)
{
	static const struct { const char *quote, *ak; } by[] = {
		{ "quote", "debian12-vm/ak.pub" }, { "quoteecc", "debian12-vm/akecc.pem" } };
	struct appraiser *kept = NULL;
	struct err e = { 0 };

	ok(appraiser_new(all, 2, &ctx, &kept, &e) == 0, "an appraiser is made");
	for (size_t k = 0; k < 2; k++) {
		struct file f = golden(by[k].ak);
		struct attest_key key;

		if (!ok(attest_key_parse(file_view(&f), &key, &e) == 0, "a key is made"))
			return;
		for (int i = 0; i < 6; i++) {
			int moment = i % 3 + 1;
			struct outcome kept_says = appraise(moment, by[k].quote, by[k].ak, kept, &key);
			struct outcome fresh = appraise(moment, by[k].quote, by[k].ak, NULL, NULL);

			ok(memcmp(&kept_says, &fresh, sizeof(fresh)) == 0 && fresh.n_findings > 0 &&
			    fresh.n_warnings > 0 && fresh.authenticated > 500, "%s%d: the same", by[k].quote, moment);
		}
		attest_key_free(&key);
		file_free(&f);
	}
	appraiser_free(kept);
}

static void
test_forgets(void)
{
	struct file der = golden("debian12-vm/ima-rogue.der");
	struct runtime_policy p;
	const struct runtime_policy *one[] = { &p };
	APPRAISER_AUTO struct appraiser *a = NULL;
	RESULT_AUTO struct result r = result_init();
	struct buf json = buf_init(4096);
	struct load_outcome o;
	struct digest d;
	struct err e = { 0 };

	(void)!digest_of(DIGEST_SHA256, file_view(&der), &d, &e);
	buf_str(&json, "{\"assay_policy\":1,\"keyrings\":{\".ima\":{\"trust\":true,\"digests\":[\"sha256:");
	buf_hex(&json, digest_view(&d));
	buf_str(&json, "\"]}}}");
	if (!ok(runtime_policy_parse(buf_view(&json), &p, &e) == 0 && appraiser_new(one, 1, &ctx, &a, &e) == 0 &&
	    appraiser_begin(a, 1, &r, &e) == 0, "a policy that lets the kernel's keys count: %s", e.message))
		return;
	ok(keyring_load(appraiser_keyring(a), span_lit(".ima"), file_view(&der), &o, &e) == 0 && o.learned &&
	    keyring_count(appraiser_keyring(a)) == 1, "one boot teaches a key");
	ok(appraiser_begin(a, 2, &r, &e) == 0 && keyring_count(appraiser_keyring(a)) == 0,
	    "the next appraisal begins without it");
	buf_free(&json);
	appraiser_free(a);
	a = NULL;
	runtime_policy_free(&p);
	file_free(&der);
}

static void
test_read_ahead(const char *name)
{
	struct file f = golden(name);
	struct read_ahead ahead;
	struct ima_log log;
	struct ima_entry n, *m;
	struct err e = { 0 };
	size_t same = 0, entries = 0;
	int a = 1, b = 1;

	if (!ok(ima_log_open(file_view(&f), &log, &e) == 0 &&
	    read_ahead_open(file_view(&f), NULL, &ahead, &e) == 0, "%s opens", name))
		return;
	while (a > 0 && b > 0) {
		a = ima_log_next(&log, &n, &e);
		b = read_ahead_next(&ahead, &m, &e);
		entries += a > 0;
		same += a > 0 && b > 0 && n.number == m->number && n.offset == m->offset && n.pcr == m->pcr &&
		    span_eq(n.data, m->data) && span_eq(n.path, m->path) && span_eq(n.file_digest, m->file_digest) &&
		    span_eq(n.template_digest, m->template_digest) && n.n_fields == m->n_fields &&
		    span_eq(n.fields[n.n_fields - 1].bytes, m->fields[n.n_fields - 1].bytes);
	}
	ok(a == 0 && b == 0 && same == entries && entries > 8, "%s: %zu entries, the same", name, entries);
	ima_log_close(&log);
	read_ahead_close(&ahead);
	file_free(&f);
}

/* However few entries there are, none is lost or invented at the end. */
static void
test_short_lists(void)
{
	struct file f = golden("debian12-vm/list1.bin");
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };
	size_t right = 0, want = 0;

	if (ima_log_open(file_view(&f), &log, &e) != 0)
		return;
	for (; want < 20 && ima_log_next(&log, &n, &e) > 0; want++) {
		struct read_ahead ahead;
		struct ima_entry *m;
		size_t got = 0;

		if (read_ahead_open(span_head(file_view(&f), n.offset), NULL, &ahead, &e) != 0)
			break;
		while (read_ahead_next(&ahead, &m, &e) > 0)
			got += m->number == got + 1;
		right += got == want;
		read_ahead_close(&ahead);
	}
	is_int((int64_t)right, 20, "lists of 0 to 19 entries");
	ima_log_close(&log);
	file_free(&f);
}

int
main(void)
{
	struct file sums = golden("debian12-vm/whitelist.txt");
	struct err e = { 0 };

	if (!ok(runtime_policy_parse(file_view(&sums), &policies[0], &e) == 0 &&
	    runtime_policy_parse(span_str(rest), &policies[1], &e) == 0, "the policies: %s", e.message))
		return done();
	test_recorded();
	test_forgets();
	test_read_ahead("debian12-vm/list3.bin");
	test_read_ahead("ima_log/policy-6.1/list.ascii");
	test_short_lists();
	runtime_policy_free(&policies[0]);
	runtime_policy_free(&policies[1]);
	file_free(&sums);
	return done();
}
