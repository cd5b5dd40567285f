/* t_agent_list.c: entries keep their numbers and bytes while the list grows, is trimmed by us
 * or by others, goes on after kexec, and while the agent is killed anywhere; what is lost is
 * reported. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svc/agent/list.h"
#include "tests/golden.h"

static char dir[64];

static const char *
in_dir(const char *name)
{
	static struct { char name[32], path[128]; } known[16];
	size_t i = 0;

	while (known[i].name[0] != '\0' && strcmp(known[i].name, name) != 0)
		i++;
	(void)snprintf(known[i].name, sizeof(known[i].name), "%s", name);
	(void)snprintf(known[i].path, sizeof(known[i].path), "%s/%s", dir, name);
	return known[i].path;
}

static void
put(const char *name, struct span s, int flags)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd < 0 || write(fd, s.p, s.n) != (ssize_t)s.n)
		printf("Bail out! %s\n", strerror(errno));
	(void)close(fd);
}

/* Records of a list, their places. */
static struct file whole;
static size_t at[4096];
static size_t n_records;

static void
load(void)
{
	struct ima_log log;
	struct ima_entry entry;

	whole = golden("debian12-vm/list1.bin");
	if (ima_log_open(file_view(&whole), &log, NULL) != 0)
		printf("Bail out! list1.bin\n");
	while (ima_log_next_frame(&log, &entry, NULL) > 0)
		at[n_records++] = entry.offset;
	at[n_records] = whole.n;
	ima_log_close(&log);
}

static struct span
records(size_t from, size_t to)
{
	return span_of(whole.p + at[from], at[to] - at[from]);
}

/* The stand-in for a kernel with CONFIG_IMA_STAGING. */
static char commands[64];
static int
stand_in(void *arg, char command, struct err *e)
{
	(void)arg;
	(void)e;
	(void)snprintf(commands + strlen(commands), sizeof(commands) - strlen(commands), "%c", command);
	if (command == 'A') {
		if (rename(in_dir("list"), in_dir("staged")) != 0)
			return -1;
		put("list", span_of(NULL, 0), O_TRUNC);
	} else {
		put("staged", span_of(NULL, 0), O_TRUNC);
	}
	return 0;
}

static struct list_options
options(const char *boot_id, bool staging)
{
	return (struct list_options){ .file = in_dir("list"), .staged_file = staging ? in_dir("staged") : NULL,
	    .spool_dir = in_dir("spool"), .boot_id = boot_id, .stage = stand_in };
}

/* The slice from ${from} is entries [from, to) of the golden list. */
static void
slice_is(struct list *l, size_t from, size_t to, const char *what)
{
	struct list_slice s = { .fd = -1 };
	struct err e = { 0 };
	struct span want = records(from, to);
	uint8_t *got = malloc(want.n + 1);
	bool good = list_slice(l, from, &s, &e) == 0 && s.from == from && s.total == to &&
	    s.count == to - from && s.bytes == want.n && pread(s.fd, got, want.n + 1, 0) == (ssize_t)want.n &&
	    memcmp(got, want.p, want.n) == 0;

	if (!ok(good, "%s", what))
		diag("from %llu count %llu total %llu bytes %llu (want %zu) %s", (unsigned long long)s.from,
		    (unsigned long long)s.count, (unsigned long long)s.total, (unsigned long long)s.bytes, want.n, e.message);
	if (s.fd >= 0)
		(void)close(s.fd);
	free(got);
}

static size_t
gaps(struct list *l)
{
	json_t *j = list_gaps(l);
	size_t n = json_array_size(j);

	json_decref(j);
	return n;
}

static void
test_growing(void)
{
	LIST_AUTO struct list *l = NULL;
	struct list_options o = options("boot-1", false);
	struct err e = { 0 };
	uint64_t stamp, before, total;

	put("list", span_of(NULL, 0), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0 && list_look(l, &total, &e) == 0 && total == 0, "an empty list %s", e.message);
	for (size_t i = 0; i < n_records; i += 97) {
		size_t to = i + 97 < n_records ? i + 97 : n_records;

		if (list_stamp(l, &before, &e) != 0)
			break;
		put("list", records(i, to), O_APPEND);
		if (list_stamp(l, &stamp, &e) != 0 || stamp == before)
			ok(false, "the stamp changes");
		slice_is(l, i, to, "what was added");
	}
	slice_is(l, 0, n_records, "all of it");
	slice_is(l, n_records, n_records, "nothing new");
	slice_is(l, n_records - 1, n_records, "the last one");
	for (size_t i = 0; i < n_records; i += 31)
		slice_is(l, i, n_records, "from anywhere");
}

/* A writer is in the middle of a record: at every byte of one. */
static void
test_partial(void)
{
	size_t good = 0, size = at[4] - at[3];

	for (size_t cut = 0; cut <= size; cut++) {
		LIST_AUTO struct list *l = NULL;
		struct list_options o = options("boot-1", false);
		uint64_t total = 0, after = 0;

		put("list", span_of(whole.p, at[3] + cut), O_TRUNC);
		if (list_open(&o, &l, NULL) != 0 || list_look(l, &total, NULL) != 0)
			continue;
		put("list", span_of(whole.p + at[3] + cut, at[5] - at[3] - cut), O_APPEND);
		if (list_look(l, &after, NULL) == 0 && total == (cut == size ? 4u : 3u) && after == 5)
			good++;
	}
	is_int((int64_t)good, (int64_t)size + 1, "a record that is not whole yet waits for its rest");
}

/* The largest record there can be, and something that is no record. */
static void
test_extremes(void)
{
	LIST_AUTO struct list *l = NULL;
	LIST_AUTO struct list *bad = NULL;
	struct list_options o = options("boot-1", false);
	struct buf b = buf_init(MIB(16));
	struct list_slice s = { .fd = -1 };
	struct err e = { 0 };
	uint64_t total = 0;

	buf_span(&b, records(0, 1));
	buf_le32(&b, 10);
	buf_zero(&b, 20);
	buf_le32(&b, 7);
	buf_str(&b, "ima-buf");
	buf_le32(&b, (uint32_t)LIMIT_IMA_DATA);
	buf_zero(&b, LIMIT_IMA_DATA);
	buf_span(&b, records(1, 2));
	put("list", buf_view(&b), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0 && list_slice(l, 1, &s, &e) == 0 && s.total == 3 && s.count == 2,
	    "a record of 4 MiB %s", e.message);
	(void)close(s.fd);
	b.n = at[1];
	buf_le32(&b, 77);	/* no PCR */
	buf_zero(&b, 100);
	put("list", buf_view(&b), O_TRUNC);
	ok(list_open(&o, &bad, &e) == 0 && list_look(bad, &total, &e) == ERR_RANGE, "what is no record: %s", e.message);
	buf_free(&b);
}

static void
test_replaced(void)
{
	LIST_AUTO struct list *l = NULL;
	struct list_options o = options("boot-1", false);
	struct err e = { 0 };
	uint64_t total;

	put("list", records(0, 50), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0 && list_look(l, &total, &e) == 0 && total == 50 && gaps(l) == 0, "a list");
	put("list", records(60, 90), O_TRUNC);
	ok(list_look(l, &total, &e) == 0 && total == 30 && gaps(l) == 1, "that another took the place of: a gap is told");
}

/* One boot of a kernel that stages; the agent is restarted between steps if asked to. */
static void
test_staging(bool restart)
{
	LIST_AUTO struct list *l = NULL;
	struct list_options o = options("boot-2", true);
	struct err e = { 0 };
	size_t shown = 0;

	o.stage_at = 40;
	commands[0] = '\0';
	(void)unlink(in_dir("spool/list.chain"));
	put("staged", span_of(NULL, 0), O_TRUNC);
	put("list", span_of(NULL, 0), O_TRUNC);
	for (size_t to = 25; to <= 200; to += 25) {
		put("list", records(shown, to), O_APPEND);
		shown = to;
		if (l == NULL && !ok(list_open(&o, &l, &e) == 0, "opened %s", e.message))
			return;
		if (list_stage(l, &e) != 0)
			diag("%s", e.message);
		slice_is(l, 0, to, "all entries, trimmed or not");
		slice_is(l, to - 7, to, "and the last ones");
		if (restart) {
			list_close(l);
			l = NULL;
		}
	}
	is_str(commands, "ADADADAD", "the kernel was told to stage and to delete");
	if (l == NULL && list_open(&o, &l, &e) != 0)
		diag("%s", e.message);
	slice_is(l, 3, 200, "at the end");
	ok(list_trimmed(l) == 200 || restart, "the kernel's list is empty");
	is_int((int64_t)gaps(l), 0, "nothing was lost");
}

/* Somebody else trims what the agent has read, and then what it has not. */
static void
test_trimmed_by_others(void)
{
	LIST_AUTO struct list *l = NULL;
	struct list_options o = options("boot-3", true);
	struct err e = { 0 };
	uint64_t total;

	(void)unlink(in_dir("spool/list.chain"));
	put("staged", span_of(NULL, 0), O_TRUNC);
	put("list", records(0, 100), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0 && list_look(l, &total, &e) == 0 && total == 100, "a list of 100");
	put("list", records(30, 110), O_TRUNC);
	slice_is(l, 0, 110, "30 of them are trimmed by somebody, 10 are new");
	is_int((int64_t)list_trimmed(l), 30, "which is noticed");
	list_close(l);
	l = NULL;
	put("list", records(90, 120), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0, "the agent was away");
	slice_is(l, 5, 120, "and finds its place again");
	is_int((int64_t)gaps(l), 0, "without a gap");
	put("list", records(150, 160), O_TRUNC);
	ok(list_look(l, &total, &e) == 0 && total == 130 && gaps(l) == 1, "30 were trimmed unseen: a gap is told");
}

/* kexec with the list carried over: another boot_id, the same list; and a reboot. */
static void
test_boots(void)
{
	LIST_AUTO struct list *l = NULL;
	struct list_options o = options("boot-4", true);
	struct err e = { 0 };
	uint64_t total;

	(void)unlink(in_dir("spool/list.chain"));
	put("staged", span_of(NULL, 0), O_TRUNC);
	put("list", records(0, 100), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0 && list_look(l, &total, &e) == 0, "a list of 100");
	put("list", records(30, 100), O_TRUNC);
	ok(list_look(l, &total, &e) == 0 && total == 100, "trimmed to 70");
	list_close(l);
	l = NULL;
	o.boot_id = "boot-5";
	put("list", records(30, 105), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0, "kexec");
	slice_is(l, 0, 105, "the list goes on, with what was trimmed before");
	list_close(l);
	l = NULL;
	o.boot_id = "boot-6";
	put("list", records(0, 20), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0, "a reboot");
	slice_is(l, 0, 20, "begins anew although it begins alike");
	put("list", records(20, 40), O_APPEND);
	slice_is(l, 0, 40, "and goes on");
	is_int((int64_t)gaps(l), 0, "without a gap");
}

/* The spool after a crash: cut at every byte, and with a bit changed. */
static void
test_spool(void)
{
	struct file list, chain;
	struct err e = { 0 };
	size_t good = 0, told = 0;
	LIST_AUTO struct list *l = NULL;
	struct list_options o = options("boot-7", true);
	uint64_t total;

	(void)unlink(in_dir("spool/list.chain"));
	put("staged", span_of(NULL, 0), O_TRUNC);
	put("list", span_of(NULL, 0), O_TRUNC);
	if (list_open(&o, &l, &e) != 0)
		diag("%s", e.message);
	for (size_t i = 0; i < 50; i += 10) {
		put("list", records(i, i + 10), O_APPEND);
		if (list_look(l, &total, &e) != 0)
			diag("%s", e.message);
	}
	list_close(l);
	l = NULL;
	if (file_read(in_dir("spool/list.bin"), MIB(1), &list, &e) != 0 ||
	    file_read(in_dir("spool/list.chain"), MIB(1), &chain, &e) != 0)
		diag("%s", e.message);
	is_int((int64_t)chain.n, 48 + 5 * 88, "five blocks");
	ok(span_eq(file_view(&list), records(0, 50)), "and the list as the kernel has it");
	for (size_t cut = 0; cut <= chain.n; cut += 8) {
		struct spool s;
		size_t blocks = cut < 48 ? 0 : (cut - 48) / 88;

		put("spool/list.bin", file_view(&list), O_TRUNC);
		put("spool/list.chain", span_head(file_view(&chain), cut), O_TRUNC);
		if (spool_open(in_dir("spool"), "boot-7", &s, &e) != 0)
			continue;
		good += s.list.n == 10 * blocks && !s.damaged;
		spool_close(&s);
	}
	is_int((int64_t)good, (int64_t)chain.n / 8 + 1, "cut anywhere, all whole blocks are there");
	good = 0;
	for (size_t i = 0; i < 2 * (list.n + chain.n); i += 37) {
		struct file *f = i / 2 < list.n ? &list : &chain;
		size_t byte = i / 2 < list.n ? i / 2 : i / 2 - list.n;
		struct spool s;

		f->p[byte] ^= 4;
		put("spool/list.bin", file_view(&list), O_TRUNC);
		put("spool/list.chain", file_view(&chain), O_TRUNC);
		f->p[byte] ^= 4;
		if (spool_open(in_dir("spool"), "boot-7", &s, &e) != 0) {
			good += f == &chain && byte < 12;	/* a version that is not known */
			told += f == &chain && byte < 12;
			continue;
		}
		good += s.list.n < 50;
		told += s.damaged || s.list.n == 0;
		spool_close(&s);
	}
	ok(good == told && good == (2 * (list.n + chain.n) + 36) / 37, "changed anywhere, what is behind is dropped, and it says so (%zu, %zu)", good, told);
	file_free(&list);
	file_free(&chain);
}

/* The agent was killed between "A" and "D". */
static void
test_killed_while_staging(void)
{
	LIST_AUTO struct list *l = NULL;
	struct list_options o = options("boot-8", true);
	struct err e = { 0 };
	uint64_t total;

	(void)unlink(in_dir("spool/list.chain"));
	put("staged", span_of(NULL, 0), O_TRUNC);
	put("list", records(0, 60), O_TRUNC);
	ok(list_open(&o, &l, &e) == 0 && list_look(l, &total, &e) == 0 && total == 60, "a list of 60");
	put("list", records(60, 65), O_APPEND);
	list_close(l);
	l = NULL;
	commands[0] = '\0';
	(void)stand_in(NULL, 'A', &e);
	put("list", records(65, 70), O_APPEND);
	ok(list_open(&o, &l, &e) == 0, "killed behind \"A\" %s", e.message);
	is_str(commands, "AD", "what was staged is deleted");
	slice_is(l, 0, 70, "and nothing is missing");
	is_int((int64_t)gaps(l), 0, "nor said to be");
}

int
main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/assay-list.XXXXXX");
	if (mkdtemp(dir) == NULL)
		printf("Bail out! %s\n", strerror(errno));
	load();
	test_growing();
	test_partial();
	test_extremes();
	test_replaced();
	test_staging(false);
	test_staging(true);
	test_trimmed_by_others();
	test_boots();
	test_spool();
	test_killed_while_staging();
	file_free(&whole);
	static const char *const left[] = { "spool/list.bin", "spool/list.chain", "spool", "list", "staged", "" };
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		(void)remove(in_dir(left[i]));
	return done();
}
