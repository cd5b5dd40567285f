/* assay host label: labels choose policies. */
#include "cmd/host_change.h"

static const struct option_spec options[] = {
	API_OPTIONS,
	{ .name = NULL },
};

/* "k=v" sets, "k-" removes; false if it is neither. */
static bool
add_change(json_t *labels, const char *text)
{
	struct span s = span_str(text);
	size_t eq = span_find(s, '=');
	json_t *value = NULL;
	char *key;

	if (eq == 0 || (eq == s.n && (s.n < 2 || s.p[s.n - 1] != '-')))
		return false;
	value = eq == s.n ? json_null() : json_new_string(span_from(s, eq + 1));
	key = strndup(text, eq == s.n ? s.n - 1 : eq);
	if (value == NULL || key == NULL || json_object_set_new(labels, key, value) != 0) {
		free(key);
		return false;
	}
	free(key);
	return true;
}

static enum exit_status
label(const struct invocation *in, struct err *e)
{
	JSON_AUTO json_t *body = json_pack("{s:{}}", "labels");

	for (size_t i = 1; i < in->n_operands; i++)
		if (!add_change(json_object_get(body, "labels"), in->operands[i]))
			return cmd_usage(in, "\"%s\" is neither KEY=VALUE nor KEY-", in->operands[i]);
	return host_change(in, &(struct host_change){ .operation = "hostChange", .body = body,
	    .done = "is labelled", .n = 1 }, e);
}

const struct command cmd_host_label = {
	.noun = "host", .verb = "label",
	.summary = "set and remove a host's labels",
	.operands = "HOST KEY=VALUE|KEY-...", .min_operands = 2, .max_operands = -1,
	.description =
	    "KEY=VALUE sets a label, KEY- removes it; the others stay. Policies are assigned to labels, so\n"
	    "that a label can change what a host is judged by.",
	.example = "  $ assay host label web-17 role=web site=berlin canary-",
	.wants_json = true,
	.options = options,
	.run = label,
};
