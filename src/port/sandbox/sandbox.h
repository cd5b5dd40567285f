/* sandbox.h: a process gives up what it does not need, for good.
 *
 * Two roles.  The network process keeps nothing: no capability, no way to gain one
 * (no_new_privs), an allow-list of system calls (seccomp), the files and TCP ports it was
 * given (Landlock), small resource limits.  The privileged process keeps the capabilities
 * it names; sockets of other families than AF_UNIX are refused to it and to its children,
 * and system calls that no part of it needs (modules, kexec, mounts, bpf, namespaces...).
 *
 * The kernel decides how much of it there is: Landlock has come in versions (files 5.13,
 * truncate 6.2, TCP 6.7, ioctl 6.10, signals and abstract sockets 6.12), and a kernel
 * without it, or one whose command line leaves it out, gives the rest.  What was had is told in
 * struct sandbox_state; only a step that the kernel knows and refuses is an error.
 *
 * After it, nothing can be undone: enter it when everything was opened.
 */
#ifndef PORT_SANDBOX_SANDBOX_H
#define PORT_SANDBOX_SANDBOX_H

#include <sys/types.h>

#include "base/err.h"

struct sandbox_path {
	const char *path;		/* one that does not exist is left out */
	bool write;			/* make, replace and remove files below it too */
};

#define SANDBOX_PORTS 16

struct sandbox_network {
	const char *user;		/* become this user if we are root; NULL: stay */
	const struct sandbox_path *paths;
	size_t n_paths;
	uint16_t ports[SANDBOX_PORTS];	/* TCP ports that may be connected to; 0: none */
};

struct sandbox_privileged {
	bool monitor;			/* fanotify: CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYS_NICE */
	bool stage;			/* IMA staging: CAP_SYS_ADMIN */
	bool inet;			/* a simulator over TCP: sockets stay */
	const char *device;		/* may be opened for writing by its group, which is joined; or NULL */
};

struct sandbox_state {
	bool seccomp;
	int landlock;			/* version in use; 0: none */
	bool bounded;			/* the bounding set was emptied too */
	char missing[256];		/* what the kernel does not have, for people; "" */
};

/** sandbox_landlock_version(): Of this kernel, 0 if it has none; changes nothing. */
int sandbox_landlock_version(void);

MUST_CHECK int sandbox_network(const struct sandbox_network *o, struct sandbox_state *s,
    struct err *e);
MUST_CHECK int sandbox_privileged(const struct sandbox_privileged *o, struct sandbox_state *s,
    struct err *e);

#endif
