/* sig_keys.h: a policy of keys from the test data, for tests of signatures. */
#ifndef SIG_KEYS_H
#define SIG_KEYS_H

#include "engine/ima_verify.h"
#include "tests/golden.h"

#define SIG_KEYS_MAX 8

struct sig_keys {
	struct runtime_policy policy;
	struct policy_key keys[SIG_KEYS_MAX];
	struct file files[SIG_KEYS_MAX];
	const struct runtime_policy *all[1];
	struct sig_context ctx;
};

__attribute__((unused)) static struct policy_key *
sig_keys_add(struct sig_keys *s, const char *name)
{
	size_t i = s->policy.n_keys++;

	s->policy.keys = s->keys;
	s->all[0] = &s->policy;
	s->files[i] = golden(name);
	s->keys[i] = (struct policy_key){ .der = file_view(&s->files[i]), .name = span_str(name) };
	return &s->keys[i];
}

__attribute__((unused)) static struct keyring *
sig_keys_ring(struct sig_keys *s)
{
	struct keyring *ring = NULL;
	struct err e = { 0 };

	s->all[0] = &s->policy;
	if (keyring_new(s->all, 1, &ring, &e) != 0) {
		printf("Bail out! keyring: %s\n", e.message);
		exit(99);
	}
	return ring;
}

__attribute__((unused)) static void
sig_keys_free(struct sig_keys *s)
{
	for (size_t i = 0; i < s->policy.n_keys; i++)
		file_free(&s->files[i]);
}

#endif
