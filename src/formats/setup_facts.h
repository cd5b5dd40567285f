/* setup_facts.h: what a system's files say about how it boots, as plain data.
 *
 * Collected by port/sys/setup_read.c from the running system or from an image, used by
 * engine/setup_plan.c to decide what to write where; neither knows the other.  Nothing
 * of an image is ever run: all of this is read from files.
 *
 * Everything lives in the arena of whoever collected it.
 */
#ifndef FORMATS_SETUP_FACTS_H
#define FORMATS_SETUP_FACTS_H

#include "base/span.h"

/* A file below the root; ${path} begins with '/'. */
struct setup_file {
	const char *path;
	bool present;
	struct span content;
	uint32_t mode, uid, gid;	/* permission bits; where it is present */
};

struct setup_files { struct setup_file *v; size_t n; };

struct setup_kernel {
	const char *release;		/* as its folder in /lib/modules is called */
	struct span config;		/* of /boot or /lib/modules; empty: not found */
};

struct setup_facts {
	bool image;			/* another root than the running system's */
	const char *root;		/* as it was named; "" for the running system */
	struct span cmdline;		/* of the running kernel; empty for an image */

	/* What may load an IMA policy. */
	bool systemd;			/* PID 1 is systemd, by the files that are there */
	bool systemd_says;		/* its list of features was found, and ... */
	bool systemd_ima;		/* ... has +IMA */
	bool dracut;			/* makes the initramfs */
	bool dracut_integrity;		/* has the module 98integrity */
	bool dracut_by_path;		/* which gives the kernel the policy's name, not its text */
	bool dracut_asked;		/* a configuration file asks for the module */
	const char *initramfs_hook;	/* script of initramfs-tools that loads /etc/default/ima-policy */
	struct setup_file policies[3];	/* by enum setup_init, without the first */

	struct setup_kernel *kernels;
	size_t n_kernels;

	/* Boot loaders. */
	const char *grub_mkconfig;	/* the program's name: update-grub, grub2-mkconfig, ...; or NULL */
	const char *grub_cfg;		/* what it writes */
	bool grub_parts;		/* it reads /etc/default/grub.d */
	bool grub_bls;			/* grub.cfg takes its entries from /boot/loader/entries */
	struct setup_file grub_default;
	struct setup_files grub_d;	/* /etc/default/grub.d: *.cfg, in order */
	struct setup_files entries;	/* loader/entries: *.conf of all places it may be in */
	const char *loader_conf;	/* of systemd-boot, or NULL */
	const char *uki;		/* a unified kernel image that is there, or NULL */
	const char *uki_builder;	/* what makes them: "mkinitcpio", "dracut", "kernel-install"; or NULL */
	bool booted_systemd_boot;	/* the firmware's variable LoaderInfo says so */
	struct setup_file kernel_cmdline;	/* /etc/kernel/cmdline */
	struct setup_file extlinux;
};

#endif
