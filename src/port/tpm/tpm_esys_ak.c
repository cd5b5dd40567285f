/* tpm_esys_ak.c: the attestation key: made once, kept as two files, and what a registrar
 * seals to it. */
#include "port/tpm/tpm_internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <tss2/tss2_mu.h>
#include <unistd.h>

#include "base/file.h"

void
tpm_ak_free(struct tpm_ak *ak)
{
	buf_free(&ak->public);
	buf_free(&ak->private);
}

int
tpm_marshal_public(const TPM2B_PUBLIC *p, struct buf *out, struct err *e)
{
	uint8_t bytes[sizeof(TPM2B_PUBLIC)];
	size_t off = 0;

	if (Tss2_MU_TPM2B_PUBLIC_Marshal(p, bytes, sizeof(bytes), &off) != TSS2_RC_SUCCESS)
		return err_set(e, ERR_TPM, "the TPM's public area cannot be written down");
	buf_put(out, bytes, off);
	return buf_done(out, e);
}

int
tpm_unmarshal_public(struct span in, TPM2B_PUBLIC *p, struct err *e)
{
	TPM2B_PUBLIC got = { 0 };
	size_t off = 0;

	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(in.p, in.n, &off, &got) != TSS2_RC_SUCCESS || off != in.n)
		return err_set(e, ERR_FORMAT, "not a TPM2B_PUBLIC");
	*p = got;
	return 0;
}

static int
unmarshal_private(struct span in, TPM2B_PRIVATE *p, struct err *e)
{
	TPM2B_PRIVATE got = { 0 };
	size_t off = 0;

	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(in.p, in.n, &off, &got) != TSS2_RC_SUCCESS || off != in.n)
		return err_set(e, ERR_FORMAT, "not a TPM2B_PRIVATE");
	*p = got;
	return 0;
}

/* The storage key above: no dictionary attack protection, because it has no password and
 * a TPM in lockout shall go on attesting. */
static TPM2B_PUBLIC
parent_template(void)
{
	return (TPM2B_PUBLIC){ .publicArea = { .type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
	    .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
	    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
	    TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
	    .parameters.eccDetail = { .symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128,
	    .mode.aes = TPM2_ALG_CFB }, .scheme.scheme = TPM2_ALG_NULL,
	    .curveID = TPM2_ECC_NIST_P256, .kdf.scheme = TPM2_ALG_NULL } } };
}

static TPM2B_PUBLIC
ak_template(enum tpm_ak_kind kind)
{
	TPM2B_PUBLIC p = { .publicArea = { .nameAlg = TPM2_ALG_SHA256,
	    .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
	    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
	    TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT } };

	if (kind == TPM_AK_RSA2048) {
		p.publicArea.type = TPM2_ALG_RSA;
		p.publicArea.parameters.rsaDetail = (TPMS_RSA_PARMS){
		    .symmetric.algorithm = TPM2_ALG_NULL, .keyBits = 2048,
		    .scheme = { .scheme = TPM2_ALG_RSASSA, .details.rsassa.hashAlg = TPM2_ALG_SHA256 } };
	} else {
		p.publicArea.type = TPM2_ALG_ECC;
		p.publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){
		    .symmetric.algorithm = TPM2_ALG_NULL,
		    .scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
		    .curveID = TPM2_ECC_NIST_P256, .kdf.scheme = TPM2_ALG_NULL };
	}
	return p;
}

static TSS2_RC
parent_load(struct tpm *t, struct tpm_handle *h)
{
	TPM2B_PUBLIC template = parent_template();

	t->step = "making the attestation key's parent";
	return tpm_primary(t, &template, h, NULL);
}

struct ak_made {
	enum tpm_ak_kind kind;
	TPM2B_PUBLIC public;
	TPM2B_PRIVATE private;
};

static TSS2_RC
create_work(struct tpm *t, void *arg)
{
	struct ak_made *w = arg;
	TPM2B_PUBLIC template = ak_template(w->kind), *public = NULL;
	TPM2B_SENSITIVE_CREATE no_secret = { 0 };
	TPM2B_DATA no_data = { 0 };
	TPML_PCR_SELECTION no_pcrs = { 0 };
	TPM2B_PRIVATE *private = NULL;
	TPM2B_CREATION_DATA *data = NULL;
	TPM2B_DIGEST *hash = NULL;
	TPMT_TK_CREATION *ticket = NULL;
	TPM_HANDLE(parent, t);
	TSS2_RC rc = parent_load(t, &parent);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	t->step = "making the attestation key";
	rc = Esys_Create(t->esys, parent.tr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_secret,
	    &template, &no_data, &no_pcrs, &private, &public, &data, &hash, &ticket);
	if (rc == TSS2_RC_SUCCESS) {
		w->public = *public;
		w->private = *private;
	}
	Esys_Free(private);
	Esys_Free(public);
	Esys_Free(data);
	Esys_Free(hash);
	Esys_Free(ticket);
	return rc;
}

/* Whose a saved context is, told by the public area's bytes: the name would do, but then
 * the TPM had to be asked for it. */
static bool
is_saved(const struct tpm *t, const struct tpm_ak *ak)
{
	return t->saved_ak != NULL && t->saved_of.n == ak->public.n &&
	    memcmp(t->saved_of.p, ak->public.p, ak->public.n) == 0;
}

static void
forget_saved(struct tpm *t)
{
	Esys_Free(t->saved_ak);
	t->saved_ak = NULL;
	buf_free(&t->saved_of);
}

/* A TPM that cannot save a context is slower and nothing else. */
static void
save(struct tpm *t, const struct tpm_ak *ak, ESYS_TR tr)
{
	forget_saved(t);
	t->saved_of = buf_init(LIMIT_TPM_PUBLIC);
	buf_span(&t->saved_of, buf_view(&ak->public));
	if (t->saved_of.why != 0 || Esys_ContextSave(t->esys, tr, &t->saved_ak) != TSS2_RC_SUCCESS)
		forget_saved(t);
}

TSS2_RC
tpm_ak_load(struct tpm *t, const struct tpm_ak *ak, struct tpm_handle *h)
{
	TPM2B_PUBLIC public = { 0 };
	TPM2B_PRIVATE private = { 0 };
	TPM_HANDLE(parent, t);
	TSS2_RC rc;

	t->step = "loading the attestation key";
	if (ak->handle != 0)
		return Esys_TR_FromTPMPublic(t->esys, ak->handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &h->tr);
	if (is_saved(t, ak)) {
		rc = Esys_ContextLoad(t->esys, t->saved_ak, &h->tr);
		if (rc == TSS2_RC_SUCCESS || tpm_trouble(rc) != TPM_FINAL)
			return rc;
		h->tr = ESYS_TR_NONE;
		forget_saved(t);	/* the TPM was reset since */
	}
	if (tpm_unmarshal_public(buf_view(&ak->public), &public, NULL) != 0 ||
	    unmarshal_private(buf_view(&ak->private), &private, NULL) != 0)
		return TSS2_ESYS_RC_BAD_VALUE;
	if ((rc = parent_load(t, &parent)) != TSS2_RC_SUCCESS)
		return rc;
	t->step = "loading the attestation key";
	rc = Esys_Load(t->esys, parent.tr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private,
	    &public, &h->tr);
	if (rc != TSS2_RC_SUCCESS)
		h->tr = ESYS_TR_NONE;
	else
		save(t, ak, h->tr);
	return rc;
}

static TSS2_RC
load_work(struct tpm *t, void *arg)
{
	TPM_HANDLE(h, t);

	return tpm_ak_load(t, arg, &h);
}

static int
key_path(const char *dir, const char *name, struct buf *path, struct err *e)
{
	*path = buf_init(LIMIT_PATH);
	buf_printf(path, "%s/%s", dir, name);
	buf_u8(path, 0);
	return buf_done(path, e);
}

/* ${*there}: false if the file does not exist. */
static int
read_key_file(const char *dir, const char *name, size_t max, struct buf *out, bool *there,
    struct err *e)
{
	BUF_AUTO struct buf path = { 0 };
	FILE_AUTO struct file f = { 0 };
	struct stat st;
	int rc;

	if ((rc = key_path(dir, name, &path, e)) != 0)
		return rc;
	*there = true;
	if (stat((const char *)path.p, &st) != 0 && errno == ENOENT) {
		*there = false;
		return 0;
	}
	if ((rc = file_read((const char *)path.p, max, &f, e)) != 0)
		return rc;
	buf_span(out, file_view(&f));
	return buf_done(out, e);
}

static int
write_key_file(const char *dir, const char *name, struct span data, struct err *e)
{
	BUF_AUTO struct buf path = { 0 };
	int rc = key_path(dir, name, &path, e);

	return rc != 0 ? rc : file_write((const char *)path.p, data, 0600, e);
}

static int
make_ak(struct tpm *t, const char *dir, enum tpm_ak_kind kind, struct tpm_ak *ak, struct err *e)
{
	struct ak_made w = { .kind = kind };
	uint8_t bytes[sizeof(TPM2B_PRIVATE)];
	size_t off = 0;
	int rc;

	if ((rc = tpm_run(t, create_work, &w, e)) != 0 ||
	    (rc = tpm_marshal_public(&w.public, &ak->public, e)) != 0)
		return rc;
	if (Tss2_MU_TPM2B_PRIVATE_Marshal(&w.private, bytes, sizeof(bytes), &off) != TSS2_RC_SUCCESS)
		return err_set(e, ERR_TPM, "the attestation key cannot be written down");
	buf_put(&ak->private, bytes, off);
	ak->made = true;
	/* The public part last: while it is missing, there is no key. */
	if ((rc = buf_done(&ak->private, e)) != 0 ||
	    (rc = write_key_file(dir, "ak.priv", buf_view(&ak->private), e)) != 0 ||
	    (rc = write_key_file(dir, "ak.pub", buf_view(&ak->public), e)) != 0)
		return err_ctx(e, rc, "keeping the attestation key");
	return 0;
}

int
tpm_ak(struct tpm *t, const char *dir, enum tpm_ak_kind kind, struct tpm_ak *out, struct err *e)
{
	TPM_AK_AUTO struct tpm_ak ak = { .public = buf_init(LIMIT_TPM_PUBLIC),
	    .private = buf_init(LIMIT_TPM_PRIVATE) };
	bool public, private;
	int rc;

	if ((rc = read_key_file(dir, "ak.pub", LIMIT_TPM_PUBLIC, &ak.public, &public, e)) != 0 ||
	    (rc = read_key_file(dir, "ak.priv", LIMIT_TPM_PRIVATE, &ak.private, &private, e)) != 0)
		return err_ctx(e, rc, "the kept attestation key");
	if (public && !private)
		return err_set(e, ERR_MISMATCH, "%s/ak.pub has no ak.priv beside it", dir);
	if (!public) {
		ak.private.n = 0;
		rc = make_ak(t, dir, kind, &ak, e);
	}
	if (rc == 0)
		rc = tpm_run(t, load_work, &ak, e);
	if (rc != 0)
		return rc;
	*out = ak;
	ak = (struct tpm_ak){ 0 };	/* transferred */
	return 0;
}

struct ak_there {
	uint32_t handle;
	bool missing;
	TPM2B_PUBLIC public;
};

static TSS2_RC
there_work(struct tpm *t, void *arg)
{
	struct ak_there *w = arg;
	TPM2B_PUBLIC *public = NULL;
	TPM_HANDLE(h, t);
	TSS2_RC rc;

	t->step = "reading the maker's attestation key";
	rc = Esys_TR_FromTPMPublic(t->esys, w->handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &h.tr);
	if (tpm_rc_is(rc, TPM2_RC_HANDLE)) {
		w->missing = true;
		return TSS2_RC_SUCCESS;
	}
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_ReadPublic(t->esys, h.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL, NULL);
	if (rc == TSS2_RC_SUCCESS)
		w->public = *public;
	Esys_Free(public);
	return rc;
}

int
tpm_ak_at(struct tpm *t, uint32_t handle, struct tpm_ak *out, struct err *e)
{
	TPM_AK_AUTO struct tpm_ak ak = { .public = buf_init(LIMIT_TPM_PUBLIC), .handle = handle };
	struct ak_there w = { .handle = handle };
	int rc = tpm_run(t, there_work, &w, e);

	if (rc != 0)
		return rc;
	if (w.missing)
		return err_set(e, ERR_NOT_FOUND, "the TPM has no key at handle 0x%08x", handle);
	/* Part 3, TPM2_ActivateCredential: the role is ADMIN, and its policy is the maker's secret. */
	if ((w.public.publicArea.objectAttributes & TPMA_OBJECT_ADMINWITHPOLICY) != 0)
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "the key at handle 0x%08x can activate a credential only by a"
		    " policy of its maker", handle), "let the agent make its own key, and use another way of trust");
	if ((rc = tpm_marshal_public(&w.public, &ak.public, e)) != 0)
		return rc;
	*out = ak;
	ak = (struct tpm_ak){ 0 };	/* transferred */
	return 0;
}

int
tpm_ak_forget(const char *dir, struct err *e)
{
	static const char *const names[][2] = { { "ak.pub", "ak.pub.old" }, { "ak.priv", "ak.priv.old" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		BUF_AUTO struct buf from = { 0 };
		BUF_AUTO struct buf to = { 0 };
		int rc;

		if ((rc = key_path(dir, names[i][0], &from, e)) != 0 ||
		    (rc = key_path(dir, names[i][1], &to, e)) != 0)
			return rc;
		if (rename((const char *)from.p, (const char *)to.p) != 0 && errno != ENOENT)
			return err_errno(e, "cannot rename %s", (const char *)from.p);
	}
	return 0;
}

struct activation {
	enum tpm_ek_kind kind;
	const struct tpm_ak *ak;
	TPM2B_ID_OBJECT credential;
	TPM2B_ENCRYPTED_SECRET secret;
	TPM2B_DIGEST out;
};

/* A policy session in which the endorsement hierarchy, which has no password, agrees
 * (PolicyA).  The session goes on after its use, so that flushing it is always right. */
static TSS2_RC
ek_session(struct tpm *t, struct tpm_handle *session)
{
	TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	TSS2_RC rc = Esys_StartAuthSession(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	    ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, &session->tr);

	if (rc != TSS2_RC_SUCCESS) {
		session->tr = ESYS_TR_NONE;
		return rc;
	}
	rc = Esys_TRSess_SetAttributes(t->esys, session->tr, TPMA_SESSION_CONTINUESESSION, 0xff);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	return Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, session->tr, ESYS_TR_PASSWORD,
	    ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);
}

static TSS2_RC
activate_work(struct tpm *t, void *arg)
{
	struct activation *w = arg;
	TPM2B_DIGEST *out = NULL;
	TPM_HANDLE(ek, t);
	TPM_HANDLE(ak, t);
	TPM_HANDLE(session, t);
	TSS2_RC rc;

	if ((rc = tpm_ek_load(t, w->kind, &ek, NULL)) != TSS2_RC_SUCCESS ||
	    (rc = tpm_ak_load(t, w->ak, &ak)) != TSS2_RC_SUCCESS)
		return rc;
	t->step = "activating the credential";
	/* H templates have userWithAuth and an empty password. */
	if (!tpm_ek_is_high(w->kind) && (rc = ek_session(t, &session)) != TSS2_RC_SUCCESS)
		return rc;
	rc = Esys_ActivateCredential(t->esys, ak.tr, ek.tr, ESYS_TR_PASSWORD,
	    session.tr == ESYS_TR_NONE ? ESYS_TR_PASSWORD : session.tr, ESYS_TR_NONE, &w->credential,
	    &w->secret, &out);
	if (rc == TSS2_RC_SUCCESS)
		w->out = *out;
	Esys_Free(out);
	return rc;
}

int
tpm_activate(struct tpm *t, enum tpm_ek_kind kind, const struct tpm_ak *ak, struct span credential,
    struct span secret, struct buf *out, struct err *e)
{
	struct activation w = { .kind = kind, .ak = ak };
	size_t off = 0;
	int rc;

	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(credential.p, credential.n, &off, &w.credential) !=
	    TSS2_RC_SUCCESS || off != credential.n)
		return err_set(e, ERR_FORMAT, "the credential is not a TPM2B_ID_OBJECT");
	off = 0;
	if (Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(secret.p, secret.n, &off, &w.secret) !=
	    TSS2_RC_SUCCESS || off != secret.n)
		return err_set(e, ERR_FORMAT, "the secret is not a TPM2B_ENCRYPTED_SECRET");
	if ((rc = tpm_run(t, activate_work, &w, e)) == 0) {
		buf_put(out, w.out.buffer, w.out.size);
		rc = buf_done(out, e);
	}
	explicit_bzero(&w.out, sizeof(w.out));
	return rc;
}
