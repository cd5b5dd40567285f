#include "crypto/ek_cert.h"

const char *
ek_cert_fault(const struct ek_cert *c)
{
	if (c->ca || (c->has_usage && (c->usage & EK_USE_CERT_SIGN) != 0))
		return "is for a CA";
	if (c->critical[0] != '\0')
		return "has a critical extension that is not understood";
	/* Makers write either for either kind of key. */
	if (c->has_usage && (c->usage & (EK_USE_KEY_ENCIPHERMENT | EK_USE_KEY_AGREEMENT)) == 0)
		return "is not for encipherment or key agreement";
	if (c->has_purpose && (c->purpose & EK_PURPOSE_EK) == 0)
		return "is for other purposes than an endorsement key (2.23.133.8.1)";
	return NULL;
}

const char *
iak_cert_fault(const struct ek_cert *c)
{
	if (c->ca || (c->has_usage && (c->usage & EK_USE_CERT_SIGN) != 0))
		return "is for a CA";
	if (c->critical[0] != '\0')
		return "has a critical extension that is not understood";
	if (c->has_usage && (c->usage & EK_USE_SIGNATURE) == 0)
		return "is not for signatures";
	if (c->has_purpose && (c->purpose & EK_PURPOSE_AIK) == 0)
		return "is for other purposes than an attestation key (2.23.133.8.3)";
	return NULL;
}

static void
dump_bits(struct buf *b, const char *name, unsigned bits, const char *const *words, size_t n)
{
	const char *sep = " ";

	buf_str(b, name);
	for (size_t i = 0; i < n; i++) {
		if ((bits & 1u << i) == 0)
			continue;
		buf_printf(b, "%s%s", sep, words[i]);
		sep = ",";
	}
	buf_str(b, bits == 0 ? " -\n" : "\n");
}

void
ek_cert_dump(const struct ek_cert *c, struct buf *b)
{
	static const char *const quirks[] = { "oaep-key", "empty-subject", "serial", "no-end", "no-eku",
	    "no-tpm-name" };
	static const char *const uses[] = { "signature", "key-encipherment", "key-agreement",
	    "cert-sign", "other" };
	static const char *const purposes[] = { "ek", "aik", "other" };
	const char *fault = ek_cert_fault(c);

	buf_printf(b, "subject %s\nissuer %s\nserial %s\n", c->subject, c->issuer, c->serial);
	buf_printf(b, "tpm %s / %s / %s\ndevice %s\n", c->manufacturer, c->model, c->version, c->device);
	buf_printf(b, "key %s %u\nfrom %lld\nto %lld\n", pubkey_kind(c->key) == PUBKEY_RSA ? "rsa" : "ec",
	    pubkey_bits(c->key), (long long)c->not_before, (long long)c->not_after);
	buf_printf(b, "ca %s\n", c->ca ? "yes" : "no");
	dump_bits(b, "usage", c->usage, uses, 5);
	dump_bits(b, "purpose", c->purpose, purposes, 3);
	dump_bits(b, "quirks", c->quirks, quirks, 6);
	buf_printf(b, "critical %s\nfault %s\n", c->critical[0] == '\0' ? "-" : c->critical,
	    fault == NULL ? "-" : fault);
}
