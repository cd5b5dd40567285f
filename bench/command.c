/* command: what a whole command costs: CPU time with the system's share, wall-clock
 * time, and the most memory it held, of a child that is run again and again.
 *
 *	command ROUNDS PROGRAM [ARGUMENT...]
 *
 * Prints one JSON object.  A program of its own, because a child's peak memory is at
 * least that of who started it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"

static struct samples took;
static long peak_kib;

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int
run(char *const *argv)
{
	struct watch start = watch_now(), w;
	struct rusage u;
	int status, null;
	pid_t pid = fork();

	if (pid == 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null < 0 || dup2(null, 1) < 0)
			_exit(127);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) != pid)
		return 127;
	w = watch_since(start);
	w.cpu = seconds(u.ru_utime) + seconds(u.ru_stime);
	samples_add(&took, w);
	if (u.ru_maxrss > peak_kib)
		peak_kib = u.ru_maxrss;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

int
main(int argc, char **argv)
{
	size_t rounds = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
	int status = 0;

	if (rounds == 0)
		return 2;
	for (size_t i = 0; i < rounds && status == 0; i++)
		status = run(argv + 2);
	printf("{\"status\": %d, \"rounds\": %zu, \"cpu_min\": %.6f, \"cpu_median\": %.6f, \"wall_min\": %.6f,"
	    " \"wall_median\": %.6f, \"peak_mib\": %.2f}\n", status, took.n,
	    samples_min(took.cpu, took.n), samples_median(took.cpu, took.n),
	    samples_min(took.wall, took.n), samples_median(took.wall, took.n), (double)peak_kib / 1024);
	return 0;
}
