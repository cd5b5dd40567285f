/* ek_trust.h: whether an endorsement key is a TPM's, and on whose word.
 *
 * Four ways, asked in this order; the first that holds is the machine's trust mode:
 *
 *   ca        the EK certificate chains to a root of the bundle, and the EK's public area
 *             is what the certificate's key and a standard template give
 *   idevid    the AK is certified by (TPM2_Certify), or is, an IAK whose certificate chains to a
 *             device maker's root
 *   ek-list   the EK is on the operator's list
 *   operator  a person approves it; until then the machine is pending
 *
 * A certificate that is present and whose key is not the EK offered refuses the machine
 * in every mode, as do weak keys and revoked certificates: an honest machine has none of
 * them.  A certificate that merely leads nowhere closes the first way only.
 *
 * Pure: no clock, no file.  Everything noticed is a reason with a code; the sentences are
 * for the operator, and what the client is told is the caller's (a code, nothing more).
 */
#ifndef ENGINE_EK_TRUST_H
#define ENGINE_EK_TRUST_H

#include <time.h>

#include "crypto/ek_cert.h"
#include "crypto/x509_chain.h"
#include "engine/ek_public.h"
#include "formats/ek_list.h"
#include "formats/root_bundle.h"

enum trust_mode {
	TRUST_NONE = 0,
#define MODE(sym, token, text) TRUST_##sym,
#include "engine/trust_modes.tbl"
#undef MODE
	TRUST_MODE_COUNT
};
const char *trust_mode_token(enum trust_mode mode);	/* "none", "ca", ... */
const char *trust_mode_text(enum trust_mode mode);
/** trust_mode_by_token(s): TRUST_NONE for an unknown one. */
enum trust_mode trust_mode_by_token(struct span s);

enum trust_code {
	TRUST_CODE_NONE = 0,
#define TRUST(sym, code, severity, text) TRUST_CODE_##sym,
#include "engine/trust_reasons.tbl"
#undef TRUST
	TRUST_CODE_COUNT
};
enum trust_severity { TRUST_NOTE = 0, TRUST_NO_CA, TRUST_REFUSE };
const char *trust_code_token(enum trust_code code);
const char *trust_code_text(enum trust_code code);
enum trust_severity trust_code_severity(enum trust_code code);

struct trust_reason {
	enum trust_code code;
	char detail[256];	/* for people, escaped; "" if the code says all */
};

struct trust_config {
	unsigned modes;				/* 1u << TRUST_CA | ... */
	const struct x509_roots *vendors;	/* for ca; NULL: none */
	const struct x509_roots *devices;	/* for idevid; NULL: none */
	const struct ek_list *list;		/* for ek-list; NULL: none */
	bool allow_expired;			/* certificates of TPMs that outlived them */
	bool approve_new_ak;			/* a new AK for a known EK waits in every mode */
};

struct trust_input {
	struct span ek_public;		/* TPM2B_PUBLIC or TPMT_PUBLIC as sent */
	const struct span *ek_certs;	/* as sent: each any form of ek_cert_file.h; leaf first */
	size_t n_ek_certs;
	struct span ak_public;
	const struct span *iak_certs, *idevid_certs;	/* leaf first; none: n is 0 */
	size_t n_iak_certs, n_idevid_certs;
	struct span iak_attest, iak_signature;	/* the IAK's TPM2_Certify of the AK; empty: the AK is the IAK */
	struct span csr;			/* which that was made for */
};

enum { TRUST_REASONS = 16 };

struct ek_trust {
	enum trust_mode mode;		/* TRUST_NONE: refused */
	bool pending;			/* an operator must approve first */
	char host_id[HOST_ID_SIZE];	/* "" if the EK could not even be read */
	struct digest ek_key;		/* SHA-256 of the EK's SubjectPublicKeyInfo; or none */
	/* Of an IAK that vouches, where idevid is on: SHA-256 of its SubjectPublicKeyInfo, and of the
	 * device's serial number under its maker's root; or none. */
	struct digest iak_key, device;
	const struct ek_template *template;	/* NULL: not a standard one */
	struct trust_reason reasons[TRUST_REASONS];
	size_t n_reasons;
	/* Of the certificate, if there is one that is readable; escaped. */
	char manufacturer[32], model[64], version[32], cert_subject[256], cert_serial[64];
	unsigned cert_quirks, cert_forms;
	char root_subject[256];		/* ca and idevid: where the chain ends */
	struct digest root;
	char list_comment[256];		/* ek-list: what the list says of it */
};

/** ek_trust_decide(in, config, now, out, e): An error is a fault of ours (memory,
 * OpenSSL); whatever is wrong with the input is a reason. */
MUST_CHECK int ek_trust_decide(const struct trust_input *in, const struct trust_config *config,
    time_t now, struct ek_trust *out, struct err *e);

/** ek_trust_has(t, code): Whether it is among the reasons. */
bool ek_trust_has(const struct ek_trust *t, enum trust_code code);

/** ek_trust_refusal(t): The reason that decided; NULL if the mode is not TRUST_NONE. */
const struct trust_reason *ek_trust_refusal(const struct ek_trust *t);

/** ek_trust_add(t, code, fmt, ...): One more reason; one too many is dropped, but never a
 * refusing one. */
void ek_trust_add(struct ek_trust *t, enum trust_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/** ek_trust_settle(t, config, ways): The mode, from the ways of trust that hold (1u << TRUST_CA
 * | ...) and the reasons so far. */
void ek_trust_settle(struct ek_trust *t, const struct trust_config *config, unsigned ways);

/** root_bundle_load(b, vendors, e): Every certificate of the bundle; ERR_MISMATCH where the
 * subject written beside one is not its own. */
MUST_CHECK int root_bundle_load(const struct root_bundle *b, struct x509_roots *vendors,
    struct err *e);

/** trust_roots_load(in, r, e): A file as an operator has it: a root bundle, PEM with any number
 * of certificates and revocation lists, or one certificate in DER.  Certificates that are
 * not self-issued become intermediates.  A file that adds nothing is ERR_FORMAT. */
MUST_CHECK int trust_roots_load(struct span in, struct x509_roots *r, struct err *e);

#endif
