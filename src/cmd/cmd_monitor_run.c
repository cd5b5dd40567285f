/* assay monitor run: the execution monitor in the foreground. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/command.h"
#include "cmd/interrupt.h"
#include "cmd/term.h"
#include "svc/monitor/monitor_tpm.h"

static const struct option_spec options[] = {
	{ .name = "data", .arg = "DIR", .complete = COMPLETE_DIR,
	  .help = "keep the list and its sidecar in DIR/monitor; must be given" },
	{ .name = "pcr", .arg = "N", .help = "extend PCR N, 0 to 15 but 10; 13 if not given" },
	{ .name = "tcti", .arg = "TCTI", .help = "the TPM (\"device:/dev/tpmrm0\", \"swtpm:path=SOCKET\"); without it the list proves nothing" },
	{ .name = "mount", .arg = "PATH", .repeat = true, .complete = COMPLETE_DIR,
	  .help = "watch the file system of PATH only" },
	{ .name = "below", .arg = "DIR", .complete = COMPLETE_DIR,
	  .help = "watch only what is mounted at DIR or below, and will be" },
	{ .name = "scripts", .help = "measure opened files that begin with \"#!\" too" },
	{ .name = "no-libraries", .help = "measure only what is executed" },
	{ .name = NULL },
};

static void
print_json_line(const struct monitor_seen *x)
{
	BUF_AUTO struct buf path = buf_init(MIB(1)), exact = buf_init(MIB(1)), digest = buf_init(256);
	JSON_AUTO json_t *j = NULL;

	buf_escape(&path, x->path);
	buf_base64(&exact, x->path);
	buf_hex(&digest, x->digest);
	j = x->note ? json_pack("{s:I, s:s, s:o}", "entry", (json_int_t)x->number, "note", buf_cstr(&path),
	    "text", json_stringn((const char *)x->text.p, x->text.n)) :
	    json_pack("{s:I, s:s, s:s, s:s}", "entry", (json_int_t)x->number, "digest", buf_cstr(&digest),
	    "path", buf_cstr(&path), "path_b64", buf_cstr(&exact));
	if (j != NULL)
		(void)json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
}

static void
print_line(const struct monitor_seen *x)
{
	BUF_AUTO struct buf line = buf_init(MIB(1));

	buf_printf(&line, "%6llu  ", (unsigned long long)x->number);
	if (x->note) {
		buf_escape(&line, x->path);
		buf_u8(&line, ' ');
		buf_escape(&line, x->text);
	} else {
		buf_hex(&line, x->digest);
		buf_str(&line, "  ");
		buf_escape(&line, x->path);
	}
	puts(buf_cstr(&line));
}

static void
seen(void *arg, const struct monitor_seen *x)
{
	const struct invocation *in = arg;

	if (in->json)
		print_json_line(x);
	else
		print_line(x);
	(void)fflush(stdout);
}

static void
print_status(const struct invocation *in, const struct monitor_status *s)
{
	if (!in->json)
		fprintf(stderr, "monitor %s: process %d, watchdog %d, %llu file systems, %llu entries, %llu gaps\n",
		    monitor_state_name(s->state), s->monitor_pid, s->watchdog_pid, (unsigned long long)s->marks,
		    (unsigned long long)s->records, (unsigned long long)s->gaps);
}

/* Until a signal; an error of the TPM is said once, and tried again. */
static int
serve(const struct invocation *in, struct monitor *m, struct tpm *tpm, struct err *e)
{
	struct monitor_status s, before;
	bool failing = false;

	monitor_status(m, &before);
	print_status(in, &before);
	while (!interrupted()) {
		struct pollfd p = { .fd = monitor_fd(m), .events = POLLIN };
		int rc;

		(void)poll(&p, 1, failing ? 1000 : 5000);
		rc = monitor_service(m, e);
		if (tpm != NULL)
			tpm_release(tpm);	/* others may need it: a simulator serves one at a time */
		monitor_status(m, &s);
		if (s.state != before.state || s.restarts != before.restarts)
			print_status(in, &s);
		before = s;
		if (s.state == MONITOR_FAILED)
			return rc != 0 ? rc : err_set(e, ERR_INTERNAL, "the monitor ended");
		if (rc != 0 && !failing)
			fprintf(stderr, "assay: %s; trying again\n", e->message);
		failing = rc != 0;
	}
	return 0;
}

static const char *
parse(const struct invocation *in, struct monitor_options *o)
{
	const char *pcr = opt_get(in, "pcr");
	uint64_t n;

	if (opt_get(in, "data") == NULL)
		return "--data is missing";
	if (pcr != NULL) {
		if (!dec_u64(span_str(pcr), &n) || n == 0 || n > 15)
			return "--pcr: not a PCR that keeps its value (1 to 15)";
		o->pcr = (unsigned)n;
	}
	if (opt_count(in, "mount") > 0 && opt_get(in, "below") != NULL)
		return "--mount and --below exclude each other";
	o->n_paths = opt_count(in, "mount");
	o->below = opt_get(in, "below");
	o->scripts = opt_has(in, "scripts");
	o->no_libraries = opt_has(in, "no-libraries");
	return NULL;
}

/* The monitor itself, its paths and its TPM at hand. */
static enum exit_status
run_with(const struct invocation *in, const struct monitor_options *o, struct tpm *tpm, struct err *e)
{
	struct monitor *m;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	interrupt_catch();
	if (monitor_start(o, &m, e) != 0)
		return cmd_error(in, e);
	if ((rc = serve(in, m, tpm, e)) != 0) {
		(void)monitor_stop(m, NULL);
		return cmd_error(in, e);
	}
	return monitor_stop(m, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
}

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	struct monitor_options o = { .pcr = MONITOR_PCR, .seen = seen, .arg = (void *)(uintptr_t)in };
	const char *wrong = parse(in, &o), *paths[64];
	BUF_AUTO struct buf dir = buf_init(KIB(8));
	TPM_AUTO struct tpm *tpm = NULL;
	struct monitor_tpm_banks banks;
	struct monitor_tpm port;

	if (wrong != NULL)
		return cmd_usage(in, "%s", wrong);
	if (o.n_paths > sizeof(paths) / sizeof(paths[0]))
		return cmd_usage(in, "--mount: more than %zu", sizeof(paths) / sizeof(paths[0]));
	for (size_t i = 0; i < o.n_paths; i++)
		paths[i] = opt_nth(in, "mount", i);
	o.paths = paths;
	if (mkdir(opt_get(in, "data"), 0700) != 0 && errno != EEXIST) {
		(void)err_errno(e, "cannot make %s", opt_get(in, "data"));
		return cmd_error(in, e);
	}
	buf_printf(&dir, "%s/monitor", opt_get(in, "data"));
	o.dir = buf_cstr(&dir);
	if (opt_get(in, "tcti") != NULL) {
		if (tpm_open(opt_get(in, "tcti"), &tpm, e) != 0 ||
		    monitor_tpm_make(tpm, o.pcr, &banks, &port, e) != 0)
			return cmd_error(in, e);
		o.tpm = &port;
	}
	return run_with(in, &o, tpm, e);
}

const struct command cmd_monitor_run = {
	.noun = "monitor", .verb = "run",
	.summary = "measure what is executed, on a host whose kernel does not",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "Stops each execution, and each opening of a file that a loader could map, until the file is\n"
	    "hashed and listed (fanotify); then lets it go, whatever it is. The list is a measurement list\n"
	    "as the kernel writes it; the sidecar beside it says which process of which cgroup did it.\n"
	    "Prints a line for each new entry, and ends with SIGINT or SIGTERM. Needs root.\n"
	    "\n"
	    "A watchdog kills a monitor that is silent for two seconds: the host goes on, another monitor\n"
	    "is started, and the time between is listed as a gap.",
	.example =
	    "  # assay monitor run --data /var/lib/assay",
	.wants_json = true,
	.options = options,
	.run = run,
};
