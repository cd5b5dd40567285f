/* Whether the demands of a policy on the boot are well-formed: what nothing, or anything,
 * could meet is a mistake. */
#include "engine/boot_policy.h"

#include <stdio.h>

#include "base/text.h"
#include "engine/boot_internal.h"
#include "engine/boot_policy_internal.h"
#include "engine/boot_profile.h"

static const char *const members[] = {
	"secure_boot", "signers", "kernel", "loaders", "cmdline", "pcrs", "profile", "event_log",
	"boot_aggregate", "max_age_days", NULL,
};

bool
demand_digest(struct span text, struct digest *out)
{
	size_t colon = span_find(text, ':');
	struct digest d = { .alg = digest_alg_by_name(span_head(text, colon)) };

	d.size = (uint8_t)digest_alg_size(d.alg);
	if (d.alg == DIGEST_NONE || !hex_fixed(span_from(text, colon + 1), d.v, d.size))
		return false;
	*out = d;
	return true;
}

static int
check_digests(const json_t *policy, const char *key, struct err *e)
{
	json_t *list;
	const json_t *one;
	struct digest d;
	size_t i;
	int rc = json_member(policy, "boot", key, JSON_ARRAY, false, &list, e);

	if (rc != 0 || list == NULL)
		return rc;
	if (json_array_size(list) == 0)
		return err_set(e, ERR_FORMAT, "boot/%s is empty: nothing could meet it", key);
	json_array_foreach(list, i, one)
		if (!json_is_string(one) || !demand_digest(json_string_span(one), &d))
			return err_set(e, ERR_ENCODING,
			    "boot/%s/%zu is not a digest of the form \"sha256:HEX\"", key, i);
	return 0;
}

static int
check_pcr_values(const char *bank_name, enum digest_alg bank, const char *pcr_name,
    const json_t *values, struct err *e)
{
	uint8_t v[LIMIT_DIGEST];
	const json_t *one;
	unsigned pcr;
	size_t i;

	if (!boot_pcr_key(pcr_name, &pcr))
		return err_set(e, ERR_RANGE, "boot/pcrs/%s: \"%s\" is not the number of a PCR",
		    bank_name, pcr_name);
	if (!json_is_array(values) || json_array_size(values) == 0)
		return err_set(e, ERR_FORMAT, "boot/pcrs/%s/%s is not a list of values", bank_name, pcr_name);
	json_array_foreach(values, i, one)
		if (!json_is_string(one) ||
		    !hex_fixed(json_string_span(one), v, digest_alg_size(bank)))
			return err_set(e, ERR_ENCODING, "boot/pcrs/%s/%s/%zu is not a value of that bank in hex",
			    bank_name, pcr_name, i);
	return 0;
}

static int
check_bank(const char *name, json_t *pcrs, struct err *e)
{
	enum digest_alg bank = digest_alg_by_name(span_str(name));
	int rc = 0;

	if (digest_alg_tpm(bank) == 0)
		return err_set(e, ERR_RANGE, "boot/pcrs: \"%s\" is not the name of a PCR bank", name);
	if (!json_is_object(pcrs) || json_object_size(pcrs) == 0)
		return err_set(e, ERR_FORMAT, "boot/pcrs/%s names no PCR", name);
	for (void *at = json_object_iter(pcrs); at != NULL && rc == 0;
	    at = json_object_iter_next(pcrs, at))
		rc = check_pcr_values(name, bank, json_object_iter_key(at), json_object_iter_value(at), e);
	return rc;
}

static int
check_pcrs(const json_t *policy, struct err *e)
{
	json_t *pcrs;
	int rc = json_member(policy, "boot", "pcrs", JSON_OBJECT, false, &pcrs, e);

	if (rc != 0 || pcrs == NULL)
		return rc;
	if (json_object_size(pcrs) == 0)
		return err_set(e, ERR_FORMAT, "boot/pcrs is empty: it demands nothing");
	for (void *at = json_object_iter(pcrs); at != NULL && rc == 0; at = json_object_iter_next(pcrs, at))
		rc = check_bank(json_object_iter_key(at), json_object_iter_value(at), e);
	return rc;
}

static int
check_age(const json_t *policy, struct err *e)
{
	json_t *days;
	int rc = json_member(policy, "boot", "max_age_days", JSON_INTEGER, false, &days, e);

	if (rc != 0 || days == NULL)
		return rc;
	if (json_integer_value(days) < 1 || json_integer_value(days) > BOOT_AGE_DAYS)
		return err_set(e, ERR_RANGE, "boot/max_age_days is not a number from 1 to %d", BOOT_AGE_DAYS);
	return 0;
}

static int
check_profiles(const json_t *policy, struct err *e)
{
	const json_t *p = json_object_get(policy, "profile"), *one;
	size_t i;
	int rc = 0;

	if (p == NULL)
		return 0;
	if (!json_is_array(p))
		return boot_profile_check(p, "boot/profile", e);
	if (json_array_size(p) == 0)
		return err_set(e, ERR_FORMAT, "boot/profile is empty: nothing could meet it");
	json_array_foreach(p, i, one) {
		char where[64];

		(void)snprintf(where, sizeof(where), "boot/profile/%zu", i);
		if ((rc = boot_profile_check(one, where, e)) != 0)
			return rc;
	}
	return 0;
}

/* A demand that is switched off is a demand somebody believes in: it must be left out. */
static int
check_switch(const json_t *policy, const char *key, struct err *e)
{
	const json_t *v = json_object_get(policy, key);

	if (v == NULL || json_is_true(v))
		return 0;
	return err_set(e, ERR_FORMAT, "boot/%s can only be true; leave it out to demand nothing", key);
}

int
boot_policy_check(const json_t *policy, struct err *e)
{
	int rc;

	if ((rc = json_only(policy, "boot", members, e)) != 0)
		return rc;
	if (json_object_size(policy) == 0)
		return err_set(e, ERR_FORMAT, "boot is empty: it demands nothing");
	if ((rc = check_switch(policy, "secure_boot", e)) != 0 ||
	    (rc = check_switch(policy, "event_log", e)) != 0 ||
	    (rc = check_switch(policy, "boot_aggregate", e)) != 0 ||
	    (rc = check_digests(policy, "signers", e)) != 0 ||
	    (rc = check_digests(policy, "kernel", e)) != 0 ||
	    (rc = check_digests(policy, "loaders", e)) != 0 ||
	    (rc = check_pcrs(policy, e)) != 0 || (rc = check_age(policy, e)) != 0 ||
	    (rc = boot_cmdline_check(json_object_get(policy, "cmdline"), e)) != 0)
		return rc;
	if (json_object_get(policy, "loaders") != NULL && json_object_get(policy, "kernel") == NULL)
		return err_set(e, ERR_FORMAT, "boot/loaders says nothing without boot/kernel");
	return check_profiles(policy, e);
}
