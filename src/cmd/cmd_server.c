/* assay server: the registrar, the verifier and the API, in the foreground. */
#include <signal.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/config.h"
#include "cmd/serve.h"
#include "svc/log.h"
#include "svc/server/server.h"

#define MANY 256	/* values of an option that repeats */

static const struct option_spec options[] = {
	{ .name = "data", .arg = "DIR", .complete = COMPLETE_DIR, .help = "where everything is kept", .built_in = "/var/lib/assay" },
	{ .name = "listen", .arg = "ADDR:PORT", .help = "where to listen", .built_in = "127.0.0.1:4433" },
	{ .name = "name", .arg = "NAME", .repeat = true, .help = "another name or address of this server, for its certificate" },
	{ .name = "store", .arg = "URL", .help = "the database; SQLite in the directory if not given", .secret = true },
	{ .name = "trust-mode", .arg = "MODE", .repeat = true, .complete = COMPLETE_WORDS, .words = "ca idevid ek-list operator",
	  .help = "a way in which a machine's TPM is trusted; those for which something is given, if none is named", .live = true },
	{ .name = "roots", .arg = "F", .complete = COMPLETE_FILE, .live = true,
	  .help = "TPM vendors' root certificates, a bundle or PEM, instead of those that come with the program; none for none" },
	{ .name = "extra-roots", .arg = "F", .complete = COMPLETE_FILE, .live = true,
	  .help = "more of them, intermediates and revocation lists, PEM" },
	{ .name = "device-roots", .arg = "F", .complete = COMPLETE_FILE, .live = true,
	  .help = "device makers' roots and intermediates, PEM: for IDevID and IAK certificates" },
	{ .name = "ek-list", .arg = "F", .complete = COMPLETE_FILE, .help = "endorsement keys of the machines that are yours", .live = true },
	{ .name = "first-use", .help = "operators may approve hosts that nobody else vouches for", .live = true },
	{ .name = "approve-new-ak", .live = true, .help = "a known machine's new attestation key waits for an operator in every mode" },
	{ .name = "allow-expired", .help = "certificates of TPMs may have expired: machines outlive them", .live = true },
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE, .live = true,
	  .help = "policies must be signed by this key or certificate" },
	{ .name = "require-signed-policies", .help = "do not start without a --policy-key", .live = true },
	{ .name = "default-policy", .arg = "F", .complete = COMPLETE_FILE, .live = true,
	  .help = "a policy for hosts that no assignment selects" },
	{ .name = "default-excludes", .arg = "REGEX", .repeat = true, .live = true,
	  .help = "paths that no policy judges, from their start" },
	{ .name = "interval", .arg = "SECONDS", .help = "between a host's evidence", .built_in = "30", .least = 1, .most = 86400, .live = true },
	{ .name = "host-rate", .arg = "N", .help = "messages one host may send in a minute", .built_in = "300", .least = 20, .most = 1000000, .live = true },
	{ .name = "keep-days", .arg = "DAYS", .help = "how long evidence of verdicts is kept", .built_in = "90", .least = 1, .most = 36500, .live = true },
	{ .name = "keep-event-days", .arg = "DAYS", .help = "how long events are kept", .built_in = "90", .least = 1, .most = 36500, .live = true },
	{ .name = "keep-history-days", .arg = "DAYS", .least = 1, .most = 36500, .live = true,
	  .help = "how long it is kept which verdicts hosts had; for ever if not given" },
	{ .name = "keep-list-days", .arg = "DAYS", .least = 1, .most = 36500, .live = true,
	  .help = "how long lists of boots that ended are kept; for ever if not given" },
	{ .name = "keep-boots", .arg = "N", .help = "of how many boots of a host lists are kept; of all if not given",
	  .least = 1, .most = 1000000, .live = true },
	{ .name = "forget-days", .arg = "DAYS", .least = 1, .most = 36500, .live = true,
	  .help = "hosts not seen for so long are deleted with all that is theirs; never if not given" },
	{ .name = NULL },
};

/* Room for what server_options points to. */
struct lists { const char *names[MANY], *modes[4], *keys[MANY], *excludes[MANY]; };

static int
take_list(const struct invocation *in, const char *name, size_t most, const char **v, size_t *n, struct err *e)
{
	if (opt_count(in, name) > most)
		return err_set(e, ERR_USAGE, "--%s is given more than %zu times", name, most);
	for (*n = 0; *n < opt_count(in, name); (*n)++)
		v[*n] = opt_nth(in, name, *n);
	return 0;
}

static void
take_keep(const struct invocation *in, struct server_keep *k)
{
	k->bundle_days = (unsigned)opt_number(in, "keep-days");
	k->event_days = (unsigned)opt_number(in, "keep-event-days");
	k->history_days = (unsigned)opt_number(in, "keep-history-days");
	k->list_days = (unsigned)opt_number(in, "keep-list-days");
	k->boots = (unsigned)opt_number(in, "keep-boots");
	k->host_days = (unsigned)opt_number(in, "forget-days");
}

static int
make_options(const struct invocation *in, struct lists *l, struct listen_address *at, struct server_options *o,
    struct err *e)
{
	int rc;

	*o = (struct server_options){ .data = opt_get(in, "data"), .store = opt_get(in, "store"), .address = at->address,
	    .roots = opt_get(in, "roots"), .extra_roots = opt_get(in, "extra-roots"), .device_roots = opt_get(in, "device-roots"),
	    .ek_list = opt_get(in, "ek-list"), .first_use = opt_has(in, "first-use"),
	    .approve_new_ak = opt_has(in, "approve-new-ak"), .allow_expired = opt_has(in, "allow-expired"),
	    .signed_only = opt_has(in, "require-signed-policies"), .default_policy = opt_get(in, "default-policy"),
	    .wait_ms = (unsigned)opt_number(in, "interval") * 1000, .host_rate = (unsigned)opt_number(in, "host-rate"),
	    .names = l->names, .trust_modes = l->modes,
	    .policy_keys = l->keys, .default_excludes = l->excludes };
	take_keep(in, &o->keep);
	if (!listen_parse(opt_get(in, "listen"), at))
		return err_set(e, ERR_USAGE, "--listen wants ADDRESS:PORT, such as 127.0.0.1:4433 or [::1]:4433");
	o->port = at->port;
	if ((rc = take_list(in, "name", MANY, l->names, &o->n_names, e)) != 0 ||
	    (rc = take_list(in, "trust-mode", 4, l->modes, &o->n_trust_modes, e)) != 0 ||
	    (rc = take_list(in, "policy-key", MANY, l->keys, &o->n_policy_keys, e)) != 0)
		return rc;
	return take_list(in, "default-excludes", MANY, l->excludes, &o->n_default_excludes, e);
}

static int
check(const struct invocation *in, struct err *e)
{
	struct server_options o;
	struct listen_address at;
	struct lists l;
	int rc = make_options(in, &l, &at, &o, e);

	return rc != 0 ? rc : server_check(&o, e);
}

/* The file as it is now, all of it or nothing. */
static void
reload(const struct invocation *in, struct server *s)
{
	INVOCATION_AUTO struct invocation fresh = { 0 };
	struct server_options o;
	struct listen_address at;
	struct lists l;
	struct err e = { 0 };

	if (config_again(in, &fresh, &e) != 0 || make_options(&fresh, &l, &at, &o, &e) != 0 || server_reload(s, &o, &e) != 0)
		svc_log_err(LOG_LEVEL_ERROR, "reload refused, nothing was changed", &e);
	else
		svc_log(LOG_LEVEL_INFO, "reloaded: %s", fresh.config != NULL ? fresh.config : "no configuration file is there");
}

static enum exit_status
serve(const struct invocation *in, struct err *e)
{
	struct server_options o;
	struct listen_address at;
	struct lists l;
	struct server *s;

	if (make_options(in, &l, &at, &o, e) != 0)
		return cmd_error(in, e);
	serve_block_signals(true);
	if (server_start(&o, &s, e) != 0)
		return cmd_error(in, e);
	(void)fprintf(stderr, "assay: serving %s; its CA is %s, an administrator's token %s\n", server_url(s),
	    server_ca_file(s), server_token_file(s));
	while (serve_wait(true) == SIGHUP)
		reload(in, s);
	(void)fprintf(stderr, "assay: stopping\n");
	server_stop(s);
	return EXIT_GOOD;
}

const struct command cmd_server = {
	.noun = "server",
	.summary = "register hosts, judge their evidence, and answer questions about them",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "Runs in the foreground until SIGTERM or SIGINT. At the first start it makes its CA, its\n"
	    "certificate and an administrator's token in --data; keep that directory as you keep keys.\n"
	    "\n"
	    "A host is enrolled if its TPM's endorsement key chains to one of the roots (--roots,\n"
	    "--extra-roots), if its attestation key chains to a device maker's (--device-roots), if it is\n"
	    "on the list (--ek-list), or, with --first-use, when an operator has approved it. Where none\n"
	    "of these is given, the roots that come with the program count: any real TPM may enrol.\n"
	    "It is judged by the policies that are assigned to its labels, else by --default-policy;\n"
	    "without any its verdict is undecided.\n"
	    "\n"
	    "SIGHUP (systemctl reload) reads the configuration file again: all that it changes holds at\n"
	    "once, or, if anything is wrong with it or needs a start, nothing does and the log says why.\n"
	    "\n"
	    "Several servers may share one PostgreSQL (--store postgresql://...): give them the same\n"
	    "ca.pem and ca.key.",
	.example =
	    "  $ assay server --data /var/lib/assay --listen 0.0.0.0:4433 --name assay.example.org \\\n"
	    "      --ek-list machines.txt",
	.options = options,
	.config = "/etc/assay/server.conf",
	.check = check,
	.wants_json = true,
	.run = serve,
};
