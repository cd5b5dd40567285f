/* policy_read.h: what the readers of the policy formats share.  Private to
 * src/formats/runtime_policy*.c.
 *
 * All of them read into a zeroed struct runtime_policy with its arena set up;
 * the caller frees it on failure.  ${where} names the place in the document
 * ("layers[2].packages[0]") and goes into the message.
 */
#ifndef FORMATS_POLICY_READ_H
#define FORMATS_POLICY_READ_H

#include "formats/runtime_policy.h"

/* A struct runtime_policy under construction. */
struct policy_reader {
	struct runtime_policy *p;
	struct policy_builder *files;	/* NULL: the meta data of a table, which has none */
	struct err *e;
};

#define WHERE_MAX 256

/** policy_parse_text(in, p, e): Anything but a table, by way of a tree: what
 * runtime_policy_parse does when policy_scan gave up. */
MUST_CHECK int policy_parse_text(struct span in, struct runtime_policy *p, struct err *e);

/** policy_read_json(r, root): Assay's grammar (runtime_policy_json.c). */
MUST_CHECK int policy_read_json(struct policy_reader *r, const json_t *root);

/** policy_read_rules(r, root): Its members beside the layers (runtime_policy_rules.c). */
MUST_CHECK int policy_read_rules(struct policy_reader *r, const json_t *root);

/** policy_read_keylime(r, root): Keylime's runtime policy and both older JSON forms. */
MUST_CHECK int policy_read_keylime(struct policy_reader *r, const json_t *root);
bool policy_is_keylime(const json_t *root);

/** policy_read_lines(r, text): sha*sum lists and Keylime's text allowlist. */
MUST_CHECK int policy_read_lines(struct policy_reader *r, struct span text);

/** policy_get_string: A copy of the member ${key}; empty if absent and not required. */
MUST_CHECK int policy_get_string(struct policy_reader *r, const json_t *obj, const char *where,
    const char *key, bool required, struct span *out);

/** policy_get_strings: The same for an array of strings; none if ${array} is NULL. */
MUST_CHECK int policy_get_strings(struct policy_reader *r, const json_t *array,
    const char *where, struct span **out, size_t *n);

/** policy_get_names: The same for paths: each must begin with '/'; kept in the kernel's
 * form and without '/' at the end. */
MUST_CHECK int policy_get_names(struct policy_reader *r, const json_t *array,
    const char *where, struct span **out, size_t *n);
MUST_CHECK int policy_get_name(struct policy_reader *r, const json_t *string,
    const char *where, struct span *out);

/** policy_digest: "sha256:<hex>". */
MUST_CHECK int policy_digest(struct span text, const char *where, struct digest *d, struct err *e);
MUST_CHECK int policy_get_digests(struct policy_reader *r, const json_t *array,
    const char *where, struct digest **out, size_t *n);

/** policy_digest_by_length: Plain hex; its length tells the algorithm, of the SHA-1 and
 * SHA-2 families. */
MUST_CHECK bool policy_digest_by_length(struct span hex, struct digest *d);

/** policy_decode_base64: Into the arena. */
MUST_CHECK int policy_decode_base64(struct policy_reader *r, struct span text,
    const char *where, struct span *out);

/** policy_der_kind: What a DER key is, from its outer tags alone. */
enum policy_der { POLICY_DER_OTHER = 0, POLICY_DER_CERTIFICATE, POLICY_DER_PUBLIC_KEY };
enum policy_der policy_der_kind(struct span der);

/** policy_one_layer(r, name): For formats that know no layers; ${name} is a literal. */
MUST_CHECK int policy_one_layer(struct policy_reader *r, struct span name);

/** policy_array(r, n, size): Zeroed elements in the arena; NULL and an error set. */
void *policy_array(struct policy_reader *r, size_t n, size_t size);

#endif
