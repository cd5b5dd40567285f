#include "formats/resume_state.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

#define WHERE "resume state"
#define VERSION 1

void
resume_state_free(struct resume_state *s)
{
	arena_free(&s->arena);
}

static int
get_u64(const json_t *j, const char *key, uint64_t max, uint64_t *out, struct err *e)
{
	json_t *v;
	int rc = json_member(j, WHERE, key, JSON_INTEGER, true, &v, e);

	if (rc != 0)
		return rc;
	if (json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
		return err_set(e, ERR_RANGE, WHERE ": \"%s\" is out of range", key);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

static int
get_digest(const json_t *j, const char *key, enum digest_alg alg, struct digest *d, struct err *e)
{
	uint8_t raw[LIMIT_DIGEST];
	json_t *v;
	int rc = json_member(j, WHERE, key, JSON_STRING, false, &v, e);

	if (rc != 0 || v == NULL)
		return rc;
	if (!hex_fixed(json_string_span(v), raw, digest_alg_size(alg)) ||
	    !digest_make(alg, span_of(raw, digest_alg_size(alg)), d))
		return err_set(e, ERR_FORMAT, WHERE ": \"%s\" is not a %s digest", key, digest_alg_name(alg));
	return 0;
}

/* "algorithm:hex", because it may be of any. */
static int
get_any_digest(const json_t *j, const char *key, bool required, struct digest *d, struct err *e)
{
	uint8_t raw[LIMIT_DIGEST];
	struct span text;
	enum digest_alg alg;
	json_t *v;
	size_t colon;
	int rc = json_member(j, WHERE, key, JSON_STRING, required, &v, e);

	if (rc != 0 || v == NULL)
		return rc;
	text = json_string_span(v);
	colon = span_find(text, ':');
	alg = digest_alg_by_name(span_head(text, colon));
	if (!hex_fixed(span_from(text, colon + 1), raw, digest_alg_size(alg)) ||
	    !digest_make(alg, span_of(raw, digest_alg_size(alg)), d))
		return err_set(e, ERR_FORMAT, WHERE ": \"%s\" is not \"algorithm:hex\"", key);
	return 0;
}

static json_t *
any_digest_json(const struct digest *d)
{
	BUF_AUTO struct buf b = buf_init(256);

	buf_printf(&b, "%s:", digest_alg_name(d->alg));
	buf_hex(&b, digest_view(d));
	return json_string(buf_cstr(&b));
}

/* Names are bytes, so that they are kept in base64. */
static int
get_ima_policies(const json_t *j, struct resume_state *s, struct err *e)
{
	static const char *const members[] = { "path_b64", "digest", NULL };
	json_t *list, *v, *path;
	size_t i;
	int rc = json_member(j, WHERE, "ima_policies", JSON_ARRAY, false, &list, e);

	if (rc != 0 || list == NULL)
		return rc;
	s->ima_policies = arena_array(&s->arena, json_array_size(list) + 1, sizeof(*s->ima_policies));
	if (s->ima_policies == NULL)
		return arena_err(&s->arena, e);
	json_array_foreach(list, i, v) {
		BUF_AUTO struct buf name = buf_init(LIMIT_SMALL_FILE);
		struct resume_ima_policy *p = &s->ima_policies[i];

		if ((rc = json_only(v, WHERE " IMA policy", members, e)) != 0 ||
		    (rc = json_member(v, WHERE " IMA policy", "path_b64", JSON_STRING, true, &path, e)) != 0 ||
		    (rc = get_any_digest(v, "digest", true, &p->digest, e)) != 0)
			return rc;
		if (!base64_decode(json_string_span(path), &name))
			return err_set(e, ERR_ENCODING, WHERE ": an IMA policy's \"path_b64\" is not base64");
		if (!arena_copy(&s->arena, buf_view(&name), &p->path))
			return arena_err(&s->arena, e);
		s->n_ima_policies++;
	}
	return 0;
}

static int
get_pcrs(const json_t *j, struct resume_state *s, struct err *e)
{
	json_t *pcrs, *v;
	const char *key;
	int rc = json_member(j, WHERE, "pcrs", JSON_OBJECT, true, &pcrs, e);

	if (rc != 0)
		return rc;
	json_object_foreach(pcrs, key, v) {
		struct resume_pcr *p = &s->pcrs[s->n_pcrs];
		uint64_t index;

		if (!dec_u64(span_str(key), &index) || index > 63 || s->n_pcrs == 64)
			return err_set(e, ERR_RANGE, WHERE ": \"pcrs\" names PCR \"%s\"", key);
		if ((rc = get_digest(pcrs, key, s->bank, &p->value, e)) != 0)
			return rc;
		p->index = (uint32_t)index;
		s->n_pcrs++;
	}
	return 0;
}

static int
get_key(const json_t *j, struct resume_state *s, struct resume_key *k, struct err *e)
{
	static const char *const members[] = { "keyring", "der", NULL };
	BUF_AUTO struct buf der = buf_init(LIMIT_SMALL_FILE);
	json_t *ring, *b64;
	int rc;

	if ((rc = json_only(j, WHERE " key", members, e)) != 0 ||
	    (rc = json_member(j, WHERE " key", "keyring", JSON_STRING, true, &ring, e)) != 0 ||
	    (rc = json_member(j, WHERE " key", "der", JSON_STRING, true, &b64, e)) != 0)
		return rc;
	if (!base64_decode(json_string_span(b64), &der))
		return err_set(e, ERR_ENCODING, WHERE ": a key's \"der\" is not base64");
	if (!arena_copy(&s->arena, json_string_span(ring), &k->keyring) ||
	    !arena_copy(&s->arena, buf_view(&der), &k->der))
		return arena_err(&s->arena, e);
	return 0;
}

static int
get_keys(const json_t *j, struct resume_state *s, struct err *e)
{
	json_t *keys, *v;
	size_t i;
	int rc = json_member(j, WHERE, "keys", JSON_ARRAY, false, &keys, e);

	if (rc != 0 || keys == NULL)
		return rc;
	s->keys = arena_array(&s->arena, json_array_size(keys) + 1, sizeof(*s->keys));
	if (s->keys == NULL)
		return arena_err(&s->arena, e);
	json_array_foreach(keys, i, v) {
		if ((rc = get_key(v, s, &s->keys[i], e)) != 0)
			return rc;
		s->n_keys++;
	}
	return 0;
}

static int
get_clock(const json_t *j, struct resume_state *s, struct err *e)
{
	static const char *const members[] = { "reset_count", "restart_count", "clock", "safe", NULL };
	uint64_t reset, restart;
	json_t *c, *safe;
	int rc = json_member(j, WHERE, "clock", JSON_OBJECT, false, &c, e);

	if (rc != 0 || c == NULL)
		return rc;
	if ((rc = json_only(c, WHERE " clock", members, e)) != 0 ||
	    (rc = get_u64(c, "reset_count", UINT32_MAX, &reset, e)) != 0 ||
	    (rc = get_u64(c, "restart_count", UINT32_MAX, &restart, e)) != 0 ||
	    (rc = get_u64(c, "clock", INT64_MAX, &s->clock, e)) != 0 ||
	    (rc = json_member(c, WHERE " clock", "safe", JSON_TRUE, true, &safe, e)) != 0)
		return rc;
	s->has_clock = true;
	s->reset_count = (uint32_t)reset;
	s->restart_count = (uint32_t)restart;
	s->safe = json_is_true(safe);
	return 0;
}

static int
get_all(const json_t *j, struct resume_state *s, struct err *e)
{
	static const char *const members[] = { "assay_resume", "bank", "count", "pcrs", "extend",
		"policies", "ak", "clock", "last", "boot_aggregate", "keys", "ima_policies", NULL };
	json_t *bank, *extend;
	uint64_t version;
	int rc;

	if (!json_is_object(j))
		return err_set(e, ERR_FORMAT, "is not a " WHERE " of assay");
	if ((rc = get_u64(j, "assay_resume", INT64_MAX, &version, e)) != 0)
		return rc;
	if (version != VERSION)
		return err_set(e, ERR_VERSION, WHERE " is of version %llu, this assay reads version %d",
		    (unsigned long long)version, VERSION);
	if ((rc = json_only(j, WHERE, members, e)) != 0 ||
	    (rc = json_member(j, WHERE, "bank", JSON_STRING, true, &bank, e)) != 0 ||
	    (rc = json_member(j, WHERE, "extend", JSON_STRING, true, &extend, e)) != 0 ||
	    (rc = get_u64(j, "count", INT64_MAX, &s->count, e)) != 0)
		return rc;
	while (s->how <= IMA_EXTEND_PADDED_SHA1_OLD && !span_is(json_string_span(extend), ima_extend_name(s->how)))
		s->how++;
	if (s->how > IMA_EXTEND_PADDED_SHA1_OLD)
		return err_set(e, ERR_FORMAT, WHERE ": \"extend\" is not a way in which kernels extend");
	s->bank = digest_alg_by_name(json_string_span(bank));
	if (s->bank == DIGEST_NONE)
		return err_set(e, ERR_FORMAT, WHERE ": \"bank\" is not a digest algorithm");
	if ((rc = get_pcrs(j, s, e)) != 0 ||
	    (rc = get_digest(j, "policies", DIGEST_SHA256, &s->policies, e)) != 0 ||
	    (rc = get_digest(j, "ak", DIGEST_SHA256, &s->ak, e)) != 0 ||
	    (rc = get_digest(j, "last", DIGEST_SHA256, &s->last, e)) != 0 ||
	    (rc = get_any_digest(j, "boot_aggregate", false, &s->boot_aggregate, e)) != 0 ||
	    (rc = get_clock(j, s, e)) != 0 || (rc = get_keys(j, s, e)) != 0)
		return rc;
	return get_ima_policies(j, s, e);
}

int
resume_state_parse(struct span in, struct resume_state *s, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	struct resume_state n = { .arena = arena_init(LIMIT_SMALL_FILE * 4) };
	int rc;

	if ((rc = json_parse(in, LIMIT_SMALL_FILE, &j, e)) != 0)
		return err_hint(e, rc, "a resume state is what evidence verify --resume wrote");
	if ((rc = get_all(j, &n, e)) != 0) {
		resume_state_free(&n);
		return rc;
	}
	*s = n;
	return 0;
}

static json_t *
keys_json(const struct resume_state *s)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < s->n_keys; i++)
		json_array_append_new(keys, json_pack("{s:o, s:o}",
		    "keyring", json_new_string(s->keys[i].keyring), "der", json_base64(s->keys[i].der)));
	return keys;
}

static json_t *
ima_policies_json(const struct resume_state *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_ima_policies; i++)
		json_array_append_new(list, json_pack("{s:o, s:o}", "path_b64", json_base64(s->ima_policies[i].path),
		    "digest", any_digest_json(&s->ima_policies[i].digest)));
	return list;
}

int
resume_state_write(const struct resume_state *s, struct buf *out, struct err *e)
{
	JSON_AUTO json_t *j = json_pack("{s:i, s:s, s:I, s:s}", "assay_resume", VERSION,
	    "bank", digest_alg_name(s->bank), "count", (json_int_t)s->count,
	    "extend", ima_extend_name(s->how));
	json_t *pcrs = json_object();

	for (size_t i = 0; i < s->n_pcrs; i++) {
		char index[16];

		(void)snprintf(index, sizeof(index), "%u", s->pcrs[i].index);
		json_object_set_new(pcrs, index, json_hex(digest_view(&s->pcrs[i].value)));
	}
	json_object_set_new(j, "pcrs", pcrs);
	if (s->policies.alg != DIGEST_NONE)
		json_object_set_new(j, "policies", json_hex(digest_view(&s->policies)));
	if (s->ak.alg != DIGEST_NONE)
		json_object_set_new(j, "ak", json_hex(digest_view(&s->ak)));
	if (s->has_clock)
		json_object_set_new(j, "clock", json_pack("{s:I, s:I, s:I, s:b}",
		    "reset_count", (json_int_t)s->reset_count, "restart_count", (json_int_t)s->restart_count,
		    "clock", (json_int_t)s->clock, "safe", (int)s->safe));
	if (s->last.alg != DIGEST_NONE)
		json_object_set_new(j, "last", json_hex(digest_view(&s->last)));
	if (s->boot_aggregate.alg != DIGEST_NONE)
		json_object_set_new(j, "boot_aggregate", any_digest_json(&s->boot_aggregate));
	if (s->n_keys > 0)
		json_object_set_new(j, "keys", keys_json(s));
	if (s->n_ima_policies > 0)
		json_object_set_new(j, "ima_policies", ima_policies_json(s));
	json_write(j, out);
	return buf_done(out, e);
}
