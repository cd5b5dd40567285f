/* uefi_devpath.h: EFI device paths as text (UEFI 2.10, chapter 10).
 *
 *   OFFSET  SIZE  MEANING
 *   0       1     type: 1 hardware, 2 ACPI, 3 messaging, 4 media, 5 BIOS boot, 0x7f end
 *   1       1     sub-type; of type 0x7f: 0xff end of all, 1 end of this instance
 *   2       2     n: size of the node, these four bytes included
 *   4       n-4   what type and sub-type say
 *
 * The usual nodes of a boot are written as UEFI's text form has them
 * (PciRoot(0x0)/Pci(0x2,0x0)/HD(1,GPT,...)/\EFI\BOOT\BOOTX64.EFI); the others as
 * Path(type,sub-type,hex).  In an event log no digest covers a device path: it is
 * shown to people and decides nothing.
 */
#ifndef FORMATS_UEFI_DEVPATH_H
#define FORMATS_UEFI_DEVPATH_H

#include "base/buf.h"

/** uefi_devpath_put(path, b): Append the text.  False if ${path} is no whole device path:
 * what could be read is appended, and the rest as "..." with its hex. */
bool uefi_devpath_put(struct span path, struct buf *b);

/** uefi_devpath_file(path, b): Append the file path nodes alone, in UTF-8, if there are
 * any ("\EFI\BOOT\BOOTX64.EFI"); false if there are none. */
bool uefi_devpath_file(struct span path, struct buf *b);

#endif
