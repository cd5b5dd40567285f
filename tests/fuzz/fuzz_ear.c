/* Tokens from outside.  The input is a whole token, whose signature cannot be right, and
 * then a payload as if it were: nothing unsigned is accepted, and what is accepted holds
 * at the time and does not say better things than its worst claim. */
#include <assert.h>

#include "base/json.h"
#include "engine/ear_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char key_pem[] = "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct pubkey *key;
	JSON_AUTO json_t *claims = NULL;
	enum ear_tier status = EAR_NONE;
	struct err e = { 0 };
	const char *label;
	json_t *v;

	if (key == NULL && pubkey_parse(span_str(key_pem), &key, &e) != 0)
		abort();
	assert(ear_verify(key, span_of(p, n), 1000, span_of(NULL, 0), &status, &claims, &e) != 0);
	assert(claims == NULL && status == EAR_NONE);
	if (ear_read(span_of(p, n), 1000, span_of(NULL, 0), &status, &claims, &e) != 0)
		return 0;
	assert(json_object_size(json_object_get(claims, "submods")) > 0);
	if (status == EAR_AFFIRMING)
		json_object_foreach(json_object_get(claims, "submods"), label, v)
			assert(strcmp(json_string_value(json_object_get(v, "ear_status")), "affirming") == 0);
	return 0;
}
