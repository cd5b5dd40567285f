#include "svc/server/enrol_claims.h"

#include <string.h>

#include "port/store/store_host.h"

struct enrol_claims
enrol_claims_of(const struct digest *ek, const struct digest *iak, const struct digest *device)
{
	static const char *const kinds[ENROL_CLAIMS] = { "ek:", "iak:", "device:" };
	const struct digest *const of[ENROL_CLAIMS] = { ek, iak, device };
	struct enrol_claims c = { 0 };

	for (int i = 0; i < ENROL_CLAIMS; i++) {
		BUF_AUTO struct buf b = buf_init(ENROL_CLAIM_NAME - 1);

		if (of[i]->alg == DIGEST_NONE)
			continue;
		buf_str(&b, kinds[i]);
		buf_hex(&b, digest_view(of[i]));
		(void)snprintf(c.names[i], sizeof(c.names[i]), "%s", buf_cstr(&b));
	}
	return c;
}

/* Whose it is; "": nobody's any more, or it never was (${*value} is empty then). */
static int
owner_of(struct store *s, const char *name, struct arena *a, struct span *value, char owner[static HOST_ID_SIZE],
    struct err *e)
{
	struct store_host h;
	int rc = store_setting_get(s, span_str(name), a, value, e);

	owner[0] = '\0';
	if (rc == ERR_NOT_FOUND) {
		*value = span_of(NULL, 0);
		return 0;
	}
	if (rc != 0)
		return rc;
	if (value->n != HOST_ID_SIZE - 1)
		return err_set(e, ERR_INTERNAL, "the setting %s names no host", name);
	memcpy(owner, value->p, value->n);
	owner[value->n] = '\0';
	rc = store_host_by_id(s, owner, a, &h, e);
	if (rc == ERR_NOT_FOUND || (rc == 0 && h.registration == STORE_FORGOTTEN)) {
		owner[0] = '\0';
		return 0;
	}
	return rc;
}

int
enrol_claims_look(const struct enrol_claims *c, struct store *s, const char *id, struct arena *a,
    struct enrol_known *known, struct err *e)
{
	for (int i = 0; i < ENROL_CLAIMS; i++) {
		char owner[HOST_ID_SIZE];
		struct span value;
		int rc = c->names[i][0] == '\0' ? 0 : owner_of(s, c->names[i], a, &value, owner, e);

		if (rc != 0)
			return rc;
		if (c->names[i][0] == '\0' || owner[0] == '\0' || strcmp(owner, id) == 0)
			continue;
		*(i == ENROL_CLAIM_EK ? &known->ek_elsewhere : &known->device_elsewhere) = true;
		memcpy(known->other, owner, sizeof(known->other));
		return 0;
	}
	return 0;
}

static int
take_one(const char *name, struct store *s, const char *id, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(16));
	char owner[HOST_ID_SIZE];
	struct span value;
	int rc = store_setting_add(s, span_str(name), span_str(id), e);

	if (rc != ERR_DUPLICATE)
		return rc;
	if ((rc = owner_of(s, name, &a, &value, owner, e)) != 0 || strcmp(owner, id) == 0)
		return rc;
	if (owner[0] == '\0')	/* of a host that was forgotten: whoever is first has it */
		rc = store_setting_swap(s, span_str(name), value, span_str(id), e);
	if (owner[0] == '\0' && rc != ERR_CONFLICT)
		return rc;
	return err_set(e, ERR_DUPLICATE, "%s is another host's", name);
}

int
enrol_claims_take(const struct enrol_claims *c, struct store *s, const char *id, struct err *e)
{
	int rc = 0;

	for (int i = 0; i < ENROL_CLAIMS && rc == 0; i++)
		if (c->names[i][0] != '\0')
			rc = take_one(c->names[i], s, id, e);
	return rc;
}
