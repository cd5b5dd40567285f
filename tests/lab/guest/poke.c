/*
 * poke WHAT ARGUMENT...: the few system calls of the recording guests that
 * busybox has no applet for.
 *
 *	kexec-load KERNEL INITRD CMDLINE	kexec_file_load(2)
 *	kexec					start what was loaded
 *	verity FILE				FS_IOC_ENABLE_VERITY, SHA-256
 *	key KEYRING FILE			add a DER certificate to a new
 *						keyring of that name
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

static int
poke_key(char **a)
{
	static char der[1 << 16];
	int fd = open(a[1], O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, der, sizeof(der));
	long ring;

	if (check(a[1], n))
		return 1;
	ring = syscall(SYS_add_key, "keyring", a[0], NULL, 0UL,
	    KEY_SPEC_USER_KEYRING);
	return check("keyring", ring) ||
	    check("key", syscall(SYS_add_key, "asymmetric", NULL, der,
	    (size_t)n, ring));
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
