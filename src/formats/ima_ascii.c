/* ima_ascii.c: the ASCII list (ima_fs.c, ima_ascii_measurements_show).
 *
 *	"%2d <hex template digest> <template name> <field 1> <field 2> ...\n"
 *
 * A zero-length field still has its separating space.  Names are printed raw, with
 * spaces already turned into '_' by the kernel, but newlines are not escaped: a
 * line that does not parse, behind one whose name may hold a newline, is taken as
 * the rest of that name only if the entry's digest proves it; that proof needs
 * hashing, which is not ours, so the reader says where it stands and gives up.
 *
 * The template data is rebuilt in log->scratch, in the list's byte order
 * (little-endian), so that everything behind this reader sees one form.
 */
#include <stdio.h>

#include "base/text.h"
#include "formats/ima_template.h"

/* The longest line: a modsig or buffer in hex. */
#define LINE_MAX_BYTES (2 * LIMIT_IMA_DATA + KIB(128))

static bool
take_word(struct span *rest, struct span *word)
{
	size_t n = span_find(*rest, ' ');

	*word = span_head(*rest, n);
	*rest = span_from(*rest, n + 1);
	return word->n > 0;
}

int
ima_ascii_detect(struct ima_log *log, struct err *e)
{
	struct rd r = log->r;
	struct span line, word;

	if (!rd_line(&r, LINE_MAX_BYTES, &line))
		return err_line(e, ERR_FORMAT, 1, 0, "is not an ASCII measurement list");
	if (line.n > 0 && line.p[0] == ' ')
		line = span_from(line, 1);
	if (!take_word(&line, &word) || !take_word(&line, &word) ||
	    word.n % 2 != 0 || word.n < 32 || word.n > 2 * LIMIT_DIGEST)
		return err_line(e, ERR_FORMAT, 1, 0,
		    "is not an ASCII measurement list: want \"PCR DIGEST TEMPLATE ...\"");
	log->digest_size = word.n / 2;
	return 0;
}

/* The fields whose ASCII form is hex; all others are words. */
static bool
is_hex_field(enum ima_field_id id)
{
	return id == IMA_FIELD_D || id == IMA_FIELD_SIG || id == IMA_FIELD_BUF ||
	    id == IMA_FIELD_MODSIG || id == IMA_FIELD_EVMSIG ||
	    id == IMA_FIELD_XATTRLENGTHS || id == IMA_FIELD_XATTRVALUES;
}

static void
put_counted(struct buf *b, struct span s)
{
	buf_le32(b, (uint32_t)s.n);
	buf_span(b, s);
}

/* "sha256:hex" or "ima:sha256:hex" back to bytes: the digest is behind the last colon. */
static bool
put_digest(struct buf *b, struct span word)
{
	BUF_AUTO struct buf digest = buf_init(LIMIT_SIGNATURE);
	size_t colon = word.n;

	while (colon > 0 && word.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !hex_decode(span_from(word, colon), &digest))
		return false;
	buf_le32(b, (uint32_t)(colon + 1 + digest.n));
	buf_span(b, span_head(word, colon));
	buf_u8(b, 0);
	buf_span(b, buf_view(&digest));
	return true;
}

static bool
put_number(struct buf *b, enum ima_field_id id, struct span word)
{
	uint64_t v;

	if (!dec_u64(word, &v) || v > (id == IMA_FIELD_IMODE ? UINT16_MAX : UINT32_MAX))
		return false;
	buf_le32(b, id == IMA_FIELD_IMODE ? 2 : 4);
	if (id == IMA_FIELD_IMODE)
		buf_le16(b, (uint16_t)v);
	else
		buf_le32(b, (uint32_t)v);
	return true;
}

static bool
put_field(struct buf *b, enum ima_field_id id, struct span word, bool is_ima)
{
	if (is_hex_field(id)) {
		if (!is_ima)
			buf_le32(b, (uint32_t)(word.n / 2));
		return hex_decode(word, b);
	}
	if (id == IMA_FIELD_D_NG || id == IMA_FIELD_D_NGV2)
		return put_digest(b, word);
	if (id == IMA_FIELD_D_MODSIG && word.n > 0)
		return put_digest(b, word);
	if ((id == IMA_FIELD_IUID || id == IMA_FIELD_IGID || id == IMA_FIELD_IMODE) && word.n > 0)
		return put_number(b, id, word);
	if (word.n == 0) {
		buf_le32(b, 0);
		return true;
	}
	if (is_ima) {
		put_counted(b, word);
		return true;
	}
	buf_le32(b, (uint32_t)word.n + 1);	/* strings are stored with their NUL */
	buf_span(b, word);
	buf_u8(b, 0);
	return true;
}

/* Words to fields.  The last field takes nothing but its word: what follows is an error. */
static bool
rebuild(struct ima_log *log, struct ima_entry *n, struct span rest)
{
	const struct ima_template *t = ima_template_get(log, n->template_name);

	n->is_ima = span_is(n->template_name, "ima");
	if (t->n == 0)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		bool last = i + 1 == t->n;
		size_t len = last ? rest.n : span_find(rest, ' ');

		/* Before each field but the first stands a space, even if it is empty. */
		if (!last && len == rest.n)
			return false;
		if (!put_field(&log->scratch, t->ids[i], span_head(rest, len), n->is_ima))
			return false;
		rest = span_from(rest, len + 1);
	}
	return log->scratch.why == 0;
}

/* Template "ima": digest, length, name, as the binary reader has them. */
static bool
ima_fields(struct ima_entry *n, size_t digest_size)
{
	/* What replays an entry has room for these and no more. */
	if ((digest_size != 16 && digest_size != 20) || n->data.n < digest_size + 4)
		return false;
	n->n_fields = 2;
	n->fields[0] = (struct ima_field){ IMA_FIELD_D, span_head(n->data, digest_size) };
	n->fields[1] = (struct ima_field){ IMA_FIELD_N, span_from(n->data, digest_size + 4) };
	return n->fields[1].bytes.n <= LIMIT_IMA_NAME;
}

static int
bad_line(struct ima_log *log, size_t start, const struct ima_entry *n, struct err *e)
{
	log->r.off = start;
	return err_hint(e, err_line(e, ERR_FORMAT, log->line + 1, 0,
	    "entry %llu of the ASCII measurement list does not parse",
	    (unsigned long long)n->number),
	    "a file name with a newline breaks the ASCII list; use the binary list, which has every name whole");
}

int
ima_ascii_next(struct ima_log *log, struct ima_entry *n, struct err *e)
{
	size_t start = log->r.off, at;
	struct span line, word, digest;
	uint64_t pcr;

	if (!rd_line(&log->r, LINE_MAX_BYTES, &line)) {
		if (log->r.why == 0)
			return 0;
		return err_line(e, log->r.why, log->line + 1, 0, "a line is longer than any the kernel writes");
	}
	at = start;
	n->offset = at;
	n->size = log->r.off - at;
	if (line.n > 0 && line.p[0] == ' ')
		line = span_from(line, 1);
	log->scratch.n = 0;
	if (!take_word(&line, &word) || !dec_u64(word, &pcr) || pcr > 63 ||
	    !take_word(&line, &digest) || digest.n != 2 * log->digest_size ||
	    !take_word(&line, &n->template_name) ||
	    !hex_decode(digest, &log->scratch))
		return bad_line(log, start, n, e);
	n->pcr = (uint32_t)pcr;

	/* The digest's bytes go in front of the data; spans are taken when both stand still. */
	BUF_AUTO struct buf column = buf_init(LIMIT_DIGEST);
	buf_span(&column, buf_view(&log->scratch));
	log->scratch.n = 0;
	if (!rebuild(log, n, line))
		return bad_line(log, start, n, e);
	size_t data_n = log->scratch.n;
	buf_span(&log->scratch, buf_view(&column));
	if (log->scratch.why != 0 || column.why != 0)
		return bad_line(log, start, n, e);
	n->template_digest = span_of(log->scratch.p + data_n, column.n);
	n->data = span_of(log->scratch.p, data_n);
	if (n->is_ima && !ima_fields(n, span_find(line, ' ') / 2))
		return bad_line(log, start, n, e);
	log->line++;
	return 1;
}
