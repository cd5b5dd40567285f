#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "agent/places.h"
#include "base/file.h"
#include "base/text.h"
#include "port/sandbox/sandbox.h"
#include "port/tpm/swtpm.h"
#include "svc/agent/priv_monitor.h"
#include "svc/log.h"
#include "svc/ready.h"

#define DEFAULT_TCTI "device:/dev/tpmrm0"
#define DEFAULT_MASK 0x47ffu	/* PCRs 0 to 10 and 14: firmware, boot loader, IMA, shim */

static const struct option_spec options[] = {
	PLACE_OPTIONS,
	{ .name = "peer", .arg = "USER", .help = "the only user that is answered (else our own)" },
	{ .name = "tcti", .arg = "TCTI", .help = "the TPM, as tpm2-tss takes it (" DEFAULT_TCTI ")" },
	{ .name = "swtpm", .arg = "DIR", .complete = COMPLETE_DIR, .help = "start a TPM in software that keeps its state there; it proves nothing" },
	{ .name = "securityfs", .arg = "DIR", .complete = COMPLETE_DIR, .help = "where securityfs is mounted (/sys/kernel/security)" },
	{ .name = "root", .arg = "DIR", .complete = COMPLETE_DIR, .help = "read facts about the host below DIR" },
	{ .name = "ek", .arg = "KIND", .complete = COMPLETE_WORDS, .words = "any rsa2048 p256 rsa2048-high p256-high p384 rsa3072",
	    .help = "the endorsement key to enrol with (any: the first that has a certificate)" },
	{ .name = "ek-cert", .arg = "FILE", .repeat = true, .complete = COMPLETE_FILE,
	    .help = "a certificate of that key, for a TPM that has none in its memory; then those above it" },
	{ .name = "ak", .arg = "KIND", .complete = COMPLETE_WORDS, .words = "p256 rsa2048", .help = "the attestation key to make, if there is none (p256)" },
	{ .name = "iak", .arg = "HANDLE",
	  .help = "the device maker's attestation key (IAK) at this persistent handle (0x81...) vouches for the one made here" },
	{ .name = "iak-cert", .arg = "FILE|NV", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "its certificate, then those above it: a file, or an NV index (0x01c90000...)" },
	{ .name = "idevid-cert", .arg = "FILE|NV", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "the maker's certificate of the device (IDevID), then those above it, likewise" },
	{ .name = "pcrs", .arg = "LIST", .help = "PCRs to quote: 0-10,14, and the monitor's; a server wants 0-10 at least" },
	{ .name = "list", .arg = "WHICH", .complete = COMPLETE_WORDS, .words = "auto kernel monitor",
	    .help = "the measurement list (auto: the kernel's, or the monitor's if the kernel measures nothing)" },
	{ .name = "monitor-pcr", .arg = "N", .help = "PCR that the execution monitor extends",
	  .built_in = "13", .most = LIMIT_PCRS - 1 },
	{ .name = "monitor-below", .arg = "DIR", .complete = COMPLETE_DIR,
	    .help = "the execution monitor watches only what is mounted at DIR or below" },
	{ .name = "stage-at", .arg = "N", .most = UINT32_MAX,
	    .help = "trim the kernel's list when it has N entries (Linux 7.2, CONFIG_IMA_STAGING) and keep them on disk" },
	{ .name = "no-sandbox", .help = "keep all privileges" },
	{ .name = "quiet", .letter = 'q', .help = "log warnings and errors only" },
	{ 0 }
};

/* What lives as long as the process. */
struct setup {
	struct places places;
	struct priv_options o;
	struct swtpm *swtpm;
	struct monitored *monitored;
	struct priv *priv;
	unsigned monitor_pcr;
	struct file ek_certs[TPM_EK_CERTS];
	struct file device_certs[2 * TPM_EK_CERTS];
	size_t n_device_certs;
};

static void
setup_done(struct setup *s)
{
	/* The monitor first: its last extends need the TPM. */
	monitored_stop(s->monitored);
	priv_close(s->priv);
	swtpm_stop(s->swtpm);
	for (size_t i = 0; i < TPM_EK_CERTS; i++)
		file_free(&s->ek_certs[i]);
	for (size_t i = 0; i < s->n_device_certs; i++)
		file_free(&s->device_certs[i]);
}

/* "0-10,14" */
static int
parse_pcrs(const char *text, uint32_t *mask, struct err *e)
{
	struct span rest = span_str(text);
	uint32_t m = 0;

	while (rest.n > 0) {
		struct span item = span_head(rest, span_find(rest, ','));
		size_t dash = span_find(item, '-');
		uint64_t from, to;

		if (!dec_u64(span_head(item, dash), &from) ||
		    !dec_u64(dash < item.n ? span_from(item, dash + 1) : item, &to) || from > to || to >= LIMIT_PCRS)
			return err_set(e, ERR_USAGE, "--pcrs takes numbers below %d and ranges: 0-10,14", LIMIT_PCRS);
		for (; from <= to; from++)
			m |= 1u << from;
		rest = span_from(rest, item.n + 1);
	}
	if (m == 0)
		return err_set(e, ERR_USAGE, "--pcrs names none");
	*mask = m;
	return 0;
}

static int
find_peer(const struct invocation *in, uid_t *uid, struct err *e)
{
	const char *name = opt_get(in, "peer");
	const struct passwd *p = name == NULL ? NULL : getpwnam(name);

	if (name != NULL && p == NULL)
		return err_set(e, ERR_USAGE, "there is no user %s", name);
	*uid = p == NULL ? geteuid() : p->pw_uid;
	return 0;
}

/* As the server takes them: DER, with a TCG header or in PEM. */
static int
read_ek_certs(const struct invocation *in, struct setup *s, struct err *e)
{
	size_t n = opt_count(in, "ek-cert");
	int rc;

	if (n > TPM_EK_CERTS)
		return err_set(e, ERR_USAGE, "--ek-cert may be given %d times", TPM_EK_CERTS);
	for (size_t i = 0; i < n; i++) {
		if ((rc = file_read(opt_nth(in, "ek-cert", i), LIMIT_EK_CERT, &s->ek_certs[i], e)) != 0)
			return rc;
		s->o.ek_certs[i] = file_view(&s->ek_certs[i]);
	}
	s->o.n_ek_certs = n;
	return 0;
}

/* "0x81020000": a handle of the TPM between two others. */
static bool
read_handle(const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
	uint8_t v[4];

	if (strlen(text) != 10 || strncmp(text, "0x", 2) != 0 || !hex_fixed(span_str(text + 2), v, sizeof(v)))
		return false;
	*out = (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3];
	return *out >= least && *out <= most;
}

static int
read_device_certs(const struct invocation *in, const char *name, struct setup *s, struct priv_certs *out, struct err *e)
{
	int rc;

	if (opt_count(in, name) > TPM_EK_CERTS)
		return err_set(e, ERR_USAGE, "--%s may be given %d times", name, TPM_EK_CERTS);
	for (out->n = 0; out->n < opt_count(in, name); out->n++) {
		const char *text = opt_nth(in, name, out->n);
		struct file *f = &s->device_certs[s->n_device_certs];

		if (read_handle(text, 0x01000000, 0x01ffffff, &out->v[out->n].nv))
			continue;
		if ((rc = file_read(text, LIMIT_EK_CERT, f, e)) != 0)
			return rc;
		s->n_device_certs++;
		out->v[out->n].file = file_view(f);
	}
	return 0;
}

static int
choose_device(const struct invocation *in, struct setup *s, struct err *e)
{
	const char *iak = opt_get(in, "iak");
	int rc;

	if (iak != NULL && !read_handle(iak, 0x81000000, 0x81ffffff, &s->o.iak))
		return err_set(e, ERR_USAGE, "--iak takes a persistent handle: 0x81000000 to 0x81ffffff");
	if (iak == NULL && opt_count(in, "iak-cert") + opt_count(in, "idevid-cert") > 0)
		return err_set(e, ERR_USAGE, "--iak-cert and --idevid-cert are about the key that --iak names");
	if ((rc = read_device_certs(in, "iak-cert", s, &s->o.iak_certs, e)) != 0)
		return rc;
	return read_device_certs(in, "idevid-cert", s, &s->o.idevid_certs, e);
}

static int
choose_keys(const struct invocation *in, struct priv_options *o, struct err *e)
{
	const char *ek = opt_get(in, "ek"), *ak = opt_get(in, "ak");

	o->ek = ek == NULL ? TPM_EK_ANY : tpm_ek_by_name(span_str(ek));
	if (o->ek == TPM_EK_KINDS)
		return err_set(e, ERR_USAGE, "there is no endorsement key of kind %s", ek);
	o->ak = ak != NULL && strcmp(ak, "rsa2048") == 0 ? TPM_AK_RSA2048 : TPM_AK_P256;
	return 0;
}

/* Whether the monitor runs, and with it which PCRs are quoted. */
static int
choose_list(const struct invocation *in, struct setup *s, struct err *e)
{
	const char *which = opt_get(in, "list");
	int rc;

	s->monitor_pcr = (unsigned)opt_number(in, "monitor-pcr");
	s->o.list = which == NULL || strcmp(which, "auto") == 0 ? PRIV_LIST_AUTO :
	    strcmp(which, "kernel") == 0 ? PRIV_LIST_KERNEL : PRIV_LIST_MONITOR;
	if (s->o.list == PRIV_LIST_KERNEL || (s->o.list == PRIV_LIST_AUTO && !monitored_wanted(s->o.securityfs)))
		return 0;
	if ((rc = monitored_new(s->o.dir, s->monitor_pcr, opt_get(in, "monitor-below"), &s->monitored, e)) != 0)
		return rc;
	s->o.list = PRIV_LIST_MONITOR;
	s->o.monitor_list = monitored_list(s->monitored);
	s->o.monitor = monitored_hooks(s->monitored);
	s->o.monitor_pcr = s->monitor_pcr;
	if (!opt_has(in, "pcrs"))
		s->o.mask |= 1u << s->monitor_pcr;
	return 0;
}

static void
watch_swtpm(void *arg)
{
	struct setup *s = arg;
	struct err e = { 0 };
	bool restarted;

	if (swtpm_watch(s->swtpm, &restarted, &e) != 0)
		svc_log_err(LOG_LEVEL_ERROR, "software TPM", &e);
	else if (restarted)
		svc_log(LOG_LEVEL_WARNING, "the software TPM had ended and was started again: to a server this is a reboot");
}

static int
choose_tpm(const struct invocation *in, struct setup *s, struct err *e)
{
	const char *dir = opt_get(in, "swtpm"), *tcti = opt_get(in, "tcti");
	int rc;

	if (dir != NULL && tcti != NULL)
		return err_set(e, ERR_USAGE, "--tcti and --swtpm exclude each other");
	s->o.tcti = tcti == NULL ? DEFAULT_TCTI : tcti;
	s->o.software_tpm = dir != NULL || strncmp(s->o.tcti, "swtpm", 5) == 0 || strncmp(s->o.tcti, "mssim", 5) == 0;
	if (dir == NULL)
		return 0;
	if ((rc = swtpm_start(dir, &s->swtpm, e)) != 0)
		return rc;
	s->o.tcti = swtpm_tcti(s->swtpm);
	s->o.tick = watch_swtpm;
	s->o.tick_arg = s;
	return 0;
}

static int
configure(const struct invocation *in, struct setup *s, struct err *e)
{
	const char *securityfs = opt_get(in, "securityfs"), *root = opt_get(in, "root"), *pcrs = opt_get(in, "pcrs");
	int rc;

	s->o = (struct priv_options){ .socket = s->places.socket, .dir = s->places.priv,
	    .securityfs = securityfs == NULL ? "/sys/kernel/security" : securityfs, .root = root == NULL ? "" : root,
	    .bank = DIGEST_SHA256, .mask = DEFAULT_MASK };
	if ((pcrs != NULL && (rc = parse_pcrs(pcrs, &s->o.mask, e)) != 0) || (rc = find_peer(in, &s->o.peer, e)) != 0 ||
	    (rc = choose_keys(in, &s->o, e)) != 0 || (rc = read_ek_certs(in, s, e)) != 0 ||
	    (rc = choose_device(in, s, e)) != 0)
		return rc;
	s->o.stage_at = opt_number(in, "stage-at");
	if ((rc = places_make(&s->places, s->places.priv, e)) != 0 ||
	    (rc = places_meet(&s->places, s->o.peer, e)) != 0 || (rc = choose_list(in, s, e)) != 0)
		return rc;
	return choose_tpm(in, s, e);
}

/* A TCTI that needs TCP cannot be confined to AF_UNIX. */
static bool
needs_inet(const char *tcti)
{
	return (strncmp(tcti, "swtpm", 5) == 0 && strstr(tcti, "path=") == NULL) || strncmp(tcti, "mssim", 5) == 0;
}

static int
confine(const struct setup *s, struct err *e)
{
	struct sandbox_privileged o = { .monitor = s->monitored != NULL, .stage = s->o.stage_at != 0,
	    .inet = needs_inet(s->o.tcti),
	    .device = strncmp(s->o.tcti, "device:", 7) == 0 ? s->o.tcti + 7 : NULL };
	struct sandbox_state state;
	int rc = sandbox_privileged(&o, &state, e);

	if (rc == 0 && state.missing[0] != '\0')
		svc_log(LOG_LEVEL_WARNING, "sandbox: missing: %s", state.missing);
	return rc;
}

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	__attribute__((cleanup(setup_done))) struct setup s = { 0 };
	struct err inner = { 0 };
	int rc, stop;

	if (opt_has(in, "quiet"))
		svc_log_level(LOG_LEVEL_WARNING);
	if ((rc = places_find(in, &s.places, e)) != 0 || (rc = configure(in, &s, e)) != 0 ||
	    (rc = stop_on_signals(&stop, e)) != 0 || (rc = priv_open(&s.o, &s.priv, e)) != 0 ||
	    (!opt_has(in, "no-sandbox") && (rc = confine(&s, e)) != 0))
		return cmd_error(in, e);
	/* A host whose monitor does not start still proves its boot; its facts tell. */
	if (s.monitored != NULL && monitored_start(s.monitored, s.priv, &inner) != 0)
		svc_log_err(LOG_LEVEL_ERROR, "the execution monitor does not run", &inner);
	svc_log(LOG_LEVEL_INFO, "TPM %s, list of the %s, socket %s", s.o.tcti,
	    s.monitored == NULL ? "kernel" : "monitor", s.places.socket);
	/* Who watches shall do so before the rest of the system starts. */
	svc_ready();
	return priv_run(s.priv, stop, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
}

const struct command cmd_agent_priv = {
	.noun = "priv",
	.summary = "the privileged process: TPM, measurement list, execution monitor",
	.operands = "", .max_operands = 0,
	.description =
	    "Holds what needs privileges and gives the network process (assay-agent run) what it may have:\n"
	    "the keys' public parts, quotes, the measurement list, the firmware's event log, facts about the\n"
	    "host. It opens no connection, and sockets of other kinds than UNIX are refused to it by the\n"
	    "kernel.\n"
	    "\n"
	    "Without a TPM, or with one that does not answer, it runs on and says so when it is asked.",
	.example = "    # assay-agent priv --peer assay-agent",
	.options = options,
	.config = AGENT_CONFIG,
	.run = run,
};
