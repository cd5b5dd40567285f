/* assay setup measurement --status: what the kernel says, against what was set up. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "cmd/setup_internal.h"
#include "cmd/table.h"
#include "crypto/digest.h"
#include "engine/setup_status.h"
#include "port/sys/tree_file.h"

#define IMA_DIR "/sys/kernel/security/ima"

static int
read_seen(const struct setup_run *x, struct arena *a, struct setup_seen *seen, struct err *e)
{
	const struct tree t = { x->root_name == NULL ? "" : x->root_name, a };
	enum machine_access access;
	struct setup_file f = { 0 };
	char *policy;
	struct stat st;
	int rc;

	if ((rc = tree_line(&t, "/proc/cmdline", &seen->cmdline, e)) != 0 ||
	    (rc = tree_line(&t, "/proc/sys/kernel/random/boot_id", &seen->boot_id, e)) != 0 ||
	    (rc = tree_read(&t, IMA_DIR "/binary_runtime_measurements", LIMIT_MONITOR_LIST, &seen->list, &access, e)) != 0 ||
	    (rc = root_dir_read(&x->root, x->state.policy_path, LIMIT_SETUP_FILE, a, &f, e)) != 0)
		return rc;
	seen->list_read = access == ACCESS_OPEN;
	seen->ima = tree_has(&t, IMA_DIR);
	if (!tree_path(&t, IMA_DIR "/policy", &policy))
		return arena_err(a, e);
	seen->policy_there = stat(policy, &st) == 0;
	seen->policy_writable = seen->policy_there && (st.st_mode & 0222) != 0;
	seen->installed = f.present;
	return f.present ? digest_of(DIGEST_SHA256, f.content, &seen->now, e) : 0;
}

static int
print_text(const struct setup_point *v, size_t n, struct err *e)
{
	static const struct table_column columns[] = { { "IN FORCE", 0 }, { "WHAT", 0 }, { "EXPECTED", TABLE_BENDS },
		{ "SEEN", TABLE_BENDS } };
	TABLE_AUTO struct table t = table_init(columns, 4);
	int rc;

	for (size_t i = 0; i < n; i++) {
		BUF_AUTO struct buf seen = buf_init(LIMIT_SMALL_FILE);
		enum colour c = v[i].state == SETUP_POINT_YES ? COLOUR_GOOD : v[i].state == SETUP_POINT_NO ? COLOUR_BAD : COLOUR_WARN;

		buf_escape(&seen, span_str(v[i].seen));
		if ((rc = table_row(&t, c, (const char *const[]){ setup_point_token(v[i].state), v[i].what, v[i].expected,
		    buf_cstr(&seen) }, e)) != 0)
			return rc;
	}
	table_print(&t, stdout);
	return cmd_flush(e);
}

static int
print_json(const struct setup_run *x, const struct setup_point *v, size_t n, bool good, bool bad, struct err *e)
{
	json_t *list = json_array();
	JSON_AUTO json_t *j = json_pack("{s:i, s:s, s:s, s:o}", "version", 1, "action", "status",
	    "in_force", good ? "yes" : bad ? "no" : "unknown", "points", list);

	(void)x;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "what", v[i].what, "state",
		    setup_point_token(v[i].state), "expected", v[i].expected, "seen", json_escaped(span_str(v[i].seen))));
	return cmd_print_json(j, e);
}

int
setup_status_print(struct setup_run *x, enum exit_status *status, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_SETUP_ARENA + LIMIT_MONITOR_LIST);
	struct setup_seen seen = { 0 };
	struct setup_point *v;
	bool bad = false, measured = false;
	size_t n;
	int rc;

	if ((rc = read_seen(x, &a, &seen, e)) != 0 || (rc = setup_status_judge(&x->state, &seen, &a, &v, &n, e)) != 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		bad |= v[i].state == SETUP_POINT_NO;
		measured |= v[i].state == SETUP_POINT_YES && strcmp(v[i].what, "policy in the list") == 0;
		/* Where the list cannot tell, the file that went away can. */
		measured |= v[i].state == SETUP_POINT_YES && x->state.measured_as == NULL && strcmp(v[i].what, "a policy is loaded") == 0;
	}
	rc = x->in->json ? print_json(x, v, n, !bad && measured, bad, e) : print_text(v, n, e);
	if (rc == 0)
		*status = bad ? EXIT_FINDING : measured ? EXIT_GOOD : EXIT_UNDECIDED;
	return rc;
}
