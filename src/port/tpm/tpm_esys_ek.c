/* tpm_esys_ek.c: endorsement keys from the standard templates, and their certificates.
 *
 * TCG EK Credential Profile for TPM Family 2.0: annex B.3 (L-1, L-2) and B.4 (H-1 ...).
 * The key is not stored: a primary key is a function of the TPM's endorsement seed and
 * its template, so the same one comes back each time.
 */
#include "port/tpm/tpm_internal.h"

#include <tss2/tss2_mu.h>

#include "base/rd.h"
#include "formats/ek_template.h"

/* Where a chain of intermediate certificates stands (clause 2.2.1.5.2): DER, one behind
 * the other, cut into indices as they fit. */
#define NV_CHAIN_FIRST 0x01c00100u
#define NV_CHAIN_LAST 0x01c001ffu

struct ek_kind {
	const char *name;
	uint32_t cert;		/* NV index, which names the template too (formats/ek_template.h) */
	uint32_t nonce, template;	/* NV indices that a vendor may fill instead of the standard */
};

static const struct ek_kind kinds[TPM_EK_KINDS] = {
	[TPM_EK_ANY] = { .name = "any" },
	[TPM_EK_RSA2048] = { "rsa2048", 0x01c00002, 0x01c00003, 0x01c00004 },
	[TPM_EK_P256] = { "p256", 0x01c0000a, 0x01c0000b, 0x01c0000c },
	[TPM_EK_RSA2048_H] = { "rsa2048-high", 0x01c00012, 0, 0x01c00013 },
	[TPM_EK_P256_H] = { "p256-high", 0x01c00014, 0, 0x01c00015 },
	[TPM_EK_P384] = { "p384", 0x01c00016, 0, 0x01c00017 },
	[TPM_EK_RSA3072] = { "rsa3072", 0x01c0001c, 0, 0x01c0001d },
};

const char *
tpm_ek_name(enum tpm_ek_kind kind)
{
	return kinds[kind].name;
}

enum tpm_ek_kind
tpm_ek_by_name(struct span name)
{
	enum tpm_ek_kind k = TPM_EK_ANY;

	while (k < TPM_EK_KINDS && !span_is(name, kinds[k].name))
		k++;
	return k;
}

bool
tpm_ek_is_high(enum tpm_ek_kind kind)
{
	return (ek_template_at(kinds[kind].cert)->attributes & TPMA_OBJECT_USERWITHAUTH) != 0;
}

void
tpm_ek_free(struct tpm_ek *ek)
{
	buf_free(&ek->public);
	for (size_t i = 0; i < TPM_EK_CERTS; i++)
		buf_free(&ek->certs[i]);
}

void
tpm_ek_template(enum tpm_ek_kind kind, TPM2B_PUBLIC *p)
{
	const struct ek_template *k = ek_template_at(kinds[kind].cert);
	TPMT_PUBLIC *a = &p->publicArea;
	TPMT_SYM_DEF_OBJECT aes = { .algorithm = TPM2_ALG_AES, .keyBits.aes = k->aes_bits,
	    .mode.aes = TPM2_ALG_CFB };
	bool high = tpm_ek_is_high(kind);

	*p = (TPM2B_PUBLIC){ .publicArea = { .type = k->type, .nameAlg = k->name_alg,
	    .objectAttributes = k->attributes, .authPolicy.size = (uint16_t)k->policy.n } };
	memcpy(a->authPolicy.buffer, k->policy.p, k->policy.n);

	/* unique: L templates have zeros of the key's size, H templates nothing. */
	if (k->type == TPM2_ALG_RSA) {
		a->parameters.rsaDetail = (TPMS_RSA_PARMS){ .symmetric = aes,
		    .scheme.scheme = TPM2_ALG_NULL, .keyBits = k->key_bits };
		a->unique.rsa.size = high ? 0 : k->key_bits / 8;
	} else {
		a->parameters.eccDetail = (TPMS_ECC_PARMS){ .symmetric = aes,
		    .scheme.scheme = TPM2_ALG_NULL, .curveID = k->curve, .kdf.scheme = TPM2_ALG_NULL };
		a->unique.ecc.x.size = a->unique.ecc.y.size = high ? 0 : 32;
	}
}

TSS2_RC
tpm_primary(struct tpm *t, const TPM2B_PUBLIC *template, struct tpm_handle *h,
    TPM2B_PUBLIC *public)
{
	TPM2B_SENSITIVE_CREATE no_secret = { 0 };
	TPM2B_DATA no_data = { 0 };
	TPML_PCR_SELECTION no_pcrs = { 0 };
	TPM2B_PUBLIC *made = NULL;
	TPM2B_CREATION_DATA *data = NULL;
	TPM2B_DIGEST *hash = NULL;
	TPMT_TK_CREATION *ticket = NULL;
	TSS2_RC rc = Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
	    ESYS_TR_NONE, ESYS_TR_NONE, &no_secret, template, &no_data, &no_pcrs, &h->tr, &made,
	    &data, &hash, &ticket);

	if (rc != TSS2_RC_SUCCESS)
		h->tr = ESYS_TR_NONE;
	else if (public != NULL)
		*public = *made;
	Esys_Free(made);
	Esys_Free(data);
	Esys_Free(hash);
	Esys_Free(ticket);
	return rc;
}

/* One NV index. */
struct nv {
	uint32_t index;
	size_t max;
	struct buf *out;
	bool missing, secret, large;
};

/* Who may read: the index's own password, which is empty, or the owner's. */
static TSS2_RC
nv_reader(struct tpm *t, struct nv *nv, ESYS_TR tr, ESYS_TR *auth, uint16_t *size)
{
	TPM2B_NV_PUBLIC *public = NULL;
	TPM2B_NAME *name = NULL;
	TSS2_RC rc = Esys_NV_ReadPublic(t->esys, tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	    &public, &name);

	if (rc == TSS2_RC_SUCCESS) {
		TPMA_NV a = public->nvPublic.attributes;

		*size = public->nvPublic.dataSize;
		*auth = (a & TPMA_NV_AUTHREAD) != 0 ? tr : ESYS_TR_RH_OWNER;
		nv->secret = (a & (TPMA_NV_AUTHREAD | TPMA_NV_OWNERREAD)) == 0;
		nv->large = *size > nv->max;
		/* Defined but never written: there is nothing to read. */
		if ((a & TPMA_NV_WRITTEN) == 0)
			*size = 0;
	}
	Esys_Free(public);
	Esys_Free(name);
	return rc;
}

/* What one TPM2_NV_Read may ask for (TPM_PT_NV_BUFFER_MAX); a TPM that does not say
 * is taken to give what all gave before the property was. */
static uint16_t
nv_piece(struct tpm *t)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	uint32_t piece = 512;

	if (Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	    TPM2_CAP_TPM_PROPERTIES, TPM2_PT_NV_BUFFER_MAX, 1, &more, &data) == TSS2_RC_SUCCESS &&
	    data->data.tpmProperties.count == 1 &&
	    data->data.tpmProperties.tpmProperty[0].property == TPM2_PT_NV_BUFFER_MAX &&
	    data->data.tpmProperties.tpmProperty[0].value > 0)
		piece = data->data.tpmProperties.tpmProperty[0].value;
	Esys_Free(data);
	return (uint16_t)(piece < TPM2_MAX_NV_BUFFER_SIZE ? piece : TPM2_MAX_NV_BUFFER_SIZE);
}

static TSS2_RC
nv_pieces(struct tpm *t, struct nv *nv, ESYS_TR auth, ESYS_TR tr, uint16_t size)
{
	uint16_t piece = nv_piece(t);
	TSS2_RC rc = TSS2_RC_SUCCESS;

	for (uint16_t off = 0; rc == TSS2_RC_SUCCESS && off < size;) {
		uint16_t n = size - off < piece ? (uint16_t)(size - off) : piece;
		TPM2B_MAX_NV_BUFFER *data = NULL;

		rc = Esys_NV_Read(t->esys, auth, tr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, n,
		    off, &data);
		if (rc == TSS2_RC_SUCCESS && data->size != n)
			rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
		if (rc == TSS2_RC_SUCCESS)
			buf_put(nv->out, data->buffer, n);
		Esys_Free(data);
		off = (uint16_t)(off + n);
	}
	return rc;
}

static TSS2_RC
nv_work(struct tpm *t, void *arg)
{
	struct nv *nv = arg;
	ESYS_TR tr = ESYS_TR_NONE, auth = ESYS_TR_NONE;
	size_t before = nv->out->n;
	uint16_t size = 0;
	TSS2_RC rc;

	t->step = "reading the TPM's NV memory";
	rc = Esys_TR_FromTPMPublic(t->esys, nv->index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tr);
	if (tpm_rc_is(rc, TPM2_RC_HANDLE)) {
		nv->missing = true;
		return TSS2_RC_SUCCESS;
	}
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if ((rc = nv_reader(t, nv, tr, &auth, &size)) == TSS2_RC_SUCCESS && !nv->secret && !nv->large)
		rc = nv_pieces(t, nv, auth, tr, size);
	(void)Esys_TR_Close(t->esys, &tr);	/* of our memory only; NV indices are not loaded */
	if (rc != TSS2_RC_SUCCESS)
		nv->out->n = before;
	return rc;
}

int
tpm_nv_read(struct tpm *t, uint32_t index, size_t max, struct buf *out, struct err *e)
{
	struct nv nv = { .index = index, .max = max, .out = out };
	int rc = tpm_run(t, nv_work, &nv, e);

	if (rc != 0)
		return err_ctx(e, rc, "NV index %08x", (unsigned)index);
	if (nv.missing)
		return err_set(e, ERR_UNSUPPORTED, "this TPM has no NV index %08x", (unsigned)index);
	if (nv.secret)
		return err_set(e, ERR_UNSUPPORTED, "NV index %08x cannot be read without a secret",
		    (unsigned)index);
	if (nv.large)
		return err_set(e, ERR_LIMIT, "NV index %08x has more than %zu bytes", (unsigned)index, max);
	return buf_done(out, e);
}

/* What indices there are, as bits from ${first} on. */
struct nv_list {
	uint32_t first;
	bool there[0x200];
};

static TSS2_RC
nv_list_work(struct tpm *t, void *arg)
{
	struct nv_list *l = arg;
	const uint32_t n = sizeof(l->there) / sizeof(l->there[0]);
	uint32_t next = l->first;

	t->step = "listing the TPM's NV memory";
	while (next < l->first + n) {
		TPML_HANDLE handles = { 0 };
		TSS2_RC rc = tpm_handles(t, next, TPM2_MAX_CAP_HANDLES, &handles);

		if (rc != TSS2_RC_SUCCESS || handles.count == 0)
			return rc;
		for (uint32_t i = 0; i < handles.count && i < TPM2_MAX_CAP_HANDLES; i++) {
			/* A TPM that does not ascend would keep us here for ever. */
			if (handles.handle[i] < next)
				return TSS2_ESYS_RC_MALFORMED_RESPONSE;
			next = handles.handle[i] + 1;
			if (handles.handle[i] - l->first < n)
				l->there[handles.handle[i] - l->first] = true;
		}
	}
	return TSS2_RC_SUCCESS;
}

/* The template a vendor put into NV, with its nonce, takes the place of the standard one
 * (clause 2.2.1.4 of the profile). */
static void
template_from_nv(struct tpm *t, enum tpm_ek_kind kind, TPM2B_PUBLIC *p)
{
	const struct ek_kind *k = &kinds[kind];
	BUF_AUTO struct buf b = buf_init(LIMIT_TPM_PUBLIC), nonce = buf_init(LIMIT_TPM_PUBLIC);
	struct nv nv = { .index = k->template, .max = LIMIT_TPM_PUBLIC, .out = &b };
	struct nv nv_nonce = { .index = k->nonce, .max = LIMIT_TPM_PUBLIC, .out = &nonce };
	TPMT_PUBLIC area = { 0 };
	size_t off = 0;

	if (nv_work(t, &nv) != TSS2_RC_SUCCESS || b.n == 0 || b.why != 0 ||
	    Tss2_MU_TPMT_PUBLIC_Unmarshal(b.p, b.n, &off, &area) != TSS2_RC_SUCCESS ||
	    area.type != p->publicArea.type)
		return;
	p->publicArea = area;
	if (k->nonce == 0 || nv_work(t, &nv_nonce) != TSS2_RC_SUCCESS || nonce.why != 0 || nonce.n == 0)
		return;
	if (area.type == TPM2_ALG_RSA && nonce.n <= 256) {
		p->publicArea.unique.rsa.size = 256;
		memcpy(p->publicArea.unique.rsa.buffer, nonce.p, nonce.n);
	} else if (area.type == TPM2_ALG_ECC && nonce.n <= 32) {
		p->publicArea.unique.ecc.x.size = p->publicArea.unique.ecc.y.size = 32;
		memcpy(p->publicArea.unique.ecc.x.buffer, nonce.p, nonce.n);
	}
}

TSS2_RC
tpm_ek_load(struct tpm *t, enum tpm_ek_kind kind, struct tpm_handle *h, TPM2B_PUBLIC *public)
{
	TPM2B_PUBLIC p;

	tpm_ek_template(kind, &p);
	template_from_nv(t, kind, &p);
	t->step = "making the endorsement key";
	return tpm_primary(t, &p, h, public);
}

struct ek_work {
	enum tpm_ek_kind kind;
	TPM2B_PUBLIC public;
};

static TSS2_RC
ek_work(struct tpm *t, void *arg)
{
	struct ek_work *w = arg;
	TPM_HANDLE(h, t);

	return tpm_ek_load(t, w->kind, &h, &w->public);
}

/* The chain's indices as one run of bytes, cut where DER says that a certificate ends. */
static int
read_chain(struct tpm *t, const struct nv_list *l, struct tpm_ek *ek, struct err *e)
{
	BUF_AUTO struct buf all = buf_init(LIMIT_EK_CHAIN);
	struct rd r;
	int rc;

	for (uint32_t i = NV_CHAIN_FIRST; i <= NV_CHAIN_LAST; i++)
		if (l->there[i - l->first] && (rc = tpm_nv_read(t, i, LIMIT_EK_CHAIN, &all, e)) != 0)
			return rc;
	r = rd_init(buf_view(&all));
	for (;;) {
		size_t start = r.off;
		uint16_t tag, n;
		struct span body;

		/* SEQUENCE with a length of two bytes, as each certificate has; else padding. */
		if (!(rd_be16(&r, &tag) && tag == 0x3082 && rd_be16(&r, &n) && rd_bytes(&r, n, &body)))
			return 0;
		if (ek->n_certs == TPM_EK_CERTS)
			return err_set(e, ERR_LIMIT, "the chain of the EK's certificate has over %d certificates",
			    TPM_EK_CERTS - 1);
		ek->certs[ek->n_certs] = buf_init(LIMIT_EK_CERT);
		buf_put(&ek->certs[ek->n_certs], all.p + start, r.off - start);
		if ((rc = buf_done(&ek->certs[ek->n_certs++], e)) != 0)
			return err_ctx(e, rc, "a certificate of the EK's chain");
	}
}

static int
read_certs(struct tpm *t, const struct nv_list *l, struct tpm_ek *ek, struct err *e)
{
	uint32_t index = kinds[ek->kind].cert;
	int rc;

	if (!l->there[index - l->first])
		return 0;
	ek->certs[0] = buf_init(LIMIT_EK_CERT);
	if ((rc = tpm_nv_read(t, index, LIMIT_EK_CERT, &ek->certs[0], e)) != 0)
		return err_ctx(e, rc, "the EK's certificate");
	if (ek->certs[0].n == 0)
		return 0;
	ek->n_certs = 1;
	return read_chain(t, l, ek, e);
}

/* The first kind with a certificate, else the first the TPM can make. */
static int
choose(struct tpm *t, const struct nv_list *l, struct ek_work *w, struct err *e)
{
	int rc = 0;

	for (enum tpm_ek_kind k = TPM_EK_ANY + 1; k < TPM_EK_KINDS; k++)
		if (l->there[kinds[k].cert - l->first]) {
			w->kind = k;
			return tpm_run(t, ek_work, w, e);
		}
	for (enum tpm_ek_kind k = TPM_EK_ANY + 1; k < TPM_EK_KINDS; k++) {
		w->kind = k;
		if ((rc = tpm_run(t, ek_work, w, e)) == 0)
			return 0;
	}
	return rc;
}

int
tpm_ek(struct tpm *t, enum tpm_ek_kind kind, struct tpm_ek *ek, struct err *e)
{
	TPM_EK_AUTO struct tpm_ek made = { .public = buf_init(LIMIT_TPM_PUBLIC) };
	struct nv_list *l = calloc(1, sizeof(*l));
	struct ek_work w = { .kind = kind };
	int rc;

	if (l == NULL)
		return err_set(e, ERR_NOMEM, "no memory for the list of NV indices");
	l->first = NV_CHAIN_FIRST & ~0xfffu;
	if ((rc = tpm_run(t, nv_list_work, l, e)) == 0)
		rc = kind == TPM_EK_ANY ? choose(t, l, &w, e) : tpm_run(t, ek_work, &w, e);
	made.kind = w.kind;
	if (rc == 0 && (rc = tpm_marshal_public(&w.public, &made.public, e)) == 0)
		rc = read_certs(t, l, &made, e);
	free(l);
	if (rc != 0)
		return rc;
	*ek = made;
	made = (struct tpm_ek){ 0 };	/* transferred */
	return 0;
}
