/* A runtime policy that demands the kernel's IMA policy: an allowed one that was measured when it
 * was loaded is what it takes, a second one that is not allowed turns the host red whatever else
 * approves it, none is a finding; it holds over resumed lists, but not for the next kernel, and travels with a policy through
 * JSON, a compiled table and a merge. */
#include "tests/judged.h"

#define GOOD 0xaa
#define OTHER 0xbb
#define EVIL 0xee
#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NAME "/etc/ima/ima-policy"

static const char files[] = "{\"assay_policy\":1,\"layers\":[{\"name\":\"l\",\"files\":{\"/good\":[\"sha256:" HEX_A "\"],"
    "\"" NAME "\":[\"sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\"]}}],"
    "\"excludes\":[\"/etc/.*\"]}";
static const char demands[] = "{\"assay_policy\":1,\"ima_policies\":{\"digests\":[\"sha256:" HEX_A "\",\"sha256:" HEX_B "\"],"
    "\"paths\":[\"/opt/policy\"]}}";

static struct runtime_policy parts[2];
static const struct runtime_policy *policies[] = { &parts[0], &parts[1] };

/* The list of ${m} and a quote of now; ${then}: only what was extended by then is quoted. */
static struct judged
judge_then(const struct machine *m, const struct machine *then, size_t n_policies, const struct resume_state *from)
{
	struct judged j = evidence_of(m, then, 1u << 10, from == NULL ? 1 : from->clock + 1, policies);

	j.in.n_policies = n_policies;
	j.in.resume = from;
	if (!digest_make(DIGEST_SHA256, span_lit("a name for these policies, 32 by"), &j.in.policy_id))
		bail_out("a digest");
	judge(&j);
	return j;
}

static struct judged
judge_now(const struct machine *m, size_t n_policies, const struct resume_state *from)
{
	return judge_then(m, m, n_policies, from);
}

static size_t
findings(const struct judged *j, enum reason reason, uint64_t *entry)
{
	size_t n = 0;

	*entry = 0;
	for (size_t i = 0; i < j->r.n_findings; i++) {
		if (!j->r.findings[i].decides)
			continue;
		n++;
		if (j->r.findings[i].reason != reason)
			return SIZE_MAX;
		*entry = j->r.findings[i].entry > *entry ? j->r.findings[i].entry : *entry;
	}
	return n;
}

static void
said(const struct judged *j, enum verdict v, size_t n, uint64_t entry, const char *what)
{
	uint64_t last;
	size_t found = findings(j, REASON_IMA_POLICY, &last);

	if (!ok(j->rc == 0 && j->r.verdict == v && found == n && last == entry, "%s", what))
		diag("%s: %s, %zu findings, the last about entry %llu", j->e.message, verdict_token(j->r.verdict), found,
		    (unsigned long long)last);
}

static struct machine
booted(void)
{
	struct machine m = machine_new();

	measure(&m, (struct measured){ .path = "boot_aggregate", .digest = 0xbb });
	measure(&m, (struct measured){ .path = "/good", .digest = GOOD });
	return m;
}

static void
test_demand(void)
{
	struct machine m = booted();

	{
		JUDGED_AUTO struct judged j = judge_now(&m, 1, NULL);
		said(&j, VERDICT_TRUSTED, 0, 0, "nothing is demanded: no policy is no finding");
		ok(j.report.n_ima_policies == 0, "and none is told of");
	}
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
		said(&j, VERDICT_UNTRUSTED, 1, 0, "one is demanded, none was measured");
	}
	measure(&m, (struct measured){ .path = NAME, .digest = GOOD });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
		said(&j, VERDICT_TRUSTED, 0, 0, "an allowed one, which no layer lists, is approved by the demand");
		ok(j.report.n_ima_policies == 1 && j.report.ima_policies[0].entry == 3 && j.report.ima_policies[0].approved &&
		    j.report.ima_policies[0].authenticated && j.report.has_state && j.report.state.n_ima_policies == 1, "it is told, and kept");
	}
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 1, NULL);
		ok(j.report.n_ima_policies == 1 && !j.report.ima_policies[0].approved, "told also where none is demanded");
	}
	measure(&m, (struct measured){ .path = NAME, .digest = OTHER });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
		said(&j, VERDICT_TRUSTED, 0, 0, "a second one that is allowed");
	}
	measure(&m, (struct measured){ .path = NAME, .digest = EVIL });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
		said(&j, VERDICT_UNTRUSTED, 1, 5, "a later one that is not: neither its listing nor an exclude helps it");
	}
	buf_free(&m.list);
}

static void
test_names(void)
{
	static const char *const names[] = { "/sysroot/etc/sysconfig/ima-policy", "/root/etc/default/ima-policy", "/opt/policy" };

	for (size_t i = 0; i < 3; i++) {
		struct machine m = booted();

		measure(&m, (struct measured){ .path = names[i], .digest = GOOD });
		{
			JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
			said(&j, VERDICT_TRUSTED, 0, 0, names[i]);
		}
		measure(&m, (struct measured){ .path = names[i], .digest = EVIL });
		{
			JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
			said(&j, VERDICT_UNTRUSTED, 1, 4, "with another digest");
		}
		buf_free(&m.list);
	}
	struct machine m = booted();

	measure(&m, (struct measured){ .path = "/tmp/ima-policy", .digest = GOOD });
	JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
	uint64_t entry;
	ok(j.r.verdict == VERDICT_UNTRUSTED && findings(&j, REASON_IMA_POLICY, &entry) == SIZE_MAX, "another name is a file like any other");
	buf_free(&m.list);
}

/* What is not covered by the quote, or has no digest of its own, meets nothing. */
static void
test_proof(void)
{
	struct machine m = booted(), then = m, v = booted();

	measure(&m, (struct measured){ .path = NAME, .digest = GOOD });
	{
		JUDGED_AUTO struct judged j = judge_then(&m, &then, 2, NULL);
		said(&j, VERDICT_UNTRUSTED, 1, 0, "a policy in the tail waits for the next quote");
		ok(j.report.n_ima_policies == 1 && !j.report.ima_policies[0].authenticated, "and is told as such");
	}
	measure(&v, (struct measured){ .path = NAME, .digest = GOOD, .violation = true });
	{
		JUDGED_AUTO struct judged j = judge_now(&v, 2, NULL);
		ok(j.r.verdict == VERDICT_UNTRUSTED && j.report.n_ima_policies == 0, "a violation by its name is no policy");
	}
	measure(&m, (struct measured){ .path = NAME, .digest = EVIL });
	{
		JUDGED_AUTO struct judged j = judge_then(&m, &m, 0, NULL);
		ok(j.report.n_ima_policies == 2, "without policies all are told");
	}
	buf_free(&m.list);
	buf_free(&v.list);
}

/* Only what is new comes, and the policy was loaded before. */
static void
test_resumed(void)
{
	struct machine m = booted();
	BUF_AUTO struct buf text = buf_init(MIB(1));
	RESUME_STATE_AUTO struct resume_state state = { 0 };
	struct err e = { 0 };

	measure(&m, (struct measured){ .path = NAME, .digest = GOOD });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
		ok(j.report.has_state && resume_state_write(&j.report.state, &text, &e) == 0 &&
		    resume_state_parse(buf_view(&text), &state, &e) == 0 && state.n_ima_policies == 1 &&
		    span_is(state.ima_policies[0].path, NAME), "a state keeps it: %s", e.message);
	}
	m.list.n = 0;
	measure(&m, (struct measured){ .path = "/etc/new", .digest = GOOD });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, &state);
		said(&j, VERDICT_TRUSTED, 0, 0, "behind it the list goes on without it");
		ok(j.report.resumed && j.report.n_ima_policies == 1 && j.report.ima_policies[0].entry == 0 && j.report.has_state &&
		    j.report.state.n_ima_policies == 1, "which is known from the state, and goes on");
	}
	{
		struct resume_state without = state;

		without.n_ima_policies = 0;
		JUDGED_AUTO struct judged j = judge_now(&m, 2, &without);
		said(&j, VERDICT_UNTRUSTED, 1, 0, "a state without it does not meet the demand");
	}
	{
		struct resume_ima_policy other = state.ima_policies[0];
		struct resume_state with = state;

		memset(other.digest.v, EVIL, 32);
		with.ima_policies = &other;
		JUDGED_AUTO struct judged j = judge_now(&m, 2, &with);
		said(&j, VERDICT_UNTRUSTED, 1, 0, "nor does one with another: it is asked anew");
	}
	measure(&m, (struct measured){ .path = NAME, .digest = EVIL });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, &state);
		said(&j, VERDICT_UNTRUSTED, 1, 5, "a second policy behind the state is seen");
	}
	buf_free(&m.list);
}

/* A kernel that kexec started has no policy of the old one, however its list came about. */
static void
test_kexec(void)
{
	struct machine m = booted();
	BUF_AUTO struct buf text = buf_init(MIB(1));
	RESUME_STATE_AUTO struct resume_state state = { 0 };
	struct err e = { 0 };

	measure(&m, (struct measured){ .path = NAME, .digest = GOOD });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, NULL);
		if (!j.report.has_state || resume_state_write(&j.report.state, &text, &e) != 0 ||
		    resume_state_parse(buf_view(&text), &state, &e) != 0)
			bail_out("a state");
	}
	m.list.n = 0;
	measure(&m, (struct measured){ .path = "boot_aggregate", .digest = 0xbb });
	measure(&m, (struct measured){ .path = "/etc/new", .digest = GOOD });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, &state);
		said(&j, VERDICT_UNTRUSTED, 1, 0, "a kernel started by kexec without a policy: the old one's does not count");
		ok(j.report.n_ima_policies == 0, "nor is it told as this kernel's");
	}
	measure(&m, (struct measured){ .path = NAME, .digest = OTHER });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, &state);
		said(&j, VERDICT_TRUSTED, 0, 0, "with one that is allowed: trusted");
		ok(j.report.has_state && j.report.state.n_ima_policies == 1 && j.report.state.ima_policies[0].digest.v[0] == OTHER,
		    "and the state goes on with that one");
	}
	measure(&m, (struct measured){ .path = "boot_aggregate", .digest = 0xbb });
	{
		JUDGED_AUTO struct judged j = judge_now(&m, 2, &state);
		said(&j, VERDICT_UNTRUSTED, 1, 0, "a third kernel in one list: as the second");
	}
	buf_free(&m.list);
}

static bool
parses(const char *text, const char *why)
{
	struct runtime_policy p;
	struct err e = { 0 };

	if (runtime_policy_parse(span_str(text), &p, &e) == 0) {
		runtime_policy_free(&p);
		return true;
	}
	return strstr(e.message, why) == NULL;
}

static void
test_formats(void)
{
	BUF_AUTO struct buf json = buf_init(MIB(1)), table = buf_init(MIB(1)), again = buf_init(MIB(1)), lost = buf_init(MIB(1));
	struct runtime_policy p, merged;
	struct err e = { 0 };

	ok(runtime_policy_to_json(&parts[1], &json, &e) == 0 && runtime_policy_compile(&parts[1], &table, &e) == 0 &&
	    runtime_policy_parse(buf_view(&table), &p, &e) == 0 && p.ima.demanded && p.ima.n_digests == 2 && p.ima.n_paths == 1 &&
	    runtime_policy_to_json(&p, &again, &e) == 0 && span_eq(buf_view(&json), buf_view(&again)), "a compiled table carries it: %s", e.message);
	runtime_policy_free(&p);
	ok(runtime_policy_merge(policies, 2, &merged, &e) == 0 && merged.ima.demanded && merged.ima.n_digests == 2 &&
	    merged.ima.n_paths == 1, "so does a merge: %s", e.message);
	runtime_policy_free(&merged);
	ok(runtime_policy_merge((const struct runtime_policy *const[]){ &parts[1], &parts[1] }, 2, &merged, &e) == 0 &&
	    merged.ima.n_digests == 2 && merged.ima.n_paths == 1, "of two that say the same");
	runtime_policy_free(&merged);
	runtime_policy_keylime_losses(&parts[1], &lost);
	ok(strstr(buf_cstr(&lost), "IMA policy") != NULL, "Keylime's format loses it, which is told");
	ok(!parses("{\"assay_policy\":1,\"ima_policies\":{\"digests\":[]}}", "at least one"), "no digest can be met by nobody");
	ok(!parses("{\"assay_policy\":1,\"ima_policies\":{}}", "digests"), "nor none at all");
	ok(!parses("{\"assay_policy\":1,\"ima_policies\":{\"digest\":[]}}", "digest"), "a misspelt member");
	ok(!parses("{\"assay_policy\":1,\"ima_policies\":{\"digests\":[\"sha256:" HEX_A "\"],\"paths\":[\"x\"]}}", "paths"), "a name without /");
}

int
main(void)
{
	struct err e = { 0 };

	if (runtime_policy_parse(span_str(files), &parts[0], &e) != 0 || runtime_policy_parse(span_str(demands), &parts[1], &e) != 0)
		bail_out(e.message);
	test_demand();
	test_names();
	test_proof();
	test_resumed();
	test_kexec();
	test_formats();
	runtime_policy_free(&parts[0]);
	runtime_policy_free(&parts[1]);
	return done();
}
