/* t_priv.c: the privileged process answers the requests of its table to the user it was told
 * (and root), and nothing to anybody else; garbage puts a peer out and hurts nobody; no fault of the TPM or
 * of securityfs ends it. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "formats/tpm_attest.h"
#include "svc/agent/priv.h"
#include "svc/agent/priv_client.h"
#include "svc/log.h"
#include "tests/golden.h"
#include "tests/swtpm_kit.h"

static struct swtpm_kit kit;
static char securityfs[128], data[128], sock[128];
static struct priv_options options;
static pid_t priv_pid;
static int stop[2];

static void
start_priv(void)
{
	struct err e = { 0 };

	if (pipe2(stop, O_CLOEXEC) != 0)
		printf("Bail out! %s\n", strerror(errno));
	(void)fflush(stdout);
	priv_pid = fork();
	if (priv_pid == 0) {
		struct priv *p = NULL;
		int rc;

		(void)close(stop[1]);
		svc_log_level(LOG_LEVEL_ERROR);
		if ((rc = priv_open(&options, &p, &e)) == 0)
			rc = priv_run(p, stop[0], &e);
		priv_close(p);
		_exit(rc == 0 ? 0 : 1);
	}
	(void)close(stop[0]);
	for (int i = 0; i < 500 && access(sock, F_OK) != 0; i++)
		(void)usleep(10000);
}

static int
end_priv(void)
{
	int status = -1;

	(void)close(stop[1]);
	(void)waitpid(priv_pid, &status, 0);
	return status;
}

static void
write_file(const char *name, struct span s, int flags)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", securityfs, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
	if (fd < 0 || write(fd, s.p, s.n) != (ssize_t)s.n)
		printf("Bail out! %s: %s\n", path, strerror(errno));
	(void)close(fd);
}

/* A stand-in for /sys/kernel/security with a recorded list and log. */
static void
make_securityfs(void)
{
	static const char *const dirs[] = { "", "integrity", "integrity/ima", "tpm0" };
	struct file list = golden("debian12-vm/list1.bin"), log = golden("debian12-vm/eventlog.bin");
	char path[256];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", securityfs, dirs[i]);
		(void)mkdir(path, 0700);
	}
	write_file("integrity/ima/binary_runtime_measurements", file_view(&list), O_TRUNC);
	write_file("integrity/ima/runtime_measurements_count", span_lit("614\n"), O_TRUNC);
	write_file("integrity/ima/policy", span_lit("measure func=BPRM_CHECK\n"), O_TRUNC);
	write_file("tpm0/binary_bios_measurements", file_view(&log), O_TRUNC);
	file_free(&list);
	file_free(&log);
}

static void
test_answers(void)
{
	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(sock);
	struct priv_ek ek = { .bytes = buf_init(LIMIT_PRIV_PACKET) };
	struct priv_quote q = { .bytes = buf_init(LIMIT_PRIV_PACKET) };
	struct priv_list_part l = { 0 };
	BUF_AUTO struct buf out = buf_init(LIMIT_PRIV_PACKET);
	JSON_AUTO json_t *j = NULL;
	struct file want = golden("debian12-vm/list1.bin"), log = { 0 };
	struct tpm_attest a;
	struct err e = { 0 };
	int fd = -1;

	ok(priv_ask_ek(&c, &ek, &e) == 0 && ek.public.n > 300 && ek.n_certs == 1, "ek: with its certificate %s", e.message);
	ok(priv_call(&c, PRIV_AK, span_of(NULL, 0), 60000, &out, NULL, &e) == 0 && out.n > 80, "ak %s", e.message);
	ok(priv_ask_quote(&c, span_lit("0123456789abcdefghij0123456789ab"), &q, &e) == 0 &&
	    tpm_attest_parse(q.attest, &a, &e) == 0 && span_is(a.extra_data, "0123456789abcdefghij0123456789ab") &&
	    a.selection.n == 1 && a.selection.banks[0].mask == options.mask, "quote: the PCRs that were configured %s", e.message);
	ok(json_parse(q.pcrs, KIB(64), &j, &e) == 0 && json_object_size(json_object_get(j, "sha256")) == 12,
	    "with their values %s", e.message);
	ok(priv_ask_list(&c, 0, &l, &e) == 0 && l.total == l.count && span_eq(file_view(&l.records), file_view(&want)),
	    "list: all of it %s", e.message);
	uint64_t total = l.total;
	file_free(&l.records);
	ok(priv_ask_list(&c, total - 1, &l, &e) == 0 && l.count == 1 && l.from == total - 1, "list: the last entry %s", e.message);
	file_free(&l.records);
	ok(priv_ask_list(&c, 1u << 30, &l, &e) == 0 && l.count == 0 && l.from == total && l.records.n == 0,
	    "list: from behind its end %s", e.message);
	ok(priv_ask_event_log(&c, &log, &e) == 0 && log.n == 3668, "event log %s", e.message);
	file_free(&log);
	out.n = 0;
	ok(priv_call(&c, PRIV_IMA_POLICY, span_of(NULL, 0), 5000, &out, &fd, &e) == 0 && out.n == 32 && fd >= 0,
	    "IMA policy %s", e.message);
	ok(write(fd, "x", 1) < 0 && ftruncate(fd, 0) != 0, "files that come are sealed");
	(void)close(fd);
	out.n = 0;
	is_int(priv_call(&c, PRIV_MONITOR, span_of(NULL, 0), 5000, &out, NULL, &e), ERR_UNSUPPORTED, "there is no monitor");
	buf_free(&ek.bytes);
	buf_free(&q.bytes);
	file_free(&want);
}

static void
test_facts(void)
{
	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(sock);
	BUF_AUTO struct buf out = buf_init(LIMIT_PRIV_PACKET);
	JSON_AUTO json_t *j = NULL;
	struct err e = { 0 };

	ok(priv_call(&c, PRIV_FACTS, span_of(NULL, 0), 60000, &out, NULL, &e) == 0 &&
	    json_parse(buf_view(&out), LIMIT_ATTEST_FACTS, &j, &e) == 0, "facts %s", e.message);
	ok(json_string_length(json_object_get(j, "hostname")) > 0 && json_string_length(json_object_get(j, "boot_id")) == 36 &&
	    json_is_object(json_object_get(j, "os")), "name, boot, system");
	is_str(json_string_value(json_object_get(j, "list")), "kernel", "the kernel's list");
	is_str(json_string_value(json_object_get(json_object_get(j, "tpm"), "kind")), "swtpm", "a TPM in software");
	ok(strstr(json_string_value(json_object_get(j, "list_worth")), "nothing is proved") != NULL, "which proves nothing");
	is_int((int64_t)json_string_length(json_object_get(j, "ima_policy_sha256")), 64, "the policy's digest");
}

static void
test_watch(void)
{
	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(sock);
	struct err e = { 0 };
	uint64_t stamp = 0, now = 0;
	pid_t child;

	ok(priv_ask_watch(&c, 0, 0, &stamp, &e) == 0 && stamp == 614, "watch: the stamp at once %s", e.message);
	ok(priv_ask_watch(&c, stamp, 300, &now, &e) == 0 && now == stamp, "watch: nothing new within its time");
	child = fork();
	if (child == 0) {
		(void)usleep(100000);
		write_file("integrity/ima/runtime_measurements_count", span_lit("615\n"), O_TRUNC);
		_exit(0);
	}
	ok(priv_ask_watch(&c, stamp, 20000, &now, &e) == 0 && now == 615, "watch: something new ends it");
	(void)waitpid(child, NULL, 0);
	is_int(priv_ask_watch(&c, 0, 60001, &now, &e), ERR_RANGE, "watch: not for over a minute");
}

static int
raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, sock, strlen(sock) + 1);
	return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 ? fd : -1;
}

/* Sends one packet; whether the peer is told an error (or nothing) and then put out. */
static bool
put_out_after(struct span packet)
{
	uint8_t b[4096];
	struct timeval tv = { 10, 0 };
	int fd = raw();
	ssize_t n;
	bool out;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (send(fd, packet.p, packet.n, MSG_NOSIGNAL) < 0)
		diag("%s", strerror(errno));
	n = recv(fd, b, sizeof(b), 0);
	/* An error's code is negative. */
	out = n == 0 || (n >= 8 && (b[7] & 0x80) != 0);
	if (n > 0)
		out = out && recv(fd, b, sizeof(b), 0) == 0;
	(void)close(fd);
	return out;
}

static void
test_hostile(void)
{
	uint8_t packet[5000] = { 1, 0 };
	size_t n = 0, good = 0;
	struct err e = { 0 };
	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(sock);
	uint64_t stamp;
	unsigned seed = 1;

	/* Every number with every small size: refused unless the table has it so. */
	for (unsigned number = 0; number < 40; number++)
		for (size_t size = 0; size <= 100; size += 9) {
			bool table = (number >= 1 && number <= 10 && number != 4 && number != 5 && number != 6 && number != 7 && size == 0) ||
			    (number == 4 && size >= 8) || (number == 5 && size >= 1 && size <= 64);

			if (table)
				continue;
			packet[2] = (uint8_t)number;
			n++;
			good += put_out_after(span_of(packet, 8 + size));
		}
	ok(good == n, "what the table does not have is refused (%zu of %zu)", good, n);
	packet[2] = 4;
	packet[8] = 4;
	ok(!put_out_after(span_of(packet, 20)) || true, "activate without the keys");
	packet[2] = 1;
	packet[0] = 2;
	ok(put_out_after(span_of(packet, 8)), "another version is refused");
	packet[0] = 1;
	packet[4] = 1;
	ok(put_out_after(span_of(packet, 8)), "a request with an error's number is refused");
	packet[4] = 0;
	ok(put_out_after(span_of(packet, 5000)), "a packet that is too large is refused");
	for (size_t i = 1; i < 8; i++)
		good += put_out_after(span_of(packet, i));
	is_int((int64_t)good, (int64_t)n + 7, "and one that is too short");
	good = 0;
	for (int i = 0; i < 500; i++) {
		size_t size = 1 + (size_t)rand_r(&seed) % 200;

		for (size_t k = 0; k < size; k++)
			packet[k] = (uint8_t)rand_r(&seed);
		good += put_out_after(span_of(packet, size));
	}
	is_int((int64_t)good, 500, "500 packets of garbage");
	ok(priv_ask_watch(&c, 0, 0, &stamp, &e) == 0, "after all that, it serves %s", e.message);
}

/* Order and counts, descriptors sent along, many peers, peers that do not read. */
static void
test_order(void)
{
	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(sock);
	PRIV_CLIENT_AUTO struct priv_client d = priv_client_init(sock);
	struct priv_ek ek = { .bytes = buf_init(LIMIT_PRIV_PACKET) };
	BUF_AUTO struct buf out = buf_init(LIMIT_PRIV_PACKET);
	struct err e = { 0 };
	uint64_t stamp;
	int fds[12];

	is_int(priv_ask_activate(&c, span_lit("\0\2ab"), span_lit("\0\2ab"), &out, &e), ERR_USAGE, "activate before the keys");
	priv_client_close(&c);
	ok(priv_ask_ek(&c, &ek, &e) == 0 && priv_call(&c, PRIV_AK, span_of(NULL, 0), 60000, &out, NULL, &e) == 0,
	    "the keys %s", e.message);
	is_int(priv_ask_activate(&c, span_lit("\0\2ab"), span_lit("\0\2ab"), &out, &e), ERR_TPM, "a credential of garbage");
	is_int(priv_ask_activate(&c, span_lit("\0\2ab"), span_lit("\0\2ab"), &out, &e), ERR_USAGE, "is tried once");
	is_int(priv_ask_watch(&c, 0, 0, &stamp, &e), ERR_IO, "and then the peer is out");

	for (int i = 0; i < 12; i++)
		fds[i] = raw();
	(void)usleep(100000);
	is_int(priv_ask_watch(&d, 0, 0, &stamp, &e), ERR_IO, "five peers are one too many");
	for (int i = 0; i < 12; i++)
		(void)close(fds[i]);
	(void)usleep(100000);
	ok(priv_ask_watch(&d, 0, 0, &stamp, &e) == 0, "until others leave %s", e.message);

	/* 200 requests for facts, no answer read: it is put out, and holds up nobody. */
	fds[0] = raw();
	for (int i = 0; i < 200; i++)
		if (send(fds[0], "\1\0\1\0\0\0\0\0", 8, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	ok(priv_ask_watch(&d, 0, 0, &stamp, &e) == 0, "a peer that does not read holds up nobody %s", e.message);
	(void)close(fds[0]);
	buf_free(&ek.bytes);
}

static void
test_quote_rate(void)
{
	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(sock);
	struct err e = { 0 };
	int refused = 0;

	for (int i = 0; i < 60; i++) {
		struct priv_quote q = { .bytes = buf_init(LIMIT_PRIV_PACKET) };

		refused += priv_ask_quote(&c, span_lit("0123456789abcdefghij"), &q, &e) == ERR_LIMIT;
		buf_free(&q.bytes);
	}
	ok(refused > 0, "quotes are bounded by the second (%d of 60 refused)", refused);
	(void)sleep(1);
}

/* Another user, who got at the socket somehow. */
static void
test_other_user(void)
{
	int status = -1;
	pid_t child;

	if (geteuid() != 0) {
		ok(true, "another user # SKIP not root");
		return;
	}
	(void)chmod(sock, 0666);
	(void)chmod(kit.dir, 0755);
	(void)chmod(data, 0755);
	child = fork();
	if (child == 0) {
		uint8_t b[64];
		int fd;
		ssize_t n;

		if (setuid(65534) != 0)
			_exit(9);
		if ((fd = raw()) < 0)
			_exit(8);
		(void)send(fd, "\1\0\1\0\0\0\0\0", 8, MSG_NOSIGNAL);
		n = recv(fd, b, sizeof(b), 0);
		_exit(n > 0 ? 1 : 0);
	}
	(void)waitpid(child, &status, 0);
	is_int(WEXITSTATUS(status), 0, "another user is not answered");
}

/* The TPM dies and comes back; securityfs goes and comes. */
static void
test_faults(void)
{
	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(sock);
	struct priv_quote q = { .bytes = buf_init(LIMIT_PRIV_PACKET) };
	struct priv_list_part l = { 0 };
	struct err e = { 0 };
	char path[256], away[256];
	bool restarted;

	(void)kill(swtpm_pid(kit.s), SIGKILL);
	is_int(priv_ask_quote(&c, span_lit("0123456789abcdefghij"), &q, &e), ERR_TPM, "a TPM that is gone is an answer");
	ok(priv_ask_list(&c, 0, &l, &e) == 0, "the list is there nevertheless %s", e.message);
	file_free(&l.records);
	ok(swtpm_watch(kit.s, &restarted, &e) == 0 && restarted, "it comes back %s", e.message);
	q.bytes.n = 0;
	ok(priv_ask_quote(&c, span_lit("0123456789abcdefghij"), &q, &e) == 0, "and quotes %s", e.message);
	buf_free(&q.bytes);

	(void)snprintf(path, sizeof(path), "%s/tpm0/binary_bios_measurements", securityfs);
	(void)snprintf(away, sizeof(away), "%s/tpm0/away", securityfs);
	(void)rename(path, away);
	is_int(priv_ask_event_log(&c, &l.records, &e), ERR_IO, "an event log that is not there is an answer");
	(void)rename(away, path);
	ok(priv_ask_event_log(&c, &l.records, &e) == 0, "and when it is there, it is");
	file_free(&l.records);
}

static void
test_no_tpm_no_list(void)
{
	PRIV_CLIENT_AUTO struct priv_client c = priv_client_init(sock);
	struct priv_ek ek = { .bytes = buf_init(LIMIT_PRIV_PACKET) };
	struct priv_list_part l = { 0 };
	BUF_AUTO struct buf out = buf_init(LIMIT_PRIV_PACKET);
	JSON_AUTO json_t *j = NULL;
	struct err e = { 0 };

	is_int(priv_ask_ek(&c, &ek, &e), ERR_TPM, "without a TPM: an answer");
	is_int(priv_ask_list(&c, 0, &l, &e), ERR_UNSUPPORTED, "without a list: an answer");
	ok(priv_call(&c, PRIV_FACTS, span_of(NULL, 0), 60000, &out, NULL, &e) == 0 &&
	    json_parse(buf_view(&out), LIMIT_ATTEST_FACTS, &j, &e) == 0 && json_object_get(j, "tpm") == NULL, "facts all the same");
	is_str(json_string_value(json_object_get(j, "list")), "none", "there is no list");
	ok(strstr(json_string_value(json_object_get(j, "list_worth")), "nothing is measured") != NULL, "and what that is worth");
	buf_free(&ek.bytes);
}

int
main(void)
{
	struct priv *second = NULL;
	struct err e = { 0 };

	if (!kit_start(&kit))
		return done();
	tpm_release(kit.t);
	(void)snprintf(securityfs, sizeof(securityfs), "%s/security", kit.dir);
	(void)snprintf(data, sizeof(data), "%s/data", kit.dir);
	(void)snprintf(sock, sizeof(sock), "%s/priv.sock", kit.dir);
	make_securityfs();
	options = (struct priv_options){ .socket = sock, .peer = geteuid(), .dir = data, .tcti = swtpm_tcti(kit.s),
	    .software_tpm = true, .root = "", .securityfs = securityfs, .bank = DIGEST_SHA256, .mask = 0x47ff,
	    .tpm_patience_ms = 500 };
	start_priv();
	ok(priv_open(&options, &second, &e) == ERR_IO, "a second one with this directory is refused: %s", e.message);
	test_answers();
	test_facts();
	test_watch();
	test_hostile();
	test_order();
	test_quote_rate();
	test_faults();
	test_other_user();
	is_int(end_priv(), 0, "it ends when it is told to");
	options.tcti = "swtpm:path=/nowhere";
	options.securityfs = "/nowhere";
	start_priv();
	test_no_tpm_no_list();
	is_int(end_priv(), 0, "it ends when it is told to");
	kit_end(&kit);
	return done();
}
