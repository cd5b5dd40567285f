#include "engine/evidence_bundle_check.h"

#include "crypto/digest.h"

int
evidence_bundle_check(const struct evidence_bundle *b, struct err *e)
{
	for (enum evidence_section s = EVIDENCE_MANIFEST; s < EVIDENCE_SECTIONS; s++) {
		const struct evidence_part *p = &b->parts[s];
		struct digest d;
		int rc;

		if (!p->present)
			continue;
		if ((rc = digest_of(DIGEST_SHA256, p->bytes, &d, e)) != 0)
			return rc;
		if (!digest_eq(&d, &p->sha256))
			return err_hint(e, err_at(e, ERR_MISMATCH, p->offset,
			    "section \"%s\" is not what was recorded: its SHA-256 differs from the one in the %s",
			    evidence_section_name(s), s == EVIDENCE_MANIFEST ? "header" : "manifest"),
			    "the bundle is damaged or was altered; fetch it again");
	}
	return 0;
}

int
evidence_bundle_seal(struct evidence_bundle *b, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf manifest = buf_init(LIMIT_SMALL_FILE);
	struct evidence_bundle whole;
	struct evidence_part *m = &whole.parts[EVIDENCE_MANIFEST];
	int rc;

	for (enum evidence_section s = EVIDENCE_IMA_LOG; s < EVIDENCE_SECTIONS; s++)
		if (b->parts[s].present &&
		    (rc = digest_of(DIGEST_SHA256, b->parts[s].bytes, &b->parts[s].sha256, e)) != 0)
			return rc;
	if ((rc = evidence_manifest_write(b, &manifest, e)) != 0)
		return rc;
	whole = *b;	/* borrows everything */
	*m = (struct evidence_part){ .present = true, .bytes = buf_view(&manifest) };
	if ((rc = digest_of(DIGEST_SHA256, m->bytes, &m->sha256, e)) != 0)
		return rc;
	return evidence_bundle_write(&whole, out, e);
}
