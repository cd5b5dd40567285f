/* assay server: the registrar, the verifier and the API, in the foreground. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/command.h"
#include "cmd/serve.h"
#include "svc/server/server.h"

static const struct option_spec options[] = {
	{ .name = "data", .arg = "DIR", .complete = COMPLETE_DIR, .help = "where everything is kept; /var/lib/assay if not given" },
	{ .name = "listen", .arg = "ADDR:PORT", .help = "where to listen; 127.0.0.1:4433 if not given" },
	{ .name = "name", .arg = "NAME", .repeat = true, .help = "another name or address of this server, for its certificate" },
	{ .name = "store", .arg = "URL", .help = "the database; SQLite in the directory if not given" },
	{ .name = "roots", .arg = "F", .complete = COMPLETE_FILE, .help = "bundle of TPM vendors' root certificates" },
	{ .name = "extra-roots", .arg = "F", .complete = COMPLETE_FILE, .help = "more roots, PEM" },
	{ .name = "ek-list", .arg = "F", .complete = COMPLETE_FILE, .help = "endorsement keys of the machines that are yours" },
	{ .name = "first-use", .help = "operators may approve hosts that nobody else vouches for" },
	{ .name = "policy-key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "policies must be signed by this key or certificate" },
	{ .name = "interval", .arg = "SECONDS", .help = "between a host's evidence; 30 if not given" },
	{ .name = "keep-days", .arg = "DAYS", .help = "how long evidence is kept; 90 if not given" },
	{ .name = NULL },
};

static bool
read_number(const struct invocation *in, const char *name, uint64_t least, uint64_t most, uint64_t *out)
{
	const char *text = opt_get(in, name);

	return text == NULL || (dec_u64(span_str(text), out) && *out >= least && *out <= most);
}

static enum exit_status
serve(const struct invocation *in, struct err *e)
{
	uint64_t interval = 0, keep = 0;
	struct server_options o = { .data = opt_get(in, "data"), .store = opt_get(in, "store"),
	    .roots = opt_get(in, "roots"), .extra_roots = opt_get(in, "extra-roots"), .ek_list = opt_get(in, "ek-list"),
	    .first_use = opt_has(in, "first-use") };
	struct listen_address at;
	struct server *s;
	const char *names[64], *keys[16];

	if (!read_number(in, "interval", 1, 86400, &interval) || !read_number(in, "keep-days", 1, 36500, &keep))
		return cmd_usage(in, "--interval wants 1 to 86400 seconds, --keep-days 1 to 36500 days");
	if (!listen_parse(opt_get(in, "listen"), &at))
		return cmd_usage(in, "--listen wants ADDRESS:PORT, such as 127.0.0.1:4433 or [::1]:4433");
	for (; o.n_names < opt_count(in, "name") && o.n_names < 64; o.n_names++)
		names[o.n_names] = opt_nth(in, "name", o.n_names);
	for (; o.n_policy_keys < opt_count(in, "policy-key") && o.n_policy_keys < 16; o.n_policy_keys++)
		keys[o.n_policy_keys] = opt_nth(in, "policy-key", o.n_policy_keys);
	o.names = names;
	o.policy_keys = keys;
	o.data = o.data != NULL ? o.data : "/var/lib/assay";
	o.address = at.address;
	o.port = at.port;
	o.wait_ms = (unsigned)interval * 1000;
	o.keep_days = (unsigned)keep;
	serve_block_signals();
	if (server_start(&o, &s, e) != 0)
		return cmd_error(in, e);
	(void)fprintf(stderr, "assay: serving %s; its CA is %s, an administrator's token %s\n", server_url(s),
	    server_ca_file(s), server_token_file(s));
	serve_wait();
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
	    "--extra-roots), is on the list (--ek-list), or, with --first-use, when an operator has\n"
	    "approved it. It is judged by the policies that are assigned to its labels; without any\n"
	    "its verdict is undecided.\n"
	    "\n"
	    "Several servers may share one PostgreSQL (--store postgresql://...): give them the same\n"
	    "ca.pem and ca.key.",
	.example =
	    "  $ assay server --data /var/lib/assay --listen 0.0.0.0:4433 --name assay.example.org \\\n"
	    "      --ek-list machines.txt",
	.options = options,
	.run = serve,
};
