/* assay event-log verify: whether a log agrees with itself and with PCR values. */
#include "base/file.h"
#include "base/limits.h"
#include "cmd/command.h"
#include "cmd/term.h"
#include "engine/boot.h"
#include "formats/tpm_pcrs.h"

static const struct option_spec options[] = {
	{ .name = "pcrs", .arg = "FILE", .complete = COMPLETE_FILE,
	  .help = "PCR values to compare with: tpm2-tools' PCR file, text of tpm2_pcrread, or JSON" },
	{ .name = NULL },
};

/* One event whose data do not fit its digest in one bank. */
struct mismatch { uint64_t event; enum digest_alg bank; };

struct outcome {
	struct boot_report report;
	struct result r;
	struct tpm_pcrs pcrs;
	bool compared;
	struct arena arena;
	struct mismatch *others;		/* in banks other than the report's */
	size_t n_others, cap_others;
};

static int
bind_other_banks(struct outcome *o, struct err *e)
{
	struct boot_log *log = &o->report.log;

	for (size_t b = 0; b < log->n_banks; b++) {
		enum digest_alg alg = log->banks[b].alg;
		int rc;

		if (alg == o->report.bank || !log->banks[b].computed)
			continue;
		if ((rc = boot_log_bind(log, alg, e)) != 0)
			return rc;
		for (size_t i = 0; i < log->n_events; i++) {
			struct mismatch *list;

			if (log->events[i].bind != BOOT_BIND_MISMATCH)
				continue;
			list = arena_grow(&o->arena, o->others, o->n_others, &o->cap_others, sizeof(*list));
			if (list == NULL)
				return arena_err(&o->arena, e);
			o->others = list;
			list[o->n_others++] = (struct mismatch){ log->events[i].ev.number, alg };
		}
	}
	return 0;
}

static bool
consistent(const struct outcome *o)
{
	return o->r.n_findings == 0 && o->n_others == 0;
}

static json_t *
replay_json(const struct boot_log *log)
{
	json_t *all = json_object();

	for (size_t b = 0; b < log->n_banks; b++) {
		const struct boot_bank *bank = &log->banks[b];
		json_t *values = json_object();

		for (unsigned i = 0; bank->computed && i < LIMIT_PCRS; i++) {
			char key[8];

			(void)snprintf(key, sizeof(key), "%u", i);
			if ((bank->touched & 1u << i) != 0)
				json_object_set_new(values, key,
				    json_hex(span_of(bank->v[i], digest_alg_size(bank->alg))));
		}
		json_object_set_new(all, digest_alg_name(bank->alg), values);
	}
	return all;
}

static int
print_json(const struct outcome *o, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	json_t *findings = json_array(), *warnings = json_array(), *data = json_array();

	for (size_t i = 0; i < o->r.n_findings; i++)
		json_array_append_new(findings, json_pack("{s:s, s:s}", "code",
		    reason_code(o->r.findings[i].reason), "text", o->r.findings[i].text));
	for (size_t i = 0; i < o->r.n_warnings; i++)
		json_array_append_new(warnings, json_string(o->r.warnings[i]));
	for (size_t i = 0; i < o->n_others; i++)
		json_array_append_new(data, json_pack("{s:I, s:s}", "event",
		    (json_int_t)o->others[i].event, "bank", digest_alg_name(o->others[i].bank)));
	j = json_pack("{s:i, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "assay_event_log_verify", 1,
	    "consistent", (int)consistent(o), "compared", (int)o->compared, "findings", findings,
	    "data_mismatches_other_banks", data, "warnings", warnings,
	    "replay", replay_json(&o->report.log), "boot", boot_report_json(&o->report));
	return cmd_print_json(j, e);
}

static void
print_pcrs(const struct outcome *o)
{
	const struct boot_bank *bank = boot_log_bank(&o->report.log, o->report.bank);

	for (unsigned i = 0; bank != NULL && i < LIMIT_PCRS; i++) {
		const struct boot_pcr *p = &o->report.pcr[i];
		BUF_AUTO struct buf b = buf_init(256);
		bool bad = p->state == BOOT_PCR_MISMATCH;

		if ((bank->touched & 1u << i) == 0 && !bad)
			continue;
		buf_hex(&b, span_of(bank->v[i], digest_alg_size(bank->alg)));
		printf("  PCR %-2u %s:%s", i, digest_alg_name(bank->alg), buf_cstr(&b));
		if (o->compared && p->state != BOOT_PCR_UNKNOWN)
			printf("  %s%s%s", term_colour(stdout, bad ? COLOUR_BAD : COLOUR_GOOD),
			    bad ? "differs" : p->state == BOOT_PCR_LATER ? "extended later" : "equal",
			    term_reset(stdout));
		putchar('\n');
	}
}

static void
print_authority(const struct boot_authority *a)
{
	BUF_AUTO struct buf b = buf_init(KIB(64));

	buf_escape(&b, a->source);
	if (a->fingerprint.alg != DIGEST_NONE) {
		buf_printf(&b, " %s sha256:", boot_authority_token(a->kind));
		buf_hex(&b, digest_view(&a->fingerprint));
	}
	if (a->subject.n > 0) {
		buf_u8(&b, ' ');
		buf_escape(&b, a->subject);
	}
	printf("  signer: %s\n", buf_cstr(&b));
}

static void
print_facts(const struct outcome *o)
{
	const struct boot_facts *f = &o->report.facts;

	printf("  Secure Boot: %s%s%s%s\n", boot_switch_token(f->secure_boot),
	    f->secure_boot_why == NULL ? "" : " (", f->secure_boot_why == NULL ? "" : f->secure_boot_why,
	    f->secure_boot_why == NULL ? "" : ")");
	for (size_t i = 0; i < f->n_authorities; i++)
		print_authority(&f->authorities[i]);
	for (size_t i = 0; i < f->n_images; i++) {
		BUF_AUTO struct buf b = buf_init(256);

		buf_hex(&b, f->images[i].digest);
		printf("  image in PCR %u: %s:%s (event %llu)\n", f->images[i].pcr,
		    digest_alg_name(o->report.bank), buf_cstr(&b), (unsigned long long)f->images[i].event);
	}
	for (size_t i = 0; i < f->n_cmdlines; i++) {
		BUF_AUTO struct buf b = buf_init(LIMIT_EVENT_LOG * 8);

		buf_escape(&b, f->cmdlines[i].text);
		printf("  command line (%s, PCR %u): %s\n", boot_cmdline_token(f->cmdlines[i].source),
		    f->cmdlines[i].pcr, f->cmdlines[i].has_text ? buf_cstr(&b) : "only its digest is known");
	}
}

static void
print_text(const struct outcome *o)
{
	bool good = consistent(o);
	const struct boot_log *log = &o->report.log;

	for (size_t i = 0; i < o->r.n_findings; i++)
		printf("%s%s%s: %s\n", term_colour(stdout, COLOUR_BAD),
		    reason_code(o->r.findings[i].reason), term_reset(stdout), o->r.findings[i].text);
	for (size_t i = 0; i < o->n_others; i++)
		printf("%sevent-data-mismatch%s: event %llu: the data are not what the %s digest covers\n",
		    term_colour(stdout, COLOUR_BAD), term_reset(stdout),
		    (unsigned long long)o->others[i].event, digest_alg_name(o->others[i].bank));
	for (size_t i = 0; i < o->r.n_warnings; i++)
		printf("%swarning%s: %s\n", term_colour(stdout, COLOUR_WARN), term_reset(stdout),
		    o->r.warnings[i]);
	printf("%s%s%s  %zu events, %s\n", term_colour(stdout, good ? COLOUR_GOOD : COLOUR_BAD),
	    good ? "consistent" : "INCONSISTENT", term_reset(stdout), log->n_events,
	    log->log.kind == TCG_LOG_AGILE ? "crypto-agile" : "SHA-1 (TPM 1.2's format)");
	print_pcrs(o);
	print_facts(o);
	puts(o->compared ?
	    "The values compared are only as good as their source: a quote (assay evidence verify)." :
	    "This log alone proves nothing: only a quote ties it to a TPM (assay evidence verify).");
}

/* A log that ends badly is good only if the PCRs show that nothing is missing. */
static enum exit_status
conclude(const struct invocation *in, struct outcome *o, struct err *e)
{
	enum check_state state = o->r.checks[CHECK_EVENT_LOG].state;

	if (o->report.log.tail.code != 0 && state != CHECK_PASS) {
		if (!in->json)
			print_text(o);
		fflush(stdout);
		*e = o->report.log.tail;
		err_file(e, e->code, in->operands[0]);
		return cmd_error(in, e);
	}
	if (in->json && print_json(o, e) != 0)
		return cmd_error(in, e);
	if (!in->json)
		print_text(o);
	if (!consistent(o))
		return EXIT_FINDING;
	return o->compared && state != CHECK_PASS ? EXIT_UNDECIDED : EXIT_GOOD;
}

static int
read_pcrs(const char *path, struct outcome *o, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	int rc;

	if (path == NULL)
		return 0;
	o->compared = true;
	if ((rc = file_read(path, LIMIT_SMALL_FILE, &f, e)) != 0)
		return rc;
	return err_file(e, tpm_pcrs_parse(file_view(&f), &o->pcrs, e), path);
}

static void
outcome_free(struct outcome *o)
{
	boot_report_free(&o->report);
	result_free(&o->r);
	arena_free(&o->arena);
}

static enum exit_status
verify(const struct invocation *in, struct err *e)
{
	__attribute__((cleanup(outcome_free))) struct outcome o = { .r = result_init(),
	    .arena = arena_init(MIB(64)) };
	FILE_AUTO struct file f = { 0 };
	struct boot_input input = { .log_alone = true };
	int rc;

	if (file_read(in->operands[0], LIMIT_EVENT_LOG, &f, e) != 0 ||
	    read_pcrs(opt_get(in, "pcrs"), &o, e) != 0)
		return cmd_error(in, e);
	if (f.n == 0) {
		err_at(e, ERR_FORMAT, 0, "the event log is empty");
		err_file(e, ERR_FORMAT, in->operands[0]);
		return cmd_error(in, e);
	}
	input.event_log = file_view(&f);
	input.pcrs = o.pcrs.banks;
	input.n_pcrs = o.pcrs.n_banks;
	if ((rc = boot_appraise(&input, &o.report, &o.r, e)) != 0 || (rc = bind_other_banks(&o, e)) != 0) {
		err_file(e, rc, in->operands[0]);
		return cmd_error(in, e);
	}
	return conclude(in, &o, e);
}

const struct command cmd_event_log_verify = {
	.noun = "event-log", .verb = "verify",
	.summary = "check a firmware event log against itself and replay it",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Replays a TCG event log in every bank, compares each event's data with its digest where the\n"
	    "type says what the digest covers, and tells what the log says of the boot: Secure Boot,\n"
	    "signers, images, command line. With --pcrs the replayed PCRs 0-9 and 11-15 are compared.\n"
	    "\n"
	    "Exit status 1 for data that do not fit their digest or a PCR that differs; 3 if the log\n"
	    "breaks off and no PCR values show that nothing is missing.",
	.example =
	    "  $ tpm2_pcrread sha256 >pcrs.txt\n"
	    "  $ assay event-log verify /sys/kernel/security/tpm0/binary_bios_measurements --pcrs pcrs.txt",
	.wants_json = true,
	.options = options,
	.run = verify,
};
