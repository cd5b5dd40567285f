/* priv_handle.c: the answers to the requests of priv_requests.tbl. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/digest.h"
#include "svc/agent/facts.h"
#include "svc/agent/priv_internal.h"
#include "svc/log.h"

int
memory_file(const char *name, struct span content, int *out, struct err *e)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_errno(e, "cannot make a file in memory");
	while (content.n > 0) {
		ssize_t k = write(fd, content.p, content.n);

		if (k <= 0)
			break;
		content = span_from(content, (size_t)k);
	}
	if (content.n > 0 || lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		int rc = err_errno(e, "cannot fill a file in memory");

		(void)close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

int
priv_tpm(struct priv *p, struct tpm **t, struct err *e)
{
	int rc;

	if (p->tpm == NULL) {
		if ((rc = tpm_open(p->o->tcti, &p->tpm, e)) != 0)
			return rc;
		if (p->o->tpm_patience_ms != 0)
			tpm_patience(p->tpm, p->o->tpm_patience_ms);
	}
	*t = p->tpm;
	return 0;
}

/* The key of this TPM.  One that is another's can never be used again: the TPM was cleared
 * or replaced, and the host has to be enrolled anew, with a new key. */
static int
need_ak(struct priv *p, struct tpm *t, struct err *e)
{
	BUF_AUTO struct buf dir = buf_init(LIMIT_PATH);
	int rc;

	if (p->have_ak)
		return 0;
	buf_printf(&dir, "%s/ak", p->o->dir);
	if ((rc = buf_done(&dir, e)) != 0)
		return rc;
	rc = tpm_ak(t, buf_cstr(&dir), p->o->ak, &p->ak, e);
	if (rc == ERR_MISMATCH) {
		svc_log_err(LOG_LEVEL_WARNING, "the attestation key is of no more use; a new one is made", e);
		*e = (struct err){ 0 };
		if ((rc = tpm_ak_forget(buf_cstr(&dir), e)) == 0)
			rc = tpm_ak(t, buf_cstr(&dir), p->o->ak, &p->ak, e);
	}
	p->have_ak = rc == 0;
	return rc;
}

static void
lose_ak(struct priv *p)
{
	tpm_ak_free(&p->ak);
	p->ak = (struct tpm_ak){ 0 };
	p->have_ak = false;
}

int
priv_handle_EK(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	TPM_EK_AUTO struct tpm_ek ek = { 0 };
	struct tpm *t;
	int rc;

	(void)peer;
	(void)in;
	if ((rc = priv_tpm(p, &t, e)) != 0 || (rc = tpm_ek(t, p->o->ek, &ek, e)) != 0)
		return rc;
	size_t n = p->o->n_ek_certs != 0 ? p->o->n_ek_certs : ek.n_certs;

	buf_le16(&a->body, (uint16_t)ek.kind);
	buf_le16(&a->body, (uint16_t)n);
	buf_le16(&a->body, (uint16_t)ek.public.n);
	buf_span(&a->body, buf_view(&ek.public));
	for (size_t i = 0; i < n; i++) {
		struct span cert = p->o->n_ek_certs != 0 ? p->o->ek_certs[i] : buf_view(&ek.certs[i]);

		buf_le16(&a->body, (uint16_t)cert.n);
		buf_span(&a->body, cert);
	}
	return 0;
}

int
priv_handle_AK(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	struct tpm *t;
	int rc;

	(void)peer;
	(void)in;
	/* Asked before enrolling: whether the kept one still loads is seen again. */
	lose_ak(p);
	if ((rc = priv_tpm(p, &t, e)) != 0 || (rc = need_ak(p, t, e)) != 0)
		return rc;
	buf_span(&a->body, buf_view(&p->ak.public));
	return 0;
}

static int
put_certs(struct priv *p, const struct priv_certs *certs, struct answer *a, struct err *e)
{
	struct tpm *t;
	int rc;

	buf_le16(&a->body, (uint16_t)certs->n);
	for (size_t i = 0; i < certs->n; i++) {
		BUF_AUTO struct buf nv = buf_init(LIMIT_EK_CERT);
		struct span cert = certs->v[i].file;

		if (certs->v[i].nv != 0) {
			if ((rc = priv_tpm(p, &t, e)) != 0 || (rc = tpm_nv_read(t, certs->v[i].nv, LIMIT_EK_CERT, &nv, e)) != 0)
				return err_ctx(e, rc, "the device's certificate in NV 0x%08x", certs->v[i].nv);
			cert = buf_view(&nv);
		}
		buf_le16(&a->body, (uint16_t)cert.n);
		buf_span(&a->body, cert);
	}
	return 0;
}

/* The IAK's word for our key, with what the network process wants in it; nothing without an IAK. */
static int
put_certified(struct priv *p, struct span data, struct answer *a, struct err *e)
{
	BUF_AUTO struct buf attest = buf_init(LIMIT_ATTEST_CERT), signature = buf_init(LIMIT_ATTEST_CERT);
	struct tpm *t;
	int rc;

	if (p->o->iak != 0 && ((rc = priv_tpm(p, &t, e)) != 0 || (rc = need_ak(p, t, e)) != 0 ||
	    (rc = tpm_certify(t, &p->ak, p->o->iak, data, &attest, &signature, e)) != 0))
		return rc;
	buf_le16(&a->body, (uint16_t)attest.n);
	buf_span(&a->body, buf_view(&attest));
	buf_le16(&a->body, (uint16_t)signature.n);
	buf_span(&a->body, buf_view(&signature));
	return 0;
}

/* u16 n, n times u16 size and certificate of the IAK; the same of the IDevID; u16 size, TPMS_ATTEST;
 * u16 size, TPMT_SIGNATURE. */
int
priv_handle_DEVICE(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	int rc;

	(void)peer;
	if ((rc = put_certs(p, &p->o->iak_certs, a, e)) != 0 || (rc = put_certs(p, &p->o->idevid_certs, a, e)) != 0)
		return rc;
	return put_certified(p, in, a, e);
}

/* u16 n, TPM2B_ID_OBJECT; u16 m, TPM2B_ENCRYPTED_SECRET. */
int
priv_handle_ACTIVATE(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	struct rd r = rd_init(in);
	struct span credential, secret;
	TPM_EK_AUTO struct tpm_ek ek = { 0 };
	enum tpm_ek_kind kind = p->o->ek;
	struct tpm *t;
	int rc;

	if ((peer->asked & 1u << PRIV_EK) == 0 || (peer->asked & 1u << PRIV_AK) == 0)
		return err_set(e, ERR_USAGE, "the keys were not asked for");
	if (!(rd_le16_span(&r, LIMIT_TPM_CREDENTIAL, &credential) && rd_le16_span(&r, LIMIT_TPM_CREDENTIAL, &secret) &&
	    rd_end(&r)))
		return err_set(e, ERR_FORMAT, "no credential and secret");
	if ((rc = priv_tpm(p, &t, e)) != 0 || (rc = need_ak(p, t, e)) != 0)
		return rc;
	if (kind == TPM_EK_ANY) {
		if ((rc = tpm_ek(t, kind, &ek, e)) != 0)
			return rc;
		kind = ek.kind;
	}
	return tpm_activate(t, kind, &p->ak, credential, secret, &a->body, e);
}

static bool
quotes_left(struct priv *p)
{
	uint64_t second = priv_now_ms() / 1000;

	if (second != p->quote_second) {
		p->quote_second = second;
		p->quotes = 0;
	}
	return p->quotes++ < (p->o->quotes_per_s != 0 ? p->o->quotes_per_s : PRIV_QUOTES_PER_S);
}

static void
put_pcrs(const struct tpm_quote *q, struct buf *b)
{
	const char *comma = "";

	buf_printf(b, "{\"%s\":{", digest_alg_name(q->bank));
	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		if ((q->mask >> i & 1) != 0) {
			buf_printf(b, "%s\"%u\":\"", comma, i);
			buf_hex(b, span_of(q->pcrs[i], digest_alg_size(q->bank)));
			buf_str(b, "\"");
			comma = ",";
		}
	buf_str(b, "}}");
}

/* u16 n, TPMS_ATTEST; u16 m, TPMT_SIGNATURE; u16 k, PCR values as JSON. */
int
priv_handle_QUOTE(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	TPM_QUOTE_AUTO struct tpm_quote q = { 0 };
	BUF_AUTO struct buf pcrs = buf_init(KIB(16));
	struct tpm *t;
	int rc;

	(void)peer;
	if (!quotes_left(p))
		return err_set(e, ERR_LIMIT, "no more quotes are made in this second");
	if ((rc = priv_tpm(p, &t, e)) != 0 || (rc = need_ak(p, t, e)) != 0)
		return rc;
	if ((rc = tpm_quote(t, &p->ak, in, p->o->bank, p->o->mask, &q, e)) != 0) {
		lose_ak(p);
		return rc;
	}
	put_pcrs(&q, &pcrs);
	buf_le16(&a->body, (uint16_t)q.attest.n);
	buf_span(&a->body, buf_view(&q.attest));
	buf_le16(&a->body, (uint16_t)q.signature.n);
	buf_span(&a->body, buf_view(&q.signature));
	buf_le16(&a->body, (uint16_t)pcrs.n);
	buf_span(&a->body, buf_view(&pcrs));
	return buf_done(&pcrs, e);
}

/* u64 from -> u64 from, count, total, bytes; the records in a file. */
int
priv_handle_LIST(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	struct rd r = rd_init(in);
	struct list_slice s = { .fd = -1 };
	uint64_t from;
	int rc;

	(void)peer;
	if (!rd_le64(&r, &from))
		return err_set(e, ERR_FORMAT, "no entry to begin with");
	if ((rc = priv_list(p, e)) != 0 || (rc = list_slice(p->list, from, &s, e)) != 0)
		return rc;
	a->fd = s.fd;
	buf_le64(&a->body, s.from);
	buf_le64(&a->body, s.count);
	buf_le64(&a->body, s.total);
	buf_le64(&a->body, s.bytes);
	return 0;
}

/* u64 stamp, u32 milliseconds -> u64 stamp: at once if it is another, else when it is, or
 * when the time is over.  (The answer is sent by the loop.) */
int
priv_handle_WATCH(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	struct rd r = rd_init(in);
	uint64_t stamp, now;
	uint32_t ms;
	int rc;

	if (!(rd_le64(&r, &stamp) && rd_le32(&r, &ms)) || ms > PRIV_WATCH_MAX_MS)
		return err_set(e, ERR_RANGE, "nobody watches for over %d ms", PRIV_WATCH_MAX_MS);
	if ((rc = priv_list(p, e)) != 0 || (rc = list_stamp(p->list, &now, e)) != 0)
		return rc;
	if (now == stamp && ms > 0) {
		peer->watching = true;
		peer->stamp = stamp;
		peer->until_ms = priv_now_ms() + ms;
		return 0;
	}
	buf_le64(&a->body, now);
	return 0;
}

static int
whole_file(const struct priv *p, const char *const *names, size_t max, struct file *f, struct err *e)
{
	int rc = ERR_IO;

	for (; *names != NULL && rc != 0; names++) {
		BUF_AUTO struct buf path = buf_init(LIMIT_PATH);

		buf_printf(&path, "%s/%s", p->o->securityfs, *names);
		if ((rc = buf_done(&path, e)) == 0)
			rc = file_read(buf_cstr(&path), max, f, e);
	}
	return rc;
}

int
priv_handle_EVENT_LOG(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	static const char *const names[] = { "tpm0/binary_bios_measurements", NULL };
	FILE_AUTO struct file f = { 0 };
	int rc;

	(void)peer;
	(void)in;
	if ((rc = whole_file(p, names, LIMIT_EVENT_LOG, &f, e)) != 0)
		return err_ctx(e, rc, "%s/%s", p->o->securityfs, names[0]);
	buf_le64(&a->body, f.n);
	return memory_file("event-log", file_view(&f), &a->fd, e);
}

static const char *const policy_names[] = { "integrity/ima/policy", "ima/policy", NULL };

/* -> 32 bytes SHA-256; the policy in a file. */
int
priv_handle_IMA_POLICY(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	struct digest d;
	int rc;

	(void)peer;
	(void)in;
	if ((rc = whole_file(p, policy_names, LIMIT_IMA_POLICY, &f, e)) != 0 ||
	    (rc = digest_of(DIGEST_SHA256, file_view(&f), &d, e)) != 0)
		return rc;
	buf_span(&a->body, digest_view(&d));
	return memory_file("ima-policy", file_view(&f), &a->fd, e);
}

int
priv_handle_MONITOR(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	JSON_AUTO json_t *j = NULL;

	(void)peer;
	(void)in;
	if (p->o->monitor.status == NULL || (j = p->o->monitor.status(p->o->monitor.arg)) == NULL)
		return err_set(e, ERR_UNSUPPORTED, "no monitor runs here");
	json_write_compact(j, &a->body);
	return 0;
}

int
priv_handle_FACTS(struct priv *p, struct peer *peer, struct span in, struct answer *a, struct err *e)
{
	FILE_AUTO struct file policy = { 0 };
	JSON_AUTO json_t *gaps = NULL;
	JSON_AUTO json_t *j = NULL;
	struct facts_input f = { .root = p->o->root, .software_tpm = p->o->software_tpm };
	struct tpm_caps caps;
	struct err inner = { 0 };
	struct digest d;
	struct tpm *t;
	int rc;

	(void)peer;
	(void)in;
	if (priv_tpm(p, &t, &inner) == 0 && tpm_caps(t, &caps, &inner) == 0)
		f.tpm = &caps;
	if (priv_list(p, &inner) == 0) {
		gaps = list_gaps(p->list);
		f.trimmed = list_trimmed(p->list);
	}
	f.gaps = gaps;
	f.list = p->list_kind;
	f.list_pcr = strcmp(p->list_kind, "monitor") == 0 ? p->o->monitor_pcr : IMA_PCR;
	if (whole_file(p, policy_names, LIMIT_IMA_POLICY, &policy, &inner) == 0 && policy.n > 0 &&
	    digest_of(DIGEST_SHA256, file_view(&policy), &d, &inner) == 0)
		f.ima_policy_sha256 = digest_view(&d);
	if (p->o->monitor.state != NULL)
		f.monitor_state = p->o->monitor.state(p->o->monitor.arg);
	if ((rc = facts_make(&f, &j, e)) == 0)
		json_write_compact(j, &a->body);
	return rc;
}
