/*
 * poke WHAT ARGUMENT...: the few system calls of the recording guests that
 * busybox has no applet for.
 *
 *	kexec-load KERNEL INITRD CMDLINE	kexec_file_load(2)
 *	kexec					start what was loaded
 *	verity FILE				FS_IOC_ENABLE_VERITY, SHA-256
 *	key KEYRING FILE			add a DER certificate to a keyring
 *						of the kernel (.name), or a new
 *						one of that name
 *	init-module FILE			init_module(2): the kernel sees
 *						bytes, not a file
 *	true					nothing: a program to be measured
 *	map NAME DEVICE				a device-mapper table, loaded,
 *						resumed, renamed, removed
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fsverity.h>
#include <linux/keyctl.h>
#include <linux/reboot.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
check(const char *what, long rc)
{
	if (rc < 0)
		fprintf(stderr, "poke: %s: %s\n", what, strerror(errno));
	return rc < 0;
}

static int
poke_true(char **a)
{
	(void)a;
	return 0;
}

static int
poke_kexec_load(char **a)
{
	int k = open(a[0], O_RDONLY), i = open(a[1], O_RDONLY);

	return check(a[0], k) || check(a[1], i) ||
	    check("kexec_file_load", syscall(SYS_kexec_file_load, k, i,
	    strlen(a[2]) + 1, a[2], 0UL));
}

static int
poke_kexec(char **a)
{
	(void)a;
	sync();
	return check("reboot", syscall(SYS_reboot, LINUX_REBOOT_MAGIC1,
	    LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL));
}

static int
poke_verity(char **a)
{
	struct fsverity_enable_arg v = { .version = 1,
	    .hash_algorithm = FS_VERITY_HASH_ALG_SHA256, .block_size = 4096 };
	int fd = open(a[0], O_RDONLY);

	return check(a[0], fd) ||
	    check("FS_IOC_ENABLE_VERITY", ioctl(fd, FS_IOC_ENABLE_VERITY, &v));
}

static ssize_t
slurp(const char *path, char *data, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t n = 0;
	ssize_t got = -1;

	while (fd >= 0 && (got = read(fd, data + n, size - n)) > 0)
		n += (size_t)got;
	return check(path, got) ? -1 : (ssize_t)n;
}

/* The kernel's keyrings have no handle but the number /proc/keys shows. */
static long
kernel_keyring(const char *name)
{
	char line[256], found[64];
	FILE *f = fopen("/proc/keys", "re");
	unsigned int id;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%x %*s %*s %*s %*s %*s %*s keyring %63[^:]",
		    &id, found) == 2 && strcmp(found, name) == 0)
			return (int)id;
	errno = ENOENT;
	return -1;
}

static int
poke_key(char **a)
{
	static char der[1 << 16];
	ssize_t n = slurp(a[1], der, sizeof(der));
	long ring;

	if (n < 0)
		return 1;
	ring = a[0][0] == '.' ? kernel_keyring(a[0]) : syscall(SYS_add_key,
	    "keyring", a[0], NULL, 0UL, KEY_SPEC_USER_KEYRING);
	return check(a[0], ring) ||
	    check("key", syscall(SYS_add_key, "asymmetric", NULL, der,
	    (size_t)n, ring));
}

static int
poke_init_module(char **a)
{
	static char ko[1 << 22];
	ssize_t n = slurp(a[0], ko, sizeof(ko));

	return n < 0 || check("init_module",
	    syscall(SYS_init_module, ko, (size_t)n, ""));
}

static int
dm(int fd, unsigned long request, const char *name, const void *data, size_t n)
{
	struct {
		struct dm_ioctl h;
		char data[1024];
	} r = { .h = { .version = { 4, 0, 0 }, .data_size = sizeof(r),
	    .data_start = offsetof(__typeof__(r), data) } };

	strncpy(r.h.name, name, sizeof(r.h.name) - 1);
	if (request == DM_DEV_CREATE)
		strcpy(r.h.uuid, "ASSAY-lab");
	r.h.target_count = request == DM_TABLE_LOAD;
	if (n > 0)
		memcpy(r.data, data, n);
	return check(name, ioctl(fd, request, &r));
}

static int
poke_map(char **a)
{
	struct {
		struct dm_target_spec t;
		char params[128];
	} spec = { .t = { .length = 1024, .next = sizeof(spec),
	    .target_type = "linear" } };
	int fd = open("/dev/mapper/control", O_RDWR);

	snprintf(spec.params, sizeof(spec.params), "%s 0", a[1]);
	/*
	 * Not on one device: dm_ima_measure_on_device_remove of 6.12.117 frees
	 * memory twice when a table was cleared beside an active one.
	 */
	return check("/dev/mapper/control", fd) ||
	    dm(fd, DM_DEV_CREATE, a[0], NULL, 0) ||
	    dm(fd, DM_TABLE_LOAD, a[0], &spec, sizeof(spec)) ||
	    dm(fd, DM_DEV_SUSPEND, a[0], NULL, 0) ||	/* no flag: resume */
	    dm(fd, DM_DEV_RENAME, a[0], "new;name", sizeof("new;name")) ||
	    dm(fd, DM_DEV_REMOVE, "new;name", NULL, 0) ||
	    dm(fd, DM_DEV_CREATE, a[0], NULL, 0) ||
	    dm(fd, DM_TABLE_LOAD, a[0], &spec, sizeof(spec)) ||
	    dm(fd, DM_TABLE_CLEAR, a[0], NULL, 0) ||
	    dm(fd, DM_DEV_REMOVE, a[0], NULL, 0);
}

static const struct {
	const char *name;
	int args;
	int (*fn)(char **);
} verbs[] = {
	{ "kexec-load", 3, poke_kexec_load },
	{ "kexec", 0, poke_kexec },
	{ "verity", 1, poke_verity },
	{ "key", 2, poke_key },
	{ "init-module", 1, poke_init_module },
	{ "map", 2, poke_map },
	{ "true", 0, poke_true },
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (argc == verbs[i].args + 2 &&
		    strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].fn(argv + 2);
	fprintf(stderr, "poke: unknown use\n");
	return 2;
}
