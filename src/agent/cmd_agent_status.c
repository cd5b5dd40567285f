#include "agent/places.h"
#include "port/sandbox/sandbox.h"
#include "svc/agent/identity.h"
#include "svc/agent/priv_client.h"

static const struct option_spec options[] = {
	PLACE_OPTIONS,
	{ 0 }
};

/* An object of the other process's, or one that says why there is none. */
static json_t *
ask(struct priv_client *c, enum priv_request what, bool *good)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_PRIV_PACKET);
	json_t *j = NULL;
	struct err e = { 0 };

	*good = priv_call(c, what, span_of(NULL, 0), 30000, &text, NULL, &e) == 0 &&
	    json_parse(buf_view(&text), LIMIT_PRIV_PACKET, &j, &e) == 0;
	return *good ? j : json_pack("{s:o}", "error", json_escaped(span_str(e.message)));
}

static const char *
text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s == NULL || s[0] == '\0' ? "-" : s;
}

static void
print_text(const json_t *j)
{
	const json_t *facts = json_object_get(j, "facts"), *tpm = json_object_get(facts, "tpm");
	const json_t *monitor = json_object_get(j, "monitor");

	printf("host:      %s\n", text_of(j, "host_id"));
	printf("state:     %s\n", text_of(j, "state"));
	if (json_object_get(facts, "error") != NULL)
		printf("privileged process: %s\n       is it running? systemctl start assay-agent-priv, or assay-agent priv\n",
		    text_of(facts, "error"));
	printf("TPM:       %s%s%s\n", tpm == NULL ? "none answers" : text_of(tpm, "manufacturer"), tpm == NULL ? "" : ", ",
	    tpm == NULL ? "" : text_of(tpm, "kind"));
	printf("list:      %s: %s\n", text_of(facts, "list"), text_of(facts, "list_worth"));
	printf("monitor:   %s\n", json_object_get(monitor, "error") != NULL ? "none" : text_of(monitor, "state"));
	printf("Landlock:  version %d of this kernel\n", (int)json_integer_value(json_object_get(j, "landlock")));
}

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	IDENTITY_AUTO struct identity id = { 0 };
	JSON_AUTO json_t *j = NULL;
	struct places p;
	bool facts, monitor, enrolled;
	int rc;

	if ((rc = places_find(in, &p, e)) != 0 || (rc = identity_load(p.net, &id, e)) != 0)
		return cmd_error(in, e);

	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(p.socket);
	json_t *f = ask(&c, PRIV_FACTS, &facts), *m = ask(&c, PRIV_MONITOR, &monitor);

	enrolled = id.pem.n > 0 && strcmp(id.state, "enrolled") == 0;
	j = json_pack("{s:s,s:s,s:o,s:o,s:i}", "host_id", id.host_id, "state", id.pem.n == 0 ? "not enrolled" : id.state,
	    "facts", f, "monitor", m, "landlock", sandbox_landlock_version());
	if (!in->json)
		print_text(j);
	else if (cmd_print_json(j, e) != 0)
		return cmd_error(in, e);
	return !facts ? EXIT_UNDECIDED : enrolled ? EXIT_GOOD : EXIT_FINDING;
}

const struct command cmd_agent_status = {
	.noun = "status",
	.summary = "what the agent of this host knows of itself",
	.operands = "", .max_operands = 0,
	.wants_json = true,
	.description =
	    "Tells what the two processes of the agent know: the host's id and state at its server, the TPM,\n"
	    "the measurement list and what that is worth, the monitor. Exit status 0: enrolled; 1: not\n"
	    "enrolled, not yet approved, or removed; 3: the privileged process does not answer. Whether the host is\n"
	    "trusted is the server's to say (assay host show).",
	.example = "    # assay-agent status",
	.options = options,
	.config = AGENT_CONFIG,
	.run = run,
};
