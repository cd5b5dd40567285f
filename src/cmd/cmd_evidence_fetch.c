/* assay evidence fetch: the bundle behind a verdict, to be proved again offline. */
#include "base/text.h"
#include "cmd/api_client.h"

static const struct option_spec options[] = {
	{ .name = "bundle", .arg = "N", .help = "this one (assay host history), not the one behind the present verdict" },
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE, .help = "write the bundle there; must be given" },
	{ .name = "ak", .arg = "F", .complete = COMPLETE_FILE, .help = "write the host's attestation key there, PEM" },
	API_OPTIONS,
	{ .name = NULL },
};

/* By the host's facts: 13, or what it was told to use, where its list is the execution monitor's. */
static long long
list_pcr_of(const json_t *host)
{
	const json_t *pcr = json_object_get(json_object_get(host, "facts"), "list_pcr");
	const char *text = json_string_value(pcr);
	uint64_t n = 0;

	if (json_is_integer(pcr))
		return json_integer_value(pcr);
	return text != NULL && dec_u64(span_str(text), &n) && n < 24 ? (long long)n : 10;
}

/* Which bundle: the one that is named, or the one behind the verdict. */
static int
find_bundle(const struct invocation *in, struct api *a, const char *id, uint64_t *number, long long *list_pcr,
    struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("hostShow", id);
	JSON_AUTO json_t *j = NULL;
	int rc;

	if ((rc = api_ask(a, &q, NULL, &j, e)) != 0)
		return rc;
	*list_pcr = list_pcr_of(j);
	if (opt_has(in, "bundle"))
		return 0;
	*number = (uint64_t)api_int(j, "bundle");
	if (*number == 0)
		return err_set(e, ERR_USAGE, "%s has shown no evidence that is kept",
		    in->n_operands > 0 ? in->operands[0] : "the host");
	return 0;
}

static int
write_bundle(const struct invocation *in, struct api *a, uint64_t number, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request_number("bundleGet", number);
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	struct http_call call = { .method = q.method, .target = buf_cstr(&q.target), .answer_max = LIMIT_EVIDENCE_BUNDLE,
	    .answer_ms = LIMIT_HTTP_ANSWER_MS * 5 };
	int rc;

	if ((rc = api_call(a, &call, &r, e)) != 0)
		return rc;
	return cmd_output(opt_get(in, "output"), buf_view(&r.body), e);
}

/* The key of the identity the host has now; an older bundle may be of an older one. */
static int
write_ak(const struct invocation *in, struct api *a, const char *id, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("hostIdentities", id);
	JSON_AUTO json_t *j = NULL;
	const json_t *list;
	int rc;

	if ((rc = api_ask(a, &q, NULL, &j, e)) != 0)
		return rc;
	list = json_object_get(j, "identities");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		if (json_is_true(json_object_get(v, "current")))
			return cmd_output(opt_get(in, "ak"), span_str(api_str(v, "ak_pem")), e);
	}
	return err_set(e, ERR_NETWORK, "the server names no present identity of %s", id);
}

static void
say_how(const struct invocation *in, uint64_t number, long long list_pcr)
{
	const char *path = opt_get(in, "output"), *ak = opt_get(in, "ak");

	if (strcmp(path, "-") == 0)
		return;
	(void)fprintf(stderr, "bundle %llu is in %s; to prove it again, as what it was then:\n"
	    "  assay evidence verify --bundle %s --expect-ak %s --expect-nonce recorded", (unsigned long long)number, path, path,
	    ak != NULL ? ak : "AK");
	if (list_pcr != 10)	/* the verdict believes no bundle which PCR its list has */
		(void)fprintf(stderr, " \\\n    --list-pcr %lld", list_pcr);
	(void)fputs(" --policy POLICY\n", stderr);
	if (ak == NULL)
		(void)fprintf(stderr, "  (AK: the host's attestation key, which --ak F writes)\n");
}

static enum exit_status
fetch(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	long long list_pcr = 10;
	uint64_t number = 0;
	char id[33];
	/* A bundle's number says all where the host's key is not asked for. */
	bool of_host = in->n_operands > 0 || !opt_has(in, "bundle") || opt_has(in, "ak");

	if (opt_get(in, "output") == NULL)
		return cmd_usage(in, "--output is missing: where to write the bundle");
	if (opt_has(in, "bundle") && (!dec_u64(span_str(opt_get(in, "bundle")), &number) || number == 0))
		return cmd_usage(in, "--bundle wants a number (assay host history)");
	if (api_open(in, &a, e) != 0 || (of_host && (api_host(&a, in->n_operands > 0 ? in->operands[0] : NULL, id, e) != 0 ||
	    find_bundle(in, &a, id, &number, &list_pcr, e) != 0)) || write_bundle(in, &a, number, e) != 0 ||
	    (opt_has(in, "ak") && write_ak(in, &a, id, e) != 0))
		return cmd_error(in, e);
	say_how(in, number, list_pcr);
	return EXIT_GOOD;
}

const struct command cmd_evidence_fetch = {
	.noun = "evidence", .verb = "fetch",
	.summary = "get the evidence behind a verdict from the server",
	.operands = "[HOST]", .min_operands = 0, .max_operands = 1,
	.description =
	    "The bundle has all that the verdict rested on: quote, measurement list, event log. Whoever has it,\n"
	    "the host's attestation key and the policy (assay policy fetch) proves it again without the\n"
	    "server. Take the key (--ak) at enrolment or over another way where the server itself is\n"
	    "not to be believed: a bundle proves no more than that its key signed it. Where there is one host,\n"
	    "it need not be named. A list of the execution monitor is proved by --list-pcr 13.",
	.example =
	    "  $ assay evidence fetch web-17 -o web-17.bundle --ak web-17.pem\n"
	    "  $ assay evidence verify --bundle web-17.bundle --expect-ak web-17.pem \\\n"
	    "      --expect-nonce recorded --policy base.json",
	.options = options,
	.run = fetch,
};
