#include "svc/agent/identity.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/pem.h"
#include "crypto/pubkey.h"

#define BEGIN_CERT "-----BEGIN CERTIFICATE-----"

void
identity_free(struct identity *i)
{
	if (i->pem.p != NULL)
		explicit_bzero(i->pem.p, i->pem.n);
	buf_free(&i->pem);
	*i = (struct identity){ 0 };
}

static int
name_in(const char *dir, const char *name, struct buf *path, struct err *e)
{
	*path = buf_init(LIMIT_PATH);
	buf_printf(path, "%s/%s", dir, name);
	buf_u8(path, 0);
	return buf_done(path, e);
}

/* Where key and chain stand, and until when the leaf is good. */
static int
look_at(struct identity *i, struct err *e)
{
	PUBKEY_AUTO struct pubkey *leaf = NULL;
	BUF_AUTO struct buf der = buf_init(LIMIT_ATTEST_CERT);
	struct span all = buf_view(&i->pem);
	const uint8_t *cert = all.n == 0 ? NULL : memmem(all.p, all.n, BEGIN_CERT, strlen(BEGIN_CERT));
	time_t from, to;
	int rc;

	if (cert == NULL)
		return err_set(e, ERR_FORMAT, "holds no certificate");
	i->key = span_head(all, (size_t)(cert - all.p));
	i->chain = span_from(all, i->key.n);
	if ((rc = pem_read(i->chain, "CERTIFICATE", &der, e)) != 0 ||
	    (rc = pubkey_parse(buf_view(&der), &leaf, e)) != 0)
		return rc;
	if (!pubkey_validity(leaf, &from, &to))
		return err_set(e, ERR_FORMAT, "holds a certificate without dates");
	i->from = from;
	i->to = to;
	return 0;
}

static void
take_state(const json_t *j, struct identity *i)
{
	const char *id = json_string_value(json_object_get(j, "host_id"));
	const char *state = json_string_value(json_object_get(j, "state"));

	(void)snprintf(i->host_id, sizeof(i->host_id), "%s", id == NULL ? "" : id);
	(void)snprintf(i->state, sizeof(i->state), "%s", state == NULL ? "" : state);
}

int
identity_load(const char *dir, struct identity *out, struct err *e)
{
	IDENTITY_AUTO struct identity i = { .pem = buf_init(LIMIT_SMALL_FILE) };
	BUF_AUTO struct buf pem = { 0 };
	BUF_AUTO struct buf state = { 0 };
	FILE_AUTO struct file f = { 0 };
	FILE_AUTO struct file s = { 0 };
	JSON_AUTO json_t *j = NULL;
	struct stat st;
	int rc;

	if ((rc = name_in(dir, "identity.pem", &pem, e)) != 0 || (rc = name_in(dir, "state.json", &state, e)) != 0)
		return rc;
	if (stat((const char *)pem.p, &st) == 0) {
		if ((rc = file_read((const char *)pem.p, LIMIT_SMALL_FILE, &f, e)) != 0)
			return rc;
		buf_span(&i.pem, file_view(&f));
		explicit_bzero(f.p, f.n);
		if ((rc = buf_done(&i.pem, e)) != 0 || (rc = look_at(&i, e)) != 0)
			return err_hint(e, err_file(e, rc, (const char *)pem.p), "move it away to enrol this host anew");
	} else if (errno != ENOENT) {
		return err_errno(e, "cannot look at %s", (const char *)pem.p);
	}
	if (file_read((const char *)state.p, KIB(64), &s, NULL) == 0 && json_parse(file_view(&s), KIB(64), &j, NULL) == 0)
		take_state(j, &i);
	*out = i;
	i = (struct identity){ 0 };	/* transferred */
	return 0;
}

static int
write_state(const char *dir, const char *server, const struct identity *i, struct err *e)
{
	BUF_AUTO struct buf path = { 0 };
	BUF_AUTO struct buf text = buf_init(KIB(16));
	JSON_AUTO json_t *j = json_pack("{s:i,s:s,s:s,s:s,s:I}", "version", 1, "server", server, "host_id",
	    i->host_id, "state", i->state, "certificate_until", (json_int_t)i->to);
	int rc;

	if (j == NULL)
		return err_set(e, ERR_NOMEM, "no memory for the agent's state");
	json_write(j, &text);
	if ((rc = buf_done(&text, e)) != 0 || (rc = name_in(dir, "state.json", &path, e)) != 0)
		return rc;
	return file_write((const char *)path.p, buf_view(&text), 0644, e);
}

int
identity_save(const char *dir, const char *server, struct span key, const struct attest_chain *chain,
    const char *host_id, const char *state, struct identity *out, struct err *e)
{
	IDENTITY_AUTO struct identity i = { .pem = buf_init(LIMIT_SMALL_FILE) };
	BUF_AUTO struct buf path = { 0 };
	int rc;

	(void)snprintf(i.host_id, sizeof(i.host_id), "%s", host_id == NULL ? out->host_id : host_id);
	(void)snprintf(i.state, sizeof(i.state), "%s", state == NULL ? out->state : state);
	buf_span(&i.pem, key);
	for (size_t n = 0; n < chain->n; n++)
		pem_write("CERTIFICATE", chain->der[n], &i.pem);
	/* What counts is the certificate: last. */
	if ((rc = buf_done(&i.pem, e)) != 0 || (rc = look_at(&i, e)) != 0 ||
	    (rc = name_in(dir, "identity.pem", &path, e)) != 0 || (rc = write_state(dir, server, &i, e)) != 0 ||
	    (rc = file_write((const char *)path.p, buf_view(&i.pem), 0600, e)) != 0)
		return err_ctx(e, rc, "keeping the certificate");
	identity_free(out);
	*out = i;
	i = (struct identity){ 0 };	/* transferred */
	return 0;
}

int
identity_state(const char *dir, const char *server, struct identity *i, const char *state, struct err *e)
{
	if (strcmp(i->state, state) == 0)
		return 0;
	(void)snprintf(i->state, sizeof(i->state), "%s", state);
	return write_state(dir, server, i, e);
}

int
identity_writable(const char *dir, struct err *e)
{
	BUF_AUTO struct buf path = { 0 };
	int rc;

	if ((rc = name_in(dir, "writable", &path, e)) != 0 ||
	    (rc = file_write((const char *)path.p, span_lit("\n"), 0600, e)) != 0)
		return rc;
	return unlink((const char *)path.p) == 0 ? 0 : err_errno(e, "cannot remove %s", (const char *)path.p);
}

int
identity_forget(const char *dir, struct identity *i, struct err *e)
{
	BUF_AUTO struct buf from = { 0 };
	BUF_AUTO struct buf to = { 0 };
	int rc;

	if ((rc = name_in(dir, "identity.pem", &from, e)) != 0 || (rc = name_in(dir, "identity.pem.old", &to, e)) != 0)
		return rc;
	if (rename((const char *)from.p, (const char *)to.p) != 0 && errno != ENOENT)
		return err_errno(e, "cannot rename %s", (const char *)from.p);
	identity_free(i);
	return 0;
}

bool
identity_ends(const struct identity *i, int64_t now)
{
	return now >= i->from + (i->to - i->from) / 3 * 2;
}
