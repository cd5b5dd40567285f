/* monitor: what the execution monitor adds to an execution.
 *
 *	monitor DIR ROUNDS
 *
 * In a mount namespace of its own, on a tmpfs that is the only thing watched: the smallest
 * program there is, executed again and again: unwatched; already measured and written by
 * root alone (the kernel does not even ask); already measured, but others may write to it
 * (asked each time); and each a new file (hashed, listed, on disk soon after).  Then the same
 * for opening a file of data, which is what watching for libraries costs all others.  Wall
 * time is the caller's; CPU time is that of the monitor's processes.  x86-64 only, for the program
 * is 127 bytes of its machine code; elsewhere /bin/true.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "bench/measure.h"
#include "port/monitor/monitor.h"

#define RUNS 200		/* executions in a round */

static _Atomic bool over;

/* ELF header, one program header, and exit(0). */
static const uint8_t tiny[] = {
	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x3e, 0, 1, 0, 0, 0,
	0x78, 0, 0x40, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0x40, 0, 0x38, 0, 1, 0, 0x40, 0, 0, 0, 0, 0,
	1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,
	0x7f, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0,
	0x31, 0xff, 0x6a, 0x3c, 0x58, 0x0f, 0x05,
};

static void
die(const char *what)
{
	struct err e = { 0 };

	(void)err_errno(&e, "%s", what);
	bench_die("monitor", &e);
}

/* ${mark} makes each a file of its own, behind what is loaded. */
static void
make_program(const char *path, unsigned mode, unsigned mark)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	bool good;

	if (mode == 0644) {		/* data */
		if (fd < 0 || write(fd, &mark, sizeof(mark)) != sizeof(mark) || close(fd) != 0)
			die("cannot make a file");
		return;
	}
#if defined(__x86_64__)
	good = fd >= 0 && write(fd, tiny, sizeof(tiny)) == (ssize_t)sizeof(tiny);
#else
	FILE_AUTO struct file f = { 0 };

	good = fd >= 0 && file_read("/bin/true", MIB(1), &f, NULL) == 0 && write(fd, f.p, f.n) == (ssize_t)f.n;
#endif
	if (!good || write(fd, &mark, sizeof(mark)) != sizeof(mark) || fchmod(fd, mode) != 0)
		die("cannot make a program");
	(void)close(fd);
}

static void
execute(const char *path)
{
	char *const args[] = { (char *)(uintptr_t)path, NULL };
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		(void)execv(path, args);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		die("cannot execute a program");
}

/* CPU seconds of a process: its threads' time on a processor (schedstat), in nanoseconds. */
static double
cpu_of(int pid)
{
	char path[64];
	double sum = 0;
	struct dirent *d;
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks != NULL && (d = readdir(tasks)) != NULL) {
		FILE_AUTO struct file f = { 0 };
		char name[400];
		uint64_t ns;

		(void)snprintf(name, sizeof(name), "%s/%s/schedstat", path, d->d_name);
		if (d->d_name[0] != '.' && file_read(name, 256, &f, NULL) == 0 &&
		    dec_u64(span_head(file_view(&f), span_find(file_view(&f), ' ')), &ns))
			sum += (double)ns / 1e9;
	}
	if (tasks != NULL)
		(void)closedir(tasks);
	return sum;
}

static void
open_it(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("cannot open a file");
	(void)close(fd);
}

struct bench { struct monitor *m; const char *dir; unsigned made; };

/* One kind of file, ${rounds} times RUNS; microseconds for one. */
struct kind { const char *title; unsigned mode; bool fresh; void (*act)(const char *path); };

static void
measure(struct bench *b, const struct kind *k, unsigned rounds)
{
	const char *title = k->title;
	bool fresh = k->fresh;
	struct monitor_status s = { 0 };
	char path[4200], label[128];
	struct samples x = { 0 };
	double cpu = 0;

	for (unsigned r = 0; r < rounds; r++) {
		unsigned first = b->made + 1;
		struct watch start;
		double before = 0;

		for (unsigned i = 0; i < (fresh ? RUNS : 1); i++) {
			(void)snprintf(path, sizeof(path), "%s/p%u", b->dir, ++b->made);
			make_program(path, k->mode, b->made);
		}
		(void)poll(NULL, 0, 60);	/* a file is remembered when its last change has settled */
		if (!fresh)
			k->act(path);
		if (b->m != NULL) {
			monitor_status(b->m, &s);
			before = cpu_of(s.monitor_pid);
		}
		start = watch_now();
		for (unsigned i = 0; i < RUNS; i++) {
			if (fresh)
				(void)snprintf(path, sizeof(path), "%s/p%u", b->dir, first + i);
			k->act(path);
		}
		start = watch_since(start);
		samples_add(&x, (struct watch){ 0, start.wall / RUNS });
		if (b->m != NULL)
			cpu += (cpu_of(s.monitor_pid) - before) / RUNS;
	}
	(void)snprintf(label, sizeof(label), "%s: time", title);
	figure_value("monitor", label, "us", samples_min(x.wall, x.n) * 1e6, 0);
	if (b->m == NULL)
		return;
	(void)snprintf(label, sizeof(label), "%s: monitor's CPU", title);
	figure_value("monitor", label, "us", cpu / rounds * 1e6, 0);
}

static void *
serve(void *arg)
{
	struct monitor *m = arg;

	while (!atomic_load(&over)) {
		struct pollfd p = { .fd = monitor_fd(m), .events = POLLIN };

		(void)poll(&p, 1, 100);
		(void)!monitor_service(m, NULL);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	struct bench b = { 0 };
	char watched[4100], data[4100];
	const char *paths[1] = { watched };
	struct monitor_options o = { .dir = data, .paths = paths, .n_paths = 1 };
	struct err e = { 0 };
	pthread_t id;
	unsigned rounds;
	uint64_t n;

	if (argc != 3 || !dec_u64(span_str(argv[2]), &n) || n == 0 || n > ROUNDS_MAX) {
		fputs("usage: monitor DIR ROUNDS\n", stderr);
		return 2;
	}
	rounds = (unsigned)n;
	(void)snprintf(watched, sizeof(watched), "%s/watched", argv[1]);
	(void)snprintf(data, sizeof(data), "%s/monitor", argv[1]);
	if (mkdir(watched, 0755) != 0 && errno != EEXIST)
		die("cannot make a directory");
	/* Nobody else's executions shall wait for what is measured here. */
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", watched, "tmpfs", 0, "mode=755") != 0)
		die("cannot have a mount namespace of my own");
	b.dir = watched;
	measure(&b, &(struct kind){ "execution, unwatched", 0755, false, execute }, rounds);
	measure(&b, &(struct kind){ "open, unwatched", 0644, false, open_it }, rounds);
	if (monitor_start(&o, &b.m, &e) != 0)
		bench_die("monitor", &e);
	if (pthread_create(&id, NULL, serve, b.m) != 0)
		die("cannot start a thread");
	measure(&b, &(struct kind){ "execution, measured", 0755, false, execute }, rounds);
	measure(&b, &(struct kind){ "execution, others write", 0777, false, execute }, rounds);
	measure(&b, &(struct kind){ "execution, new", 0755, true, execute }, rounds);
	measure(&b, &(struct kind){ "open, looked at", 0644, false, open_it }, rounds);
	measure(&b, &(struct kind){ "open, new", 0644, true, open_it }, rounds);
	atomic_store(&over, true);
	(void)pthread_join(id, NULL);
	return monitor_stop(b.m, &e) == 0 ? 0 : 3;
}
