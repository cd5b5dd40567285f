/*
 * policy-try [-p] [-w] FILE...: ask the running kernel which of many candidate
 * IMA policies it takes, without installing any.
 *
 * After each candidate a line is written that no kernel takes, so that the
 * whole load is void when the file is closed (ima_release_policy) and the next
 * candidate finds the kernel as it was.  That line carries the candidate's
 * number, so the kernel's audit records (type 1807) can be told apart later.
 *
 * A candidate is a line of FILE, or with -w the lines between two lines "---".
 * It is written the way cat(1) does it: the kernel takes ONE rule a write()
 * and returns how much it used; what is left is written again.  With -p the
 * kernel is given the name of a file instead and reads it itself, which is how
 * systemd loads /etc/ima/ima-policy.
 *
 * Output, one line a candidate:  VERDICT TAB RULES TAB LINE TAB CANDIDATE
 *	VERDICT		accept, refuse, or ignore (taken, but no rule in it)
 *	RULES		rules in it before the first refused line (-p: in all)
 *	LINE		number of the refused line in it, 0 if none (-p: always)
 *	CANDIDATE	its bytes; line ends inside are written as \n
 * What the kernels do with odd input (6.1 and 6.12 alike, found with this):
 *  - empty lines, lines of blanks and lines whose first byte after blanks is
 *    '#' are taken, make no rule and leave no audit record;
 *  - a CR is part of the last word: refused, or silently part of a name
 *    (fsname=ext4\r is taken);
 *  - a NUL ends the line for write(); with -p it makes the load fail;
 *  - a write of 4096 bytes or more is cut to 4095: the rest of a longer line is
 *    parsed as the next line, without the byte at the cut (ret is strlen + 1).
 *    So such a rule is refused or changed, and an over-long comment can hide a
 *    rule that is taken.  With -p a line may have any length;
 *  - a last line without line end is fine for write(), and the load fails
 *    with -p (the kernel counts one byte too many and finds size != 0).
 * A policy without any rule is refused as a whole (ima_check_policy: an empty
 * list), which the kernel says at close and which installs nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLICY	"/sys/kernel/security/ima/policy"
#define BY_NAME	"/tmp/candidate"

struct bytes {
	const char *p;
	size_t n;
};

struct verdict {
	unsigned int rules, line;
	bool refused;
};

static unsigned int serial;

static void
die(const char *what)
{
	fprintf(stderr, "policy-try: %s: %s\n", what, strerror(errno));
	exit(3);
}

/* The kernel's own test (ima_parse_add_rule): blanks, then the end or a '#'. */
static bool
is_ignored(struct bytes line)
{
	size_t i = 0;

	while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	return i == line.n || line.p[i] == '#' || line.p[i] == '\0' ||
	    line.p[i] == '\n';
}

static int
policy_open(void)
{
	int fd = open(POLICY, O_WRONLY);

	if (fd < 0)
		die(POLICY " (has a candidate been installed?)");
	return fd;
}

/* Write the line no kernel takes; from now on this load cannot succeed. */
static void
spoil(int fd)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "assay-lab-end=%u\n", serial);

	if (write(fd, line, (size_t)n) >= 0)
		die("the kernel took the spoiling line");
}

static struct verdict
try_written(int fd, struct bytes c)
{
	struct verdict v = { 0 };
	size_t off = 0;
	unsigned int line = 1;
	ssize_t n;

	while (off < c.n) {
		struct bytes rest = { c.p + off, c.n - off };

		n = write(fd, rest.p, rest.n);
		if (n <= 0) {
			v.refused = true;
			v.line = line;
			return v;
		}
		/* The kernel counts a line end that was not there. */
		if ((size_t)n > rest.n)
			n = (ssize_t)rest.n;
		rest.n = (size_t)n;
		if (!is_ignored(rest))
			v.rules++;
		line += memchr(rest.p, '\n', rest.n) != NULL;
		off += rest.n;
	}
	return v;
}

static struct verdict
try_by_name(int fd, struct bytes c)
{
	struct verdict v = { 0 };
	int out = open(BY_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	const char *p = c.p, *end = c.p + c.n, *nl;

	if (out < 0 || write(out, c.p, c.n) != (ssize_t)c.n || close(out) != 0)
		die(BY_NAME);
	v.refused = write(fd, BY_NAME, sizeof(BY_NAME) - 1) < 0;
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		v.rules += !is_ignored((struct bytes){ p, (size_t)(nl - p) });
	}
	return v;
}

static void
print_candidate(struct bytes c)
{
	if (c.n > 0 && c.p[c.n - 1] == '\n')
		c.n--;
	for (size_t i = 0; i < c.n; i++) {
		if (c.p[i] == '\n')
			fputs("\\n", stdout);
		else
			putchar((unsigned char)c.p[i]);
	}
	putchar('\n');
}

static void
try_one(struct bytes c, bool by_name, bool whole)
{
	int fd = policy_open();
	struct verdict v = by_name ? try_by_name(fd, c) : try_written(fd, c);
	const char *say = v.refused ? "refuse" : "accept";

	/* Nothing but a load without rules may be closed unspoiled. */
	if (v.refused || v.rules > 0 || !whole)
		spoil(fd);
	serial++;
	if (close(fd) != 0)
		die("close");
	if (!v.refused && v.rules == 0)
		say = whole ? "refuse" : "ignore";
	printf("%s\t%u\t%u\t", say, v.rules, v.line);
	print_candidate(c);
}

static struct bytes
slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t cap = 1 << 20, n = 0, got;
	char *p = malloc(cap);

	if (f == NULL || p == NULL)
		die(path);
	while ((got = fread(p + n, 1, cap - n, f)) > 0) {
		n += got;
		if (n == cap && (p = realloc(p, cap *= 2)) == NULL)
			die(path);
	}
	fclose(f);
	return (struct bytes){ p, n };
}

/* Lines keep their line end: that is how they stand in a policy file. */
static void
run_file(struct bytes f, bool by_name, bool whole)
{
	const char *p = f.p, *end = f.p + f.n, *start = p, *next;

	for (; p < end; p = next) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		next = nl == NULL ? end : nl + 1;
		if (!whole) {
			try_one((struct bytes){ p, (size_t)(next - p) },
			    by_name, whole);
		} else if (next - p == 4 && memcmp(p, "---\n", 4) == 0) {
			try_one((struct bytes){ start, (size_t)(p - start) },
			    by_name, whole);
			start = next;
		}
	}
	if (whole && start < end)
		try_one((struct bytes){ start, (size_t)(end - start) },
		    by_name, whole);
}

int
main(int argc, char **argv)
{
	bool by_name = false, whole = false;
	int o;

	while ((o = getopt(argc, argv, "pw")) != -1) {
		if (o == 'p')
			by_name = true;
		else if (o == 'w')
			whole = true;
		else
			return 2;
	}
	for (; optind < argc; optind++)
		run_file(slurp(argv[optind]), by_name, whole);
	/* Opening it once more proves that nothing was installed. */
	close(policy_open());
	return fflush(stdout) == 0 ? 0 : 3;
}
