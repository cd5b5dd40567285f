#include "formats/ima_template.h"

static const char *const field_names[IMA_FIELD_COUNT] = {
	[IMA_FIELD_UNKNOWN] = "unknown",
#define FIELD(sym, name, text) [IMA_FIELD_##sym] = name,
#include "formats/ima_fields.tbl"
#undef FIELD
};

/* security/integrity/ima/ima_template.c, builtin_templates[] */
static const struct { const char *name, *format; } builtin[] = {
	{ "ima",        "d|n" },
	{ "ima-ng",     "d-ng|n-ng" },
	{ "ima-sig",    "d-ng|n-ng|sig" },
	{ "ima-ngv2",   "d-ngv2|n-ng" },
	{ "ima-sigv2",  "d-ngv2|n-ng|sig" },
	{ "ima-buf",    "d-ng|n-ng|buf" },
	{ "ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig" },
	{ "evm-sig",    "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode" },
};

const char *
ima_field_name(enum ima_field_id id)
{
	return field_names[id];
}

enum ima_field_id
ima_field_by_name(struct span name)
{
	for (enum ima_field_id i = IMA_FIELD_UNKNOWN + 1; i < IMA_FIELD_COUNT; i++)
		if (span_is(name, field_names[i]))
			return i;
	return IMA_FIELD_UNKNOWN;
}

/* The fields that a format names; 0 if one is unknown or stands there twice: the name is
 * not measured, so that its writer could choose which of the two counts. */
static size_t
parse_format(struct span format, enum ima_field_id ids[static LIMIT_IMA_FIELDS])
{
	size_t n = 0;

	for (bool more = true; more; n++) {
		size_t bar = span_find(format, '|');

		more = bar < format.n;
		if (n == LIMIT_IMA_FIELDS)
			return 0;
		ids[n] = ima_field_by_name(span_head(format, bar));
		for (size_t i = 0; i < n; i++)
			if (ids[i] == ids[n])
				return 0;
		if (ids[n] == IMA_FIELD_UNKNOWN)
			return 0;
		format = span_from(format, bar + 1);
	}
	return n;
}

static bool
is_digest(enum ima_field_id id)
{
	return id == IMA_FIELD_D || id == IMA_FIELD_D_NG || id == IMA_FIELD_D_NGV2;
}

static bool
is_context(enum ima_field_id id)
{
	return id == IMA_FIELD_DEP || id == IMA_FIELD_CGN || id == IMA_FIELD_CG_PATH;
}

/* Whether no other format of the same data could give another file digest or name.  The
 * format is not measured: were any order accepted, its writer could call d-modsig the
 * digest, a control group the name, or leave either out.  So there is one digest, the name
 * stands right behind it, only what tells the process stands in front, and a bare
 * digest, which any 20 bytes are, stands with a name alone. */
static bool
sound_order(const struct ima_template *t)
{
	size_t at = 0, others = 0, xattrs = 0;

	while (at < t->n && is_context(t->ids[at]))
		at++;
	if (at + 1 >= t->n || !is_digest(t->ids[at]) ||
	    (t->ids[at + 1] != IMA_FIELD_N_NG && t->ids[at + 1] != IMA_FIELD_N) ||
	    (t->ids[at] == IMA_FIELD_D && t->n != 2))
		return false;
	for (size_t i = at + 2; i < t->n; i++) {
		others += is_digest(t->ids[i]) || t->ids[i] == IMA_FIELD_N_NG || t->ids[i] == IMA_FIELD_N;
		/* Values can be anything: they follow the names and lengths that bound them. */
		if (t->ids[i] >= IMA_FIELD_XATTRNAMES && t->ids[i] <= IMA_FIELD_XATTRVALUES)
			others += t->ids[i - 1] != (xattrs++ == 0 ? IMA_FIELD_EVMSIG : t->ids[i] - 1);
	}
	return others == 0 && (xattrs == 0 || xattrs == 3);
}

const struct ima_template *
ima_template_get(struct ima_log *log, struct span name)
{
	struct ima_template *t = &log->last;
	struct span format = name;

	if (t->name.n > 0 && span_eq(t->name, name))
		return t;
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (span_is(name, builtin[i].name))
			format = span_str(builtin[i].format);
	t->n = parse_format(format, t->ids);
	t->sound = sound_order(t);
	t->name = name;
	return t;
}

/* Cut the data into the template's fields; they must use it up exactly. */
static bool
split(struct ima_entry *n, const struct ima_template *t, bool big_endian)
{
	struct rd r = rd_init(n->data);

	for (size_t i = 0; i < t->n; i++) {
		struct span bytes;

		if (!(big_endian ? rd_be32_span(&r, LIMIT_IMA_DATA, &bytes) :
		    rd_le32_span(&r, LIMIT_IMA_DATA, &bytes))) {
			n->why = "its data ends inside a field";
			return false;
		}
		n->fields[i] = (struct ima_field){ t->ids[i], bytes };
	}
	n->n_fields = t->n;
	if (!rd_end(&r)) {
		n->why = "its data goes on behind the last field";
		n->n_fields = 0;
		return false;
	}
	return true;
}

/* "algo:" NUL digest (ima_template_lib.c, ima_eventdigest_init_common).  An algorithm
 * we do not know is kept by its name; a known one must have its size. */
static bool
decode_digest(struct span f, enum digest_alg *alg, struct span *name, struct span *digest)
{
	size_t colon = span_find(f, ':');

	if (colon + 2 > f.n || f.p[colon + 1] != 0)
		return false;
	*name = span_head(f, colon);
	*alg = digest_alg_by_name(*name);
	*digest = span_from(f, colon + 2);
	return *alg == DIGEST_NONE ? digest->n > 0 : digest->n == digest_alg_size(*alg);
}

static bool
decode_typed_digest(struct ima_entry *n, struct span f)
{
	if (span_starts(f, span_lit("verity:"))) {
		n->digest_type = IMA_DIGEST_VERITY;
		f = span_from(f, 7);
	} else if (span_starts(f, span_lit("ima:"))) {
		f = span_from(f, 4);
	} else {
		return false;
	}
	return decode_digest(f, &n->file_alg, &n->file_alg_name, &n->file_digest);
}

static bool
decode_old_digest(struct ima_entry *n, struct span f)
{
	n->file_alg = f.n == 20 ? DIGEST_SHA1 : f.n == 16 ? DIGEST_MD5 : DIGEST_NONE;
	n->file_alg_name = span_str(digest_alg_name(n->file_alg));
	n->file_digest = f;
	return n->file_alg != DIGEST_NONE;
}

/* A stored string: one NUL, at its end.  One inside would make us and a C program
 * read two different names out of the same measured bytes. */
static bool
decode_string(struct span f, struct span *out)
{
	if (f.n == 0 || span_find(f, 0) != f.n - 1)
		return false;
	*out = span_head(f, f.n - 1);
	return true;
}

static bool
decode_modsig_digest(struct ima_entry *n, struct span f)
{
	struct span name;

	return f.n == 0 || decode_digest(f, &n->modsig_alg, &name, &n->modsig_digest);
}

/* The kernel measures an attribute only if it is of one of these types
 * (ima_template_lib.c, ima_eventsig_init, ima_eventevmsig_init): anything else was put
 * there to keep another field's signature from being looked at. */
static const char *
decode_signature(struct span f, const char *types)
{
	if (f.n > LIMIT_SIGNATURE)
		return "its signature is too long";
	return f.n == 0 || (f.p[0] != 0 && strchr(types, f.p[0]) != NULL) ? NULL :
	    "its signature is of a type that the kernel does not measure there";
}

/* Decode one field; NULL, or why it cannot be. */
static const char *
decode_field(struct ima_entry *n, const struct ima_field *f)
{
	struct span s;

	switch (f->id) {
	case IMA_FIELD_D:
		return decode_old_digest(n, f->bytes) ? NULL : "its digest has an odd size";
	case IMA_FIELD_D_NG:
		return decode_digest(f->bytes, &n->file_alg, &n->file_alg_name, &n->file_digest) ?
		    NULL : "its digest field does not parse";
	case IMA_FIELD_D_NGV2:
		return decode_typed_digest(n, f->bytes) ? NULL : "its digest field does not parse";
	case IMA_FIELD_N:
		/* Without NUL in template "ima", with it in custom formats.  One inside would let
		 * 276 bytes of another template pass for a digest and a padded name. */
		n->path = f->bytes;
		return (n->is_ima ? span_find(f->bytes, 0) == f->bytes.n :
		    decode_string(f->bytes, &n->path)) ? NULL : "its name is not one string";
	case IMA_FIELD_N_NG:
		return decode_string(f->bytes, &n->path) ? NULL : "its name is not one string";
	case IMA_FIELD_SIG:
		n->sig = f->bytes;
		return decode_signature(f->bytes, "\3\5\6");
	case IMA_FIELD_BUF:
		n->buf = f->bytes;
		n->has_buf = true;
		return NULL;
	case IMA_FIELD_D_MODSIG:
		return decode_modsig_digest(n, f->bytes) ? NULL : "its d-modsig field does not parse";
	case IMA_FIELD_MODSIG:
		/* PKCS#7 (modsig_get_raw) is a SEQUENCE.  Else a signature in security.ima could be
		 * called an appended one, and a revoked key behind it would not be looked for. */
		n->modsig = f->bytes;
		return f->bytes.n == 0 || f->bytes.p[0] == 0x30 ? NULL :
		    "its appended signature is not PKCS#7";
	case IMA_FIELD_EVMSIG:
		n->evmsig = f->bytes;
		return decode_signature(f->bytes, "\5");
	case IMA_FIELD_IUID:
	case IMA_FIELD_IGID:
		return f->bytes.n == 0 || f->bytes.n == 4 ? NULL : "its iuid or igid is not 4 bytes";
	case IMA_FIELD_IMODE:
		return f->bytes.n == 0 || f->bytes.n == 2 ? NULL : "its imode is not 2 bytes";
	case IMA_FIELD_DEP:
	case IMA_FIELD_CGN:
	case IMA_FIELD_CG_PATH:
		return f->bytes.n == 0 || decode_string(f->bytes, &s) ? NULL :
		    "a string field is not one string";
	case IMA_FIELD_XATTRNAMES:
	case IMA_FIELD_XATTRLENGTHS:
	case IMA_FIELD_XATTRVALUES:
		return NULL;
	case IMA_FIELD_UNKNOWN:
	case IMA_FIELD_COUNT:
	default:
		return "it has a field that is not known";
	}
}

void
ima_template_decode(struct ima_log *log, struct ima_entry *n)
{
	const struct ima_template *t = ima_template_get(log, n->template_name);

	n->known_template = t->n > 0;
	n->well_formed = false;
	if (!n->known_template) {
		n->why = "its template is not known";
		return;
	}
	if (!n->is_ima && !split(n, t, log->big_endian))
		return;
	for (size_t i = 0; i < n->n_fields; i++)
		if ((n->why = decode_field(n, &n->fields[i])) != NULL)
			return;
	n->well_formed = true;
	n->ambiguous = !t->sound;
}
