/* assay policy simulate: which hosts would turn red or green. */
#include <time.h>

#include "cmd/api_client.h"
#include "cmd/host_text.h"
#include "cmd/interrupt.h"
#include "cmd/policy_choice.h"
#include "cmd/table.h"

static const struct option_spec options[] = {
	POLICY_CHOICE_OPTIONS,
	API_OPTIONS,
	{ .name = NULL },
};

static const struct table_column change_columns[] = {
	{ "WOULD BE", 0 }, { "IS", 0 }, { "NAME", TABLE_BENDS }, { "WHY", TABLE_BENDS }, { "ID", TABLE_SPARE },
};
static const struct table_column cause_columns[] = {
	{ "HOSTS", TABLE_RIGHT }, { "CODE", 0 }, { "PATH", TABLE_BENDS }, { "SEEN", TABLE_BENDS | TABLE_SPARE },
};

static bool
ended(const json_t *j)
{
	const char *state = api_str(j, "state");

	return strcmp(state, "waiting") != 0 && strcmp(state, "running") != 0;
}

static int
stop(struct api *a, uint64_t number, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request_number("simulationEnd", number);
	int rc = api_ask(a, &q, NULL, NULL, e);

	return rc != 0 ? rc : err_set(e, ERR_STORE_BUSY, "stopped before it was worked out");
}

/* Ask until it ended.  Whoever does not wait for the answer does not want the work either. */
static int
follow(struct api *a, uint64_t number, struct progress *bar, json_t **out, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request_number("simulationShow", number);
	struct timespec pause = { .tv_nsec = 100000000 };
	bool begun = false;

	while (!interrupted()) {
		JSON_AUTO json_t *j = NULL;
		int rc = api_ask(a, &q, NULL, &j, e);

		if (rc != 0)
			return rc;
		if (!begun && api_int(j, "hosts") > 0) {
			progress_start(bar, "appraising", (uint64_t)api_int(j, "hosts"));
			begun = true;
		}
		if (begun)
			progress_update(bar, (uint64_t)api_int(j, "done"), "hosts");
		if (ended(j)) {
			*out = json_incref(j);
			return 0;
		}
		(void)nanosleep(&pause, NULL);
		pause.tv_nsec = 400000000;
	}
	return stop(a, number, e);
}

static int
ask(struct api *a, const json_t *body, json_t **out, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("policySimulate", NULL);
	JSON_AUTO json_t *begun = NULL;
	struct progress bar = { 0 };
	int rc = api_ask(a, &q, body, &begun, e);

	if (rc != 0)
		return rc;
	rc = follow(a, (uint64_t)api_int(begun, "number"), &bar, out, e);
	progress_end(&bar);
	return rc;
}

static int
print_changes(const json_t *list, struct err *e)
{
	TABLE_AUTO struct table t = table_init(change_columns, sizeof(change_columns) / sizeof(change_columns[0]));
	int rc;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *x = json_array_get(list, i);
		const char *cells[] = { api_str(x, "after"), api_str(x, "before"), api_str(x, "name"), api_str(x, "reason"),
		    api_str(x, "id") };

		if ((rc = table_row(&t, verdict_colour_of(cells[0]), cells, e)) != 0)
			return rc;
	}
	table_print(&t, stdout);
	return 0;
}

static int
print_causes(const json_t *list, struct err *e)
{
	TABLE_AUTO struct table t = table_init(cause_columns, sizeof(cause_columns) / sizeof(cause_columns[0]));
	int rc;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *x = json_array_get(list, i);
		char hosts[32];
		const char *cells[] = { hosts, api_str(x, "code"), api_str(x, "path"), api_str(x, "seen") };

		(void)snprintf(hosts, sizeof(hosts), "%lld", api_int(x, "hosts"));
		if ((rc = table_row(&t, COLOUR_PLAIN, cells, e)) != 0)
			return rc;
	}
	if (json_array_size(list) > 0)
		(void)fputs("\nWhat would turn most hosts untrusted\n", stdout);
	table_print(&t, stdout);
	return 0;
}

static int
print(const json_t *j, struct err *e)
{
	long long judged = api_int(j, "trusted") + api_int(j, "untrusted") + api_int(j, "undecided");
	const json_t *changes = json_object_get(j, "changes");
	int rc;

	(void)printf("of %lld host%s %lld would be trusted, %lld untrusted, %lld undecided; %lld would change\n", judged, judged == 1 ? "" : "s",
	    api_int(j, "trusted"), api_int(j, "untrusted"), api_int(j, "undecided"), api_int(j, "changes_total"));
	if (api_int(j, "overruled") != 0)
		(void)printf("%lld more are held by an assignment of higher rank\n", api_int(j, "overruled"));
	if (api_int(j, "without_evidence") != 0)
		(void)printf("%lld more have shown no evidence that is kept\n", api_int(j, "without_evidence"));
	if (json_array_size(changes) > 0)
		(void)putchar('\n');
	if ((rc = print_changes(changes, e)) != 0)
		return rc;
	if ((long long)json_array_size(changes) < api_int(j, "changes_total"))
		(void)printf("... and %lld more\n", api_int(j, "changes_total") - (long long)json_array_size(changes));
	return print_causes(json_object_get(j, "causes"), e);
}

/* Red is a finding: who asks before an assignment wants to know in a script, too. */
static enum exit_status
status_of(const json_t *j)
{
	const json_t *changes = json_object_get(j, "changes");

	if (strcmp(api_str(j, "state"), "done") != 0)
		return EXIT_UNDECIDED;
	for (size_t i = 0; i < json_array_size(changes); i++)
		if (strcmp(api_str(json_array_get(changes, i), "after"), "untrusted") == 0)
			return EXIT_FINDING;
	return json_array_size(json_object_get(j, "causes")) > 0 ? EXIT_FINDING : EXIT_GOOD;
}

static enum exit_status
simulate(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	JSON_AUTO json_t *body = NULL, *j = NULL;
	const char *wrong;

	if (!policy_choice(in, &body, &wrong))
		return cmd_usage(in, "%s", wrong);
	interrupt_catch();
	if (api_open(in, &a, e) != 0 || ask(&a, body, &j, e) != 0)
		return cmd_error(in, e);
	if (strcmp(api_str(j, "state"), "done") != 0 && !in->json) {
		err_set(e, ERR_STORE, "the simulation %s: %s", api_str(j, "state"), api_str(j, "error"));
		return cmd_error(in, e);
	}
	if ((in->json ? cmd_print_json(j, e) : print(j, e)) != 0)
		return cmd_error(in, e);
	return status_of(j);
}

const struct command cmd_policy_simulate = {
	.noun = "policy", .verb = "simulate",
	.summary = "show which hosts policies would turn red or green",
	.operands = "NAME[@VERSION]...", .min_operands = 1, .max_operands = -1,
	.description =
	    "As policy assign with the same operands, once its overlap is over; but nothing is changed. The\n"
	    "server appraises every host again from the evidence it keeps: what the quotes covered until now.\n"
	    "Push the policies first, which changes nothing either. Hosts that an assignment of higher rank\n"
	    "holds are left out, and counted.\n"
	    "\n"
	    "Exit status: 0 no host would turn untrusted, 1 some would, 3 it could not be worked out.",
	.example =
	    "  $ assay policy push base.json\n"
	    "  $ assay policy simulate base --label role=web\n"
	    "  of 512 hosts 510 would be trusted, 2 untrusted, 0 undecided; 2 would change",
	.wants_json = true,
	.options = options,
	.run = simulate,
};
