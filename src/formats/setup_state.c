#include "formats/setup_state.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

#define WHERE "setup state"
#define VERSION 1

void
setup_state_free(struct setup_state *s)
{
	arena_free(&s->arena);
}

const struct setup_change *
setup_state_find(const struct setup_state *s, const char *path)
{
	for (size_t i = 0; i < s->n_files; i++)
		if (strcmp(s->files[i].path, path) == 0)
			return &s->files[i];
	return NULL;
}

static int
get_text(struct setup_state *s, const json_t *j, const char *key, bool required, const char **out,
    struct err *e)
{
	json_t *v;
	int rc = json_member(j, WHERE, key, JSON_STRING, required, &v, e);

	if (rc != 0 || v == NULL)
		return rc;
	*out = arena_str(&s->arena, json_string_span(v));
	return *out == NULL ? arena_err(&s->arena, e) : 0;
}

static int
get_texts(struct setup_state *s, const json_t *j, const char *key, const char ***out, size_t *n,
    struct err *e)
{
	json_t *list, *v;
	size_t i;
	int rc = json_member(j, WHERE, key, JSON_ARRAY, true, &list, e);

	if (rc != 0)
		return rc;
	if ((*out = arena_array(&s->arena, json_array_size(list) + 1, sizeof(**out))) == NULL)
		return arena_err(&s->arena, e);
	json_array_foreach(list, i, v) {
		if (!json_is_string(v))
			return err_set(e, ERR_FORMAT, WHERE ": \"%s\" must hold strings", key);
		if (((*out)[i] = arena_str(&s->arena, json_string_span(v))) == NULL)
			return arena_err(&s->arena, e);
	}
	*n = json_array_size(list);
	return 0;
}

static int
get_sha256(const json_t *j, const char *key, struct digest *d, struct err *e)
{
	uint8_t raw[32];
	json_t *v;
	int rc = json_member(j, WHERE, key, JSON_STRING, false, &v, e);

	if (rc != 0 || v == NULL)
		return rc;
	if (!hex_fixed(json_string_span(v), raw, sizeof(raw)) ||
	    !digest_make(DIGEST_SHA256, span_of(raw, sizeof(raw)), d))
		return err_set(e, ERR_FORMAT, WHERE ": \"%s\" is not a SHA-256 digest", key);
	return 0;
}

static int
get_id(const json_t *j, const char *key, uint32_t max, uint32_t *out, struct err *e)
{
	json_t *v;
	int rc = json_member(j, WHERE " file", key, JSON_INTEGER, true, &v, e);

	if (rc != 0)
		return rc;
	if (json_integer_value(v) < 0 || json_integer_value(v) > max)
		return err_set(e, ERR_RANGE, WHERE ": \"%s\" is out of range", key);
	*out = (uint32_t)json_integer_value(v);
	return 0;
}

/* A state names files that undo will write: only whole, plain names. */
static bool
plain_path(const char *p)
{
	return p[0] == '/' && strstr(p, "/../") == NULL && strstr(p, "//") == NULL && p[strlen(p) - 1] != '/' &&
	    !span_ends(span_str(p), span_lit("/.."));
}

static int
get_file(struct setup_state *s, const json_t *j, struct setup_change *c, struct err *e)
{
	static const char *const members[] = { "path", "mode", "uid", "gid", "before", "written", "previous", NULL };
	BUF_AUTO struct buf before = buf_init(LIMIT_SMALL_FILE);
	json_t *b64;
	int rc;

	if ((rc = json_only(j, WHERE " file", members, e)) != 0 ||
	    (rc = get_text(s, j, "path", true, &c->path, e)) != 0 ||
	    (rc = get_id(j, "mode", 07777, &c->mode, e)) != 0 ||
	    (rc = get_id(j, "uid", UINT32_MAX, &c->uid, e)) != 0 ||
	    (rc = get_id(j, "gid", UINT32_MAX, &c->gid, e)) != 0 ||
	    (rc = get_sha256(j, "written", &c->written, e)) != 0 ||
	    (rc = get_sha256(j, "previous", &c->previous, e)) != 0 ||
	    (rc = json_member(j, WHERE " file", "before", JSON_STRING, false, &b64, e)) != 0)
		return rc;
	if (!plain_path(c->path))
		return err_set(e, ERR_FORMAT, WHERE ": \"%.200s\" is not the name of a file", c->path);
	c->existed = b64 != NULL;
	if (b64 == NULL)
		return 0;
	if (!base64_decode(json_string_span(b64), &before))
		return err_set(e, ERR_ENCODING, WHERE ": \"before\" is not base64");
	return arena_copy(&s->arena, buf_view(&before), &c->before) ? 0 : arena_err(&s->arena, e);
}

static int
get_files(struct setup_state *s, const json_t *j, struct err *e)
{
	json_t *list, *v;
	size_t i;
	int rc = json_member(j, WHERE, "files", JSON_ARRAY, true, &list, e);

	if (rc != 0)
		return rc;
	if ((s->files = arena_array(&s->arena, json_array_size(list) + 1, sizeof(*s->files))) == NULL)
		return arena_err(&s->arena, e);
	json_array_foreach(list, i, v) {
		if ((rc = get_file(s, v, &s->files[i], e)) != 0)
			return rc;
		s->n_files++;
	}
	return 0;
}

static int
get_policy(struct setup_state *s, const json_t *j, struct err *e)
{
	static const char *const members[] = { "path", "sha256", "source", "measured_as", NULL };
	json_t *p;
	int rc = json_member(j, WHERE, "policy", JSON_OBJECT, true, &p, e);

	if (rc != 0 || (rc = json_only(p, WHERE " policy", members, e)) != 0 ||
	    (rc = get_text(s, p, "path", true, &s->policy_path, e)) != 0 ||
	    (rc = get_text(s, p, "source", true, &s->source, e)) != 0 ||
	    (rc = get_text(s, p, "measured_as", false, &s->measured_as, e)) != 0)
		return rc;
	return get_sha256(p, "sha256", &s->policy, e);
}

static int
get_all(struct setup_state *s, const json_t *j, struct err *e)
{
	static const char *const members[] = { "assay_setup", "state", "policy", "init", "boot_loader", "boot_id",
		"parameters", "commands", "directories", "files", NULL };
	const char *state = NULL;
	json_t *version;
	int rc;

	if (!json_is_object(j))
		return err_set(e, ERR_FORMAT, "is not a " WHERE " of assay");
	if ((rc = json_member(j, WHERE, "assay_setup", JSON_INTEGER, true, &version, e)) != 0)
		return rc;
	if (json_integer_value(version) != VERSION)
		return err_hint(e, err_set(e, ERR_VERSION, WHERE " is of version %lld, this assay reads version %d",
		    (long long)json_integer_value(version), VERSION), "use the assay that wrote it");
	if ((rc = json_only(j, WHERE, members, e)) != 0 || (rc = get_text(s, j, "state", true, &state, e)) != 0 ||
	    (rc = get_policy(s, j, e)) != 0 || (rc = get_text(s, j, "init", true, &s->init, e)) != 0 ||
	    (rc = get_text(s, j, "boot_loader", true, &s->boot, e)) != 0 ||
	    (rc = get_text(s, j, "boot_id", false, &s->boot_id, e)) != 0 ||
	    (rc = get_texts(s, j, "parameters", &s->parameters, &s->n_parameters, e)) != 0 ||
	    (rc = get_texts(s, j, "commands", &s->commands, &s->n_commands, e)) != 0 ||
	    (rc = get_texts(s, j, "directories", &s->directories, &s->n_directories, e)) != 0)
		return rc;
	s->written = strcmp(state, "written") == 0;
	if (!s->written && strcmp(state, "writing") != 0)
		return err_set(e, ERR_FORMAT, WHERE ": \"state\" must be \"writing\" or \"written\"");
	for (size_t i = 0; i < s->n_directories; i++)
		if (!plain_path(s->directories[i]))
			return err_set(e, ERR_FORMAT, WHERE ": \"%.200s\" is not the name of a directory", s->directories[i]);
	return get_files(s, j, e);
}

int
setup_state_parse(struct span in, struct setup_state *s, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	struct setup_state n = { .arena = arena_init(LIMIT_SETUP_STATE * 2) };
	int rc;

	if ((rc = json_parse(in, LIMIT_SETUP_STATE, &j, e)) != 0)
		return rc;
	if ((rc = get_all(&n, j, e)) != 0) {
		setup_state_free(&n);
		return rc;
	}
	*s = n;
	return 0;
}

static json_t *
texts_json(const char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_new_string(span_str(v[i])));
	return list;
}

static json_t *
file_json(const struct setup_change *c)
{
	json_t *j = json_pack("{s:o, s:i, s:I, s:I}", "path", json_new_string(span_str(c->path)), "mode", (int)c->mode,
	    "uid", (json_int_t)c->uid, "gid", (json_int_t)c->gid);

	if (c->existed)
		json_object_set_new(j, "before", json_base64(c->before));
	if (c->written.alg != DIGEST_NONE)
		json_object_set_new(j, "written", json_hex(digest_view(&c->written)));
	if (c->previous.alg != DIGEST_NONE)
		json_object_set_new(j, "previous", json_hex(digest_view(&c->previous)));
	return j;
}

int
setup_state_write(const struct setup_state *s, struct buf *out, struct err *e)
{
	JSON_AUTO json_t *j = json_pack("{s:i, s:s, s:{s:s, s:o, s:s}, s:s, s:s}", "assay_setup", VERSION,
	    "state", s->written ? "written" : "writing", "policy", "path", s->policy_path,
	    "sha256", json_hex(digest_view(&s->policy)), "source", s->source, "init", s->init, "boot_loader", s->boot);
	json_t *files = json_array();

	if (j == NULL)
		return err_set(e, ERR_ENCODING, "a name in the " WHERE " is not UTF-8");
	if (s->measured_as != NULL)
		json_object_set_new(json_object_get(j, "policy"), "measured_as", json_string(s->measured_as));
	if (s->boot_id != NULL)
		json_object_set_new(j, "boot_id", json_string(s->boot_id));
	json_object_set_new(j, "parameters", texts_json(s->parameters, s->n_parameters));
	json_object_set_new(j, "commands", texts_json(s->commands, s->n_commands));
	json_object_set_new(j, "directories", texts_json(s->directories, s->n_directories));
	for (size_t i = 0; i < s->n_files; i++) {
		json_t *f = file_json(&s->files[i]);

		if (f == NULL || json_array_append_new(files, f) != 0) {
			json_decref(files);
			return err_set(e, ERR_ENCODING, "the name of a file is not UTF-8");
		}
	}
	json_object_set_new(j, "files", files);
	json_write(j, out);
	return buf_done(out, e);
}
