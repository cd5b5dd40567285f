/* t_agent_run.c: the network process against a server that does everything wrong there is: no
 * nonce is ever used twice, nothing is enrolled twice, and as soon as the server is well again
 * so is the agent.  The TPM and the privileged process are real; the server judges with the
 * engine's own rules. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "svc/agent/priv.h"
#include "svc/log.h"
#include "tests/faulty_server.h"
#include "tests/swtpm_kit.h"

static struct swtpm_kit kit;
static char securityfs[128], data[128], net[128], sock[128];
static struct priv_options priv_options;
static struct file golden_list;

static struct agent *
new_agent(struct err *e)
{
	struct agent_options o = { .dir = net, .priv_socket = sock,
	    .transport = { NULL, fake_post, fake_identity, fake_where }, .push_ms = 20, .backoff_ms = 5, .backoff_max_ms = 20,
	    .pending_ms = 10, .renew_ms = 500, .landlock = 4, .seccomp = true };
	struct agent *a = NULL;

	return agent_new(&o, &a, e) == 0 ? a : NULL;
}

/* Rounds until one goes well, at most ${most}; how many were needed. */
static int
rounds(struct agent *a, int most)
{
	struct err e = { 0 };

	for (int i = 1; i <= most; i++) {
		e = (struct err){ 0 };
		if (agent_round(a, &e) == 0)
			return i;
	}
	diag("%s", e.message);
	return -1;
}

static void
test_enrolment(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	struct identity kept = { 0 };
	static const enum fault bad[] = { LOST_BEFORE, GARBAGE, WELL, CUT, WELL, LOST_AFTER, WRONG_TYPE, STATUS_503, WELL, WELL };

	if (!ok(a != NULL, "an agent %s", e.message))
		return;
	faults(sizeof(bad) / sizeof(bad[0]), bad);
	is_int(rounds(a, 12), 7, "enrolling is tried until it is answered");
	ok(strlen(agent_identity(a)->host_id) == 32 && strcmp(agent_identity(a)->state, "enrolled") == 0, "the host has a name");
	ok(identity_load(net, &kept, &e) == 0 && kept.pem.n > 500 && strcmp(kept.host_id, agent_identity(a)->host_id) == 0,
	    "which is kept, with its key %s", e.message);
	ok(span_eq(kept.chain, buf_view(&server.identity)), "the connection uses the certificate");
	is_int((int64_t)agent_counts(a).enrolments, 1, "it knows of one enrolment");
	identity_free(&kept);
	agent_free(a);
	a = new_agent(&e);
	is_int(rounds(a, 1), 1, "a second start");
	ok(agent_counts(a).hellos == 1 && agent_counts(a).enrolments == 0, "says hello, and does not enrol again");
	agent_free(a);
}

static void
test_evidence(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);

	server.from = 0;
	server.want = ATTEST_WANT_EVENT_LOG | ATTEST_WANT_FACTS;
	is_int(rounds(a, 1), 1, "hello");
	is_int(rounds(a, 1), 1, "evidence");
	ok(server.bad_quotes == 0, "whose quote is this nonce's and this key's");
	ok(server.got_from == 0 && server.got_list == golden_list.n, "with the whole list");
	ok(server.has_facts && server.has_event_log, "and what was wanted");
	server.want = 0;
	is_int(rounds(a, 1), 1, "evidence");
	server.from = server.got_total;
	ok(server.has_facts && server.has_event_log, "what was wanted is sent until it is not");
	is_int(rounds(a, 1), 1, "evidence");
	is_int(rounds(a, 1), 1, "evidence");
	ok(server.got_from == server.got_total && server.got_list == 0, "from where the server said, which is the end");
	ok(!server.has_facts && !server.has_event_log, "and nothing else");
	server.from = 3;
	is_int(rounds(a, 2), 1, "the server wants to go back");
	is_int(rounds(a, 2), 1, "evidence");
	ok(server.got_from == 3, "and gets it");
	agent_free(a);
}

/* Every fault, and every pair of them, while evidence is sent. */
static void
test_faults(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	int slow = 0, lost = 0, rounds_failed = 0;

	for (enum fault f = WELL; f < FAULTS; f++)
		for (enum fault g = WELL; g < FAULTS; g++) {
			enum fault two[] = { f, g };
			size_t before = server.attested;

			faults(2, two);
			for (int i = 0; i < 12 && server.attested < before + 2; i++)
				if (agent_round(a, &e) != 0)
					rounds_failed++;
			lost += server.attested < before + 2;
			slow += rounds(a, 4) < 0;
		}
	faults(0, NULL);
	ok(rounds_failed > FAULTS, "faults were noticed");
	is_int(lost, 0, "after any two faults, evidence goes on");
	is_int(slow, 0, "at once");
	is_int((int64_t)server.twice, 0, "no nonce is used twice");
	is_int((int64_t)server.bad_quotes, 0, "no quote is of another nonce");
	is_int((int64_t)server.refused, 0, "no message is one that the server cannot take");
	ok(server.enrolled >= (size_t)FAULTS, "who is told that its certificate is gone enrols again");
	agent_free(a);
}

/* A server one release ahead: what it adds is let pass, what it changes is named. */
static void
test_newer_server(void)
{
	struct err e = { 0 }, why = { 0 };
	struct agent *a;
	enum fault f[32];

	for (size_t i = 0; i < 32; i++)
		f[i] = NEWER;
	if (identity_forget(net, &(struct identity){ 0 }, &e) != 0)
		diag("%s", e.message);
	a = new_agent(&e);
	server.want = 0xfffffff0u;	/* what later releases want */
	faults(32, f);
	is_int(rounds(a, 1), 1, "it enrols at a server that says more than is known");
	is_int(rounds(a, 1), 1, "says hello");
	is_int(rounds(a, 1), 1, "and attests");
	is_int(rounds(a, 1), 1, "again");
	server.want = 0;
	f[0] = VERSION_2;
	faults(1, f);
	ok(agent_round(a, &why) != 0 && strstr(why.message, "version 2") != NULL && strstr(why.message, "update it") != NULL,
	    "a message of a later version is not taken, and says why: %s", why.message);
	is_int(rounds(a, 3), 1, "once the server speaks as before, it goes on");
	agent_free(a);
}

static void
test_renewal(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	enum fault lost[] = { LOST_AFTER };
	BUF_AUTO struct buf before = buf_init(MIB(1));
	size_t identities;

	/* A certificate of which most is over. */
	server.lifetime = 140;
	if (identity_forget(net, &(struct identity){ 0 }, &e) != 0)
		diag("%s", e.message);
	agent_free(a);
	a = new_agent(&e);
	is_int(rounds(a, 1), 1, "enrolled with a certificate that ends soon");
	buf_span(&before, agent_identity(a)->key);
	is_int(rounds(a, 1), 1, "hello");
	server.lifetime = 1000000;
	faults(1, lost);
	is_int(rounds(a, 1), -1, "evidence with a request, whose answer is lost");
	ok(server.has_csr, "it had the request");
	ok(span_eq(agent_identity(a)->key, buf_view(&before)), "nothing is renewed");
	is_int(rounds(a, 1), 1, "hello");
	identities = server.identities;
	is_int(rounds(a, 1), 1, "evidence with a request");
	ok(server.has_csr && server.identities == identities + 1 && !span_eq(agent_identity(a)->key, buf_view(&before)),
	    "renewed: key and certificate are others");
	ok(agent_identity(a)->to > time(NULL) + 900000, "for longer");
	is_int(rounds(a, 1), 1, "evidence");
	ok(!server.has_csr, "and then there is no request");
	agent_free(a);
}

/* Nobody can write a file in place of a directory that is not empty. */
static void
obstruct(const char *name, bool on)
{
	char path[300], aside[300], in[310];

	(void)snprintf(path, sizeof(path), "%s/%s", net, name);
	(void)snprintf(aside, sizeof(aside), "%s/%s.aside", net, name);
	(void)snprintf(in, sizeof(in), "%s/x", path);
	if (on) {
		(void)rename(path, aside);
		if (mkdir(path, 0700) != 0 || mkdir(in, 0700) != 0)
			diag("cannot make %s", path);
		return;
	}
	(void)rmdir(in);
	(void)rmdir(path);
	(void)rename(aside, path);
}

static void
test_read_only(void)
{
	struct err e = { 0 };
	struct agent *a;
	size_t identities, enrolled;

	server.lifetime = 140;
	if (identity_forget(net, &(struct identity){ 0 }, &e) != 0)
		diag("%s", e.message);
	a = new_agent(&e);
	is_int(rounds(a, 2), 1, "enrolled with a certificate that ends soon");
	is_int(rounds(a, 1), 1, "hello");
	obstruct("identity.pem", true);
	server.lifetime = 1000000;
	identities = server.identities;
	is_int(rounds(a, 1), 1, "its directory cannot be written: evidence is sent all the same");
	ok(server.has_csr && server.identities == identities, "with the certificate it has");
	is_int(rounds(a, 1), 1, "again");
	ok(!server.has_csr, "and for a while asks for none that it could not keep");
	obstruct("identity.pem", false);
	(void)usleep(600000);
	is_int(rounds(a, 1), 1, "it can be written again");
	ok(server.has_csr && server.identities == identities + 1, "renewed");
	if (identity_forget(net, &(struct identity){ 0 }, &e) != 0)
		diag("%s", e.message);
	agent_free(a);
	obstruct("writable", true);
	a = new_agent(&e);
	enrolled = server.enrolled;
	is_int(rounds(a, 3), -1, "where nothing can be kept");
	ok(server.enrolled == enrolled, "no server is asked for a certificate");
	obstruct("writable", false);
	is_int(rounds(a, 1), 1, "until it can");
	ok(server.enrolled == enrolled + 1, "then it is");
	agent_free(a);
}

static atomic_bool stopping;

/* The loop itself: in time, at most so often, at once when there is something new. */
static void
test_loop(void)
{
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	struct agent_counts c;
	char path[256];
	pid_t child;

	server.wait_ms = 60000;
	server.deadline_ms = 180000;
	server.from = server.got_total;
	faults(0, NULL);
	(void)snprintf(path, sizeof(path), "%s/integrity/ima/runtime_measurements_count", securityfs);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 4; i++) {
			int fd;

			(void)usleep(500000);
			fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
			(void)dprintf(fd, "%d\n", 700 + i);
			(void)close(fd);
		}
		(void)usleep(500000);
		(void)kill(getppid(), SIGUSR1);
		_exit(0);
	}
	atomic_store(&stopping, false);
	agent_run(a, &stopping);
	(void)waitpid(child, NULL, 0);
	c = agent_counts(a);
	ok(c.hellos == 1 && c.evidence >= 2 && c.evidence <= 6, "news are sent when they come, long before the time the server set (%llu)",
	    (unsigned long long)c.evidence);
	agent_free(a);

	a = new_agent(&e);
	server.wait_ms = 300;
	server.deadline_ms = 900;
	child = fork();
	if (child == 0) {
		(void)usleep(3000000);
		(void)kill(getppid(), SIGUSR1);
		_exit(0);
	}
	atomic_store(&stopping, false);
	agent_run(a, &stopping);
	(void)waitpid(child, NULL, 0);
	c = agent_counts(a);
	ok(c.evidence >= 2 && c.evidence <= 13 && c.hellos == 1, "without news: each time the server set (%llu in 3 s)", (unsigned long long)c.evidence);
	agent_free(a);
}

/* The pauses of this agent are milliseconds: what the server says counts. */
static void
test_pace(void)
{
	static const enum fault bad[] = { WELL, STATUS_429, WELL, WELL };
	struct err e = { 0 };
	struct agent *a = new_agent(&e);
	uint64_t begun = clock_ms();
	pid_t child;

	server.wait_ms = 300;
	server.deadline_ms = 900;
	faults(sizeof(bad) / sizeof(bad[0]), bad);
	if ((child = fork()) == 0) {
		(void)usleep(4000000);
		(void)kill(getppid(), SIGUSR1);
		_exit(0);
	}
	atomic_store(&stopping, false);
	answered_429 = answered_next = 0;
	agent_run(a, &stopping);
	(void)waitpid(child, NULL, 0);
	ok(answered_429 >= begun && answered_next >= answered_429 + 1000, "told to wait a second, the agent waits a second (%llu ms)",
	    (unsigned long long)(answered_next - answered_429));
	ok(agent_counts(a).evidence >= 1 && agent_counts(a).faults == 1, "and goes on");
	agent_free(a);
}

static void
on_usr1(int sig)
{
	(void)sig;
	atomic_store(&stopping, true);
}

static void
test_damaged(void)
{
	struct err e = { 0 };
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/identity.pem", net);
	if (file_write(path, span_lit("-----BEGIN CERTIFICATE-----\nnothing\n"), 0600, &e) != 0)
		diag("%s", e.message);
	ok(new_agent(&e) == NULL, "a damaged identity is an error, not a new enrolment: %s", e.message);
}

static pid_t
start_priv(int *stop)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) != 0)
		return -1;
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		struct priv *priv = NULL;
		struct err e = { 0 };
		int rc;

		(void)close(p[1]);
		if ((rc = priv_open(&priv_options, &priv, &e)) == 0)
			rc = priv_run(priv, p[0], &e);
		priv_close(priv);
		_exit(rc == 0 ? 0 : 1);
	}
	(void)close(p[0]);
	*stop = p[1];
	for (int i = 0; i < 500 && access(sock, F_OK) != 0; i++)
		(void)usleep(10000);
	return pid;
}

static void
make_files(void)
{
	static const char *const dirs[] = { "", "/integrity", "/integrity/ima", "/tpm0" };
	struct file log = golden("debian12-vm/eventlog.bin");
	struct err e = { 0 };
	char path[256];

	golden_list = golden("debian12-vm/list1.bin");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", securityfs, dirs[i]);
		(void)mkdir(path, 0700);
	}
	(void)snprintf(path, sizeof(path), "%s/integrity/ima/binary_runtime_measurements", securityfs);
	if (file_write(path, file_view(&golden_list), 0600, &e) != 0)
		diag("%s", e.message);
	(void)snprintf(path, sizeof(path), "%s/integrity/ima/runtime_measurements_count", securityfs);
	if (file_write(path, span_lit("614\n"), 0600, &e) != 0)
		diag("%s", e.message);
	(void)snprintf(path, sizeof(path), "%s/tpm0/binary_bios_measurements", securityfs);
	if (file_write(path, file_view(&log), 0600, &e) != 0)
		diag("%s", e.message);
	file_free(&log);
}

int
main(void)
{
	int stop = -1, status = 0;
	pid_t pid;

	if (!kit_start(&kit))
		return done();
	(void)signal(SIGUSR1, on_usr1);
	svc_log_level(LOG_LEVEL_ERROR);
	tpm_release(kit.t);
	(void)snprintf(securityfs, sizeof(securityfs), "%s/security", kit.dir);
	(void)snprintf(data, sizeof(data), "%s/priv", kit.dir);
	(void)snprintf(net, sizeof(net), "%s/net", kit.dir);
	(void)snprintf(sock, sizeof(sock), "%s/priv.sock", kit.dir);
	make_files();
	server_begin();
	priv_options = (struct priv_options){ .socket = sock, .peer = geteuid(), .dir = data, .tcti = swtpm_tcti(kit.s),
	    .software_tpm = true, .root = "", .securityfs = securityfs, .bank = DIGEST_SHA256, .mask = 0x47ff,
	    .quotes_per_s = 1000 };
	pid = start_priv(&stop);
	test_enrolment();
	test_evidence();
	test_faults();
	test_newer_server();
	test_renewal();
	test_read_only();
	test_loop();
	test_pace();
	test_damaged();
	(void)close(stop);
	(void)waitpid(pid, &status, 0);
	is_int(status, 0, "the privileged process ends well");
	server_end();
	file_free(&golden_list);
	kit_end(&kit);
	return done();
}
