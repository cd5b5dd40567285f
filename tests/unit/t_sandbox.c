/* t_sandbox.c: what each role of the sandbox gives up is gone, and what it keeps works. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/sandbox/sandbox.h"
#include "tests/tap.h"

static char dir[64], other[64];
static uint16_t open_port, closed_port;
static struct sandbox_state *shared;

typedef int act_fn(void);	/* 0, or errno */

static int
result(long rc)
{
	return rc < 0 ? errno : 0;
}

static int
write_own(void)
{
	char path[128], to[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/.new", dir);
	(void)snprintf(to, sizeof(to), "%s/file", dir);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0 ||
	    close(fd) != 0 || rename(path, to) != 0)
		return errno;
	return 0;
}

static int
read_etc(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	char c;

	return fd < 0 ? errno : result(read(fd, &c, 1));
}

static int
read_other(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/secret", other);
	return result(open(path, O_RDONLY | O_CLOEXEC));
}

static int
write_other(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/new", other);
	return result(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
make_link(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/link", dir);
	return result(symlink("/etc/shadow", path));
}

static int
run_program(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };

	(void)execv("/bin/true", argv);
	return errno;
}

static int
fork_child(void)
{
	pid_t p = fork();

	if (p == 0)
		_exit(0);
	return result(p);
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : result(connect(fd, (const struct sockaddr *)&a, sizeof(a)));
}

static int connect_open(void) { return connect_to(open_port); }
static int connect_closed(void) { return connect_to(closed_port); }

static int
listen_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : result(listen(fd, 1));
}

static int unix_socket(void) { return result(socket(AF_UNIX, SOCK_SEQPACKET, 0)); }
static int inet_socket(void) { return result(socket(AF_INET, SOCK_STREAM, 0)); }
static int inet6_socket(void) { return result(socket(AF_INET6, SOCK_DGRAM, 0)); }
static int packet_socket(void) { return result(socket(AF_PACKET, SOCK_RAW, 0)); }
static int vsock_socket(void) { return result(socket(AF_VSOCK, SOCK_STREAM, 0)); }
static int netlink_socket(void) { return result(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int kill_parent(void) { return result(kill(getppid(), 0)); }
static int trace(void) { return result(syscall(SYS_ptrace, 0, 0, 0, 0)); }
static int mount_it(void) { return result(mount("tmpfs", dir, "tmpfs", 0, NULL)); }
static int load_bpf(void) { return result(syscall(SYS_bpf, 0, NULL, 0)); }
static int new_namespace(void) { return result(syscall(SYS_unshare, 0x10000000)); }
static int set_clock(void) { return result(clock_settime(CLOCK_REALTIME, &(struct timespec){ 0 })); }
static int become_root(void) { return setuid(0) == 0 && geteuid() == 0 && getuid() == 0 ? 0 : EPERM; }
static int no_new_privs(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : EINVAL; }

static int
many_files(void)
{
	for (int i = 0; i < 70; i++)
		if (dup(1) < 0)
			return errno;
	return 0;
}

static int
network_role(void)
{
	struct sandbox_path paths[] = { { dir, true }, { "/etc", false }, { "/nowhere/at/all", true } };
	struct sandbox_network o = { .paths = paths, .n_paths = 3, .ports = { open_port } };
	struct err e = { 0 };

	return sandbox_network(&o, shared, &e) == 0 ? 0 : EINVAL;
}

static int
nobody_role(void)
{
	struct sandbox_network o = { .user = "nobody", .ports = { open_port } };
	struct err e = { 0 };

	return sandbox_network(&o, shared, &e) == 0 ? 0 : EINVAL;
}

static int
privileged_role(void)
{
	struct sandbox_privileged o = { .monitor = false };
	struct err e = { 0 };

	return sandbox_privileged(&o, shared, &e) == 0 ? 0 : EINVAL;
}

static int
inet_role(void)
{
	struct sandbox_privileged o = { .inet = true };
	struct err e = { 0 };

	return sandbox_privileged(&o, shared, &e) == 0 ? 0 : EINVAL;
}

/* What ${act} gives in a process that has entered a role. */
static int
within(act_fn *role, act_fn *act)
{
	int status = -1;
	pid_t p;

	(void)fflush(stdout);
	if ((p = fork()) == 0) {
		int rc = role();

		_exit(rc != 0 ? 255 : act());
	}
	(void)waitpid(p, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void
is_denied(int got, int want, const char *what)
{
	if (!ok(got == want || (want == EACCES && got == EPERM), "%s: %s", what, strerror(want)))
		diag("got %d (%s)", got, got < 200 ? strerror(got) : "?");
}

static uint16_t
listener(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		printf("Bail out! %s\n", strerror(errno));
	return ntohs(a.sin_port);
}

static void
test_network(void)
{
	int version = sandbox_landlock_version();

	is_int(within(network_role, write_own), 0, "network: its own directory can be written");
	is_int(within(network_role, read_etc), 0, "files it was given can be read");
	is_int(within(network_role, connect_open), 0, "its server's port can be reached");
	is_int(within(network_role, unix_socket), 0, "and the other process");
	is_denied(within(network_role, run_program), EPERM, "no program can be run");
	is_denied(within(network_role, fork_child), EPERM, "no process made");
	is_denied(within(network_role, packet_socket), EPERM, "no other sockets");
	is_denied(within(network_role, vsock_socket), EPERM, "nor those of virtual machines");
	is_denied(within(network_role, listen_tcp), EPERM, "nothing listens");
	is_denied(within(network_role, trace), EPERM, "nobody is traced");
	is_denied(within(network_role, kill_parent), EPERM, "nor killed");
	is_denied(within(network_role, load_bpf), EPERM, "no bpf");
	is_denied(within(network_role, new_namespace), EPERM, "no namespaces");
	is_denied(within(network_role, make_link), EPERM, "no links");
	is_denied(within(network_role, many_files), EMFILE, "few files");
	if (version == 0) {
		ok(true, "Landlock # SKIP this kernel has none");
		return;
	}
	is_denied(within(network_role, read_other), EACCES, "files of others cannot be read");
	is_denied(within(network_role, write_other), EACCES, "nor made");
	if (version >= 4)
		is_denied(within(network_role, connect_closed), EACCES, "other ports cannot be reached");
	else
		ok(true, "other ports # SKIP Landlock %d", version);
	is_int(shared->landlock, version, "what is told is what there is");
	ok(shared->seccomp && (version < 4) == (shared->missing[0] != '\0'), "and what there is not: %s", shared->missing);
}

static void
test_privileged(void)
{
	is_int(within(privileged_role, unix_socket), 0, "privileged: unix sockets can be made");
	is_int(within(privileged_role, write_own), 0, "files written");
	is_int(within(privileged_role, fork_child), 0, "children made");
	is_denied(within(privileged_role, inet_socket), EAFNOSUPPORT, "no network");
	is_denied(within(privileged_role, inet6_socket), EAFNOSUPPORT, "no network");
	is_denied(within(privileged_role, netlink_socket), EAFNOSUPPORT, "no netlink");
	is_denied(within(privileged_role, vsock_socket), EAFNOSUPPORT, "no virtual machine's sockets");
	is_denied(within(privileged_role, mount_it), EPERM, "no mounts");
	is_denied(within(privileged_role, load_bpf), EPERM, "no bpf");
	is_denied(within(privileged_role, trace), EPERM, "no tracing");
	is_denied(within(privileged_role, set_clock), EPERM, "the clock stays");
	is_denied(within(privileged_role, new_namespace), EPERM, "no namespaces");
	is_int(within(privileged_role, no_new_privs), 0, "no privilege can be gained");
	is_int(within(inet_role, inet_socket), 0, "a TPM simulator over TCP needs the network, and keeps it");
}

int
main(void)
{
	char path[128];
	int fd;

	/* Children tell through it. */
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)snprintf(dir, sizeof(dir), "/tmp/assay-sandbox.XXXXXX");
	(void)snprintf(other, sizeof(other), "/tmp/assay-sandbox.XXXXXX");
	if (shared == MAP_FAILED || mkdtemp(dir) == NULL || mkdtemp(other) == NULL)
		printf("Bail out! %s\n", strerror(errno));
	(void)snprintf(path, sizeof(path), "%s/secret", other);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	(void)close(fd);
	open_port = listener();
	closed_port = listener();
	test_network();
	test_privileged();
	if (geteuid() == 0) {
		is_denied(within(nobody_role, become_root), EPERM, "another user: there is no way back");
		ok(shared->bounded, "and the bounding set is empty");
	} else {
		ok(true, "another user # SKIP not root");
	}
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	(void)rmdir(other);
	return done();
}
