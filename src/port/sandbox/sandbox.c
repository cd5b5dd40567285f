#include "port/sandbox/sandbox_internal.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SANDBOX_CAPS 8		/* more than any role keeps */

void
sandbox_note(struct sandbox_state *s, const char *what)
{
	size_t n = strlen(s->missing);

	(void)snprintf(s->missing + n, sizeof(s->missing) - n, "%s%s", n == 0 ? "" : "; ", what);
}

static int
no_new_privs(struct err *e)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : err_errno(e, "cannot give up new privileges");
}

static int
limit(int what, rlim_t most, struct err *e)
{
	struct rlimit now, want;

	if (getrlimit((__rlimit_resource_t)what, &now) != 0)
		return err_errno(e, "cannot read a resource limit");
	want.rlim_max = now.rlim_max < most ? now.rlim_max : most;
	want.rlim_cur = want.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &want) == 0 ? 0 : err_errno(e, "cannot set a resource limit");
}

/* No core (it would hold the key), no further process or thread, few files. */
static int
network_limits(struct err *e)
{
	int rc;

	if ((rc = limit(RLIMIT_CORE, 0, e)) != 0 || (rc = limit(RLIMIT_NPROC, 0, e)) != 0)
		return rc;
	return limit(RLIMIT_NOFILE, 64, e);
}

static int
become(const char *user, struct err *e)
{
	struct passwd *p;

	if (user == NULL || geteuid() != 0)
		return 0;
	errno = 0;
	if ((p = getpwnam(user)) == NULL)
		return err_hint(e, err_set(e, ERR_USAGE, "there is no user %s", user), "make it: useradd --system %s", user);
	if (setgroups(0, NULL) != 0 || setresgid(p->pw_gid, p->pw_gid, p->pw_gid) != 0 ||
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) != 0)
		return err_errno(e, "cannot become user %s", user);
	return 0;
}

/* One set (or pair of sets) holds these, as far as it held them, and no more. */
static int
keep_in(capng_select_t set, capng_type_t types, const unsigned *caps, size_t n, struct err *e)
{
	capng_type_t had = set == CAPNG_SELECT_BOUNDS ? CAPNG_BOUNDING_SET : CAPNG_PERMITTED;
	bool have[SANDBOX_CAPS] = { false };

	for (size_t i = 0; i < n; i++)
		have[i] = capng_have_capability(had, caps[i]) != 0;
	capng_clear(set);
	for (size_t i = 0; i < n; i++)
		if (have[i] && capng_update(CAPNG_ADD, types, caps[i]) != 0)
			return err_set(e, ERR_INTERNAL, "an unknown capability");
	return capng_apply(set) == 0 ? 0 : err_set(e, ERR_IO, "capabilities cannot be given up");
}

/* The bounding set, while there is the capability to change it. */
static int
bound_caps(const unsigned *caps, size_t n, struct sandbox_state *s, struct err *e)
{
	capng_get_caps_process();
	s->bounded = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
	return s->bounded ? keep_in(CAPNG_SELECT_BOUNDS, CAPNG_BOUNDING_SET, caps, n, e) : 0;
}

static int
keep_caps(const unsigned *caps, size_t n, struct err *e)
{
	capng_get_caps_process();
	return keep_in(CAPNG_SELECT_CAPS, CAPNG_EFFECTIVE | CAPNG_PERMITTED, caps, n, e);
}

int
sandbox_network(const struct sandbox_network *o, struct sandbox_state *s, struct err *e)
{
	int rc;

	*s = (struct sandbox_state){ 0 };
	/* The bounding set while we may, then the user, which takes the rest. */
	if ((rc = no_new_privs(e)) != 0 || (rc = network_limits(e)) != 0 || (rc = bound_caps(NULL, 0, s, e)) != 0 ||
	    (rc = become(o->user, e)) != 0 || (rc = keep_caps(NULL, 0, e)) != 0 || (rc = landlock_enter(o, s, e)) != 0)
		return err_ctx(e, rc, "sandbox");
	rc = seccomp_network(s, e);
	return rc == 0 ? 0 : err_ctx(e, rc, "sandbox");
}

/* The groups that let root without CAP_DAC_OVERRIDE open the TPM (udev gives it to tss). */
static int
join_device(const char *device, struct err *e)
{
	struct stat st;
	gid_t groups[2] = { 0, 0 };

	if (geteuid() != 0 || device == NULL || stat(device, &st) != 0)
		return 0;
	groups[1] = st.st_gid;
	/* Without CAP_SETGID whoever started us has chosen the groups. */
	return setgroups(2, groups) == 0 || errno == EPERM ? 0 : err_errno(e, "cannot join the group of %s", device);
}

int
sandbox_privileged(const struct sandbox_privileged *o, struct sandbox_state *s, struct err *e)
{
	unsigned caps[SANDBOX_CAPS];
	size_t n = 0;
	int rc;

	*s = (struct sandbox_state){ 0 };
	caps[n++] = CAP_DAC_READ_SEARCH;
	if (o->monitor || o->stage)
		caps[n++] = CAP_SYS_ADMIN;
	if (o->monitor) {
		caps[n++] = CAP_SYS_PTRACE;
		caps[n++] = CAP_SYS_NICE;	/* everybody's executions wait for it */
	}
	if ((rc = join_device(o->device, e)) != 0 || (rc = no_new_privs(e)) != 0 || (rc = limit(RLIMIT_CORE, 0, e)) != 0 ||
	    (rc = bound_caps(caps, n, s, e)) != 0 || (geteuid() == 0 && (rc = keep_caps(caps, n, e)) != 0) || (rc = seccomp_privileged(o, s, e)) != 0)
		return err_ctx(e, rc, "sandbox");
	return 0;
}
