/* assay policy fetch: a policy as the server has it. */
#include "base/limits.h"
#include "cmd/api_client.h"
#include "crypto/digest.h"

static const struct option_spec options[] = {
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE, .help = "write it there; standard output if not given" },
	API_OPTIONS,
	{ .name = NULL },
};

/* What NAME alone means, which the answer is then held to as to any other version. */
static int
newest(struct api *a, const char *name, struct buf *version, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("policyList", NULL);
	JSON_AUTO json_t *j = NULL;
	int rc;

	api_query(&q, "name", name);
	if ((rc = api_ask(a, &q, NULL, &j, e)) != 0)
		return rc;
	if (json_array_size(json_object_get(j, "policies")) == 0)
		return err_hint(e, err_set(e, ERR_USAGE, "there is no policy \"%s\"", name), "assay policy list lists them");
	buf_str(version, api_str(json_array_get(json_object_get(j, "policies"), 0), "version"));
	return buf_done(version, e);
}

/* A version is the SHA-256 of its bytes: whoever changed them, it is told. */
static int
check(const struct http_result *r, const char *name, const char *version, struct err *e)
{
	BUF_AUTO struct buf got = buf_init(128);
	struct digest d;
	int rc = digest_of(DIGEST_SHA256, buf_view(&r->body), &d, e);

	if (rc != 0)
		return rc;
	buf_hex(&got, digest_view(&d));
	if (strcmp(buf_cstr(&got), version) == 0)
		return 0;
	return err_hint(e, err_set(e, ERR_MISMATCH, "what the server gave as %s@%s has the SHA-256 %s", name, version, buf_cstr(&got)),
	    "nothing was written; its store was changed, or something between it and you changes what it says");
}

static int
get(struct api *a, const char *name, const char *version, struct http_result *r, struct err *e)
{
	const char *const params[] = { name, version };
	API_REQUEST_AUTO struct api_request q = api_request_of("policyGet", params, 2);
	int rc = buf_done(&q.target, e);

	if (rc != 0 || (rc = api_call(a, &(struct http_call){ .method = q.method, .target = buf_cstr(&q.target),
	    .answer_max = LIMIT_POLICY_UPLOAD, .answer_ms = LIMIT_HTTP_ANSWER_MS * 5 }, r, e)) != 0)
		return rc;
	return check(r, name, version, e);
}

static int
fetch(const struct invocation *in, struct buf *name, struct buf *version, struct err *e)
{
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	API_AUTO struct api a = { 0 };
	int rc = api_open(in, &a, e);

	if (rc != 0 || (version->n == 0 && (rc = newest(&a, buf_cstr(name), version, e)) != 0) ||
	    (rc = get(&a, buf_cstr(name), buf_cstr(version), &r, e)) != 0)
		return rc;
	return cmd_output(opt_get(in, "output"), buf_view(&r.body), e);
}

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	const char *what = in->operands[0], *at = strchr(what, '@'), *output = opt_get(in, "output");
	BUF_AUTO struct buf name = buf_init(KIB(4)), version = buf_init(KIB(4));

	buf_span(&name, at == NULL ? span_str(what) : span_of(what, (size_t)(at - what)));
	if (at != NULL)
		buf_str(&version, at + 1);
	if (name.n == 0 || (at != NULL && version.n == 0))
		return cmd_usage(in, "\"%s\" is neither NAME nor NAME@VERSION", what);
	if (buf_done(&name, e) != 0 || buf_done(&version, e) != 0 || fetch(in, &name, &version, e) != 0)
		return cmd_error(in, e);
	if (output != NULL && strcmp(output, "-") != 0)
		(void)fprintf(stderr, "%s@%s is in %s\n", buf_cstr(&name), buf_cstr(&version), output);
	return EXIT_GOOD;
}

const struct command cmd_policy_fetch = {
	.noun = "policy", .verb = "fetch",
	.summary = "get a policy from the server, as it was pushed",
	.operands = "NAME[@VERSION]", .min_operands = 1, .max_operands = 1,
	.description =
	    "The newest version unless one is given. A version is the SHA-256 of the policy's bytes: what comes\n"
	    "is held to it, and nothing is written if it is not that. A signed policy comes in its envelope;\n"
	    "assay policy verify says who signed it.",
	.example =
	    "  $ assay policy fetch base -o base.dsse\n"
	    "  base@9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 is in base.dsse",
	.options = options,
	.run = run,
};
