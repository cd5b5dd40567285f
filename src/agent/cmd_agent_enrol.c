#include "agent/network.h"

static const struct option_spec options[] = {
	NETWORK_OPTIONS,
	{ 0 }
};

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	NETWORK_AUTO struct network n = { 0 };
	const struct identity *id;
	JSON_AUTO json_t *j = NULL;
	bool enrolled;
	int rc;

	if ((rc = network_open(in, &n, e)) != 0 || (rc = agent_enrol(n.agent, e)) != 0)
		return cmd_error(in, e);
	id = agent_identity(n.agent);
	enrolled = strcmp(id->state, "enrolled") == 0;
	if (in->json) {
		struct agent_transport t = transport_https(n.transport);

		j = json_pack("{s:s,s:s,s:s}", "host_id", id->host_id, "state", id->state, "server",
		    t.where(t.arg));
		if (cmd_print_json(j, e) != 0)
			return cmd_error(in, e);
	} else {
		printf("%s %s\n", id->host_id, id->state);
	}
	return enrolled ? EXIT_GOOD : EXIT_FINDING;
}

const struct command cmd_agent_enrol = {
	.noun = "enrol",
	.summary = "enrol this host and end",
	.operands = "", .max_operands = 0,
	.wants_json = true,
	.description =
	    "Makes this host known to a server: its TPM's keys, and a certificate for the agent that only the\n"
	    "machine with this TPM could get. Prints the host's id and its state, \"enrolled\" or \"pending\"\n"
	    "(exit status 1: an operator has yet to approve it). A host that is enrolled already is left as\n"
	    "it is. assay-agent run does the same by itself.",
	.example = "    $ assay-agent enrol --server https://assay.example:4433 --server-ca ca.pem\n"
	"    4f0c0f3ea1b2c3d4e5f60718293a4b5c enrolled",
	.options = options,
	.config = AGENT_CONFIG,
	.run = run,
};
