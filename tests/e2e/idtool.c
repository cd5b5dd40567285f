/* idtool: the server's side of identity, driven from a script where no command reaches it.
 *
 *	idtool host EK                         host id and template
 *	idtool credential EK AK HEX OUT        a challenge as tpm2-tools read it
 *	idtool trust OPTION...                 mode, reasons, what the certificate says
 *	idtool begin OPTION... RECORD OUT      a begun enrolment and its challenge
 *	idtool finish RECORD PROOF             what becomes of it
 *	idtool proof SECRET RECORD CSR         the agent's answer, hex
 *	idtool ca KEY CERT / idtool csr KEY    a CA; a request, DER
 *	idtool issue CAKEY CACERT CSR CN OUT   a client certificate, PEM
 *	idtool serve CAKEY CACERT KEY OUT NAME...  a server certificate, PEM
 */
#include <unistd.h>

#include "base/file.h"
#include "base/pem.h"
#include "base/text.h"
#include "crypto/x509_issue.h"
#include "engine/enrolment.h"

static struct arena memory = { .max = MIB(64) };

__attribute__((noreturn)) static void
die(const char *what, const struct err *e)
{
	fprintf(stderr, "idtool: %s: %s%s\n", what, e->message, e->message[0] == '\0' ? "usage" : "");
	exit(2);
}

static struct span
read_file(const char *path)
{
	struct err e = { 0 };
	struct file f;
	struct span copy;

	if (file_read(path, MIB(16), &f, &e) != 0)
		die(path, &e);
	if (!arena_copy(&memory, file_view(&f), &copy))
		die(path, &e);
	file_free(&f);
	return copy;
}

static void
write_file(const char *path, struct buf *b)
{
	struct err e = { 0 };

	if (buf_done(b, &e) != 0 || file_write(path, buf_view(b), 0600, &e) != 0)
		die(path, &e);
	buf_free(b);
}

static void
read_public(const char *path, struct tpm_public *p)
{
	struct err e = { 0 };

	if (tpm_public_parse(read_file(path), p, &e) != 0)
		die(path, &e);
}

/* The file of tpm2_makecredential: magic, version, both blobs. */
static void
write_challenge(const char *path, const struct buf *id, const struct buf *secret)
{
	struct buf b = buf_init(KIB(4));

	buf_be32(&b, 0xbadcc0de);
	buf_be32(&b, 1);
	buf_span(&b, buf_view(id));
	buf_span(&b, buf_view(secret));
	write_file(path, &b);
}

static int
cmd_host(char **v)
{
	const struct ek_template *t;
	struct tpm_public ek;
	struct err e = { 0 };
	char id[HOST_ID_SIZE];

	read_public(v[0], &ek);
	if (ek_host_id(&ek, id, &e) != 0)
		die("host", &e);
	t = ek_template_of(&ek);
	printf("%s %s\n", id, t == NULL ? "-" : t->name);
	return 0;
}

static int
cmd_credential(char **v)
{
	struct buf secret = buf_init(64), id = buf_init(KIB(1)), enc = buf_init(KIB(2));
	struct tpm_public ek, ak;
	struct pubkey *key;
	struct tpm_name name;
	struct err e = { 0 };

	read_public(v[0], &ek);
	read_public(v[1], &ak);
	if (!hex_decode(span_str(v[2]), &secret) || tpm_public_key(&ek, &key, &e) != 0 ||
	    tpm_public_name(&ak, &name, &e) != 0 ||
	    ek_credential(&ek, key, &name, buf_view(&secret), &id, &enc, &e) != 0)
		die("credential", &e);
	write_challenge(v[3], &id, &enc);
	pubkey_free(key);
	buf_free(&secret);
	buf_free(&id);
	buf_free(&enc);
	return 0;
}

struct options {
	struct trust_input in;
	struct trust_config config;
	struct x509_roots *vendors, *devices;
	struct span certs[16], iak[4], idevid[4], csr;
	struct ek_list list;
	time_t now;
};

static unsigned
modes_of(const char *s)
{
	unsigned modes = 0;

	for (struct span rest = span_str(s); rest.n > 0;) {
		size_t n = span_find(rest, ',');
		enum trust_mode m = trust_mode_by_token(span_head(rest, n));

		if (m == TRUST_NONE)
			die("modes", &(struct err){ .message = "unknown mode" });
		modes |= 1u << m;
		rest = span_from(rest, n + 1);
	}
	return modes;
}

static void
add_root(struct x509_roots *r, const char *path, int how)
{
	struct buf der = buf_init(MIB(1));
	struct span in = read_file(path);
	struct err e = { 0 };
	size_t off = 0;
	int rc = 0;

	if (how == 2) {
		rc = x509_roots_add_crl(r, in, &e);
	} else if (!pem_looks(in)) {
		rc = how == 0 ? x509_roots_add(r, in, &e) : x509_roots_add_intermediate(r, in, &e);
	} else {
		while (rc == 0 && (der.n = 0, pem_next(in, &off, "CERTIFICATE", &der, &e)) == 1)
			rc = how == 0 ? x509_roots_add(r, buf_view(&der), &e) :
			    x509_roots_add_intermediate(r, buf_view(&der), &e);
	}
	if (rc != 0)
		die(path, &e);
	buf_free(&der);
}

static void
add_bundle(struct x509_roots *r, const char *path)
{
	struct root_bundle b;
	struct err e = { 0 };

	if (root_bundle_parse(read_file(path), &memory, &b, &e) != 0 || root_bundle_load(&b, r, &e) != 0)
		die(path, &e);
}

/* One option; false if it is none. */
static bool
option(struct options *o, const char *name, const char *value)
{
	struct err e = { 0 };
	uint64_t n = 0;

	if (strcmp(name, "--ek") == 0)
		o->in.ek_public = read_file(value);
	else if (strcmp(name, "--ak") == 0)
		o->in.ak_public = read_file(value);
	else if (strcmp(name, "--csr") == 0)
		o->csr = read_file(value);
	else if (strcmp(name, "--cert") == 0)
		o->certs[o->in.n_ek_certs++] = read_file(value);
	else if (strcmp(name, "--iak") == 0)
		o->iak[o->in.n_iak_certs++] = read_file(value);
	else if (strcmp(name, "--idevid") == 0)
		o->idevid[o->in.n_idevid_certs++] = read_file(value);
	else if (strcmp(name, "--root") == 0)
		add_root(o->vendors, value, 0);
	else if (strcmp(name, "--inter") == 0)
		add_root(o->vendors, value, 1);
	else if (strcmp(name, "--crl") == 0)
		add_root(o->vendors, value, 2);
	else if (strcmp(name, "--bundle") == 0)
		add_bundle(o->vendors, value);
	else if (strcmp(name, "--device-root") == 0)
		add_root(o->devices, value, 0);
	else if (strcmp(name, "--modes") == 0)
		o->config.modes = modes_of(value);
	else if (strcmp(name, "--now") == 0 && dec_u64(span_str(value), &n))
		o->now = (time_t)n;
	else if (strcmp(name, "--list") == 0) {
		if (ek_list_parse(read_file(value), &memory, &o->list, &e) != 0)
			die(value, &e);
		o->config.list = &o->list;
	} else
		return false;
	return true;
}

static char **
options(struct options *o, char **v)
{
	struct err e = { 0 };

	*o = (struct options){ .now = time(NULL), .config.modes = 1u << TRUST_CA };
	if (x509_roots_new(&o->vendors, &e) != 0 || x509_roots_new(&o->devices, &e) != 0)
		die("roots", &e);
	o->in.ek_certs = o->certs;
	o->in.iak_certs = o->iak;
	o->in.idevid_certs = o->idevid;
	o->config.vendors = o->vendors;
	o->config.devices = o->devices;
	for (; *v != NULL && strncmp(*v, "--", 2) == 0; v += 2) {
		if (strcmp(*v, "--allow-expired") == 0) {
			o->config.allow_expired = true;
			v--;
		} else if (v[1] == NULL || !option(o, v[0], v[1])) {
			die(*v, &e);
		}
	}
	return v;
}

static void
options_free(struct options *o)
{
	x509_roots_free(o->vendors);
	x509_roots_free(o->devices);
}

static void
show_trust(const struct ek_trust *t)
{
	printf("mode %s%s\nhost %s\ntemplate %s\n", trust_mode_token(t->mode), t->pending ? " pending" : "",
	    t->host_id, t->template == NULL ? "-" : t->template->name);
	printf("tpm %s / %s / %s\nroot %s\ncomment %s\n", t->manufacturer, t->model, t->version,
	    t->root_subject, t->list_comment);
	for (size_t i = 0; i < t->n_reasons; i++)
		printf("reason %s %s\n", trust_code_token(t->reasons[i].code), t->reasons[i].detail);
}

static int
cmd_trust(char **v)
{
	struct options o;
	struct ek_trust t;
	struct err e = { 0 };

	(void)options(&o, v);
	if (ek_trust_decide(&o.in, &o.config, o.now, &t, &e) != 0)
		die("trust", &e);
	show_trust(&t);
	options_free(&o);
	return t.mode == TRUST_NONE;
}

static int
cmd_begin(char **v)
{
	const struct enrol_known known = { .state = IDENTITY_NONE };
	uint8_t random[ENROL_RANDOM_SIZE];
	struct enrol_begun b;
	struct options o;
	struct err e = { 0 };
	struct buf rec = buf_init(MIB(2));
	bool accepted;

	v = options(&o, v);
	if (getentropy(random, sizeof(random)) != 0)
		die("random", &e);

	struct enrol_request in = { .keys = o.in, .csr = o.csr };

	if (enrolment_begin(&in, &o.config, &known, o.now, random, &b, &e) != 0)
		die("begin", &e);
	show_trust(&b.trust);
	if ((accepted = b.accepted)) {
		enrolment_write(&b.record, &rec);
		write_file(v[0], &rec);
		write_challenge(v[1], &b.challenge.id_object, &b.challenge.encrypted_secret);
	}
	enrol_begun_free(&b);
	options_free(&o);
	return !accepted;
}

static int
cmd_finish(char **v)
{
	static const char *const words[] = { "refused", "pending", "enrolled" };
	const struct trust_config config = { 0 };
	const struct enrol_known known = { .state = IDENTITY_NONE };
	struct buf proof = buf_init(64), again = buf_init(MIB(2));
	struct enrol_outcome out;
	struct enrolment rec;
	struct err e = { 0 };

	if (enrolment_parse(read_file(v[0]), &rec, &e) != 0 || !hex_decode(span_str(v[1]), &proof) ||
	    enrolment_finish(&rec, buf_view(&proof), &config, &known, time(NULL), &out, &e) != 0)
		die("finish", &e);
	printf("%s %s\n", words[out.result], out.why);
	enrolment_write(&rec, &again);
	write_file(v[0], &again);
	enrolment_free(&rec);
	buf_free(&proof);
	return out.result == ENROL_REFUSED;
}

static int
cmd_proof(char **v)
{
	struct buf hex = buf_init(KIB(1));
	struct enrolment rec;
	struct err e = { 0 };
	uint8_t proof[ENROL_PROOF_SIZE];

	if (enrolment_parse(read_file(v[1]), &rec, &e) != 0 ||
	    enrolment_proof(read_file(v[0]), span_of(rec.token, sizeof(rec.token)), read_file(v[2]), proof, &e) != 0)
		die("proof", &e);
	buf_hex(&hex, span_of(proof, sizeof(proof)));
	puts(buf_cstr(&hex));
	buf_free(&hex);
	enrolment_free(&rec);
	return 0;
}

static int
cmd_ca(char **v)
{
	struct buf key = buf_init(KIB(4)), cert = buf_init(KIB(16));
	struct err e = { 0 };

	if (key_create(&key, &e) != 0 ||
	    ca_create(buf_view(&key), "assay test CA", time(NULL) - 60, time(NULL) + 86400, &cert, &e) != 0)
		die("ca", &e);
	write_file(v[0], &key);
	write_file(v[1], &cert);
	return 0;
}

static int
cmd_csr(char **v)
{
	struct buf key = buf_init(KIB(4)), csr = buf_init(KIB(16));
	struct err e = { 0 };

	if (key_create(&key, &e) != 0 || csr_create(buf_view(&key), "agent", &csr, &e) != 0)
		die("csr", &e);
	write_file(v[0], &key);
	write_file(v[1], &csr);
	return 0;
}

static int
issue(const char *ca_key, const char *ca_cert, struct cert_order *order, const char *out)
{
	struct buf der = buf_init(KIB(16)), pem = buf_init(KIB(32));
	struct issuer *ca = NULL;
	struct err e = { 0 };

	order->from = time(NULL) - 30;
	order->to = time(NULL) + 3600;
	if (issuer_open(read_file(ca_cert), read_file(ca_key), &ca, &e) != 0 ||
	    cert_issue(ca, order, &der, &e) != 0)
		die("issue", &e);
	pem_write("CERTIFICATE", buf_view(&der), &pem);
	write_file(out, &pem);
	issuer_free(ca);
	buf_free(&der);
	return 0;
}

static int
cmd_issue(char **v)
{
	struct cert_order order = { .kind = CERT_CLIENT, .cn = v[3] };
	struct csr *csr = NULL;
	struct err e = { 0 };
	int rc;

	if (csr_parse(read_file(v[2]), &csr, &e) != 0)
		die("request", &e);
	order.key = csr_key(csr);
	rc = issue(v[0], v[1], &order, v[4]);
	csr_free(csr);
	return rc;
}

static int
cmd_serve(char **v)
{
	struct cert_order order = { .kind = CERT_SERVER, .cn = v[4], .names = (const char *const *)(v + 4) };
	struct buf key = buf_init(KIB(4));
	struct privkey *k = NULL;
	struct err e = { 0 };
	int rc;

	for (char **n = v + 4; *n != NULL; n++)
		order.n_names++;
	if (key_create(&key, &e) != 0 || privkey_parse(buf_view(&key), &k, &e) != 0)
		die("key", &e);
	order.key = privkey_public(k);
	rc = issue(v[0], v[1], &order, v[3]);
	write_file(v[2], &key);
	privkey_free(k);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; int least; int (*run)(char **); } verbs[] = {
		{ "host", 1, cmd_host }, { "credential", 4, cmd_credential }, { "trust", 0, cmd_trust },
		{ "begin", 2, cmd_begin }, { "finish", 2, cmd_finish }, { "proof", 3, cmd_proof },
		{ "ca", 2, cmd_ca }, { "csr", 2, cmd_csr }, { "issue", 5, cmd_issue }, { "serve", 5, cmd_serve },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].least) {
			int rc = verbs[i].run(argv + 2);

			arena_free(&memory);
			return rc;
		}
	die("usage", &(struct err){ 0 });
}
