/* seccomp.c: the system calls of each role, by libseccomp.
 *
 * The network process's list holds what it, libevent, OpenSSL and the resolver of glibc
 * were seen to use, on x86-64 and arm64, and their newer or older forms.  A call that is
 * not in it gives EPERM: a library of another version that tries something new gets an
 * error that it can handle, and an attacker gets nothing.
 */
#include "port/sandbox/sandbox_internal.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

static const char *const network_calls[] = {
	/* files and descriptors */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "open", "openat", "close", "close_range",
	"fstat", "stat", "lstat", "newfstatat", "statx", "lseek", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "getdents64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2", "unlink",
	"unlinkat", "fchmod", "fchmodat", "mkdir", "mkdirat", "getcwd", "umask", "dup", "dup2", "dup3", "fcntl",
	"flock", "memfd_create", "pipe", "pipe2", "eventfd2",
	/* memory */
	"mmap", "munmap", "mremap", "mprotect", "brk", "madvise",
	/* waiting and time */
	"poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "epoll_pwait2", "timerfd_create", "timerfd_settime", "nanosleep", "clock_nanosleep",
	"clock_gettime", "clock_getres", "gettimeofday", "time", "restart_syscall",
	/* sockets: the families are bounded below */
	"connect", "bind", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto", "recvfrom",
	"sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown",
	/* the process itself */
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "uname", "sysinfo",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "sigaltstack", "tgkill", "futex", "sched_yield",
	"sched_getaffinity", "set_robust_list", "rseq", "prlimit64", "getrlimit", "exit", "exit_group",
};

/* What no part of the privileged process, of the monitor or of a software TPM needs, and
 * what whoever takes it over would want first. */
static const char *const privileged_refused[] = {
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open",
	"ptrace", "process_vm_writev", "userfaultfd", "mount", "umount2", "move_mount", "open_tree", "fsopen",
	"fsmount", "fsconfig", "mount_setattr", "pivot_root", "chroot", "swapon", "swapoff", "reboot",
	"settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "acct", "quotactl", "iopl", "ioperm",
	"add_key", "request_key", "keyctl", "syslog", "vhangup", "nfsservctl", "lookup_dcookie", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "sethostname", "setdomainname", "personality", "mbind",
	"set_mempolicy", "migrate_pages", "move_pages", "kcmp", "landlock_create_ruleset",
};

static void
release(scmp_filter_ctx *ctx)
{
	if (*ctx != NULL)
		seccomp_release(*ctx);
}
#define FILTER __attribute__((cleanup(release))) scmp_filter_ctx

static int
fault(struct err *e, int rc, const char *what)
{
	errno = -rc;
	return err_errno(e, "cannot make the filter of system calls (%s)", what);
}

/* A call that this architecture or libseccomp does not know needs no rule. */
static int
add(scmp_filter_ctx ctx, uint32_t action, const char *name, struct err *e)
{
	int nr = seccomp_syscall_resolve_name(name), rc;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	rc = seccomp_rule_add(ctx, action, nr, 0);
	return rc == 0 || rc == -EDOM ? 0 : fault(e, rc, name);
}

static int
allow_family(scmp_filter_ctx ctx, int family, struct err *e)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));

	return rc == 0 ? 0 : fault(e, rc, "socket");
}

static int
load(scmp_filter_ctx ctx, struct sandbox_state *s, struct err *e)
{
	int rc = seccomp_load(ctx);

	/* A kernel without CONFIG_SECCOMP_FILTER. */
	if (rc == -EINVAL || rc == -ENOSYS) {
		sandbox_note(s, "seccomp: system calls are not confined");
		return 0;
	}
	if (rc != 0)
		return fault(e, rc, "load");
	s->seccomp = true;
	return 0;
}

int
seccomp_network(struct sandbox_state *s, struct err *e)
{
	/* NETLINK: getaddrinfo asks for the machine's addresses. */
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	FILTER ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = ctx == NULL ? err_set(e, ERR_NOMEM, "no memory for the filter of system calls") : 0;

	for (size_t i = 0; rc == 0 && i < sizeof(network_calls) / sizeof(network_calls[0]); i++)
		rc = add(ctx, SCMP_ACT_ALLOW, network_calls[i], e);
	for (size_t i = 0; rc == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		rc = allow_family(ctx, families[i], e);
	/* ioctl for FIONREAD alone, which the resolver asks. */
	if (rc == 0 && (rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
	    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, 0x541b))) != 0)
		rc = fault(e, rc, "ioctl");
	return rc == 0 ? load(ctx, s, e) : rc;
}

/* Every family but AF_UNIX, whatever number it has. */
static int
refuse_families(scmp_filter_ctx ctx, struct err *e)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
	    SCMP_A0(SCMP_CMP_NE, AF_UNIX));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 1,
		    SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	return rc == 0 ? 0 : fault(e, rc, "socket");
}

int
seccomp_privileged(const struct sandbox_privileged *o, struct sandbox_state *s, struct err *e)
{
	FILTER ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx == NULL ? err_set(e, ERR_NOMEM, "no memory for the filter of system calls") : 0;

	/* Other architectures' calls (x86's 32 bits) would go around it. */
	if (rc == 0 && (rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) != 0)
		rc = fault(e, rc, "architecture");
	for (size_t i = 0; rc == 0 && i < sizeof(privileged_refused) / sizeof(privileged_refused[0]); i++)
		rc = add(ctx, SCMP_ACT_ERRNO(EPERM), privileged_refused[i], e);
	/* The monitor's threads leave the shared table of descriptors; no namespace is left. */
	if (rc == 0 && (rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
	    SCMP_A0(SCMP_CMP_NE, CLONE_FILES))) != 0)
		rc = fault(e, rc, "unshare");
	if (rc == 0 && !o->inet)
		rc = refuse_families(ctx, e);
	return rc == 0 ? load(ctx, s, e) : rc;
}
