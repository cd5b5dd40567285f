/* assay policy verify: whether a policy is signed by somebody we trust. */
#include "base/file.h"
#include "cmd/load_policy.h"
#include "engine/dsse_sign.h"

static const struct option_spec options[] = {
	{ .name = "key", .arg = "F", .repeat = true, .complete = COMPLETE_FILE,
	  .help = "public key or certificate (PEM or DER) that may have signed" },
	{ .name = "output", .letter = 'o', .arg = "F", .complete = COMPLETE_FILE,
	  .help = "write the policy here if the signature is good" },
	{ .name = "pae", .arg = "F", .complete = COMPLETE_FILE,
	  .help = "write the bytes that are signed, for openssl" },
	{ .name = "signature", .arg = "F", .complete = COMPLETE_FILE,
	  .help = "write the first signature, for openssl" },
	{ .name = NULL },
};

/* What openssl needs to decide for itself; independent of what we find. */
static int
write_parts(const struct invocation *in, const struct dsse *d, struct err *e)
{
	BUF_AUTO struct buf pae = buf_init(SIZE_MAX / 4);
	int rc;

	if (opt_has(in, "pae")) {
		dsse_pae(d->payload_type, buf_view(&d->payload), &pae);
		if ((rc = buf_done(&pae, e)) != 0 ||
		    (rc = cmd_output(opt_get(in, "pae"), buf_view(&pae), e)) != 0)
			return rc;
	}
	return opt_has(in, "signature") ?
	    cmd_output(opt_get(in, "signature"), d->signatures[0].sig, e) : 0;
}

static int
report_json(const struct dsse *d, const struct pubkey *signer, struct err *e)
{
	BUF_AUTO struct buf id = buf_init(256);
	JSON_AUTO json_t *j = json_pack("{s:i, s:b, s:o, s:I, s:i}", "assay_policy_verify", 1,
	    "verified", signer != NULL, "payload_type", json_escaped(d->payload_type),
	    "payload_size", (json_int_t)d->payload.n, "signatures", (int)d->n_signatures);

	if (signer != NULL) {
		dsse_keyid(signer, &id);
		json_object_set_new(j, "signer", json_pack("{s:s, s:s}", "keyid", buf_cstr(&id),
		    "subject", pubkey_subject(signer)));
	}
	return cmd_print_json(j, e);
}

static void
report_text(const struct dsse *d, const struct pubkey *signer)
{
	BUF_AUTO struct buf id = buf_init(256), type = buf_init(LIMIT_SMALL_FILE);

	buf_escape(&type, d->payload_type);
	if (signer == NULL) {
		printf("NOT VERIFIED: none of the given keys made a signature of this envelope, or it\n"
		    "was changed after it was signed (%zu signature%s, %s)\n", d->n_signatures,
		    d->n_signatures == 1 ? "" : "s", buf_cstr(&type));
		return;
	}
	dsse_keyid(signer, &id);
	printf("verified: signed by %s%s%s%s\n%s, %zu bytes\n", buf_cstr(&id),
	    pubkey_subject(signer)[0] == '\0' ? "" : " (", pubkey_subject(signer),
	    pubkey_subject(signer)[0] == '\0' ? "" : ")", buf_cstr(&type), d->payload.n);
}

static enum exit_status
verify_envelope(const struct invocation *in, const struct dsse *d, const struct policy_keys *keys,
    struct err *e)
{
	const struct pubkey *signer;
	size_t which = 0;

	if (write_parts(in, d, e) != 0 || dsse_verify(d, keys->keys, keys->n, &which, e) != 0)
		return cmd_error(in, e);
	signer = which < keys->n ? keys->keys[which] : NULL;
	if (signer != NULL && opt_has(in, "output") &&
	    cmd_output(opt_get(in, "output"), buf_view(&d->payload), e) != 0)
		return cmd_error(in, e);
	if (in->json) {
		if (report_json(d, signer, e) != 0)
			return cmd_error(in, e);
	} else {
		report_text(d, signer);
	}
	return signer != NULL ? EXIT_GOOD : EXIT_FINDING;
}

static enum exit_status
verify(const struct invocation *in, struct err *e)
{
	POLICY_KEYS_AUTO struct policy_keys keys = { 0 };
	DSSE_AUTO struct dsse d = { 0 };
	FILE_AUTO struct file f = { 0 };

	if (!opt_has(in, "key"))
		return cmd_usage(in, "want --key F: the key that should have signed");
	if (policy_keys_load(in, "key", &keys, e) != 0 ||
	    file_read(in->operands[0], LIMIT_POLICY_FILE / 3 * 4 + MIB(1), &f, e) != 0)
		return cmd_error(in, e);
	if (!dsse_sniff(file_view(&f)))
		err_set(e, ERR_SIGNATURE, "is not signed: it is no DSSE envelope");
	else if (dsse_parse(file_view(&f), &d, e) == 0)
		return verify_envelope(in, &d, &keys, e);
	err_file(e, e->code, in->operands[0]);
	return cmd_error(in, e);
}

const struct command cmd_policy_verify = {
	.noun = "policy", .verb = "verify",
	.summary = "check the signature of a policy",
	.operands = "ENVELOPE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Exit status 0: one of the keys has signed this policy; 1: none has, or the policy was\n"
	    "changed; 3: it is no envelope. The dates of a certificate are not judged: a policy stays\n"
	    "signed when a certificate runs out.\n"
	    "\n"
	    "--pae and --signature write what openssl needs to come to its own opinion.",
	.example =
	    "  $ assay policy verify --key signer.pub policy.dsse --pae pae --signature sig\n"
	    "  verified: signed by sha256:4a1f...\n"
	    "  $ openssl dgst -sha256 -verify signer.pub -signature sig pae\n"
	    "  Verified OK",
	.wants_json = true,
	.options = options,
	.run = verify,
};
