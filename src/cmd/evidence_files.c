#include "cmd/evidence_files.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"

const struct option_spec evidence_options[] = {
	EVIDENCE_PART_OPTIONS,
	{ .name = "bundle", .arg = "F", .complete = COMPLETE_FILE,
	  .help = "an evidence bundle, in place of all of these" },
	{ .name = "expect-ak", .arg = "F", .complete = COMPLETE_FILE,
	  .help = "with --bundle: the key that must have signed its quote, whatever the bundle says" },
	{ .name = "expect-nonce", .arg = "HEX|recorded", .complete = COMPLETE_WORDS, .words = "recorded",
	  .help = "with --bundle: the nonce its quote must answer; \"recorded\" takes the bundle's, whenever it was" },
	{ .name = "policy", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "runtime policy: JSON, compiled, or signed (DSSE)" },
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "key or certificate that must have signed the policies" },
	{ .name = "integrity-only", .help = "judge quote, logs and replay alone; count violations" },
	{ .name = "bank", .arg = "ALG", .complete = COMPLETE_WORDS, .words = "sha256 sha384 sha512 sha1",
	  .help = "PCR bank to replay; sha256 if not given" },
	{ .name = "list-pcr", .arg = "N",
	  .help = "the list's PCR: 10, the kernel's, if not given; the execution monitor has 13" },
	{ .name = "resume", .arg = "STATE", .complete = COMPLETE_FILE,
	  .help = "go on from this state if it exists; rewritten when no check fails" },
	{ .name = "require-all", .help = "entries that the quote does not cover are a finding" },
	{ .name = "allow-padded-sha1",
	  .help = "accept zero-padded SHA-1 in other banks (kernels before 5.8, or without the hash)" },
	{ .name = "partition", .arg = "LABEL=PATH", .repeat = true,
	  .help = "where the host has mounted a volume that the policy names" },
	{ .name = "ear-key", .arg = "F", .complete = COMPLETE_FILE, .help = "private key (PEM) to sign the EAR token with" },
	{ .name = "ear-alg", .arg = "ALG", .complete = COMPLETE_WORDS, .words = "ES256 ES384 ES512 PS256 RS256",
	    .help = "its algorithm, where the key leaves a choice (RSA: PS256, or RS256 if asked for)" },
	{ .name = "ear-out", .arg = "F", .complete = COMPLETE_FILE, .help = "write the result as an EAR token (JWT)" },
	{ .name = NULL },
};

void
evidence_files_free(struct evidence_files *f)
{
	file_free(&f->ima_log);
	file_free(&f->quote);
	file_free(&f->signature);
	file_free(&f->ak);
	file_free(&f->pcrs_file);
	file_free(&f->event_log);
	file_free(&f->resume_file);
	bundle_unload(&f->bundle);
	for (size_t i = 0; i < EVIDENCE_SECTIONS; i++)
		buf_free(&f->part_names[i]);
	buf_free(&f->nonce);
	free(f->pcrs);
	resume_state_free(&f->resume);
	for (size_t i = 0; i < f->n_loaded; i++)
		loaded_policy_free(&f->loaded[i]);
	free(f->loaded);
	free(f->policies);
	free(f->mounts);
	policy_keys_free(&f->policy_keys);
}

static const char *
sources_usage(const struct invocation *in)
{
	int parts = opt_has(in, "quote") + opt_has(in, "signature") + opt_has(in, "ak") + opt_has(in, "nonce");

	if (opt_has(in, "bundle")) {
		if (parts != 0 || opt_has(in, "ima-log") || opt_has(in, "pcrs") || opt_has(in, "event-log"))
			return "--bundle takes the place of --ima-log, --quote, --signature, --ak, --nonce,"
			    " --pcrs and --event-log (--expect-ak and --expect-nonce say what it must answer to)";
		return NULL;
	}
	if (opt_has(in, "expect-ak") || opt_has(in, "expect-nonce"))
		return "--expect-ak and --expect-nonce belong to --bundle; without one, use --ak and --nonce";
	if (!opt_has(in, "ima-log"))
		return "option --ima-log is missing";
	if (parts != 0 && parts != 4)
		return "--quote, --signature, --ak and --nonce go together: a quote that is not"
		    " checked whole proves nothing";
	return NULL;
}

const char *
evidence_files_usage(const struct invocation *in)
{
	const char *wrong = sources_usage(in);

	if (wrong != NULL)
		return wrong;
	if (!opt_has(in, "policy") && !opt_has(in, "integrity-only") && in->n_operands == 0)
		return "want --policy, or --integrity-only to judge without one";
	if (opt_has(in, "policy") && opt_has(in, "integrity-only"))
		return "--policy and --integrity-only exclude each other";
	if (opt_has(in, "ear-key") != opt_has(in, "ear-out"))
		return "--ear-key and --ear-out go together";
	if (opt_has(in, "ear-alg") && !opt_has(in, "ear-key"))
		return "--ear-alg is nothing without --ear-key";
	return NULL;
}

static int
read_if_given(const struct invocation *in, const char *option, size_t max, struct file *f,
    struct err *e)
{
	const char *path = opt_get(in, option);

	return path == NULL ? 0 : file_read(path, max, f, e);
}

/* The nonce that the bundle recorded is taken by whoever says so: what the machine was is
 * proven then, and when it was so is not. */
static bool
is_recorded(const char *nonce)
{
	return nonce != NULL && strcmp(nonce, "recorded") == 0;
}

static int
load_nonce(const struct invocation *in, const char *option, struct evidence_files *f, struct err *e)
{
	const char *hex = opt_get(in, option);

	if (hex == NULL)
		return 0;
	f->nonce = buf_init(LIMIT_TPM_NONCE);
	if (!hex_decode(span_str(hex), &f->nonce) || f->nonce.n == 0)
		return err_set(e, ERR_USAGE, "--%s wants 1 to %d bytes in hexadecimal", option, LIMIT_TPM_NONCE);
	if (opt_has(in, "ear-out") && f->nonce.n < 8)
		return err_set(e, ERR_USAGE, "an EAR token (--ear-out) carries nonces of 8 to 64 bytes only");
	f->input.nonce = buf_view(&f->nonce);
	return 0;
}

static int
load_pcrs(struct span values, const char *name, struct evidence_files *f, struct err *e)
{
	int rc;

	if ((f->pcrs = calloc(1, sizeof(*f->pcrs))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = tpm_pcrs_parse(values, f->pcrs, e)) != 0)
		return err_file(e, rc, name);
	f->input.pcrs = f->pcrs;
	return 0;
}

/* The evidence from files of its own. */
static int
load_parts(const struct invocation *in, struct evidence_files *f, struct err *e)
{
	int rc;

	if ((rc = load_nonce(in, "nonce", f, e)) != 0 ||
	    (rc = read_if_given(in, "ima-log", LIMIT_IMA_LOG, &f->ima_log, e)) != 0 ||
	    (rc = read_if_given(in, "quote", LIMIT_SMALL_FILE, &f->quote, e)) != 0 ||
	    (rc = read_if_given(in, "signature", LIMIT_SMALL_FILE, &f->signature, e)) != 0 ||
	    (rc = read_if_given(in, "ak", LIMIT_SMALL_FILE, &f->ak, e)) != 0 ||
	    (rc = read_if_given(in, "event-log", LIMIT_EVENT_LOG, &f->event_log, e)) != 0 ||
	    (rc = read_if_given(in, "pcrs", LIMIT_SMALL_FILE, &f->pcrs_file, e)) != 0 ||
	    (opt_has(in, "pcrs") && (rc = load_pcrs(file_view(&f->pcrs_file), opt_get(in, "pcrs"), f, e)) != 0))
		return rc;
	f->input.ima_log = file_view(&f->ima_log);
	f->input.names = (struct evidence_names){ opt_get(in, "ima-log"), opt_get(in, "quote"),
	    opt_get(in, "signature"), opt_get(in, "ak"), opt_get(in, "event-log") };
	f->input.has_quote = opt_has(in, "quote");
	f->input.quote = file_view(&f->quote);
	f->input.signature = file_view(&f->signature);
	f->input.ak = file_view(&f->ak);
	f->input.has_event_log = opt_has(in, "event-log");
	f->input.event_log = file_view(&f->event_log);
	return 0;
}

/* As with loose files: a quote that is not checked whole proves nothing. */
static int
check_whole(const struct evidence_files *f, struct err *e)
{
	const struct evidence_part *p = f->bundle.bundle.parts;

	if (!p[EVIDENCE_QUOTE].present && (p[EVIDENCE_SIGNATURE].present || f->ak.p != NULL || f->nonce.p != NULL))
		return err_set(e, ERR_MISMATCH, "the bundle has no quote");
	if (!p[EVIDENCE_QUOTE].present)
		return 0;
	if (!p[EVIDENCE_SIGNATURE].present)
		return err_set(e, ERR_MISMATCH, "the bundle has a quote without its signature");
	if (f->input.ak.n == 0)
		return err_hint(e, err_set(e, ERR_MISMATCH, "the bundle has a quote, but no attestation key"),
		    "name the machine's key with --expect-ak");
	if (f->input.nonce.n == 0)
		return err_hint(e, err_set(e, ERR_MISMATCH, "the bundle has a quote, but no nonce"),
		    "name the nonce with --expect-nonce");
	return 0;
}

/* Offsets in errors about a part count from where the part begins, as its name says. */
static const char *
part_name(const struct invocation *in, struct evidence_files *f, enum evidence_section s)
{
	f->part_names[s] = buf_init(KIB(64));
	buf_printf(&f->part_names[s], "%s:%s", opt_get(in, "bundle"), evidence_section_name(s));
	return buf_cstr(&f->part_names[s]);
}

static int
load_bundle(const struct invocation *in, struct evidence_files *f, struct err *e)
{
	const struct evidence_part *p = f->bundle.bundle.parts;
	const char *nonce = opt_get(in, "expect-nonce");
	int rc;

	if ((rc = bundle_load(opt_get(in, "bundle"), &f->bundle, e)) != 0)
		return rc;
	f->input.names = (struct evidence_names){ part_name(in, f, EVIDENCE_IMA_LOG),
	    part_name(in, f, EVIDENCE_QUOTE), part_name(in, f, EVIDENCE_SIGNATURE),
	    part_name(in, f, EVIDENCE_AK), part_name(in, f, EVIDENCE_EVENT_LOG) };
	f->input.ima_log = p[EVIDENCE_IMA_LOG].bytes;
	f->input.recorded_entries = f->bundle.bundle.entries;
	f->input.has_quote = p[EVIDENCE_QUOTE].present;
	f->input.quote = p[EVIDENCE_QUOTE].bytes;
	f->input.signature = p[EVIDENCE_SIGNATURE].bytes;
	f->input.ak = p[EVIDENCE_AK].bytes;
	f->input.nonce = p[EVIDENCE_NONCE].bytes;
	f->input.has_event_log = p[EVIDENCE_EVENT_LOG].present;
	f->input.event_log = p[EVIDENCE_EVENT_LOG].bytes;
	if (p[EVIDENCE_PCRS].present && (rc = load_pcrs(p[EVIDENCE_PCRS].bytes,
	    part_name(in, f, EVIDENCE_PCRS), f, e)) != 0)
		return rc;
	if ((!is_recorded(nonce) && (rc = load_nonce(in, "expect-nonce", f, e)) != 0) ||
	    (rc = read_if_given(in, "expect-ak", LIMIT_SMALL_FILE, &f->ak, e)) != 0)
		return rc;
	if (opt_has(in, "expect-ak")) {
		f->input.ak = file_view(&f->ak);
		f->input.names.ak = opt_get(in, "expect-ak");
	}
	if ((rc = check_whole(f, e)) != 0)
		return err_file(e, rc, opt_get(in, "bundle"));
	f->input.brought_key = !opt_has(in, "expect-ak");
	f->input.brought_nonce = nonce == NULL;
	/* A token says when, and a state goes on from a moment: both want a nonce of the verifier's. */
	if (f->input.has_quote && (opt_has(in, "ear-out") || opt_has(in, "resume")) &&
	    (f->input.brought_key || nonce == NULL || is_recorded(nonce)))
		return err_set(e, ERR_USAGE, "--ear-out and --resume with --bundle want --expect-ak and --expect-nonce HEX:"
		    " they are not to vouch for a key or a moment that the bundle brought");
	return 0;
}

/* A state that is not there yet is how it begins; one that cannot be read is an error. */
static int
load_resume(const struct invocation *in, struct evidence_files *f, struct err *e)
{
	const char *path = opt_get(in, "resume");
	int rc;

	if (path == NULL || (access(path, F_OK) != 0 && errno == ENOENT))
		return 0;
	if ((rc = file_read(path, LIMIT_SMALL_FILE, &f->resume_file, e)) != 0)
		return rc;
	if ((rc = resume_state_parse(file_view(&f->resume_file), &f->resume, e)) != 0)
		return err_file(e, rc, path);
	f->input.resume = &f->resume;
	return 0;
}

const char *
evidence_policy_path(const struct invocation *in, size_t i)
{
	size_t given = opt_count(in, "policy");

	return i < given ? opt_nth(in, "policy", i) : in->operands[i - given];
}

static int
load_policies(const struct invocation *in, struct evidence_files *f, struct err *e)
{
	size_t n = opt_count(in, "policy") + in->n_operands;
	int rc;

	if ((rc = policy_keys_load(in, "policy-key", &f->policy_keys, e)) != 0)
		return rc;
	f->loaded = calloc(n + 1, sizeof(*f->loaded));
	f->policies = calloc(n + 1, sizeof(*f->policies));
	if (f->loaded == NULL || f->policies == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (; f->n_loaded < n; f->n_loaded++) {
		if ((rc = load_policy(evidence_policy_path(in, f->n_loaded), &f->policy_keys, LOAD_POLICY_TRUST,
		    &f->loaded[f->n_loaded], e)) != 0)
			return rc;
		f->policies[f->n_loaded] = &f->loaded[f->n_loaded].policy;
	}
	f->input.policies = f->policies;
	f->input.n_policies = n;
	return 0;
}

static int
load_mounts(const struct invocation *in, struct evidence_files *f, struct err *e)
{
	size_t n = opt_count(in, "partition");

	f->mounts = calloc(n + 1, sizeof(*f->mounts));
	if (f->mounts == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct span s = span_str(opt_nth(in, "partition", i));
		size_t eq = span_find(s, '=');

		if (eq == 0 || eq + 1 >= s.n || s.p[eq + 1] != '/')
			return err_set(e, ERR_USAGE, "--partition wants LABEL=/MOUNT/POINT");
		f->mounts[i] = (struct sig_mount){ span_head(s, eq), span_from(s, eq + 1) };
	}
	f->input.ctx = (struct sig_context){ .now = (int64_t)time(NULL), .mounts = f->mounts, .n_mounts = n };
	return 0;
}

/* What the judgement of an entry depends on: the policies, and where volumes are. */
static int
identify_policies(struct evidence_files *f, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(MIB(64));
	int rc;

	for (size_t i = 0; i < f->n_loaded; i++)
		buf_span(&b, digest_view(&f->loaded[i].id));
	for (size_t i = 0; i < f->input.ctx.n_mounts; i++) {
		buf_span(&b, f->mounts[i].label);
		buf_u8(&b, '=');
		buf_span(&b, f->mounts[i].path);
		buf_u8(&b, 0);
	}
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	return digest_of(DIGEST_SHA256, buf_view(&b), &f->input.policy_id, e);
}

static int
load_bank(const struct invocation *in, struct evidence_files *f, struct err *e)
{
	const char *name = opt_get(in, "bank"), *pcr = opt_get(in, "list-pcr");
	uint64_t n;

	f->input.bank = name == NULL ? DIGEST_SHA256 : digest_alg_by_name(span_str(name));
	if (digest_alg_tpm(f->input.bank) == 0 || digest_alg_openssl(f->input.bank) == NULL)
		return err_set(e, ERR_USAGE, "--bank: \"%s\" is not a PCR bank that can be replayed", name);
	if (pcr == NULL)
		return 0;
	if (!dec_u64(span_str(pcr), &n) || n == 0 || n >= LIMIT_PCRS)
		return err_set(e, ERR_USAGE, "--list-pcr: \"%s\" is not a PCR that a list can have", pcr);
	f->input.list_pcr = (unsigned)n;
	return 0;
}

int
evidence_files_load(const struct invocation *in, struct evidence_files *f, struct err *e)
{
	int rc;

	if ((rc = load_bank(in, f, e)) != 0 || (rc = load_mounts(in, f, e)) != 0 ||
	    (rc = opt_has(in, "bundle") ? load_bundle(in, f, e) : load_parts(in, f, e)) != 0 ||
	    (rc = load_resume(in, f, e)) != 0 || (rc = load_policies(in, f, e)) != 0 ||
	    (rc = identify_policies(f, e)) != 0)
		return rc;
	f->input.integrity_only = opt_has(in, "integrity-only");
	f->input.require_all = opt_has(in, "require-all");
	f->input.allow_padded_sha1 = opt_has(in, "allow-padded-sha1");
	return 0;
}

int
evidence_files_warn(const struct invocation *in, const struct evidence_files *f, struct result *r,
    struct err *e)
{
	const struct evidence_bundle *b = &f->bundle.bundle;
	BUF_AUTO struct buf sum = buf_init(256);
	int rc;

	if (!opt_has(in, "bundle"))
		return 0;
	if (b->bank != f->input.bank && (rc = result_warn(r, e, "the bundle was recorded for bank %s; bank %s"
	    " is judged (--bank)", digest_alg_name(b->bank), digest_alg_name(f->input.bank))) != 0)
		return rc;
	buf_hex(&sum, digest_view(&b->parts[EVIDENCE_AK].sha256));
	if (!f->input.has_quote)
		return 0;
	if (f->input.brought_key && (rc = result_warn(r, e, "the attestation key is the bundle's own (sha256:%s), so"
	    " its signature proves nothing: name the machine's with --expect-ak", buf_cstr(&sum))) != 0)
		return rc;
	if (f->input.brought_nonce)
		return result_warn(r, e, "the nonce is the bundle's own, so the quote may be of any time: name yours"
		    " with --expect-nonce, or say --expect-nonce recorded if what was is all you ask");
	return is_recorded(opt_get(in, "expect-nonce")) ? result_warn(r, e, "the nonce is the one the bundle"
	    " recorded: this is what the machine was, at a time that nothing here proves") : 0;
}
