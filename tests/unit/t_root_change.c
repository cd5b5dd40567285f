/* Files of an image: no link in it leads out, whatever is asked for; several files change together
 * or not at all, wherever it fails on the way (no room, an I/O fault, a kill); a file that is not
 * as it was seen, or is a link, is never written. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "crypto/digest.h"
#include "port/sys/root_change.h"
#include "port/sys/setup_read.h"
#include "tests/tap.h"

static char top[64], image[80], outside[80];
static int calls, fault_at, kill_at;	/* of renameat, from 1 */

/* The program's own renames, one of which fails: this definition stands before libc's. */
int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	calls++;
	if (calls == kill_at)
		_exit(42);
	if (calls == fault_at) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

static const char *
in(const char *dir, const char *name)
{
	static char path[4][256];
	static int i;

	i = (i + 1) % 4;
	(void)snprintf(path[i], sizeof(path[i]), "%s%s", dir, name);
	return path[i];
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		printf("Bail out! %s\n", path);
		exit(99);
	}
}

static bool
has(const char *path, const char *text)
{
	FILE_AUTO struct file f = { 0 };

	return file_read(path, LIMIT_SMALL_FILE, &f, NULL) == 0 && span_is(file_view(&f), text);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *w)
{
	(void)st;
	(void)kind;
	return w->level == 0 ? 0 : remove(path);	/* the folder itself stays: it is open */
}

/* An image with three files, one of which a change removes, and something outside of it. */
static void
make_image(void)
{
	(void)nftw(image, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)nftw(outside, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)mkdir(image, 0755);
	(void)mkdir(outside, 0755);
	(void)mkdir(in(image, "/etc"), 0755);
	(void)mkdir(in(image, "/etc/default"), 0755);
	put(in(image, "/etc/default/grub"), "GRUB\n");
	put(in(image, "/etc/old"), "OLD\n");
	put(in(outside, "/file"), "SECRET\n");
}

static int names;
static int
count_one(const char *path, const struct stat *st, int kind, struct FTW *w)
{
	(void)path;
	(void)st;
	(void)kind;
	(void)w;
	names++;
	return 0;
}

static bool
untouched(void)
{
	names = 0;
	(void)nftw(image, count_one, 16, FTW_PHYS);
	return names == 5 && has(in(image, "/etc/default/grub"), "GRUB\n") && has(in(image, "/etc/old"), "OLD\n");
}

static struct root_step steps[3];

/* A policy that is new, a file that changes, one that goes; and the state of it. */
static int
change(const struct root_dir *r, struct setup_state *s, struct err *e)
{
	static struct setup_change files[3];
	struct root_change c = { .root = r, .steps = steps, .n_steps = 3, .state = s };
	struct digest d;

	*e = (struct err){ 0 };
	steps[0] = (struct root_step){ .path = "/etc/ima/ima-policy", .wanted = true, .content = span_lit("measure\n"), .mode = 0644 };
	steps[1] = (struct root_step){ .path = "/etc/default/grub", .seen = true, .wanted = true, .content = span_lit("NEW\n"), .mode = 0600 };
	steps[2] = (struct root_step){ .path = "/etc/old", .seen = true };
	if (digest_of(DIGEST_SHA256, span_lit("GRUB\n"), &steps[1].seen_digest, e) != 0 ||
	    digest_of(DIGEST_SHA256, span_lit("OLD\n"), &steps[2].seen_digest, e) != 0 ||
	    digest_of(DIGEST_SHA256, span_lit("measure\n"), &d, e) != 0)
		return ERR_CRYPTO;
	for (int i = 0; i < 3; i++)
		files[i] = (struct setup_change){ .path = steps[i].path, .existed = i > 0, .mode = 0644, .written = d };
	*s = (struct setup_state){ .arena = arena_init(LIMIT_SETUP_STATE), .source = "x", .policy_path = "/etc/ima/ima-policy", .policy = d,
	    .init = "systemd", .boot = "grub", .files = files, .n_files = 3 };
	calls = 0;
	return root_change_apply(&c, e);
}

static void
test_whole(const struct root_dir *r)
{
	struct setup_state s;
	struct stat st;
	struct err e;

	make_image();
	ok(change(r, &s, &e) == 0, "three files and their state: %s", e.message);
	ok(has(in(image, "/etc/ima/ima-policy"), "measure\n") && has(in(image, "/etc/default/grub"), "NEW\n") &&
	    access(in(image, "/etc/old"), F_OK) != 0, "stand as they are wanted");
	ok(stat(in(image, "/etc/default/grub"), &st) == 0 && (st.st_mode & 07777) == 0600, "with their mode");
	ok(s.n_directories == 4 && strcmp(s.directories[0], "/var") == 0 && strcmp(s.directories[3], "/etc/ima") == 0, "folders are noted");
	names = 0;
	(void)nftw(image, count_one, 16, FTW_PHYS);
	ok(names == 10, "nothing else is left behind (%d names)", names);
	ok(change(r, &s, &e) == ERR_CONFLICT, "once more, from what is no longer there: %s", e.message);
	setup_state_free(&s);
}

static void
test_faults(const struct root_dir *r)
{
	struct setup_state s;
	struct err e;
	int n = 0, good = 0;
	bool done = false;

	/* renames: the journal, two files, the final state; fewer where something is not renamed */
	for (fault_at = 1; !done && fault_at < 20; fault_at++) {
		make_image();
		if (change(r, &s, &e) == 0) {
			done = true;
		} else {
			n++;
			good += untouched() && e.code == ERR_IO && strstr(e.hint, "taken back") != NULL;
		}
		setup_state_free(&s);
	}
	fault_at = 0;
	ok(done && n == 4 && good == n, "an I/O fault at any of %d renames: nothing has changed (%d)", n, good);

	/* No room: the state is larger than what may be written. */
	struct rlimit was, small = { 64, 64 };

	make_image();
	(void)signal(SIGXFSZ, SIG_IGN);
	ok(getrlimit(RLIMIT_FSIZE, &was) == 0, "the limit");
	small.rlim_max = was.rlim_max;
	(void)fflush(stdout);
	(void)setrlimit(RLIMIT_FSIZE, &small);
	n = change(r, &s, &e);
	(void)setrlimit(RLIMIT_FSIZE, &was);
	ok(n == ERR_IO && untouched(), "no room for a file: nothing has changed: %s", e.message);
	setup_state_free(&s);
}

static void
test_kill(const struct root_dir *r)
{
	int good = 0, n = 0, status;

	for (kill_at = 1; kill_at < 20; kill_at++) {
		ARENA_AUTO struct arena a = arena_init(MIB(1));
		struct setup_state s = { 0 };
		struct setup_file f = { 0 };
		struct err e;
		bool whole;

		make_image();
		(void)fflush(stdout);
		pid_t child = fork();

		if (child == 0)
			_exit(change(r, &s, &e) == 0 ? 0 : 1);
		if (waitpid(child, &status, 0) < 0 || WEXITSTATUS(status) == 0)
			break;
		n++;
		/* Before the journal nothing; behind it, it tells of all that may have changed. */
		if (root_dir_read(r, SETUP_STATE_PATH, LIMIT_SETUP_STATE, &a, &f, &e) != 0)
			continue;
		whole = (has(in(image, "/etc/default/grub"), "GRUB\n") || has(in(image, "/etc/default/grub"), "NEW\n"));
		if (!f.present)
			good += kill_at == 1 && whole && has(in(image, "/etc/old"), "OLD\n");
		else if (setup_state_parse(f.content, &s, &e) == 0)
			good += whole && !s.written && s.n_files == 3;
		setup_state_free(&s);
	}
	ok(n == 4 && good == n, "killed at any of %d moments: every file is whole, and the journal knows it (%d)", n, good);
	kill_at = 0;
}

static void
test_links(const struct root_dir *r)
{
	ARENA_AUTO struct arena a = arena_init(MIB(1));
	struct setup_file f = { 0 };
	struct setup_state s;
	struct err e = { 0 };

	make_image();
	ok(symlink(outside, in(image, "/etc/ima")) == 0, "a folder of the image that is a link out of it");
	ok(change(r, &s, &e) != 0 && access(in(outside, "/ima-policy"), F_OK) != 0, "is not followed: %s", e.message);
	setup_state_free(&s);
	ok(unlink(in(image, "/etc/ima")) == 0 && symlink("../../../../../../..", in(image, "/etc/ima")) == 0, "one that climbs");
	ok(change(r, &s, &e) == 0 && has(in(image, "/ima-policy"), "measure\n"), "ends at the image's own root: %s", e.message);
	setup_state_free(&s);

	make_image();
	ok(symlink(in(outside, "/file"), in(image, "/etc/secret")) == 0 && root_dir_read(r, "/etc/secret", 100, &a, &f, &e) == 0 &&
	    !f.present, "a file that is a link out of it is not read");
	ok(symlink("/etc/default/grub", in(image, "/etc/here")) == 0 && root_dir_read(r, "/etc/here", 100, &a, &f, &e) == 0 &&
	    f.present && span_is(f.content, "GRUB\n"), "an absolute one inside of it is");
	ok(rename(in(image, "/etc/default/grub"), in(image, "/etc/default/real")) == 0 &&
	    symlink("real", in(image, "/etc/default/grub")) == 0, "a file to be changed that is a link");
	ok(change(r, &s, &e) == ERR_UNSUPPORTED && has(in(image, "/etc/default/real"), "GRUB\n"), "is refused: %s", e.message);
	setup_state_free(&s);
	make_image();
	(void)mkdir(in(image, "/var"), 0755);
	ok(symlink(outside, in(image, "/var/lib")) == 0 && change(r, &s, &e) != 0 && untouched() == false &&
	    has(in(image, "/etc/default/grub"), "GRUB\n"), "nor does the state leave the image: %s", e.message);
	names = 0;
	(void)nftw(outside, count_one, 16, FTW_PHYS);
	ok(names == 2, "outside nothing was made");
	setup_state_free(&s);
	ok(mkfifo(in(image, "/etc/fifo"), 0600) == 0 && root_dir_read(r, "/etc/fifo", 100, &a, &f, &e) == 0 && !f.present,
	    "a pipe is no file, and is not waited for");
	put(in(image, "/etc/big"), "0123456789");
	ok(root_dir_read(r, "/etc/big", 9, &a, &f, &e) == ERR_LIMIT && root_dir_read(r, "/etc/big", 10, &a, &f, &e) == 0 && f.present,
	    "a ceiling is one");
}

static void
test_superblock(void)
{
	static uint8_t b[KIB(68)];
	uint8_t uuid[16];
	struct span label;

	ok(!setup_superblock(span_of(b, sizeof(b)), &label, uuid) && !setup_superblock(span_of(b, 0), &label, uuid), "zeros are no file system");
	b[0x438] = 0x53;
	b[0x439] = 0xef;
	b[0x468] = 0xaa;
	memcpy(b + 0x478, "0123456789abcdef", 16);
	ok(setup_superblock(span_of(b, sizeof(b)), &label, uuid) && span_is(label, "0123456789abcdef") && uuid[0] == 0xaa, "ext4, a full label");
	ok(!setup_superblock(span_of(b, 0x480), &label, uuid), "cut short it is none");
	memset(b, 0, sizeof(b));
	memcpy(b, "XFSB", 4);
	memcpy(b + 108, "data", 4);
	ok(setup_superblock(span_of(b, sizeof(b)), &label, uuid) && span_is(label, "data"), "XFS");
	memset(b, 0, sizeof(b));
	memcpy(b + 0x10040, "_BHRfS_M", 8);
	memcpy(b + 0x1012b, "pool", 4);
	ok(setup_superblock(span_of(b, sizeof(b)), &label, uuid) && span_is(label, "pool"), "Btrfs");
}

int
main(void)
{
	ROOT_DIR_AUTO struct root_dir r = { -1 };
	struct err e = { 0 };

	(void)snprintf(top, sizeof(top), "/tmp/assay-root.XXXXXX");
	if (mkdtemp(top) == NULL)
		return 99;
	(void)snprintf(image, sizeof(image), "%s/image", top);
	(void)snprintf(outside, sizeof(outside), "%s/outside", top);
	make_image();
	put(in(top, "/disk.img"), "x");
	ok(root_dir_open(in(top, "/disk.img"), &r, &e) == ERR_USAGE && strstr(e.hint, "mount") != NULL, "an image file: how to mount it");
	if (root_dir_open(image, &r, &e) != 0) {
		printf("1..0 # SKIP %s\n", e.message);
		return 0;
	}
	test_superblock();
	void (*const tests[])(const struct root_dir *) = { test_whole, test_faults, test_kill, test_links };
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i](&r);
	(void)nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)rmdir(top);
	return done();
}
