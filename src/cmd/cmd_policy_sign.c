/* assay policy sign: a policy in a signed envelope (DSSE). */
#include "base/file.h"
#include "cmd/load_policy.h"
#include "engine/dsse_sign.h"

static const struct option_spec options[] = {
	{ .name = "key", .arg = "F", .complete = COMPLETE_FILE, .help = "private key (PEM) to sign with" },
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE,
	  .help = "where to write the envelope; standard output if not given" },
	{ .name = NULL },
};

static int
load_key(const char *path, struct privkey **key, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	int rc;

	if ((rc = file_read(path, LIMIT_SMALL_FILE, &f, e)) != 0)
		return rc;
	rc = privkey_parse(file_view(&f), key, e);
	explicit_bzero(f.p, f.n);
	return rc == 0 ? 0 : err_file(e, rc, path);
}

/* Only what can be read back is signed; its bytes go into the envelope as they are. */
static int
type_of(struct span bytes, struct span *type, struct err *e)
{
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	int rc;

	if (policy_table_sniff(bytes))
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "a compiled policy cannot be signed"),
		    "sign the JSON policy, and check it when compiling: assay policy compile --policy-key");
	if ((rc = runtime_policy_parse(bytes, &p, e)) != 0)
		return rc;
	if (p.source == POLICY_FROM_ASSAY)
		*type = span_lit(DSSE_TYPE_POLICY);
	else if (p.source == POLICY_FROM_KEYLIME)
		*type = span_lit(DSSE_TYPE_KEYLIME);
	else
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "a list of digests cannot be signed as it is"),
		    "assay policy import turns it into a policy");
	return 0;
}

static int
sign_file(struct span bytes, struct privkey *key, struct buf *out, struct err *e)
{
	DSSE_AUTO struct dsse d = { 0 };
	struct span type;
	int rc;

	if (dsse_sniff(bytes))
		return (rc = dsse_parse(bytes, &d, e)) != 0 ? rc : dsse_countersign(&d, key, out, e);
	if ((rc = type_of(bytes, &type, e)) != 0)
		return rc;
	return dsse_sign(key, type, bytes, out, e);
}

static enum exit_status
sign(const struct invocation *in, struct err *e)
{
	PRIVKEY_AUTO struct privkey *key = NULL;
	FILE_AUTO struct file f = { 0 };
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4);

	if (!opt_has(in, "key"))
		return cmd_usage(in, "want --key F");
	if (load_key(opt_get(in, "key"), &key, e) != 0 ||
	    file_read(in->operands[0], LIMIT_POLICY_FILE, &f, e) != 0)
		return cmd_error(in, e);
	if (sign_file(file_view(&f), key, &out, e) != 0) {
		err_file(e, e->code, in->operands[0]);
		return cmd_error(in, e);
	}
	if (cmd_output(opt_get(in, "output"), buf_view(&out), e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_policy_sign = {
	.noun = "policy", .verb = "sign",
	.summary = "sign a policy",
	.operands = "POLICY", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Puts the policy, byte for byte, into a DSSE envelope with a signature: ECDSA by an EC key\n"
	    "(P-256, P-384, P-521), RSA-PSS with SHA-256 by an RSA key. Signing an envelope adds a\n"
	    "signature to it. Assay's JSON and Keylime's runtime policy can be signed.\n"
	    "\n"
	    "Stock openssl can check the signature too: see assay policy verify.",
	.example =
	    "  $ openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out signer.key\n"
	    "  $ assay policy sign --key signer.key policy.json -o policy.dsse",
	.options = options,
	.run = sign,
};
