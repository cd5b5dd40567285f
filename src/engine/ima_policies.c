#include "engine/ima_policies.h"

/* Where they lie, and by which name the kernel sees them before the root file system is at
 * its place: dracut has it at /sysroot, initramfs-tools at /root. */
static const char *const known[] = { "/etc/ima/ima-policy", "/etc/sysconfig/ima-policy",
	"/sysroot/etc/sysconfig/ima-policy", "/etc/default/ima-policy", "/root/etc/default/ima-policy", NULL };

const char *
ima_policy_known(size_t i)
{
	return known[i];
}

int
ima_demand_make(const struct runtime_policy *const *policies, size_t n, struct arena *a, struct ima_demand *out,
    struct err *e)
{
	struct ima_demand d = { arena_array(a, n + 1, sizeof(*d.parts)), 0 };

	if (d.parts == NULL)
		return arena_err(a, e);
	for (size_t i = 0; i < n; i++)
		if (policies[i]->ima.demanded)
			d.parts[d.n++] = &policies[i]->ima;
	*out = d;
	return 0;
}

bool
ima_demand_path(const struct ima_demand *d, struct span path)
{
	for (size_t i = 0; known[i] != NULL; i++)
		if (span_is(path, known[i]))
			return true;
	for (size_t i = 0; d != NULL && i < d->n; i++)
		for (size_t k = 0; k < d->parts[i]->n_paths; k++)
			if (span_eq(path, d->parts[i]->paths[k]))
				return true;
	return false;
}

bool
ima_demand_allows(const struct ima_demand *d, const struct digest *digest)
{
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->parts[i]->n_digests; k++)
			if (digest_eq(&d->parts[i]->digests[k], digest))
				return true;
	return false;
}
