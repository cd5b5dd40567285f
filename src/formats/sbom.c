#include "formats/sbom.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/rd.h"
#include "base/text.h"

#define DIGESTS_MAX 16		/* algorithms that both standards know together */

/* One file on its way out. */
struct sbom_file {
	struct span name;	/* as written */
	struct digest digests[DIGESTS_MAX];
	size_t n;
};

struct sbom {
	int (*fn)(void *cookie, struct span path, const struct digest *d, struct err *e);
	void *cookie;
	struct sbom_counts counts;
	struct buf path;
};

/* "SHA256", "SHA-256", "SHA3-256": with or without the first dash, in any case. */
static enum digest_alg
alg_by_label(struct span label)
{
	char name[16];
	size_t n = 0;

	for (size_t i = 0; i < label.n && n < sizeof(name); i++) {
		uint8_t c = label.p[i];

		if (c == '-' && i == 3)
			continue;
		name[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	return digest_alg_by_name(span_of(name, n));
}

static int
add_digest(struct sbom_file *f, struct span label, struct span hex, struct err *e)
{
	enum digest_alg alg = alg_by_label(label);
	uint8_t raw[LIMIT_DIGEST];
	size_t size = digest_alg_size(alg);

	if (alg == DIGEST_NONE || alg == DIGEST_MD5)
		return 0;	/* MD2, ADLER32, BLAKE2b, ...: IMA has no such digests */
	if (!hex_fixed(hex, raw, size))
		return err_set(e, ERR_ENCODING, "the %s of the file \"%.*s\" is not %zu hex digits",
		    digest_alg_name(alg), (int)(f->name.n < 200 ? f->name.n : 200),
		    (const char *)f->name.p, 2 * size);
	if (f->n == DIGESTS_MAX)
		return err_set(e, ERR_LIMIT, "a file has more than %d digests", DIGESTS_MAX);
	return digest_make(alg, span_of(raw, size), &f->digests[f->n++]) ? 0 :
	    err_set(e, ERR_INTERNAL, "digest size");
}

static int
tell(struct sbom *s, const struct sbom_file *f, struct err *e)
{
	bool strong = false;
	int rc;

	for (size_t i = 0; i < f->n; i++)
		strong |= !digest_alg_weak(f->digests[i].alg);
	s->counts.files += f->n > 0;
	s->counts.without += f->n == 0;
	s->counts.weak += f->n > 0 && !strong;
	if (f->n == 0)
		return 0;
	s->path.n = 0;
	if ((rc = path_absolute(f->name, &s->path, e)) != 0)
		return rc;
	for (size_t i = 0; i < f->n; i++)
		if ((!strong || !digest_alg_weak(f->digests[i].alg)) &&
		    (rc = s->fn(s->cookie, buf_view(&s->path), &f->digests[i], e)) != 0)
			return rc;
	return 0;
}

/* ---- JSON ---------------------------------------------------------------- */

/* A list of objects with an algorithm and a hex value under these names. */
static int
read_hashes(const json_t *list, const char *where, const char *alg_key, const char *value_key,
    struct sbom_file *f, struct err *e)
{
	json_t *item, *alg, *value;
	size_t i;
	int rc;

	json_array_foreach(list, i, item) {
		if ((rc = json_member(item, where, alg_key, JSON_STRING, true, &alg, e)) != 0 ||
		    (rc = json_member(item, where, value_key, JSON_STRING, true, &value, e)) != 0 ||
		    (rc = add_digest(f, json_string_span(alg), json_string_span(value), e)) != 0)
			return rc;
	}
	return 0;
}

static int
read_spdx(struct sbom *s, const json_t *root, struct err *e)
{
	json_t *files, *item, *name, *sums;
	size_t i;
	int rc;

	s->counts.format = "SPDX";
	if ((rc = json_member(root, "", "files", JSON_ARRAY, false, &files, e)) != 0)
		return rc;
	json_array_foreach(files, i, item) {
		struct sbom_file f = { 0 };

		if ((rc = json_member(item, "files", "fileName", JSON_STRING, true, &name, e)) != 0 ||
		    (rc = json_member(item, "files", "checksums", JSON_ARRAY, false, &sums, e)) != 0)
			return rc;
		f.name = json_string_span(name);
		if ((rc = read_hashes(sums, "files/checksums", "algorithm", "checksumValue", &f, e)) != 0 ||
		    (rc = tell(s, &f, e)) != 0)
			return rc;
	}
	return 0;
}

/* Components nest as deep as the JSON does, which json_parse bounded. */
static int
read_components(struct sbom *s, const json_t *owner, struct err *e)
{
	json_t *list, *item, *type, *name, *hashes;
	size_t i;
	int rc;

	if ((rc = json_member(owner, "", "components", JSON_ARRAY, false, &list, e)) != 0)
		return rc;
	json_array_foreach(list, i, item) {
		struct sbom_file f = { 0 };

		if ((rc = json_member(item, "components", "type", JSON_STRING, true, &type, e)) != 0 ||
		    (rc = json_member(item, "components", "name", JSON_STRING, true, &name, e)) != 0 ||
		    (rc = json_member(item, "components", "hashes", JSON_ARRAY, false, &hashes, e)) != 0)
			return rc;
		f.name = json_string_span(name);
		if (span_is(json_string_span(type), "file") &&
		    ((rc = read_hashes(hashes, "components/hashes", "alg", "content", &f, e)) != 0 ||
		    (rc = tell(s, &f, e)) != 0))
			return rc;
		if ((rc = read_components(s, item, e)) != 0)
			return rc;
	}
	return 0;
}

static int
read_json(struct sbom *s, struct span in, struct err *e)
{
	JSON_AUTO json_t *root = NULL;
	json_t *mark;
	int rc;

	if ((rc = json_parse(in, LIMIT_SBOM_FILE, &root, e)) != 0)
		return rc;
	if (json_object_get(root, "spdxVersion") != NULL) {
		if ((rc = json_member(root, "", "spdxVersion", JSON_STRING, true, &mark, e)) != 0)
			return rc;
		if (!span_starts(json_string_span(mark), span_lit("SPDX-2.")))
			return err_set(e, ERR_UNSUPPORTED, "an SPDX document of version %.40s; 2.x is read",
			    json_string_value(mark));
		return read_spdx(s, root, e);
	}
	if (json_object_get(root, "bomFormat") != NULL) {
		s->counts.format = "CycloneDX";
		return read_components(s, root, e);
	}
	if (json_object_get(root, "@context") != NULL)
		return err_set(e, ERR_UNSUPPORTED, "JSON-LD, as SPDX 3 uses it, is not read; export SPDX 2.3");
	return err_set(e, ERR_FORMAT,
	    "neither SPDX (\"spdxVersion\") nor CycloneDX (\"bomFormat\") stands in this JSON");
}

/* ---- SPDX tag-value ------------------------------------------------------ */

static struct span
trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_from(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* Whether ${line} is "TAG: value". */
static bool
tagged(struct span line, const char *tag, struct span *value)
{
	size_t n = strlen(tag);

	if (!span_starts(line, span_of(tag, n)) || line.n <= n || line.p[n] != ':')
		return false;
	*value = trim(span_from(line, n + 1));
	return true;
}

/* Text between <text> and </text> may hold lines that look like tags. */
static bool
skip_text(struct span line, bool inside)
{
	const void *open = memmem(line.p, line.n, "<text>", 6);
	const void *close = memmem(line.p, line.n, "</text>", 7);

	return close != NULL ? false : inside || open != NULL;
}

static int
tag_line(struct sbom *s, struct span line, struct sbom_file *f, bool *open, struct err *e)
{
	struct span v;
	int rc;

	if (tagged(line, "FileName", &v) || tagged(line, "PackageName", &v)) {
		if (*open && (rc = tell(s, f, e)) != 0)
			return rc;
		*f = (struct sbom_file){ .name = v };
		*open = line.p[0] == 'F';
		return 0;
	}
	if (!*open || !tagged(line, "FileChecksum", &v))
		return 0;

	size_t colon = span_find(v, ':');
	return add_digest(f, trim(span_head(v, colon)), trim(span_from(v, colon + 1)), e);
}

static int
read_tag_value(struct sbom *s, struct span in, struct err *e)
{
	struct rd r = rd_init(in);
	struct sbom_file f = { 0 };
	struct span line;
	bool open = false, text = false;
	uint64_t number = 0;
	int rc;

	s->counts.format = "SPDX tag-value";
	while (rd_line(&r, LIMIT_TEXT_LINE, &line)) {
		number++;
		if (line.n == 0)
			continue;
		bool was = text;

		text = skip_text(line, text);
		if (!was && (rc = tag_line(s, line, &f, &open, e)) != 0) {
			if (e != NULL && e->place == ERR_NOWHERE) {
				e->place = ERR_AT_LINE;
				e->line = number;
				e->column = 0;
			}
			return rc;
		}
	}
	if (r.why != 0)
		return err_line(e, r.why, number + 1, 0, "a line of more than %zu bytes", LIMIT_TEXT_LINE);
	return open ? tell(s, &f, e) : 0;
}

int
sbom_parse(struct span in,
    int (*fn)(void *cookie, struct span path, const struct digest *d, struct err *e),
    void *cookie, struct sbom_counts *counts, struct err *e)
{
	struct sbom s = { .fn = fn, .cookie = cookie, .path = buf_init(LIMIT_PATH + 2) };
	struct span v;
	int rc;

	if (in.n > LIMIT_SBOM_FILE)
		return err_set(e, ERR_LIMIT, "is larger than the ceiling of %zu bytes", LIMIT_SBOM_FILE);
	/* Tag-value documents begin with their version, perhaps after comments. */
	if (span_find(in, '{') != 0 && in.n > 0 && (in.p[0] == '#' || tagged(in, "SPDXVersion", &v)))
		rc = read_tag_value(&s, in, e);
	else
		rc = read_json(&s, in, e);
	buf_free(&s.path);
	if (rc == 0)
		*counts = s.counts;
	return rc;
}
