/* The execution monitor's parts that need no fanotify: which files are remembered, what is worth
 * measuring, which mounts are watched, what a list says when it is taken up again, and how the
 * PCR follows it whatever fails on the way. */
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "port/monitor/extend.h"
#include "port/monitor/files.h"
#include "port/monitor/hash_pool.h"
#include "port/monitor/mounts.h"
#include "port/monitor/origin.h"
#include "tests/golden.h"

static void
test_wanted(void)
{
	uint8_t head[HASH_HEAD] = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB };
	static const struct { unsigned type; bool wanted; } types[] = { { ET_EXEC, true }, { ET_DYN, true },
	    { ET_REL, false }, { ET_CORE, false }, { ET_NONE, false } };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		head[EI_DATA] = ELFDATA2LSB;
		head[16] = (uint8_t)types[i].type;
		head[17] = 0;
		ok(hash_wanted(span_of(head, sizeof(head)), false) == types[i].wanted, "ELF type %u", types[i].type);
		head[EI_DATA] = ELFDATA2MSB;
		head[16] = 0;
		head[17] = (uint8_t)types[i].type;
		ok(hash_wanted(span_of(head, sizeof(head)), false) == types[i].wanted, "the same, big-endian");
	}
	ok(!hash_wanted(span_of(head, sizeof(head) - 1), false), "an ELF header that is cut");
	ok(!hash_wanted(span_lit("#!/bin/sh\n"), false) && hash_wanted(span_lit("#!"), true), "scripts, if asked for");
	ok(!hash_wanted(span_lit("#"), true) && !hash_wanted(span_lit(""), true), "nothing else");
}

static void
test_mounts(void)
{
	static const struct { const char *type, *point; enum mounts_kind kind; } cases[] = {
		{ "ext4", "/", MOUNTS_REAL }, { "tmpfs", "/tmp", MOUNTS_REAL }, { "overlay", "/dev", MOUNTS_REAL },
		{ "proc", "/proc", MOUNTS_NONE }, { "cgroup2", "/sys/fs/cgroup", MOUNTS_NONE },
		{ "devtmpfs", "/dev", MOUNTS_EXEC_ONLY }, { "tmpfs", "/var/lib/x/dev", MOUNTS_EXEC_ONLY },
		{ "tmpfs", "/mydev", MOUNTS_REAL }, { "nfs4", "/home", MOUNTS_SERVED }, { "fuse.sshfs", "/x", MOUNTS_SERVED },
		{ "fuse", "/x", MOUNTS_SERVED }, { "fusex", "/x", MOUNTS_REAL }, { "virtiofs", "/x", MOUNTS_REAL },
		{ "unheard-of", "/x", MOUNTS_REAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(mounts_kind(span_str(cases[i].type), span_str(cases[i].point)) == cases[i].kind, "%s at %s",
		    cases[i].type, cases[i].point);
}

static void
is_span(struct span got, const char *want, const char *what)
{
	if (!ok(span_is(got, want), "%s", what))
		diag("got %.*s", (int)got.n, (const char *)got.p);
}

static void
test_cgroup(void)
{
	is_span(origin_cgroup(span_lit("0::/system.slice/x.service\n")), "/system.slice/x.service", "version 2");
	is_span(origin_cgroup(span_lit("0::/\n")), "/", "its root");
	is_span(origin_cgroup(span_lit("12:cpu,cpuacct:/a\n1:name=systemd:/s/x:y\n0::/\n")), "/s/x:y", "hybrid: systemd's");
	is_span(origin_cgroup(span_lit("12:cpu,cpuacct:/a\n4:memory:/b\n")), "/a", "version 1 alone: the first");
	is_span(origin_cgroup(span_lit("12:cpu:/a\n0::/v2\n")), "/v2", "version 2 where it is used");
	is_span(origin_cgroup(span_lit("")), "", "none");
	is_span(origin_cgroup(span_lit("nonsense")), "", "nonsense");
}

static void
test_seen(void)
{
	struct seen_files *s;
	struct file_key k = { .device = 1, .inode = 2, .size = 3, .changed = 4 };
	size_t remembered = 0, listed = 0;

	if (!ok(seen_files_new(&s, NULL) == 0, "room for files"))
		return;
	ok(!seen_file(s, &k), "not seen yet");
	seen_file_add(s, &k);
	ok(seen_file(s, &k), "seen");
	k.changed++;
	ok(!seen_file(s, &k), "another state of it");
	seen_file_add(s, &k);
	k.changed--;
	ok(!seen_file(s, &k), "replaces the older one");
	for (uint64_t i = 0; i < 4 * LIMIT_MONITOR_CACHE; i++) {
		k.inode = 1000 + i;
		seen_file_add(s, &k);
		remembered += seen_file(s, &k);
	}
	is_int((int64_t)remembered, 4 * LIMIT_MONITOR_CACHE, "the newest is always remembered");
	ok(seen_files_count(s) <= LIMIT_MONITOR_CACHE, "never more than there is room for");
	for (uint32_t i = 1; i <= 3 * LIMIT_MONITOR_LISTED; i++) {
		uint8_t id[32] = { 0 };

		memcpy(id, &i, sizeof(i));
		memcpy(id + 8, &i, sizeof(i));
		listed += listed_has(s, id);
		listed_add(s, id);
		listed += !listed_has(s, id);
	}
	is_int((int64_t)listed, 0, "an entry is listed once");
	seen_files_free(s);
}

static void
test_look(void)
{
	char name[] = "/tmp/assay-t-monitor.XXXXXX";
	int fd = mkstemp(name), ro = open(name, O_RDONLY | O_CLOEXEC);
	struct file_facts a, b;
	struct timespec t;
	uint64_t now;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	ok(fd >= 0 && ro >= 0 && file_look(ro, now, &a) && !a.settled, "a file that was just made may still change unseen");
	ok(file_look(ro, now + 1000000000, &b) && b.settled, "a second later it may not");
	ok(file_key_eq(&a.key, &b.key), "the same file");
	ok(file_look(ro, now - 3600000000000u, &b) && !b.settled, "nor is a time in the future worth anything");
	ok(file_written(ro), "it is open for writing");
	(void)!write(fd, "x", 1);
	ok(file_look(ro, now, &b) && !file_key_eq(&a.key, &b.key), "a change is seen");
	(void)close(fd);
	ok(!file_written(ro), "nobody writes any more");
	(void)close(ro);
	(void)unlink(name);
}

static void
test_path(void)
{
	static const char *const names[] = { "plain", "two words", "mock (deleted)" };
	char dir[] = "/tmp/assay-t-monitor.XXXXXX", path[128], b[ORIGIN_NAME];
	bool deleted;

	if (!ok(mkdtemp(dir) != NULL, "a directory"))
		return;
	for (size_t i = 0; i < 3; i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		is_span(origin_path(fd, b, &deleted), path, names[i]);
		ok(!deleted, "is there");
		(void)unlink(path);
		is_span(origin_path(fd, b, &deleted), path, "its name when it is gone");
		ok(deleted, "and that it is");
		(void)close(fd);
	}
	(void)rmdir(dir);
}

/* A PCR as a TPM has it, whose commands can be lost before or after they are carried out. */
struct fake { uint8_t value[32]; unsigned extends; int fail_before, fail_after; };

static int
fake_extend(void *arg, unsigned pcr, const struct digest *d, size_t n, struct err *e)
{
	struct fake *f = arg;
	HASHER_AUTO struct hasher *h = NULL;
	uint8_t next[32];

	(void)pcr;
	if (f->fail_before-- > 0)
		return err_set(e, ERR_IO, "lost on the way there");
	for (size_t i = 0; i < n; i++)
		if (d[i].alg == DIGEST_SHA256 && hasher_new(DIGEST_SHA256, &h, e) == 0 &&
		    hasher_run(h, span_of(f->value, 32), digest_view(&d[i]), next))
			memcpy(f->value, next, sizeof(next));
	f->extends++;
	if (f->fail_after-- > 0)
		return err_set(e, ERR_IO, "lost on the way back");
	return 0;
}

static int
fake_read(void *arg, unsigned pcr, struct digest *value, struct err *e)
{
	struct fake *f = arg;

	(void)pcr;
	(void)e;
	return digest_make(DIGEST_SHA256, span_of(f->value, 32), value) ? 0 : ERR_INTERNAL;
}

/* Every record up to ${upto} is extended, whatever happens to the commands. */
static bool
extend_all(struct extender *x, struct span list, uint64_t upto)
{
	struct rd r = rd_init(list);
	struct span data;
	uint32_t pcr;

	r.off = x->bytes;
	while (x->records < upto) {
		size_t before = r.off;

		if (!monitor_record_next(&r, &pcr, &data))
			return false;
		while (extender_add(x, data, r.off - before, NULL) != 0)
			;
	}
	return true;
}

static void
test_extend(void)
{
	struct file list = golden("monitor/list-v1.bin");
	struct fake f = { .fail_before = 2 }, half;
	struct monitor_tpm tpm = { fake_extend, fake_read, &f };
	struct extender x, y;
	bool known;

	ok(extender_init(&x, &tpm, 13, NULL) == 0 && extender_begin(&x, span_of(NULL, 0), &known, NULL) == 0 && known &&
	    x.records == 0, "a PCR that is zero, and no list");
	ok(extend_all(&x, file_view(&list), 3) && f.extends == 3, "commands that never arrive are sent again");
	half = f;
	f.fail_after = 1;
	ok(extend_all(&x, file_view(&list), 7) && f.extends == 7, "those whose answer is lost are not");
	ok(memcmp(f.value, x.value, 32) == 0 && !x.foreign, "the PCR is what the list makes");
	extender_done(&x);

	tpm.arg = &half;
	ok(extender_init(&y, &tpm, 13, NULL) == 0 && extender_begin(&y, file_view(&list), &known, NULL) == 0 && known &&
	    y.records == 3, "after a crash, where the PCR stands in the list is found");
	ok(extend_all(&y, file_view(&list), 7) && memcmp(half.value, f.value, 32) == 0, "and the rest extended");
	half.value[0] ^= 1;
	ok(extender_begin(&y, file_view(&list), &known, NULL) == 0 && !known && y.foreign && y.records == 7,
	    "a value that the list does not make is foreign");
	ok(extender_begin(&y, span_of(NULL, 0), &known, NULL) == 0 && !known && !y.foreign,
	    "without a list it is somebody else's");
	extender_done(&y);
	file_free(&list);
}

int
main(void)
{
	test_wanted();
	test_mounts();
	test_cgroup();
	test_seen();
	test_look();
	test_path();
	test_extend();
	return done();
}
