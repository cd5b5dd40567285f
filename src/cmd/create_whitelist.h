/* create_whitelist.h: the program under the name create_whitelist.sh.
 *
 * Keylime's old script of that name made the list of a machine's files:
 * "create_whitelist.sh LIST [ALGO]", in its first versions "LIST initrd|initramfs
 * [ALGO]"; ALGO is the name of a sum program (sha1sum, its default, sha256sum, ...).
 * Run as root it lists every file of root's on / but below /sys, /run, /proc,
 * /lost+found, /dev, /media, /snap and /mnt, then what the initial RAM disks in /boot
 * hold.  The same comes out here, hashed on all cores and with one algorithm
 * throughout (the script used SHA-1 for the RAM disks whatever was asked).
 */
#ifndef CMD_CREATE_WHITELIST_H
#define CMD_CREATE_WHITELIST_H

#define CREATE_WHITELIST_NAME "create_whitelist.sh"

/** create_whitelist(argc, argv): The exit status. */
int create_whitelist(int argc, char **argv);

#endif
