#include "agent/network.h"
#include "svc/log.h"

static const struct option_spec options[] = {
	NETWORK_OPTIONS,
	{ .name = "quiet", .letter = 'q', .help = "log warnings and errors only" },
	{ 0 }
};

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	NETWORK_AUTO struct network n = { 0 };
	int rc, stop;

	if (opt_has(in, "quiet"))
		svc_log_level(LOG_LEVEL_WARNING);
	if ((rc = stop_on_signals(&stop, e)) != 0 || (rc = network_open(in, &n, e)) != 0)
		return cmd_error(in, e);
	for (size_t i = 0; i < opt_count(in, "server"); i++)
		svc_log(LOG_LEVEL_INFO, "server %s", opt_nth(in, "server", i));
	agent_run(n.agent, &agent_stop);
	return EXIT_GOOD;
}

const struct command cmd_agent_run = {
	.noun = "run",
	.summary = "the network process: enrols this host and proves its state to a server",
	.operands = "", .max_operands = 0,
	.description =
	"Enrols this host once, and then sends evidence: at once when there are new entries in the "
	"measurement list (at most one message a second), else as often as the server asks. What it sends comes from "
	"assay-agent priv; it has no privileges itself, and listens on no port.\n\n"
	"A server or TPM that is away is asked again, with growing pauses of up to a minute. With --server given more than "
	"once, all of them must share one database: it begins with any of them, stays with the one that answers, and turns "
	"to the next when that does not. It runs until it is ended (SIGTERM).",
	.example = "    $ assay-agent run --server https://assay.example:8443 --server-ca ca.pem",
	.options = options,
	.config = AGENT_CONFIG,
	.run = run,
};
