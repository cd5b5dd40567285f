/* assay host list: hosts and how they stand. */
#include "cmd/api_client.h"
#include "cmd/host_text.h"
#include "cmd/table.h"

static const struct option_spec options[] = {
	{ .name = "verdict", .arg = "V", .complete = COMPLETE_WORDS, .words = "trusted untrusted undecided unknown",
	  .help = "those of this verdict" },
	{ .name = "label", .arg = "K=V", .help = "those with this label" },
	{ .name = "name", .arg = "PREFIX", .help = "those whose name begins so" },
	{ .name = "pending", .help = "those that wait for an operator" },
	{ .name = "removed", .help = "those that were removed, which no other list shows" },
	{ .name = "forgotten", .help = "those that were forgotten: their ids and names are left" },
	API_OPTIONS,
	{ .name = NULL },
};

static const struct table_column columns[] = {
	{ "VERDICT", 0 }, { "NAME", TABLE_BENDS }, { "REACH", 0 }, { "EVIDENCE", TABLE_SPARE | TABLE_RIGHT },
	{ "WHY", TABLE_BENDS | TABLE_SPARE }, { "POLICY", TABLE_BENDS | TABLE_SPARE },
	{ "ENTRIES", TABLE_SPARE | TABLE_RIGHT }, { "ID", TABLE_SPARE },
};

struct listing {
	const struct invocation *in;
	struct table table;
	size_t n;
};

/* The path says more than the sentence, where there is a path. */
static const char *
why(const json_t *h)
{
	const json_t *first = json_array_get(json_object_get(h, "findings"), 0);

	return api_str(first, "path")[0] != '\0' ? api_str(first, "path") : api_str(h, "reason");
}

static int
add_row(struct listing *l, const json_t *h, struct err *e)
{
	const char *registration = api_str(h, "registration");
	const char *verdict = strcmp(registration, "enrolled") == 0 ? api_str(h, "verdict") : registration;
	char ago[64], entries[32];
	const char *cells[] = { verdict, api_str(h, "name"), api_str(h, "reachability"), ago, why(h), api_str(h, "policy"),
	    entries, api_str(h, "id") };

	time_ago(api_str(h, "last_seen"), ago, sizeof(ago));
	(void)snprintf(entries, sizeof(entries), "%lld", api_int(h, "entries"));
	return table_row(&l->table, verdict_colour_of(verdict), cells, e);
}

/* A page at a time, so that a fleet needs no more memory than a page. */
static int
print_page(struct listing *l, const json_t *hosts, struct err *e)
{
	int rc;

	for (size_t i = 0; i < json_array_size(hosts); i++, l->n++) {
		const json_t *h = json_array_get(hosts, i);

		if (l->in->json) {
			(void)fputs(l->n == 0 ? "\n" : ",\n", stdout);
			(void)json_dumpf(h, stdout, JSON_COMPACT);
		} else if ((rc = add_row(l, h, e)) != 0) {
			return rc;
		}
	}
	if (!l->in->json)
		table_print(&l->table, stdout);
	return cmd_flush(e);
}

/* Options and, of the API, values. */
static const char *const registrations[] = { "pending", "removed", "forgotten" };

static void
add_filters(const struct invocation *in, struct api_request *q)
{
	api_query(q, "limit", "1000");
	api_query(q, "verdict", opt_get(in, "verdict"));
	api_query(q, "label", opt_get(in, "label"));
	api_query(q, "name", opt_get(in, "name"));
	for (size_t i = 0; i < sizeof(registrations) / sizeof(registrations[0]); i++)
		if (opt_has(in, registrations[i]))
			api_query(q, "registration", registrations[i]);
}

static int
list_all(struct listing *l, struct api *a, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("hostList", NULL);
	size_t head;
	int rc;

	add_filters(l->in, &q);
	for (head = q.target.n;;) {
		JSON_AUTO json_t *j = NULL;
		const char *next;

		if ((rc = api_ask(a, &q, NULL, &j, e)) != 0)
			return rc;
		if (l->in->json && l->n == 0)	/* nothing before: an error must be the only output */
			(void)fputs("{\"hosts\": [", stdout);
		if ((rc = print_page(l, json_object_get(j, "hosts"), e)) != 0)
			return rc;
		if ((next = json_string_value(json_object_get(j, "next"))) == NULL)
			return 0;
		q.target.n = head;
		api_query(&q, "after", next);
	}
}

static enum exit_status
list(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	TABLE_AUTO struct table t = table_init(columns, sizeof(columns) / sizeof(columns[0]));
	struct listing l = { .in = in, .table = t };
	const char *label = opt_get(in, "label");
	int rc;

	if (opt_has(in, "pending") + opt_has(in, "removed") + opt_has(in, "forgotten") > 1)
		return cmd_usage(in, "--pending, --removed and --forgotten exclude each other");
	if (label != NULL && strchr(label, '=') == NULL)
		return cmd_usage(in, "--label wants KEY=VALUE");
	if (api_open(in, &a, e) != 0)
		return cmd_error(in, e);
	rc = list_all(&l, &a, e);
	t = l.table;
	if (rc != 0)
		return cmd_error(in, e);
	if (in->json)
		(void)fputs("\n]}\n", stdout);
	else if (l.n == 0)
		(void)fputs("no host\n", stderr);
	return EXIT_GOOD;
}

const struct command cmd_host_list = {
	.noun = "host", .verb = "list",
	.summary = "list hosts and how they stand",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "By name, or by when they were enrolled where --verdict, --label or --pending choose. A verdict that\n"
	    "ran out, because no evidence came, reads undecided; REACH says how it is with evidence: fresh,\n"
	    "late, stale or never. Hosts that were removed or forgotten are not among the others, and their\n"
	    "verdict is not shown. On a terminal the table is as wide as the terminal: long names are cut in\n"
	    "their middle; elsewhere, and with --json, everything is whole.",
	.example =
	    "  $ assay host list --verdict untrusted\n"
	    "  VERDICT    NAME    REACH  EVIDENCE  WHY             POLICY  ENTRIES  ID\n"
	    "  untrusted  web-17  fresh   12 s ago  /opt/backdoor  base       3120  5f0c...",
	.wants_json = true,
	.options = options,
	.run = list,
};
