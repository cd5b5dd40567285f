/* assay ima-log verify: whether a list agrees with itself, and the PCR values it makes. */
#include "base/file.h"
#include "base/limits.h"
#include "cmd/command.h"
#include "cmd/term.h"
#include "engine/match.h"

static const struct option_spec options[] = {
	{ .name = "bank", .arg = "ALG", .complete = COMPLETE_WORDS, .words = "sha256 sha384 sha512 sha1",
	  .help = "PCR bank to replay; sha256 if not given" },
	{ .name = NULL },
};

struct faults { uint64_t malformed, unknown; };

/* Entries that no appraisal could judge. */
static int
count_faults(struct span list, const struct invocation *in, struct faults *x, struct err *e)
{
	struct ima_log log;
	struct ima_entry n;
	int rc;

	if ((rc = ima_log_open(list, &log, e)) != 0)
		return rc;
	while ((rc = ima_log_next(&log, &n, e)) > 0) {
		if (n.well_formed)
			continue;
		x->unknown += !n.known_template;
		x->malformed += n.known_template;
		if (!in->json)
			printf("%sentry %llu%s: %s\n", term_colour(stdout, COLOUR_BAD),
			    (unsigned long long)n.number, term_reset(stdout), n.why);
	}
	ima_log_close(&log);
	return rc;
}

static json_t *
pcrs_json(const struct match *m)
{
	json_t *bank = json_object(), *all = json_object();

	for (unsigned i = 0; i < REPLAY_PCRS; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "%u", i);
		if ((m->used >> i) & 1)
			json_object_set_new(bank, name, json_hex(pcr_value(&m->at_end, i)));
	}
	json_object_set_new(all, digest_alg_name(m->at_end.bank), bank);
	return all;
}

static int
print_json(const struct match *m, const struct faults *x, struct err *e)
{
	JSON_AUTO json_t *j = json_pack("{s:i, s:I, s:I, s:I, s:I, s:o}", "assay_ima_log_verify", 1,
	    "entries", (json_int_t)m->total, "violations", (json_int_t)m->violations,
	    "malformed", (json_int_t)x->malformed, "unknown_templates", (json_int_t)x->unknown,
	    "pcr", pcrs_json(m));
	json_t *wrong = json_array();

	for (size_t i = 0; i < m->n_wrong; i++)
		json_array_append_new(wrong, json_integer((json_int_t)m->wrong[i].number));
	json_object_set_new(j, "wrong_digests", wrong);
	return cmd_print_json(j, e);
}

static void
print_text(const struct match *m, bool bad)
{
	for (size_t i = 0; i < m->n_wrong; i++)
		printf("%sentry %llu%s: the list's digest is not that of its data\n",
		    term_colour(stdout, COLOUR_BAD), (unsigned long long)m->wrong[i].number, term_reset(stdout));
	printf("%s%s%s  %llu entries, %llu violations, %zu wrong digests\n",
	    term_colour(stdout, bad ? COLOUR_BAD : COLOUR_GOOD), bad ? "INCONSISTENT" : "consistent",
	    term_reset(stdout), (unsigned long long)m->total, (unsigned long long)m->violations, m->n_wrong);
	for (unsigned i = 0; i < REPLAY_PCRS; i++) {
		BUF_AUTO struct buf b = buf_init(256);

		if (((m->used >> i) & 1) == 0)
			continue;
		buf_hex(&b, pcr_value(&m->at_end, i));
		printf("  PCR %-2u %s:%s\n", i, digest_alg_name(m->at_end.bank), buf_cstr(&b));
	}
	puts("This list alone proves nothing: only a quote ties it to a TPM (assay evidence verify).");
}

static enum exit_status
verify(const struct invocation *in, struct err *e)
{
	const char *name = opt_get(in, "bank"), *path = in->operands[0];
	FILE_AUTO struct file f = { 0 };
	struct match_input input = { .bank = name == NULL ? DIGEST_SHA256 : digest_alg_by_name(span_str(name)) };
	struct match m = { 0 };
	struct faults x = { 0 };
	bool bad;
	int rc;

	if (digest_alg_openssl(input.bank) == NULL)
		return cmd_usage(in, "--bank: \"%s\" cannot be replayed", name);
	if ((rc = file_read(path, LIMIT_IMA_LOG, &f, e)) != 0)
		return cmd_error(in, e);
	input.list = file_view(&f);
	if ((rc = match_list(&input, &m, e)) != 0 || (rc = count_faults(input.list, in, &x, e)) != 0) {
		match_done(&m);
		err_file(e, rc, path);
		return cmd_error(in, e);
	}
	bad = m.n_wrong > 0 || x.malformed > 0 || x.unknown > 0;
	if (!in->json)
		print_text(&m, bad);
	rc = in->json ? print_json(&m, &x, e) : 0;
	match_done(&m);
	if (rc != 0)
		return cmd_error(in, e);
	return bad ? EXIT_FINDING : EXIT_GOOD;
}

const struct command cmd_ima_log_verify = {
	.noun = "ima-log", .verb = "verify",
	.summary = "check a measurement list against itself and replay it",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Recomputes the digest of each entry from its data, compares it with the list's own, and\n"
	    "prints the PCR values that the whole list replays to. Exit status 1 for a wrong digest,\n"
	    "an unknown template or an entry that does not fit its template.",
	.example = "  $ assay ima-log verify binary_runtime_measurements --bank sha1",
	.wants_json = true,
	.options = options,
	.run = verify,
};
