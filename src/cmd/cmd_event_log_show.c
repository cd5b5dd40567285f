/* assay event-log show: what the firmware measured, as a table or JSON. */
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "cmd/command.h"
#include "cmd/event_log_json.h"
#include "cmd/term.h"
#include "engine/boot_log.h"

#define DIGEST_SHOWN 6		/* bytes */
#define TYPE_WIDTH 30
#define TEXT_COLUMN 54		/* where the text begins */

static const struct option_spec options[] = {
	{ .name = "bank", .arg = "ALG", .complete = COMPLETE_WORDS, .words = "sha256 sha384 sha512 sha1",
	  .help = "whose digests to show; the strongest if not given" },
	{ .name = NULL },
};

/* Into a file or a pipe everything goes; a terminal gets one line an event. */
static unsigned
room(void)
{
	unsigned width = isatty(STDOUT_FILENO) == 1 ? term_width(stdout) : 0;

	return width == 0 ? 0 : width > TEXT_COLUMN + 20 ? width - TEXT_COLUMN : 20;
}

static void
print_text(struct span s)
{
	unsigned width = room();

	if (width == 0 || s.n <= width)
		fwrite(s.p, 1, s.n, stdout);
	else
		printf("%.*s...", (int)(width - 3), (const char *)s.p);
}

static void
print_row(const struct boot_log *log, const struct tcg_event *ev, enum digest_alg bank)
{
	BUF_AUTO struct buf type = buf_init(256);
	BUF_AUTO struct buf digest = buf_init(256);
	BUF_AUTO struct buf text = buf_init(LIMIT_EVENT_LOG * 8);
	const char *name = tcg_type_name(ev->type);

	tcg_type_put(ev->type, &type);
	buf_hex(&digest, span_head(tcg_event_digest(ev, bank), DIGEST_SHOWN));
	tcg_event_describe(ev, log->log.uintn_size, &text);
	printf("%5llu %3d  %s%-*s%s %-12s  ", (unsigned long long)ev->number,
	    ev->pcr == UINT32_MAX ? -1 : (int)ev->pcr, name == NULL ? term_colour(stdout, COLOUR_WARN) : "",
	    TYPE_WIDTH, buf_cstr(&type) + (name == NULL ? 0 : strlen("EV_")),
	    name == NULL ? term_reset(stdout) : "", ev->type == EV_NO_ACTION ? "-" : buf_cstr(&digest));
	print_text(buf_view(&text));
	putchar('\n');
}

static void
print_table(const struct boot_log *log, enum digest_alg bank)
{
	printf("%sevent pcr  %-*s %-12s  says%s\n", term_colour(stdout, COLOUR_BOLD), TYPE_WIDTH,
	    "type (EV_...)", digest_alg_name(bank), term_reset(stdout));
	for (size_t i = 0; i < log->n_events; i++)
		print_row(log, &log->events[i].ev, bank);
	if (log->log.padding > 0)
		printf("%s%zu bytes of padding follow%s\n", term_colour(stdout, COLOUR_DIM),
		    log->log.padding, term_reset(stdout));
}

static int
print_json(const struct boot_log *log, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	json_t *events = json_array();

	for (size_t i = 0; i < log->n_events; i++)
		json_array_append_new(events, event_json(&log->events[i].ev, log->log.uintn_size));
	j = json_pack("{s:i, s:s, s:I, s:o}", "assay_event_log", 1, "format",
	    log->log.kind == TCG_LOG_AGILE ? "crypto-agile" : "sha1",
	    "padding", (json_int_t)log->log.padding, "events", events);
	return cmd_print_json(j, e);
}

/* In a log whose events lack digests no bank can be replayed, but all can be shown. */
static enum digest_alg
default_bank(const struct boot_log *log)
{
	enum digest_alg bank = boot_log_strongest(log);

	for (size_t i = 0; bank == DIGEST_NONE && i < log->log.n_algs; i++)
		bank = log->log.algs[i].alg;
	return bank;
}

static enum exit_status
show(const struct invocation *in, struct err *e)
{
	const char *path = in->operands[0], *name = opt_get(in, "bank");
	FILE_AUTO struct file f = { 0 };
	BOOT_LOG_AUTO struct boot_log log = { 0 };
	enum digest_alg bank = name == NULL ? DIGEST_NONE : digest_alg_by_name(span_str(name));
	int rc;

	if ((rc = file_read(path, LIMIT_EVENT_LOG, &f, e)) != 0)
		return cmd_error(in, e);
	if ((rc = boot_log_load(file_view(&f), &log, e)) != 0) {
		err_file(e, rc, path);
		return cmd_error(in, e);
	}
	if (name != NULL && !tcg_log_has(&log.log, bank))
		return cmd_usage(in, "--bank: the log has no digests of \"%s\"", name);
	if (bank == DIGEST_NONE)
		bank = default_bank(&log);
	/* With a bad record only text is printed: half a JSON document would look whole. */
	if (!in->json)
		print_table(&log, bank);
	if (log.tail.code != 0) {
		fflush(stdout);
		*e = log.tail;
		err_file(e, e->code, path);
		return cmd_error(in, e);
	}
	if (in->json && print_json(&log, e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_event_log_show = {
	.noun = "event-log", .verb = "show",
	.summary = "print the firmware's event log",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Reads a TCG event log, crypto-agile or of TPM 1.2, and prints an event a line: number, PCR,\n"
	    "type, digest, and what the event's data say. What they say is a claim until the log is\n"
	    "verified: no digest covers an event's type, and not every digest covers its data.",
	.example =
	    "  $ assay event-log show /sys/kernel/security/tpm0/binary_bios_measurements\n"
	    "  event pcr  type (EV_...)                  sha256        says\n"
	    "      5   7  EFI_VARIABLE_DRIVER_CONFIG     ccfc4bb32888  SecureBoot (global) = 01",
	.wants_json = true,
	.options = options,
	.run = show,
};
