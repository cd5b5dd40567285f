/* evidence_ear.c: the EAR token of an appraisal, for --ear-out. */
#include "base/file.h"
#include "cmd/evidence_files.h"
#include "crypto/digest.h"
#include "engine/ear.h"

/* A policy is named by the digest of its file, as whoever wrote it can compute it: of what was
 * read and judged, not of what lies there now. */
static int
policy_digest(const struct loaded_policy *lp, struct digest *out, struct err *e)
{
	if (lp->policy.source == POLICY_FROM_TABLE)
		return digest_of(DIGEST_SHA256, file_view(&lp->file), out, e);
	*out = lp->id;
	return 0;
}

/* Whether some policy fixes the firmware: PCR 0, or a recorded boot. */
static bool
fixes_firmware(const struct evidence_files *files)
{
	for (size_t i = 0; i < files->n_loaded; i++) {
		const json_t *boot = files->policies[i]->boot;
		const char *bank;
		json_t *pcrs;

		if (json_object_get(boot, "profile") != NULL)
			return true;
		json_object_foreach(json_object_get(boot, "pcrs"), bank, pcrs)
			if (json_object_get(pcrs, "0") != NULL)
				return true;
	}
	return false;
}

static int
load_key(const struct invocation *in, struct privkey **key, enum jws_alg *alg, struct err *e)
{
	FILE_AUTO struct file pem = { 0 };
	const char *path = opt_get(in, "ear-key"), *name = opt_get(in, "ear-alg");
	int rc;

	if ((rc = file_read(path, LIMIT_SMALL_FILE, &pem, e)) != 0)
		return rc;
	if ((rc = privkey_parse(file_view(&pem), key, e)) != 0)
		return err_file(e, rc, path);
	*alg = jws_alg_of(privkey_public(*key));
	if (name == NULL || strcmp(name, jws_alg_name(*alg)) == 0)
		return 0;
	if (strcmp(name, "RS256") != 0 || *alg != JWS_PS256)
		return err_file(e, err_set(e, ERR_USAGE, "this key signs with %s, not with %s",
		    jws_alg_name(*alg), name), path);
	*alg = JWS_RS256;
	return 0;
}

int
evidence_files_ear(const struct invocation *in, const struct evidence_files *files,
    const struct result *r, struct err *e)
{
	struct ear_facts facts = { .issued = files->input.ctx.now, .developer = "Assay",
		.build = "assay " ASSAY_VERSION, .label = "linux-ima",
		.nonce = files->input.nonce, .evidence_nonce = files->input.nonce,
		.n_policies = files->n_loaded, .instance_known = files->input.has_quote,
		.firmware_approved = fixes_firmware(files) };
	BUF_AUTO struct buf token = buf_init(LIMIT_JWS);
	PRIVKEY_AUTO struct privkey *key = NULL;
	struct digest ids[64] = { 0 };
	enum jws_alg alg = JWS_NONE;
	int rc;

	if (!opt_has(in, "ear-out"))
		return 0;
	if (files->n_loaded > sizeof(ids) / sizeof(ids[0]))
		return err_set(e, ERR_LIMIT, "an EAR token names at most %zu policies", sizeof(ids) / sizeof(ids[0]));
	for (size_t i = 0; i < files->n_loaded; i++)
		if ((rc = policy_digest(&files->loaded[i], &ids[i], e)) != 0)
			return rc;
	facts.policies = ids;
	if ((rc = load_key(in, &key, &alg, e)) != 0 ||
	    (rc = ear_write(r, &facts, key, alg, &token, e)) != 0)
		return rc;
	return file_write(opt_get(in, "ear-out"), buf_view(&token), 0644, e);
}
