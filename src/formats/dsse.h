/* dsse.h: DSSE envelopes: a payload, its type, and signatures over both.
 *
 * The form is the Dead Simple Signing Envelope's JSON (docs/formats/dsse.md):
 *
 *	{"payload": base64, "payloadType": text, "signatures": [{"keyid": text, "sig": base64}]}
 *
 * What is signed is not this JSON but the pre-authentication encoding (PAE) of
 * type and payload, so that nobody has to canonicalize JSON.  Both alphabets of
 * base64 are read, as the specification demands; the standard one is written.
 * Everything beside payload and type is unauthenticated: the key id is a hint.
 * Reading an envelope checks no signature (engine/dsse_sign.h does).
 */
#ifndef FORMATS_DSSE_H
#define FORMATS_DSSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

#define DSSE_TYPE_POLICY "application/vnd.assay.policy+json"
#define DSSE_TYPE_KEYLIME "application/vnd.keylime+json"

struct dsse_signature {
	struct span keyid;	/* may be empty */
	struct span sig;
};

struct dsse {
	struct arena arena;
	struct span payload_type;
	struct buf payload;	/* owned */
	struct dsse_signature *signatures;
	size_t n_signatures;	/* at least one */
};

/** dsse_sniff(in): Whether ${in} looks like an envelope: a JSON object with the member
 * "payloadType". */
bool dsse_sniff(struct span in);

/** dsse_parse(in, d, e): ${in} may go afterwards. */
MUST_CHECK int dsse_parse(struct span in, struct dsse *d, struct err *e);
void dsse_free(struct dsse *d);

/** dsse_pae(type, payload, out): "DSSEv1" SP len(type) SP type SP len(payload) SP payload. */
void dsse_pae(struct span type, struct span payload, struct buf *out);

/** dsse_write(type, payload, sigs, n, out): The envelope as one JSON document.  Type and
 * key ids must be UTF-8. */
void dsse_write(struct span type, struct span payload, const struct dsse_signature *sigs,
    size_t n, struct buf *out);

#define DSSE_AUTO __attribute__((cleanup(dsse_free)))

#endif
