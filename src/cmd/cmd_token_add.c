/* assay token add: somebody may ask the server, by a token or a certificate. */
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "cmd/api_client.h"

static const struct option_spec options[] = {
	{ .name = "role", .arg = "R", .complete = COMPLETE_WORDS, .words = "viewer operator admin",
	  .help = "what they may do: viewer, operator or admin; must be given" },
	{ .name = "days", .arg = "N", .help = "ends after N days; a token never if not given, a certificate after 90" },
	{ .name = "csr", .arg = "F", .complete = COMPLETE_FILE, .help = "make a certificate for this request (PKCS#10, PEM) instead" },
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE, .help = "write the token or certificate there" },
	API_OPTIONS,
	{ .name = NULL },
};

static int
make_body(const struct invocation *in, uint64_t days, json_t **out, struct err *e)
{
	JSON_AUTO json_t *j = json_pack("{s:o, s:s}", "name", json_new_string(span_str(in->operands[0])),
	    "role", opt_get(in, "role"));
	FILE_AUTO struct file f = { 0 };
	int rc;

	if (j == NULL)
		return err_set(e, ERR_USAGE, "the name is not UTF-8");
	if (days != 0)
		json_object_set_new(j, "days", json_integer((json_int_t)days));
	if (opt_has(in, "csr")) {
		if ((rc = file_read(opt_get(in, "csr"), LIMIT_SMALL_FILE, &f, e)) != 0)
			return rc;
		if (json_object_set_new(j, "csr", json_new_string(file_view(&f))) != 0)
			return err_file(e, err_set(e, ERR_ENCODING, "is not PEM"), opt_get(in, "csr"));
		json_object_set_new(j, "kind", json_string("certificate"));
	}
	*out = json_incref(j);
	return 0;
}

/* The secret goes into a file that only its owner reads, or alone to standard output. */
static int
give(const struct invocation *in, const json_t *j, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_SMALL_FILE);
	const char *token = api_str(j, "token"), *path = opt_get(in, "output");

	if (token[0] != '\0')
		buf_printf(&text, "%s\n", token);
	else
		buf_str(&text, api_str(j, "certificate_pem"));
	if (path != NULL && strcmp(path, "-") != 0)
		return file_write(path, buf_view(&text), 0600, e);
	if (in->json)
		return cmd_print_json(j, e);
	(void)fprintf(stderr, "%s of %s, who is %s; it is shown this once:\n", token[0] != '\0' ? "token" : "certificate",
	    api_str(j, "name"), api_str(j, "role"));
	return cmd_output(NULL, buf_view(&text), e);
}

static enum exit_status
add(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	API_REQUEST_AUTO struct api_request q = api_request("principalAdd", NULL);
	JSON_AUTO json_t *body = NULL, *j = NULL;
	const char *days = opt_get(in, "days"), *role = opt_get(in, "role");
	uint64_t n = 0;

	if (role == NULL)
		return cmd_usage(in, "--role is missing: viewer, operator or admin");
	if (strcmp(role, "viewer") != 0 && strcmp(role, "operator") != 0 && strcmp(role, "admin") != 0)
		return cmd_usage(in, "--role wants viewer, operator or admin");
	if (days != NULL && (!dec_u64(span_str(days), &n) || n == 0 || n > 3650))
		return cmd_usage(in, "--days wants 1 to 3650");
	if (make_body(in, n, &body, e) != 0 || api_open(in, &a, e) != 0 ||
	    api_ask(&a, &q, body, &j, e) != 0 || give(in, j, e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_token_add = {
	.noun = "token", .verb = "add",
	.summary = "let somebody ask the server",
	.operands = "NAME", .min_operands = 1, .max_operands = 1,
	.description =
	    "A viewer reads, an operator also changes hosts and policies, an admin also says who may. The server\n"
	    "keeps only a digest of the token. With --csr the server signs a certificate for the key of that\n"
	    "request, for --cert and --key: nothing secret then travels at all.",
	.example =
	    "  $ assay token add grafana --role viewer -o grafana.token\n"
	    "  $ openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\\n"
	    "      -keyout ann.key -subj /CN=ann -out ann.csr\n"
	    "  $ assay token add ann --role admin --csr ann.csr -o ann.pem",
	.wants_json = true,
	.options = options,
	.run = add,
};
