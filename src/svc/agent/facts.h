/* facts.h: what the agent tells about its host: a JSON object (docs/formats/agent-facts.md).
 *
 * None of it is proved: a server shows it, groups by it, and compares with it, but trusts
 * a host for its quote alone.  Files that are missing give no member.  Text that is not
 * UTF-8 is escaped.
 */
#ifndef SVC_AGENT_FACTS_H
#define SVC_AGENT_FACTS_H

#include "base/json.h"
#include "formats/tpm_caps.h"

struct facts_input {
	const char *root;		/* "" or a folder in whose place "/" is looked at */
	const char *list;		/* "kernel", "monitor", "none" */
	unsigned list_pcr;		/* the PCR that it replays to */
	const struct tpm_caps *tpm;	/* NULL: none answers */
	bool software_tpm;
	struct span ima_policy_sha256;	/* 32 bytes, or none */
	json_t *gaps;			/* borrowed; array, may be empty */
	uint64_t trimmed;		/* entries the kernel has given up */
	const char *monitor_state;	/* NULL: there is no monitor */
};

/** facts_make(in, out, e): ${*out} is the caller's to json_decref. */
MUST_CHECK int facts_make(const struct facts_input *in, json_t **out, struct err *e);

/** facts_volumes(root, j): "volumes" of ${j}: where file systems with a label are mounted. */
void facts_volumes(const char *root, json_t *j);

/** facts_boot_id(root, id): The kernel's boot_id; "" if it is not known. */
void facts_boot_id(const char *root, char id[37]);

#endif
