/* assay evidence pack: the evidence of one moment in one file. */
#include <time.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "cmd/evidence_files.h"
#include "crypto/digest.h"
#include "engine/evidence_bundle_check.h"
#include "formats/ima_log.h"

static const struct option_spec options[] = {
	EVIDENCE_PART_OPTIONS,
	{ .name = "bank", .arg = "ALG", .complete = COMPLETE_WORDS, .words = "sha256 sha384 sha512 sha1",
	  .help = "PCR bank the evidence is for; sha256 if not given" },
	{ .name = "entries", .arg = "N",
	  .help = "entries the machine counted before its list was read; those of the list if not given" },
	{ .name = "created", .arg = "TIME", .help = "when it was recorded (RFC 3339); now if not given" },
	{ .name = "verdict", .arg = "V", .complete = COMPLETE_WORDS, .words = "trusted untrusted undecided",
	  .help = "the verdict it was given; recorded, never believed" },
	{ .name = "policy", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "a policy it was judged under; its SHA-256 is recorded" },
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE,
	  .help = "where to write the bundle" },
	{ .name = NULL },
};

/* The parts that are files, by the option of the section's own name. */
struct part_files { struct file f[EVIDENCE_SECTIONS]; struct buf nonce; };

static void
part_files_free(struct part_files *p)
{
	for (size_t i = 0; i < EVIDENCE_SECTIONS; i++)
		file_free(&p->f[i]);
	buf_free(&p->nonce);
}
#define PART_FILES_AUTO __attribute__((cleanup(part_files_free)))

static int
read_parts(const struct invocation *in, struct part_files *files, struct evidence_bundle *b,
    struct err *e)
{
	int rc;

	for (enum evidence_section s = EVIDENCE_IMA_LOG; s < EVIDENCE_SECTIONS; s++) {
		const char *name = evidence_section_name(s), *value = opt_get(in, name);

		if (value == NULL)
			continue;
		if (s == EVIDENCE_NONCE) {
			files->nonce = buf_init(LIMIT_TPM_NONCE);
			if (!hex_decode(span_str(value), &files->nonce) || files->nonce.n == 0)
				return err_set(e, ERR_USAGE, "--nonce wants 1 to %d bytes in hexadecimal", LIMIT_TPM_NONCE);
		} else if ((rc = file_read(value, evidence_section_limit(s), &files->f[s], e)) != 0) {
			return rc;
		} else if (files->f[s].n == 0 && s != EVIDENCE_IMA_LOG) {
			return err_file(e, err_set(e, ERR_TRUNCATED, "the file is empty"), value);
		}
		b->parts[s].present = true;
		b->parts[s].bytes = s == EVIDENCE_NONCE ? buf_view(&files->nonce) : file_view(&files->f[s]);
	}
	return 0;
}

/* A list that cannot be read to its end is no evidence of anything. */
static int
count_entries(const struct invocation *in, struct evidence_bundle *b, struct err *e)
{
	const char *given = opt_get(in, "entries");
	struct ima_log log;
	struct ima_entry n;
	int rc;

	if ((rc = ima_log_open(b->parts[EVIDENCE_IMA_LOG].bytes, &log, e)) != 0)
		return err_file(e, rc, opt_get(in, "ima-log"));
	while ((rc = ima_log_next(&log, &n, e)) > 0)
		b->entries = n.number;
	ima_log_close(&log);
	if (rc != 0)
		return err_file(e, rc, opt_get(in, "ima-log"));
	if (given != NULL && (!dec_u64(span_str(given), &b->entries) || b->entries > INT64_MAX))
		return err_set(e, ERR_USAGE, "--entries wants a number");
	return 0;
}

static int
read_facts(const struct invocation *in, struct evidence_bundle *b, struct err *e)
{
	const char *created = opt_get(in, "created"), *bank = opt_get(in, "bank"), *verdict = opt_get(in, "verdict");

	b->generator = span_lit("assay " ASSAY_VERSION);
	b->created = (int64_t)time(NULL);
	if (created != NULL && !rfc3339_parse(span_str(created), &b->created))
		return err_set(e, ERR_USAGE, "--created wants a time such as 2026-07-01T12:00:00Z");
	b->bank = bank == NULL ? DIGEST_SHA256 : digest_alg_by_name(span_str(bank));
	if (digest_alg_tpm(b->bank) == 0 || digest_alg_openssl(b->bank) == NULL)
		return err_set(e, ERR_USAGE, "--bank: \"%s\" is not a PCR bank that can be replayed", bank);
	if (verdict != NULL && strcmp(verdict, "trusted") != 0 && strcmp(verdict, "untrusted") != 0 &&
	    strcmp(verdict, "undecided") != 0)
		return err_set(e, ERR_USAGE, "--verdict wants trusted, untrusted or undecided");
	b->verdict = verdict == NULL ? span_of(NULL, 0) : span_str(verdict);
	return 0;
}

static int
hash_policies(const struct invocation *in, struct evidence_bundle *b, struct err *e)
{
	size_t n = opt_count(in, "policy");
	int rc;

	if ((b->policies = arena_array(&b->arena, n + 1, sizeof(*b->policies))) == NULL)
		return arena_err(&b->arena, e);
	for (; b->n_policies < n; b->n_policies++) {
		FILE_AUTO struct file f = { 0 };

		if ((rc = file_map(opt_nth(in, "policy", b->n_policies), LIMIT_POLICY_TABLE, &f, e)) != 0 ||
		    (rc = digest_of(DIGEST_SHA256, file_view(&f), &b->policies[b->n_policies], e)) != 0)
			return rc;
	}
	return 0;
}

static enum exit_status
pack(const struct invocation *in, struct err *e)
{
	PART_FILES_AUTO struct part_files files = { 0 };
	EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { .arena = arena_init(LIMIT_SMALL_FILE) };
	BUF_AUTO struct buf out = buf_init(LIMIT_EVIDENCE_BUNDLE);
	int parts = opt_has(in, "quote") + opt_has(in, "signature") + opt_has(in, "ak") + opt_has(in, "nonce");

	if (!opt_has(in, "ima-log"))
		return cmd_usage(in, "option --ima-log is missing");
	if (parts != 0 && parts != 4)
		return cmd_usage(in, "--quote, --signature, --ak and --nonce go together");
	if (!opt_has(in, "output"))
		return cmd_usage(in, "want -o F: a bundle is not text");
	if (read_facts(in, &b, e) != 0 || read_parts(in, &files, &b, e) != 0 ||
	    count_entries(in, &b, e) != 0 || hash_policies(in, &b, e) != 0 ||
	    evidence_bundle_seal(&b, &out, e) != 0 ||
	    cmd_output(opt_get(in, "output"), buf_view(&out), e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_evidence_pack = {
	.noun = "evidence", .verb = "pack",
	.summary = "put the evidence of one moment into one file",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "Writes an evidence bundle: the list and, as far as they are given, quote, signature, key,\n"
	    "nonce, PCR values and event log, byte for byte, with their SHA-256 and the number of list\n"
	    "entries, so that somebody else can appraise them again, offline and later (assay evidence\n"
	    "verify --bundle). Nothing is judged here, and the bundle is not signed: what it is worth\n"
	    "comes from the quote in it.",
	.example =
	    "  $ assay evidence pack --ima-log list.bin --quote quote.msg --signature quote.sig \\\n"
	    "      --ak ak.pub --nonce 001122 --pcrs quote.pcrs --event-log eventlog.bin -o web1.bundle",
	.options = options,
	.run = pack,
};
