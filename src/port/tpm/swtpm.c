#include "port/tpm/swtpm.h"
#include "port/tpm/tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"

/* Making an RSA key for the CA and two EKs takes seconds on a slow machine. */
#define SETUP_S 120
#define START_MS 10000
#define STOP_MS 3000
#define POLL_MS 10

struct swtpm {
	char *dir;		/* owned */
	char *tcti;		/* owned */
	pid_t pid;		/* 0: not ours */
	time_t window;		/* CLOCK_MONOTONIC: begin of the present row of restarts */
	unsigned restarts;
};

static void
pause_ms(unsigned ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&ts, NULL);
}

static time_t
now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* A name in the directory.  Directories are checked once to be short enough. */
struct name { char s[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 64]; };

static struct name
in_dir(const struct swtpm *s, const char *prefix, const char *name, const char *suffix)
{
	struct name n;

	(void)snprintf(n.s, sizeof(n.s), "%s%s/%s%s", prefix, s->dir, name, suffix);
	return n;
}

static bool
serves(const struct swtpm *s)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct name sock = in_dir(s, "", "sock", "");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	memcpy(addr.sun_path, sock.s, strnlen(sock.s, sizeof(addr.sun_path) - 1));
	good = fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
	if (fd >= 0)
		(void)close(fd);
	return good;
}

/* In the child: say everything to a file, die with the parent, hold nothing of its. */
static void
become(const struct swtpm *s, char *const argv[], pid_t parent)
{
	struct name log = in_dir(s, "", "swtpm.log", "");
	int in = open("/dev/null", O_RDONLY), out;
	sigset_t none;

	(void)umask(077);
	out = open(log.s, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	(void)close_range(3, ~0u, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	/* The parent may be gone before this was asked for. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		_exit(126);
	(void)execvp(argv[0], argv);
	_exit(127);
}

static int
start_program(const struct swtpm *s, char *const argv[], pid_t *pid, struct err *e)
{
	pid_t parent = getpid();

	if ((*pid = fork()) < 0)
		return err_errno(e, "cannot start %s", argv[0]);
	if (*pid == 0)
		become(s, argv, parent);
	return 0;
}

/* Its wait status, or -1 if it goes on after ${ms}. */
static int
wait_for(pid_t pid, unsigned ms)
{
	int status;

	for (unsigned t = 0; t <= ms; t += POLL_MS) {
		pid_t k = waitpid(pid, &status, WNOHANG);

		if (k == pid)
			return status;
		if (k < 0 && errno != EINTR)
			return 0;
		pause_ms(POLL_MS);
	}
	return -1;
}

static void
end_program(pid_t pid)
{
	(void)kill(pid, SIGTERM);
	if (wait_for(pid, STOP_MS) == -1) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

static int
make_dir(const char *path, struct err *e)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(e, "cannot make the directory %s", path);
	return 0;
}

static int
write_text(const struct swtpm *s, const char *name, const struct buf *text, struct err *e)
{
	struct name path = in_dir(s, "", name, "");
	int rc = buf_done(text, e);

	return rc != 0 ? rc : file_write(path.s, buf_view(text), 0600, e);
}

/* swtpm_setup takes its CA from files: a CA of this TPM alone, so that it can be told
 * from all others and nothing outside the directory is written. */
static int
write_setup(const struct swtpm *s, struct err *e)
{
	BUF_AUTO struct buf setup = buf_init(KIB(8)), ca = buf_init(KIB(8)), options = buf_init(KIB(8));
	struct name dir = in_dir(s, "", "ca", "");
	int rc;

	if ((rc = make_dir(dir.s, e)) != 0)
		return rc;
	buf_printf(&setup, "create_certs_tool = swtpm_localca\n"
	    "create_certs_tool_config = %s/localca.conf\n"
	    "create_certs_tool_options = %s/localca.options\n"
	    "active_pcr_banks = sha1,sha256,sha384\n", s->dir, s->dir);
	buf_printf(&ca, "statedir = %s\nsigningkey = %s/signkey.pem\nissuercert = %s/issuercert.pem\n"
	    "certserial = %s/certserial\n", dir.s, dir.s, dir.s, dir.s);
	buf_str(&options, "--platform-manufacturer Assay\n--platform-version 1\n--platform-model swtpm\n");
	if ((rc = write_text(s, "setup.conf", &setup, e)) != 0 ||
	    (rc = write_text(s, "localca.conf", &ca, e)) != 0)
		return rc;
	return write_text(s, "localca.options", &options, e);
}

/* A new TPM.  One whose setup does not end well is thrown away, so that the next start
 * begins afresh; where the tool is not installed swtpm itself makes a TPM, without a
 * certificate. */
static int
setup(const struct swtpm *s, struct err *e)
{
	struct name state = in_dir(s, "", "state", ""), fresh = in_dir(s, "", "state.new", "");
	struct name config = in_dir(s, "", "setup.conf", "");
	char *argv[] = { (char[]){ "swtpm_setup" }, (char[]){ "--tpm2" }, (char[]){ "--tpmstate" },
	    fresh.s, (char[]){ "--config" }, config.s, (char[]){ "--create-ek-cert" },
	    (char[]){ "--lock-nvram" }, (char[]){ "--overwrite" }, NULL };
	struct stat st;
	pid_t pid;
	int rc, status;

	if (stat(state.s, &st) == 0)
		return 0;
	if ((rc = make_dir(fresh.s, e)) != 0 || (rc = write_setup(s, e)) != 0 ||
	    (rc = start_program(s, argv, &pid, e)) != 0)
		return rc;
	if ((status = wait_for(pid, SETUP_S * 1000)) == -1)
		end_program(pid);
	if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
		status = 0;	/* not installed */
	if (status != 0)
		return err_set(e, ERR_TPM, "swtpm_setup could not make a software TPM; %s/swtpm.log says why",
		    s->dir);
	if (rename(fresh.s, state.s) != 0)
		return err_errno(e, "cannot rename %s", fresh.s);
	return 0;
}

/* Until it takes connections. */
static int
wait_ready(struct swtpm *s, struct err *e)
{
	for (unsigned t = 0; t <= START_MS; t += POLL_MS) {
		int status;

		if (serves(s))
			return 0;
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			s->pid = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
				return err_hint(e, err_set(e, ERR_TPM, "the program swtpm cannot be started"),
				    "install the package swtpm");
			return err_set(e, ERR_TPM, "swtpm ended at once; %s/swtpm.log says why", s->dir);
		}
		pause_ms(POLL_MS);
	}
	end_program(s->pid);
	s->pid = 0;
	return err_set(e, ERR_TPM, "swtpm does not answer on its socket in %s", s->dir);
}

static int
start(struct swtpm *s, struct err *e)
{
	struct name sock = in_dir(s, "", "sock", ""), ctrl = in_dir(s, "", "sock.ctrl", "");
	struct name state = in_dir(s, "dir=", "state", ""), server = in_dir(s, "type=unixio,mode=0600,path=", "sock", "");
	struct name control = in_dir(s, "type=unixio,mode=0600,path=", "sock.ctrl", "");
	char *argv[] = { (char[]){ "swtpm" }, (char[]){ "socket" }, (char[]){ "--tpm2" },
	    (char[]){ "--tpmstate" }, state.s, (char[]){ "--server" }, server.s, (char[]){ "--ctrl" },
	    control.s, (char[]){ "--flags" }, (char[]){ "not-need-init,startup-clear" }, NULL };
	int rc;

	/* One that answers was started by us before; its state must not have two masters. */
	if (serves(s)) {
		s->pid = 0;
		return 0;
	}
	(void)unlink(sock.s);
	(void)unlink(ctrl.s);
	if ((rc = start_program(s, argv, &s->pid, e)) != 0) {
		s->pid = 0;
		return rc;
	}
	return wait_ready(s, e);
}

int
swtpm_start(const char *dir, struct swtpm **out, struct err *e)
{
	SWTPM_AUTO struct swtpm *s = calloc(1, sizeof(*s));
	char *resolved = NULL;
	int rc;

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "no memory for a software TPM");
	if ((rc = make_dir(dir, e)) != 0)
		return rc;
	if ((resolved = realpath(dir, NULL)) == NULL)
		return err_errno(e, "cannot resolve %s", dir);
	s->dir = resolved;
	/* sun_path has 108 bytes (unix(7)); a comma would end an option of swtpm's. */
	if (strlen(dir) + sizeof("/sock.ctrl") > sizeof(((struct sockaddr_un *)NULL)->sun_path) ||
	    strlen(resolved) + sizeof("/sock.ctrl") > sizeof(((struct sockaddr_un *)NULL)->sun_path) ||
	    strchr(resolved, ',') != NULL)
		return err_hint(e, err_set(e, ERR_LIMIT, "%s cannot hold a software TPM's sockets", resolved),
		    "take a directory of less than 96 bytes and without commas");
	if (asprintf(&s->tcti, "swtpm:path=%s/sock", s->dir) < 0) {
		s->tcti = NULL;
		return err_set(e, ERR_NOMEM, "no memory for a software TPM");
	}
	if (chmod(s->dir, 0700) != 0)
		return err_errno(e, "cannot protect %s", s->dir);
	if ((rc = setup(s, e)) != 0 || (rc = start(s, e)) != 0)
		return rc;
	*out = s;
	s = NULL;	/* transferred */
	return 0;
}

const char *
swtpm_tcti(const struct swtpm *s)
{
	return s->tcti;
}

int
swtpm_pid(const struct swtpm *s)
{
	return s->pid;
}

int
swtpm_watch(struct swtpm *s, bool *restarted, struct err *e)
{
	int rc;

	*restarted = false;
	if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == 0)
		return 0;
	if (s->pid == 0 && serves(s))
		return 0;
	s->pid = 0;
	if (now_s() - s->window > SWTPM_RESTART_WINDOW_S) {
		s->window = now_s();
		s->restarts = 0;
	}
	if (s->restarts++ >= SWTPM_RESTARTS)
		return err_set(e, ERR_TPM, "swtpm ended %u times within %d seconds; %s/swtpm.log says why",
		    s->restarts, SWTPM_RESTART_WINDOW_S, s->dir);
	if ((rc = start(s, e)) == 0)
		*restarted = true;
	return rc;
}

/* libtpms stores its clock at an orderly end only; what cannot be said to it is lost with it. */
static void
say_shutdown(const struct swtpm *s)
{
	TPM_AUTO struct tpm *t = NULL;
	struct err ignored = { 0 };

	if (tpm_open(s->tcti, &t, &ignored) != 0)
		return;
	tpm_patience(t, TPM_OPEN_PATIENCE_MS);
	(void)!tpm_shutdown(t, &ignored);
}

void
swtpm_stop(struct swtpm *s)
{
	if (s == NULL)
		return;
	if (s->pid > 0) {
		say_shutdown(s);
		end_program(s->pid);
	}
	free(s->dir);
	free(s->tcti);
	free(s);
}
