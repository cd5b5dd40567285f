/* enrol_claims.h: what can be one host's only: an endorsement key, in whatever form; and where a
 * device maker's key vouches, that key and the device's serial number.
 *
 * Each is a setting of the store that names a host.  Who has it first keeps it, removed or not:
 * a host that an operator took out must not come back as another one.  It is free again
 * when its host was forgotten.  Of two that enrol at the same moment, on one server or on two,
 * one gets it: it is taken in the transaction that makes the identity.
 */
#ifndef SVC_SERVER_ENROL_CLAIMS_H
#define SVC_SERVER_ENROL_CLAIMS_H

#include "engine/enrolment.h"
#include "port/store/store_admin.h"

#define ENROL_CLAIM_NAME 80

enum enrol_claim { ENROL_CLAIM_EK, ENROL_CLAIM_IAK, ENROL_CLAIM_DEVICE, ENROL_CLAIMS };

struct enrol_claims {
	char names[ENROL_CLAIMS][ENROL_CLAIM_NAME];	/* of settings; "": there is none */
};

/** enrol_claims_of(ek, iak, device): A digest may be none. */
struct enrol_claims enrol_claims_of(const struct digest *ek, const struct digest *iak, const struct digest *device);

/** enrol_claims_look(c, s, id, a, known, e): Whether another host than ${id} has one of them. */
MUST_CHECK int enrol_claims_look(const struct enrol_claims *c, struct store *s, const char *id,
    struct arena *a, struct enrol_known *known, struct err *e);

/** enrol_claims_take(c, s, id, e): All of them for host ${id}, within a transaction;
 * ERR_DUPLICATE if one is another's. */
MUST_CHECK int enrol_claims_take(const struct enrol_claims *c, struct store *s, const char *id, struct err *e);

#endif
