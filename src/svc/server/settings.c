/* What the configuration says and a reload may change.  One is made whole or not at all, and
 * never changed; who works with one holds it, so that a request is judged by one and the
 * same from its beginning to its end. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/rfc3339.h"
#include "crypto/digest.h"
#include "engine/boot_policy.h"
#include "engine/dsse_sign.h"
#include "engine/vendor_roots.h"
#include "formats/dsse.h"
#include "svc/server/server_internal.h"

#define WAIT_MS 30000
#define KEEP_DAYS 90

/* ---- who vouches for machines ---- */

static int
load_roots(const char *path, struct x509_roots *r, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	int rc = file_read(path, LIMIT_ROOT_BUNDLE + LIMIT_CRL, &f, e);

	return rc != 0 ? rc : err_file(e, trust_roots_load(file_view(&f), r, e), path);
}

/* The bundle that comes with the program. */
static int
load_shipped(struct settings *c, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(16));
	BUF_AUTO struct buf date = buf_init(64);
	struct root_bundle b;
	int rc;

	if ((rc = root_bundle_parse(vendor_roots(), &a, &b, e)) != 0 || (rc = root_bundle_load(&b, c->vendors, e)) != 0)
		return err_ctx(e, rc, "the roots that come with the program");
	buf_rfc3339(&date, b.date);
	(void)snprintf(c->shipped, sizeof(c->shipped), "edition %u of %.10s", b.edition, buf_cstr(&date));
	return 0;
}

static unsigned
named_modes(const struct server_options *o)
{
	unsigned modes = o->first_use ? 1U << TRUST_OPERATOR : 0;

	for (size_t i = 0; i < o->n_trust_modes; i++)
		modes |= 1U << trust_mode_by_token(span_str(o->trust_modes[i]));
	return modes;
}

static bool
has_mode(unsigned modes, enum trust_mode m)
{
	return (modes >> m & 1) != 0;
}

/* The shipped roots count where nothing says who is trusted, or "ca" is asked for and no other
 * bundle is given: a list of one's own machines must not silently become "every real TPM". */
static bool
wants_shipped(const struct server_options *o)
{
	if (o->roots != NULL)
		return false;
	if (o->n_trust_modes > 0)
		return has_mode(named_modes(o), TRUST_CA) && o->extra_roots == NULL;
	return !o->first_use && o->ek_list == NULL && o->extra_roots == NULL && o->device_roots == NULL;
}

static int
open_ek_list(struct settings *c, const char *path, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	int rc = file_read(path, LIMIT_EK_LIST, &f, e);

	if (rc != 0)
		return rc;
	if (!arena_copy(&c->arena, file_view(&f), &c->ek_list_text))
		return arena_err(&c->arena, e);
	return err_file(e, ek_list_parse(c->ek_list_text, &c->arena, &c->ek_list, e), path);
}

/* A way that is asked for and can never hold is a mistake that locks machines out. */
static int
check_modes(const struct settings *c, const struct server_options *o, unsigned modes, struct err *e)
{
	if (has_mode(modes, TRUST_CA) && x509_roots_count(c->vendors) == 0)
		return err_set(e, ERR_USAGE, "trust mode \"ca\" without a root: give roots or extra-roots");
	if (has_mode(modes, TRUST_IDEVID) && x509_roots_count(c->devices) == 0)
		return err_set(e, ERR_USAGE, "trust mode \"idevid\" without a root: give device-roots");
	if (has_mode(modes, TRUST_EK_LIST) && o->ek_list == NULL)
		return err_set(e, ERR_USAGE, "trust mode \"ek-list\" without a list: give ek-list");
	return 0;
}

static int
make_trust(struct settings *c, const struct server_options *o, struct err *e)
{
	unsigned modes = named_modes(o);
	int rc;

	if ((rc = x509_roots_new(&c->vendors, e)) != 0 || (rc = x509_roots_new(&c->devices, e)) != 0 ||
	    (wants_shipped(o) && (rc = load_shipped(c, e)) != 0) ||
	    (o->roots != NULL && strcmp(o->roots, "none") != 0 && (rc = load_roots(o->roots, c->vendors, e)) != 0) ||
	    (o->extra_roots != NULL && (rc = load_roots(o->extra_roots, c->vendors, e)) != 0) ||
	    (o->device_roots != NULL && (rc = load_roots(o->device_roots, c->devices, e)) != 0) ||
	    (o->ek_list != NULL && (rc = open_ek_list(c, o->ek_list, e)) != 0))
		return rc;
	if (o->n_trust_modes == 0)
		modes |= (x509_roots_count(c->vendors) > 0 ? 1U << TRUST_CA : 0) |
		    (x509_roots_count(c->devices) > 0 ? 1U << TRUST_IDEVID : 0) |
		    (o->ek_list != NULL ? 1U << TRUST_EK_LIST : 0);
	c->trust = (struct trust_config){ .vendors = c->vendors, .devices = c->devices,
	    .list = o->ek_list == NULL ? NULL : &c->ek_list, .modes = modes, .allow_expired = o->allow_expired,
	    .approve_new_ak = o->approve_new_ak };
	return check_modes(c, o, modes, e);
}

/* ---- policies of the configuration ---- */

static int
open_policy_keys(struct settings *c, const struct server_options *o, struct err *e)
{
	int rc;

	if (o->signed_only && o->n_policy_keys == 0)
		return err_set(e, ERR_USAGE, "signed policies are required, and no key is given that may sign them");
	if ((c->policy_keys = calloc(o->n_policy_keys + 1, sizeof(struct pubkey *))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (; c->n_policy_keys < o->n_policy_keys; c->n_policy_keys++) {
		const char *path = o->policy_keys[c->n_policy_keys];
		FILE_AUTO struct file f = { 0 };

		if ((rc = file_read(path, LIMIT_SMALL_FILE, &f, e)) != 0)
			return rc;
		if ((rc = pubkey_parse(file_view(&f), &c->policy_keys[c->n_policy_keys], e)) != 0)
			return err_file(e, rc, path);
	}
	return 0;
}

/* What is there must be what can judge: it is parsed, its patterns and keys are compiled, and its
 * demands on the boot are understood (keylime #1932). */
static int
check_payload(struct span bytes, struct err *e)
{
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	const struct runtime_policy *list[] = { &p };
	struct appraiser *a = NULL;
	int rc = runtime_policy_parse(bytes, &p, e);

	if (rc != 0 || (p.boot != NULL && (rc = boot_policy_check(p.boot, e)) != 0) ||
	    (rc = appraiser_new(list, 1, &(struct sig_context){ .now = server_now() / 1000 }, &a, e)) != 0)
		return rc;
	appraiser_free(a);
	return 0;
}

int
settings_check_policy(const struct settings *c, struct span bytes, struct buf *signer, struct err *e)
{
	DSSE_AUTO struct dsse env = { 0 };
	size_t which = 0;
	int rc;

	if (!dsse_sniff(bytes)) {
		if (c->n_policy_keys > 0)
			return err_set(e, ERR_SIGNATURE, "this server takes signed policies only (assay policy sign)");
		return check_payload(bytes, e);
	}
	if ((rc = dsse_parse(bytes, &env, e)) != 0)
		return rc;
	if (c->n_policy_keys == 0)
		return err_set(e, ERR_SIGNATURE, "this server has no key to check a signature with (--policy-key)");
	if ((rc = dsse_verify(&env, c->policy_keys, c->n_policy_keys, &which, e)) != 0)
		return rc;
	if (which == c->n_policy_keys)
		return err_set(e, ERR_SIGNATURE, "none of this server's keys signed the policy, or it was changed since");
	buf_hex(signer, digest_view(pubkey_fingerprint(c->policy_keys[which])));
	return check_payload(buf_view(&env.payload), e);
}

static int
keep_document(struct settings *c, struct span bytes, struct settings_policy *out, struct err *e)
{
	BUF_AUTO struct buf hex = buf_init(128);
	struct digest d;
	int rc;

	if (!arena_copy(&c->arena, bytes, &out->document))
		return arena_err(&c->arena, e);
	if ((rc = digest_of(DIGEST_SHA256, bytes, &d, e)) != 0)
		return rc;
	buf_hex(&hex, digest_view(&d));
	(void)snprintf(out->version, sizeof(out->version), "%s", buf_cstr(&hex));
	return buf_done(&hex, e);
}

static int
read_default(struct settings *c, const char *path, struct err *e)
{
	BUF_AUTO struct buf signer = buf_init(256);
	FILE_AUTO struct file f = { 0 };
	int rc = path == NULL ? 0 : file_read(path, LIMIT_POLICY_UPLOAD, &f, e);

	if (path == NULL || rc != 0)
		return rc;
	if ((rc = settings_check_policy(c, file_view(&f), &signer, e)) != 0 ||
	    (rc = keep_document(c, file_view(&f), &c->fallback, e)) != 0)
		return err_file(e, rc, path);
	(void)snprintf(c->fallback.signer, sizeof(c->fallback.signer), "%s", buf_cstr(&signer));
	return 0;
}

/* Excludes are a policy that approves nothing: several policies are one. */
static int
write_excludes(struct settings *c, const struct server_options *o, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_SMALL_FILE);
	JSON_AUTO json_t *j = json_pack("{s:i, s:s, s:[]}", "assay_policy", 1, "name", "default-excludes", "excludes");
	json_t *list = json_object_get(j, "excludes");
	int rc;

	if (o->n_default_excludes == 0)
		return 0;
	for (size_t i = 0; i < o->n_default_excludes; i++) {
		json_t *one = json_new_string(span_str(o->default_excludes[i]));

		if (one == NULL)
			return err_set(e, ERR_ENCODING, "a default exclude is not UTF-8: write other bytes as \\xNN");
		json_array_append_new(list, one);
	}
	json_write_compact(j, &text);
	if ((rc = buf_done(&text, e)) != 0 || (rc = check_payload(buf_view(&text), e)) != 0)
		return err_ctx(e, rc, "the default excludes");
	return keep_document(c, buf_view(&text), &c->excludes, e);
}

/* ---- whole ---- */

static int
make(struct settings *c, const struct server_options *o, struct err *e)
{
	int rc;

	c->wait_ms = o->wait_ms != 0 ? o->wait_ms : WAIT_MS;
	c->host_rate = o->host_rate != 0 ? o->host_rate : LIMIT_PACE_HOST;
	c->keep = o->keep;
	if (c->keep.bundle_days == 0)
		c->keep.bundle_days = KEEP_DAYS;
	if (c->keep.event_days == 0)
		c->keep.event_days = KEEP_DAYS;
	c->approve_first_use = o->approve_first_use;
	if ((rc = make_trust(c, o, e)) != 0 || (rc = open_policy_keys(c, o, e)) != 0 ||
	    (rc = read_default(c, o->default_policy, e)) != 0)
		return rc;
	return write_excludes(c, o, e);
}

int
settings_make(const struct server_options *o, struct settings **out, struct err *e)
{
	struct settings *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->users = 1;
	c->arena = arena_init(GIB(1));
	if ((rc = make(c, o, e)) != 0) {
		settings_release(c);
		return rc;
	}
	*out = c;
	return 0;
}

void
settings_release(struct settings *c)
{
	if (c == NULL || atomic_fetch_sub(&c->users, 1) != 1)
		return;
	x509_roots_free(c->vendors);
	x509_roots_free(c->devices);
	for (size_t i = 0; i < c->n_policy_keys; i++)
		pubkey_free(c->policy_keys[i]);
	free(c->policy_keys);
	arena_free(&c->arena);
	free(c);
}

struct settings *
settings_hold(struct server *s)
{
	struct settings *c;

	pthread_mutex_lock(&s->settings_lock);
	c = s->settings;
	atomic_fetch_add(&c->users, 1);
	pthread_mutex_unlock(&s->settings_lock);
	return c;
}

void
settings_use(struct server *s, struct settings *c)
{
	struct settings *old;

	pthread_mutex_lock(&s->settings_lock);
	old = s->settings;
	s->settings = c;
	s->host_each_us = LIMIT_PACE_AHEAD_US / c->host_rate;
	pthread_mutex_unlock(&s->settings_lock);
	s->settings_epoch++;	/* workers look there before each job */
	s->policy_epoch++;
	settings_release(old);
}

/* ---- what is told of them ---- */

static int
add_policy(struct store *store, const char *name, const struct settings_policy *p, struct err *e)
{
	struct store_policy v = { .name = span_str(name), .version = span_str(p->version), .document = p->document,
	    .size = p->document.n, .signers = span_str(p->signer), .who = span_lit("configuration"), .at = server_now() };
	JSON_AUTO json_t *j = NULL;
	BUF_AUTO struct buf body = buf_init(LIMIT_SMALL_FILE);
	struct store_event ev = { .at = v.at, .kind = span_lit("policy") };
	int rc;

	if (p->document.n == 0)
		return 0;
	if ((rc = store_policy_add(store, &v, e)) == ERR_DUPLICATE)
		return 0;
	if (rc != 0 || (j = json_pack("{s:s, s:s, s:s}", "name", name, "version", p->version, "who", "configuration")) == NULL)
		return rc != 0 ? rc : err_set(e, ERR_NOMEM, "out of memory");
	json_write_compact(j, &body);
	ev.body = buf_view(&body);
	return store_event_add(store, &ev, 1, e);
}

int
settings_record(const struct settings *c, struct store *store, struct err *e)
{
	int rc = store_begin(store, e);

	if (rc != 0)
		return rc;
	if ((rc = add_policy(store, "default", &c->fallback, e)) == 0 &&
	    (rc = add_policy(store, "default-excludes", &c->excludes, e)) == 0)
		return store_commit(store, e);
	store_rollback(store);
	return rc;
}

void
settings_say(const struct settings *c)
{
	BUF_AUTO struct buf b = buf_init(KIB(4));

	for (unsigned m = TRUST_NONE + 1; m < TRUST_MODE_COUNT; m++)
		if (has_mode(c->trust.modes, m))
			buf_printf(&b, "%s%s", b.n > 0 ? ", " : "", trust_mode_token(m));
	if (b.n == 0)
		buf_str(&b, "no way, so that no host can enrol");
	if (has_mode(c->trust.modes, TRUST_CA))
		buf_printf(&b, "; %zu roots of TPM vendors%s%s", x509_roots_count(c->vendors), c->shipped[0] == '\0' ? "" :
		    ", those that come with the program: ", c->shipped);
	svc_log(LOG_LEVEL_INFO, "trust in machines: %s", buf_cstr(&b));
	if (c->n_policy_keys > 0)
		svc_log(LOG_LEVEL_INFO, "policies must be signed by one of %zu keys", c->n_policy_keys);
}
