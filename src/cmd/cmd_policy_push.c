/* assay policy push: a new version of a policy to the server. */
#include "base/file.h"
#include "base/limits.h"
#include "cmd/api_client.h"

static const struct option_spec options[] = {
	{ .name = "name", .arg = "N", .help = "what the server is to call it; the file's name without its ending if not given" },
	{ .name = "expect", .arg = "VERSION", .help = "only if this is the newest version there (none: if there is none)" },
	API_OPTIONS,
	{ .name = NULL },
};

/* "web.policy.json" is "web.policy". */
static void
name_of(const char *path, struct buf *out)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path, *dot = strrchr(base, '.');

	buf_span(out, span_of(base, dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base)));
}

static int
push(const struct invocation *in, struct api *a, struct http_result *r, struct err *e)
{
	const char *path = in->operands[0], *expect = opt_get(in, "expect");
	BUF_AUTO struct buf name = buf_init(KIB(4));
	FILE_AUTO struct file f = { 0 };
	int rc;

	if (opt_has(in, "name"))
		buf_str(&name, opt_get(in, "name"));
	else
		name_of(path, &name);
	if ((rc = buf_done(&name, e)) != 0 || (rc = file_read(path, LIMIT_POLICY_UPLOAD, &f, e)) != 0)
		return rc;
	API_REQUEST_AUTO struct api_request q = api_request("policyPut", buf_cstr(&name));
	bool none = expect != NULL && strcmp(expect, "none") == 0;

	rc = api_call(a, &(struct http_call){ .method = q.method, .target = buf_cstr(&q.target), .body = file_view(&f),
	    .type = "application/octet-stream", .answer_ms = LIMIT_HTTP_ANSWER_MS * 5,
	    .if_none_match = none ? "*" : NULL, .if_match = none ? NULL : expect }, r, e);
	/* What the server says of the file; not what is wrong on the way to it. */
	return rc == ERR_USAGE ? err_file(e, rc, path) : rc;
}

/* What is assigned by its name alone is the version that came last: going back is said, or is not done. */
static int
warn_older(struct api *a, const json_t *pushed, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("policyList", NULL);
	const char *name = api_str(pushed, "name"), *version = api_str(pushed, "version");
	JSON_AUTO json_t *list = NULL;
	const json_t *policies, *p;
	size_t i;
	int rc = api_ask(a, &q, NULL, &list, e);

	if (rc != 0)
		return rc;
	policies = json_object_get(list, "policies");
	json_array_foreach(policies, i, p) {
		if (strcmp(api_str(p, "name"), name) != 0)
			continue;
		/* Newest first. */
		if (strcmp(api_str(p, "version"), version) != 0)
			(void)fprintf(stderr, "it is not the newest version of \"%s\", and does not become it: to go back to it,"
			    " assay policy assign %s@%s\n", name, name, version);
		return 0;
	}
	return 0;
}

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	JSON_AUTO json_t *j = NULL;

	if (api_open(in, &a, e) != 0 || push(in, &a, &r, e) != 0 ||
	    json_parse(buf_view(&r.body), LIMIT_SMALL_FILE, &j, e) != 0)
		return cmd_error(in, e);
	if (in->json && cmd_print_json(j, e) != 0)
		return cmd_error(in, e);
	if (!in->json)
		(void)printf("%s %s%s\n", api_str(j, "name"), api_str(j, "version"), r.status == 200 ? " was there already" : "");
	return r.status != 200 || warn_older(&a, j, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
}

const struct command cmd_policy_push = {
	.noun = "policy", .verb = "push",
	.summary = "bring a new version of a policy to the server",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Nothing is judged by it yet: assay policy simulate shows what it would change, assay policy assign\n"
	    "puts it in force. A version is named by the SHA-256 of its bytes and is never changed; one that is\n"
	    "pushed again does not become the newest again: assign NAME@VERSION to go back to it. Where the\n"
	    "server demands signed policies, push the envelope that assay policy sign makes.",
	.example =
	    "  $ assay policy push base.dsse\n"
	    "  base 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	.wants_json = true,
	.options = options,
	.run = run,
};
