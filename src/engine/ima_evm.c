/* Portable EVM signatures: the digest over attributes and metadata
 * (security/integrity/evm/evm_crypto.c, evm_calc_hmac_or_hash, hmac_add_misc). */
#include "engine/ima_evm.h"

#include "base/rd.h"

/* u64 inode, u32 generation, u32 uid, u32 gid, u16 mode, 2 bytes of padding */
#define MISC_SIZE 24

struct evm_xattrs {
	struct span names[LIMIT_EVM_XATTRS], values[LIMIT_EVM_XATTRS];
	size_t n;
	bool big_endian;
};

static void
put(uint8_t *p, uint32_t v, size_t n, bool big_endian)
{
	for (size_t i = 0; i < n; i++)
		p[big_endian ? n - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

static int
evm_digest(struct keyring *ring, enum digest_alg alg, const struct evm_metadata *m,
    struct digest *out, struct err *e)
{
	struct span parts[LIMIT_EVM_XATTRS + 1];
	uint8_t misc[MISC_SIZE] = { 0 };	/* portable: inode and generation are zero */

	put(misc + 12, m->uid, 4, m->big_endian);
	put(misc + 16, m->gid, 4, m->big_endian);
	put(misc + 20, m->mode, 2, m->big_endian);
	for (size_t i = 0; i < m->n; i++)
		parts[i] = m->values[i];
	parts[m->n] = span_of(misc, MISC_SIZE);
	return keyring_digest(ring, alg, parts, m->n + 1, out, e);
}

/* The one value of security.ima; false if there is none, or more than one. */
static bool
find_ima(const struct evm_metadata *m, struct span *value)
{
	size_t found = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (span_is(m->names[i], "security.ima")) {
			*value = m->values[i];
			found++;
		}
	}
	return found == 1;
}

/* Metadata are authentic; are they those of this content?  A hash must be the measured
 * digest; a signature must be good itself, as the kernel wants both. */
static int
bind_content(struct keyring *ring, struct span ima, const struct digest *digest, struct span path,
    const struct sig_context *ctx, struct sig_outcome *o, struct err *e)
{
	struct sig_outcome inner;
	struct ima_xattr x;
	int rc;

	if (ima_xattr_parse(ima, &x, NULL) != 0 || !ima_xattr_belongs(&x, "security.ima")) {
		sig_outcome_set(o, SIG_INVALID, "its portable EVM signature covers a security.ima that"
		    " is malformed");
		return 0;
	}
	if (!ima_xattr_is_signature(&x)) {
		if (x.alg != digest->alg || !span_eq(x.digest, digest_view(digest)))
			sig_outcome_set(o, SIG_INVALID, "its portable EVM signature is of another content:"
			    " the security.ima it covers is not the measured digest");
		return 0;
	}
	if ((rc = ima_verify_xattr(ring, ima, digest, false, path, ctx, &inner, e)) != 0)
		return rc;
	if (inner.state != SIG_GOOD)
		*o = inner;
	return 0;
}

int
ima_verify_portable(struct keyring *ring, struct span evm, const struct evm_metadata *m,
    const struct digest *digest, struct span path, const struct sig_context *ctx,
    struct sig_outcome *out, struct err *e)
{
	struct sig_outcome o = { .place = SIG_PLACE_EVM };
	struct digest covered;
	struct ima_xattr x;
	struct span ima;
	int rc = sig_parse(evm, &x, &o);

	*out = o;
	if (rc != 0)
		return 0;
	if (x.type != IMA_XATTR_PORTABLE) {
		sig_outcome_set(out, SIG_UNSUPPORTED, "its EVM attribute is not a portable signature,"
		    " and only that can be judged elsewhere");
		return 0;
	}
	if (m->n > LIMIT_EVM_XATTRS || !find_ima(m, &ima)) {
		sig_outcome_set(out, SIG_INVALID, "its portable EVM signature does not cover security.ima");
		return 0;
	}
	if (x.alg == DIGEST_NONE || digest_alg_openssl(x.alg) == NULL) {
		sig_outcome_set(out, SIG_UNSUPPORTED, "its portable EVM signature is over a digest of an"
		    " algorithm that is not known here");
		return 0;
	}
	if ((rc = evm_digest(ring, x.alg, m, &covered, e)) != 0 ||
	    (x.version == 3 && (rc = sig_file_id(ring, &x, &covered, &covered, e)) != 0))
		return rc;
	struct sig_target t = { &covered, x.sig, path, ctx };

	if ((rc = sig_try_keyid(ring, &t, &o, e)) != 0 ||
	    (o.state == SIG_GOOD && (rc = bind_content(ring, ima, digest, path, ctx, &o, e)) != 0))
		return rc;
	*out = o;
	return 0;
}

/* "security.selinux|security.ima" NUL */
static bool
split_names(struct span f, struct evm_xattrs *x)
{
	if (f.n == 0 || span_find(f, 0) != f.n - 1)
		return false;
	f.n--;
	for (bool more = true; more; x->n++) {
		size_t bar = span_find(f, '|');

		if (bar == 0 || x->n == LIMIT_EVM_XATTRS)
			return false;
		more = bar < f.n;
		x->names[x->n] = span_head(f, bar);
		f = span_from(f, bar + 1);
	}
	return true;
}

/* Values by their lengths, which must use them up exactly: in only one byte order
 * they do, and that is the list's. */
static bool
split_values(struct span lengths, struct span values, bool big_endian, struct evm_xattrs *x)
{
	struct rd l = rd_init(lengths), v = rd_init(values);

	for (size_t i = 0; i < x->n; i++) {
		uint32_t n;

		if (!(big_endian ? rd_be32(&l, &n) : rd_le32(&l, &n)) || !rd_bytes(&v, n, &x->values[i]))
			return false;
	}
	x->big_endian = big_endian;
	return rd_end(&l) && rd_end(&v);
}

static uint32_t
number(struct span s, bool big_endian)
{
	uint32_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[big_endian ? i : s.n - 1 - i];
	return v;
}

/* The fields of the template by id; true if all are there and not empty. */
static bool
fields(const struct ima_entry *n, const enum ima_field_id *ids, struct span *out, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		out[k] = span_of(NULL, 0);
		for (size_t i = 0; i < n->n_fields; i++)
			if (n->fields[i].id == ids[k])
				out[k] = n->fields[i].bytes;
		if (out[k].n == 0)
			return false;
	}
	return true;
}

int
ima_evm_entry(struct keyring *ring, const struct ima_entry *n, struct span evm,
    const struct digest *digest, const struct sig_context *ctx, struct sig_outcome *o, struct err *e)
{
	static const enum ima_field_id ids[] = { IMA_FIELD_XATTRNAMES, IMA_FIELD_XATTRLENGTHS,
		IMA_FIELD_XATTRVALUES, IMA_FIELD_IUID, IMA_FIELD_IGID, IMA_FIELD_IMODE };
	struct span f[sizeof(ids) / sizeof(ids[0])];
	struct sig_outcome none = { .place = SIG_PLACE_EVM };
	struct evm_xattrs x = { 0 };
	struct ima_xattr header;

	if (!fields(n, ids, f, sizeof(ids) / sizeof(ids[0]))) {
		if (sig_parse(evm, &header, &none) == 0)
			sig_outcome_set(&none, SIG_UNSUPPORTED, "its signature is a portable EVM signature,"
			    " which cannot be judged without the metadata it covers (template evm-sig)");
		*o = none;
		return 0;
	}
	if (!split_names(f[0], &x) ||
	    (!split_values(f[1], f[2], false, &x) && !split_values(f[1], f[2], true, &x))) {
		sig_outcome_set(&none, SIG_INVALID, "its attribute names, lengths and values do not fit together");
		*o = none;
		return 0;
	}
	struct evm_metadata m = { x.names, x.values, x.n, number(f[3], x.big_endian),
		number(f[4], x.big_endian), (uint16_t)number(f[5], x.big_endian), x.big_endian };

	return ima_verify_portable(ring, evm, &m, digest, n->path, ctx, o, e);
}
