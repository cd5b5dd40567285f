/* landlock.c: Landlock through its system calls: glibc has no wrappers, and the kernel's
 * header of Debian 12 knows version 2 alone (include/uapi/linux/landlock.h). */
#include "port/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Versions 3 to 6. */
#define FS_TRUNCATE (1ULL << 14)	/* 3 */
#define NET_BIND_TCP (1ULL << 0)	/* 4 */
#define NET_CONNECT_TCP (1ULL << 1)	/* 4 */
#define FS_IOCTL_DEV (1ULL << 15)	/* 5 */
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)	/* 6 */
#define SCOPE_SIGNAL (1ULL << 1)	/* 6 */
#define RULE_NET_PORT 2

struct ruleset { uint64_t fs, net, scoped; };
struct net_port { uint64_t allowed, port; };

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	LANDLOCK_ACCESS_FS_MAKE_REG)
/* What only a directory can be given. */
#define FS_DIR_ONLY (LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)

int
sandbox_landlock_version(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return v < 0 ? 0 : (int)v;
}

/* Everything that this version can forbid. */
static struct ruleset
everything(int version, size_t *size)
{
	struct ruleset r = { .fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };

	if (version >= 2)
		r.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		r.fs |= FS_TRUNCATE;
	if (version >= 4)
		r.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (version >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (version >= 6)
		r.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	*size = version >= 6 ? sizeof(r) : version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
	return r;
}

static int
add_path(int ruleset, const struct ruleset *r, const struct sandbox_path *p, struct err *e)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = open(p->path, O_PATH | O_CLOEXEC) };
	struct stat st;
	int rc = 0;

	if (rule.parent_fd < 0)
		return 0;	/* not there */
	rule.allowed_access = FS_READ | (p->write ? FS_WRITE | FS_TRUNCATE : 0);
	if (fstat(rule.parent_fd, &st) != 0 || !S_ISDIR(st.st_mode))
		rule.allowed_access &= ~(uint64_t)FS_DIR_ONLY;
	rule.allowed_access &= r->fs;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
		rc = err_errno(e, "cannot confine the process to %s", p->path);
	(void)close(rule.parent_fd);
	return rc;
}

static int
add_rules(int ruleset, const struct ruleset *r, const struct sandbox_network *o, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < o->n_paths && rc == 0; i++)
		rc = add_path(ruleset, r, &o->paths[i], e);
	for (size_t i = 0; i < SANDBOX_PORTS && rc == 0 && r->net != 0; i++) {
		struct net_port rule = { NET_CONNECT_TCP, o->ports[i] };

		if (o->ports[i] != 0 && syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0)
			rc = err_errno(e, "cannot confine the process to TCP port %u", o->ports[i]);
	}
	return rc;
}

int
landlock_enter(const struct sandbox_network *o, struct sandbox_state *s, struct err *e)
{
	int version = sandbox_landlock_version(), rc, fd;
	size_t size;
	struct ruleset r = everything(version, &size);

	if (version == 0) {
		sandbox_note(s, "Landlock (Linux 5.13; lsm= of the command line must name it): files are not confined");
		return 0;
	}
	if (version < 4)
		sandbox_note(s, "Landlock 4 (Linux 6.7): TCP ports are not confined");
	if ((fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0)) < 0)
		return err_errno(e, "cannot make a Landlock ruleset");
	rc = add_rules(fd, &r, o, e);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		rc = err_errno(e, "cannot enter Landlock");
	(void)close(fd);
	if (rc == 0)
		s->landlock = version;
	return rc;
}
