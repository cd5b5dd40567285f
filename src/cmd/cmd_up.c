/* assay up: everything for one machine, in the foreground: the way in. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/api_client.h"
#include "cmd/command.h"
#include "cmd/interrupt.h"
#include "cmd/serve.h"
#include "cmd/up_events.h"
#include "crypto/digest.h"
#include "svc/log.h"
#include "svc/server/server.h"

#define INTERVAL_MS 10000
#define PATH_SIZE 4096
#define CHILDREN 2
#define READY_S 30		/* the privileged part may make a TPM in software first */
#define AGAIN_S 2		/* before a part that ended is started again */

extern char **environ;

static const struct option_spec options[] = {
	{ .name = "data", .arg = "DIR", .complete = COMPLETE_DIR, .help = "where everything is kept; /var/lib/assay-up if not given" },
	{ .name = "listen", .arg = "ADDR:PORT", .help = "where the server listens; 127.0.0.1:4433 if not given" },
	{ .name = "from", .arg = "KIND:PATH", .repeat = true,
	  .help = "what the first policy is built from; /usr, /etc, /opt and /root if not given" },
	{ .name = "tcti", .arg = "TCTI", .help = "the TPM; /dev/tpmrm0, or a TPM in software, if not given" },
	{ .name = "monitor-below", .arg = "DIR", .complete = COMPLETE_DIR,
	  .help = "the execution monitor watches only what is mounted at DIR or below" },
	{ .name = NULL },
};

struct child {
	const char *argv[24];
	pid_t pid;
	time_t ended;		/* 0: it runs */
};

struct up {
	const struct invocation *in;
	char data[PATH_SIZE - 256];
	char self[PATH_SIZE], agent[PATH_SIZE];
	char agent_data[PATH_SIZE], tpm_dir[PATH_SIZE], policy[PATH_SIZE], programs[PATH_SIZE];
	struct server *server;
	struct api api;
	struct child children[CHILDREN];
	struct up_events events;
};

static void
stop_child(struct child *c)
{
	if (c->pid > 0) {
		(void)kill(c->pid, SIGTERM);
		(void)waitpid(c->pid, NULL, 0);
	}
	c->pid = 0;
}

static void
up_done(struct up *u)
{
	/* The network part first: it asks the privileged one. */
	for (size_t i = CHILDREN; i-- > 0;)
		stop_child(&u->children[i]);
	api_close(&u->api);
	server_stop(u->server);
	up_events_done(&u->events);
}
#define UP_AUTO __attribute__((cleanup(up_done)))

/* Beside this program, as installed; or where the build puts it. */
static int
find_programs(struct up *u, struct err *e)
{
	static const char *const places[] = { "/assay-agent", "/../agent/assay-agent" };
	ssize_t n = readlink("/proc/self/exe", u->self, sizeof(u->self) - 1);
	size_t dir = 0;

	if (n < 0)
		return err_errno(e, "cannot tell where this program is");
	u->self[n] = '\0';
	for (size_t i = 0; i < (size_t)n; i++)
		if (u->self[i] == '/')
			dir = i;
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(u->agent, sizeof(u->agent), "%.*s%s", (int)dir, u->self, places[i]);
		if (access(u->agent, X_OK) == 0)
			return 0;
	}
	return err_hint(e, err_set(e, ERR_USAGE, "assay-agent is not beside this program"),
	    "install both (make install), or build both (make)");
}

/* ---- the parts ---- */

static int
spawn(const char *const *argv, pid_t *pid, struct err *e)
{
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	/* A group of their own: Ctrl-C is for us, who end them in order. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	rc = posix_spawn(pid, argv[0], NULL, &attr, (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	return rc == 0 ? 0 : err_file(e, err_set(e, ERR_IO, "cannot be started: %s", strerror(rc)), argv[0]);
}

static bool
have_tpm(void)
{
	return access("/dev/tpmrm0", R_OK | W_OK) == 0;
}

/* What proves this host, and what that is worth, said once. */
static void
plan_agent(struct up *u)
{
	const char *tcti = opt_get(u->in, "tcti"), *below = opt_get(u->in, "monitor-below");
	struct child *priv = &u->children[0], *run = &u->children[1];
	size_t n = 0;

	priv->argv[n++] = u->agent;
	priv->argv[n++] = "priv";
	priv->argv[n++] = "--quiet";
	priv->argv[n++] = "--config";	/* of another agent on this machine, if there is one */
	priv->argv[n++] = "/dev/null";
	priv->argv[n++] = "--data";
	priv->argv[n++] = u->agent_data;
	if (tcti != NULL || have_tpm()) {
		priv->argv[n++] = "--tcti";
		priv->argv[n++] = tcti != NULL ? tcti : "device:/dev/tpmrm0";
	} else {
		priv->argv[n++] = "--swtpm";
		priv->argv[n++] = u->tpm_dir;
		(void)fprintf(stderr, "assay: this machine has no TPM: one in software stands in, which proves nothing to"
		    " others: whoever is root here can make it say anything\n");
	}
	if (below != NULL) {
		priv->argv[n++] = "--monitor-below";
		priv->argv[n++] = below;
	}
	n = 0;
	run->argv[n++] = u->agent;
	run->argv[n++] = "run";
	run->argv[n++] = "--quiet";
	run->argv[n++] = "--config";
	run->argv[n++] = "/dev/null";
	run->argv[n++] = "--data";
	run->argv[n++] = u->agent_data;
	run->argv[n++] = "--server";
	run->argv[n++] = server_url(u->server);
	run->argv[n++] = "--server-ca";
	run->argv[n++] = server_ca_file(u->server);
}

static void
watch_children(struct up *u)
{
	struct err e = { 0 };

	for (size_t i = 0; i < CHILDREN && !interrupted(); i++) {
		struct child *c = &u->children[i];
		int status;

		if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid) {
			(void)fprintf(stderr, "assay: %s %s ended (%s %d); it is started again\n", "assay-agent", c->argv[1],
			    WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
			c->pid = 0;
			c->ended = time(NULL);
		}
		if (c->pid == 0 && c->ended != 0 && time(NULL) - c->ended >= AGAIN_S && spawn(c->argv, &c->pid, &e) != 0)
			c->ended = time(NULL);
	}
}

/* ---- the server, by its own interface ---- */

static int
has_policy(struct up *u, bool *has, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("assignmentList", NULL);
	JSON_AUTO json_t *j = NULL;
	int rc = api_ask(&u->api, &q, NULL, &j, e);

	if (rc == 0)
		*has = json_array_size(json_object_get(j, "assignments")) > 0;
	return rc;
}

/* This program itself, wherever it was built, as sha256sum would list it. */
static int
list_programs(struct up *u, struct err *e)
{
	BUF_AUTO struct buf list = buf_init(KIB(64));
	const char *const paths[] = { u->self, u->agent };

	for (size_t i = 0; i < 2; i++) {
		FILE_AUTO struct file f = { 0 };
		char *real = realpath(paths[i], NULL);
		struct digest d;
		int rc = real == NULL ? err_file(e, err_errno(e, "cannot be found"), paths[i]) :
		    file_read(real, MIB(256), &f, e);

		if (rc == 0 && (rc = digest_of(DIGEST_SHA256, file_view(&f), &d, e)) == 0) {
			buf_hex(&list, digest_view(&d));
			buf_printf(&list, "  %s\n", real);
		}
		free(real);
		if (rc != 0)
			return rc;
	}
	return file_write(u->programs, buf_view(&list), 0644, e);
}

/* What is here now is what is approved: the first policy trusts this machine's present state. */
static int
build_policy(struct up *u, struct err *e)
{
	static const char *const usual[] = { "dir:/usr", "dir:/etc", "dir:/opt", "dir:/root" };
	char programs[PATH_SIZE + 16];
	const char *argv[160] = { u->self, "policy", "build", "-o", u->policy };
	size_t n = 5, given = opt_count(u->in, "from");
	int status;
	pid_t pid;
	int rc;

	for (size_t i = 0; given == 0 && i < sizeof(usual) / sizeof(usual[0]); i++)
		if (access(usual[i] + 4, X_OK) == 0) {
			argv[n++] = "--from";
			argv[n++] = usual[i];
		}
	for (size_t i = 0; i < given && n < 140; i++) {
		argv[n++] = "--from";
		argv[n++] = opt_nth(u->in, "from", i);
	}
	if ((rc = list_programs(u, e)) != 0)
		return rc;
	(void)snprintf(programs, sizeof(programs), "digests:%s", u->programs);
	argv[n++] = "--from";
	argv[n++] = programs;
	(void)fprintf(stderr, "assay: first start: what this machine has now becomes what is approved\n");
	if ((rc = spawn(argv, &pid, e)) != 0)
		return rc;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) && WEXITSTATUS(status) <= 1 ? 0 :
	    err_set(e, ERR_USAGE, "the first policy could not be built");
}

/* Whatever it was called when it was built, it is a version of one policy. */
static int
push_policy(struct up *u, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("policyPut", "this-machine");
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	FILE_AUTO struct file f = { 0 };
	int rc = file_read(u->policy, LIMIT_POLICY_UPLOAD, &f, e);

	return rc != 0 ? rc : api_call(&u->api, &(struct http_call){ .method = q.method, .target = buf_cstr(&q.target),
	    .body = file_view(&f), .type = "application/octet-stream", .answer_ms = LIMIT_HTTP_ANSWER_MS * 5,
	    .repeatable = true }, &r, e);
}

static int
first_policy(struct up *u, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("assignmentAdd", NULL);
	JSON_AUTO json_t *body = json_pack("{s:[s]}", "policies", "this-machine");
	bool has = false;
	int rc = has_policy(u, &has, e);

	if (rc != 0 || has)
		return rc;
	if ((rc = build_policy(u, e)) != 0 || (rc = push_policy(u, e)) != 0)
		return rc;
	return api_ask(&u->api, &q, body, NULL, e);
}

static bool
on_event(void *arg, const struct http_event *ev)
{
	struct up *u = arg;

	watch_children(u);
	up_events_print(&u->events, stdout, ev);
	return !interrupted();
}

static void
catch_signals(void)
{
	sigset_t set;

	interrupt_catch();
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* The network part asks the privileged one, which serves a socket when it is ready. */
static int
start_agent(struct up *u, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 50000000L };
	char path[PATH_SIZE + 16];
	int rc;

	plan_agent(u);
	(void)snprintf(path, sizeof(path), "%s/priv.sock", u->agent_data);
	(void)unlink(path);
	if ((rc = spawn(u->children[0].argv, &u->children[0].pid, e)) != 0)
		return rc;
	for (unsigned i = 0; i < READY_S * 20 && access(path, F_OK) != 0 && !interrupted(); i++)
		(void)nanosleep(&pause, NULL);
	return spawn(u->children[1].argv, &u->children[1].pid, e);
}

static int
start(struct up *u, struct err *e)
{
	struct server_options o = { .data = u->data, .first_use = true, .approve_first_use = true,
	    .wait_ms = INTERVAL_MS };
	struct listen_address at;
	int rc;

	if (!listen_parse(opt_get(u->in, "listen"), &at))
		return err_set(e, ERR_USAGE, "--listen wants ADDRESS:PORT, such as 127.0.0.1:4433");
	o.address = at.address;
	o.port = at.port;
	if ((rc = find_programs(u, e)) != 0)
		return rc;
	serve_block_signals(false);
	svc_log_level(LOG_LEVEL_WARNING);	/* the events tell what goes well */
	if ((rc = server_start(&o, &u->server, e)) != 0)
		return rc;
	catch_signals();
	(void)fprintf(stderr, "assay: serving %s; in a second terminal: assay host show --data %s\n", server_url(u->server),
	    u->data);
	if ((rc = api_open_data(u->data, &u->api, e)) != 0 || (rc = first_policy(u, e)) != 0)
		return rc;
	return start_agent(u, e);
}

static int
follow(struct up *u, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("events", NULL);
	int rc = 0;

	while (!interrupted() && rc == 0)
		rc = http_client_stream(u->api.http, buf_cstr(&q.target), u->events.last[0] == '\0' ? "0" : u->events.last, on_event, u, e);
	return interrupted() ? 0 : rc;
}

static enum exit_status
up(const struct invocation *in, struct err *e)
{
	UP_AUTO struct up u = { .in = in, .events = { .began = time(NULL) } };
	const char *data = opt_get(in, "data");

	(void)snprintf(u.data, sizeof(u.data), "%s", data != NULL ? data : "/var/lib/assay-up");
	(void)snprintf(u.agent_data, sizeof(u.agent_data), "%s/agent", u.data);
	(void)snprintf(u.tpm_dir, sizeof(u.tpm_dir), "%s/tpm", u.data);
	(void)snprintf(u.policy, sizeof(u.policy), "%s/first-policy.json", u.data);
	(void)snprintf(u.programs, sizeof(u.programs), "%s/programs.sha256", u.data);
	if (geteuid() != 0)
		return cmd_usage(in, "assay up needs root: it reads the TPM and the kernel's list, or watches executions");
	if (mkdir(u.data, 0711) != 0 && errno != EEXIST) {
		(void)err_file(e, err_errno(e, "cannot make the directory"), u.data);
		return cmd_error(in, e);
	}
	if (start(&u, e) != 0 || follow(&u, e) != 0)
		return cmd_error(in, e);
	(void)fprintf(stderr, "assay: stopping\n");
	return EXIT_GOOD;
}

const struct command cmd_up = {
	.noun = "up",
	.summary = "server, store and an agent for this machine, in the foreground",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "Starts a server on loopback and an agent for this machine, and prints a line for each\n"
	    "event: this host is trusted, it is not and why, it is late. assay host show in a second\n"
	    "terminal tells everything. Ctrl-C ends it; what it keeps lies in --data, and the next\n"
	    "start goes on from there.\n"
	    "\n"
	    "It uses this machine's TPM. Without one it starts a TPM in software, which shows how all\n"
	    "works and proves nothing. It uses the kernel's measurement list if IMA has a policy, else\n"
	    "assay's own execution monitor, which root can stop: such a host is only as honest as its\n"
	    "root. At the first start it builds a policy from the files that are there now: what is\n"
	    "already wrong on this machine is approved with the rest.",
	.example =
	    "  # assay up\n"
	    "  assay: serving https://127.0.0.1:4433; in a second terminal: assay host show --data ...\n"
	    "  12:00:07  TRUSTED    web1  412 entries, all approved",
	.options = options,
	.run = up,
};
