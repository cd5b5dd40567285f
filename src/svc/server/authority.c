/* The server's CA, which makes the certificates of hosts and its own, and where its files are.
 *
 *	ca.pem, ca.key		made at the first start, for ten years
 *	server.pem, server.key	made anew when it ends within a month or lacks a name
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pem.h"
#include "crypto/digest.h"
#include "svc/server/server_internal.h"

#define DAY ((int64_t)86400)
#define CA_DAYS 3650
#define SERVER_DAYS 396
#define CLIENT_DAYS 90
#define EARLY_DAYS 30		/* a server certificate is made anew so long before it ends */
#define SKEW 3600		/* clocks of hosts may be behind */

static const char *
path_in(struct server *s, const char *name, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(KIB(8));
	char *path;

	buf_printf(&b, "%s/%s", s->o.data, name);
	if (buf_done(&b, e) != 0 || (path = arena_str(&s->arena, buf_view(&b))) == NULL)
		return NULL;
	return path;
}

static int
read_if_there(const char *path, struct buf *out, bool *there, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	int rc;

	*there = access(path, F_OK) == 0 || errno != ENOENT;
	if (!*there)
		return 0;
	if ((rc = file_read(path, LIMIT_SMALL_FILE, &f, e)) != 0)
		return rc;
	*out = buf_init(LIMIT_SMALL_FILE);
	buf_span(out, file_view(&f));
	return buf_done(out, e);
}

/* Both files or neither: one without the other was lost, and a new one would orphan hosts. */
static int
read_pair(const char *cert_path, const char *key_path, struct buf *cert, struct buf *key, bool *there,
    struct err *e)
{
	bool has_cert, has_key;
	int rc;

	if ((rc = read_if_there(cert_path, cert, &has_cert, e)) != 0 ||
	    (rc = read_if_there(key_path, key, &has_key, e)) != 0)
		return rc;
	if (has_cert != has_key)
		return err_file(e, err_hint(e, err_set(e, ERR_USAGE, "is missing, though its other half is there"),
		    "restore it; to begin anew, and enrol every host again, remove both"), has_cert ? key_path : cert_path);
	*there = has_cert;
	return 0;
}

static int
make_ca(struct server *s, const char *cert_path, const char *key_path, struct err *e)
{
	int64_t now = server_now() / 1000;
	int rc;

	s->ca_pem = buf_init(LIMIT_SMALL_FILE);
	s->ca_key = buf_init(LIMIT_SMALL_FILE);
	if ((rc = key_create(&s->ca_key, e)) != 0 || (rc = ca_create(buf_view(&s->ca_key), "assay",
	    now - SKEW, now + CA_DAYS * DAY, &s->ca_pem, e)) != 0 ||
	    (rc = file_write(key_path, buf_view(&s->ca_key), 0600, e)) != 0)
		return rc;
	return file_write(cert_path, buf_view(&s->ca_pem), 0644, e);
}

static int
open_ca(struct server *s, struct err *e)
{
	const char *cert = path_in(s, "ca.pem", e), *key = path_in(s, "ca.key", e);
	bool there;
	int rc;

	if (cert == NULL || key == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->ca_file = (char *)(uintptr_t)cert;
	if ((rc = read_pair(cert, key, &s->ca_pem, &s->ca_key, &there, e)) != 0 ||
	    (!there && (rc = make_ca(s, cert, key, e)) != 0))
		return rc;
	rc = issuer_open(buf_view(&s->ca_pem), buf_view(&s->ca_key), &s->issuer, e);
	return err_file(e, rc, cert);
}

/* The names it must have: those it is reached by here, and those given. */
static int
make_server_cert(struct server *s, const char *cert_path, const char *key_path, struct err *e)
{
	const char *names[64] = { "localhost", "127.0.0.1", "::1" };
	PRIVKEY_AUTO struct privkey *key = NULL;
	BUF_AUTO struct buf der = buf_init(LIMIT_SMALL_FILE);
	int64_t now = server_now() / 1000;
	size_t n = 3;
	int rc;

	if (strcmp(s->o.address, "0.0.0.0") != 0 && strcmp(s->o.address, "::") != 0)
		names[n++] = s->o.address;
	for (size_t i = 0; i < s->o.n_names && n < 64; i++)
		names[n++] = s->o.names[i];
	s->key_pem = buf_init(LIMIT_SMALL_FILE);
	s->chain_pem = buf_init(LIMIT_SMALL_FILE);
	if ((rc = key_create(&s->key_pem, e)) != 0 || (rc = privkey_parse(buf_view(&s->key_pem), &key, e)) != 0 ||
	    (rc = cert_issue(s->issuer, &(struct cert_order){ .kind = CERT_SERVER, .key = privkey_public(key),
	    .cn = "assay", .names = names, .n_names = n, .from = now - SKEW, .to = now + SERVER_DAYS * DAY },
	    &der, e)) != 0)
		return rc;
	pem_write("CERTIFICATE", buf_view(&der), &s->chain_pem);
	if ((rc = buf_done(&s->chain_pem, e)) != 0 ||
	    (rc = file_write(key_path, buf_view(&s->key_pem), 0600, e)) != 0)
		return rc;
	return file_write(cert_path, buf_view(&s->chain_pem), 0644, e);
}

/* A certificate of an administrator's making is used as long as it lasts; ours is made anew at
 * each start, so that it always has the names of this start. */
static int
open_server_cert(struct server *s, struct err *e)
{
	const char *cert = path_in(s, "server.pem", e), *key = path_in(s, "server.key", e);
	const char *own_cert = path_in(s, "own.pem", e), *own_key = path_in(s, "own.key", e);
	bool given;
	int rc;

	if (cert == NULL || key == NULL || own_cert == NULL || own_key == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = read_pair(own_cert, own_key, &s->chain_pem, &s->key_pem, &given, e)) != 0 ||
	    (!given && (rc = make_server_cert(s, cert, key, e)) != 0))
		return rc;
	return tls_server_new(&(struct tls_server_options){ .chain = buf_view(&s->chain_pem),
	    .key = buf_view(&s->key_pem), .client_ca = buf_view(&s->ca_pem) }, &s->tls, e);
}

int
authority_open(struct server *s, struct err *e)
{
	int rc;

	if (mkdir(s->o.data, 0700) != 0 && errno != EEXIST)
		return err_file(e, err_errno(e, "cannot make the directory"), s->o.data);
	if ((rc = open_ca(s, e)) != 0)
		return rc;
	return open_server_cert(s, e);
}

void
authority_close(struct server *s)
{
	tls_server_free(s->tls);
	issuer_free(s->issuer);
	buf_free(&s->ca_pem);
	if (s->ca_key.p != NULL)
		explicit_bzero(s->ca_key.p, s->ca_key.n);
	buf_free(&s->ca_key);
	buf_free(&s->chain_pem);
	if (s->key_pem.p != NULL)
		explicit_bzero(s->key_pem.p, s->key_pem.n);
	buf_free(&s->key_pem);
}

int
authority_issue(struct server *s, struct span csr, const char *host_id, int64_t now, struct buf *leaf,
    struct store_certificate *cert, struct err *e)
{
	return authority_issue_for(s, csr, host_id, now, 0, leaf, cert, e);
}

int
authority_issue_for(struct server *s, struct span csr, const char *cn, int64_t now, int64_t days, struct buf *leaf,
    struct store_certificate *cert, struct err *e)
{
	CSR_AUTO struct csr *request = NULL;
	struct digest d;
	int64_t at = now / 1000, ends = at + (days != 0 ? days : CLIENT_DAYS) * DAY;
	int rc;

	if ((rc = csr_parse(csr, &request, e)) != 0 || (rc = cert_issue(s->issuer, &(struct cert_order){
	    .kind = CERT_CLIENT, .key = csr_key(request), .cn = cn, .from = at - SKEW, .to = ends }, leaf, e)) != 0 ||
	    (rc = digest_of(DIGEST_SHA256, buf_view(leaf), &d, e)) != 0)
		return rc;
	*cert = (struct store_certificate){ .der = buf_view(leaf), .issued = now, .expires = ends * 1000 };
	memcpy(cert->sha256, digest_view(&d).p, sizeof(cert->sha256));
	return 0;
}
