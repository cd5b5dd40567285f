# shellcheck shell=bash
# The boots that record-boot knows: boot_add NAME FIRMWARE BANKS LOADER ABOUT
#   FIRMWARE  ovmf (Secure Boot off), ovmf-ms (on, Microsoft's keys), ovmf-snakeoil (on,
#             Debian's test keys), seabios, seabios-tpm12
#   LOADER    direct (QEMU loads the kernel), shim-grub, grub, systemd-boot, uki
boot_add direct-sha1 ovmf sha1 direct \
    "A TPM 2.0 with nothing but a SHA-1 bank; kernel loaded by QEMU."
boot_add direct-sha512 ovmf sha256,sha512 direct \
    "Banks sha256 and sha512; kernel loaded by QEMU."
boot_add grub ovmf sha1,sha256 grub \
    "GRUB without shim, Secure Boot off: commands in PCR 8, files in PCR 9."
boot_add shim-grub ovmf-ms sha1,sha256,sha384 shim-grub \
    "Secure Boot on with Microsoft's keys: shim, GRUB and kernel as Debian signs them."
boot_add systemd-boot ovmf-snakeoil sha256 systemd-boot \
    "Secure Boot on with test keys: systemd-boot, command line in PCR 12."
boot_add uki ovmf-snakeoil sha256,sha384 uki \
    "Secure Boot on with test keys: a signed unified kernel image, sections in PCR 11."
boot_add tpm12 seabios-tpm12 sha1 disk \
    "SeaBIOS and a TPM 1.2: the event log in TPM 1.2's format, SHA-1 only."
boot_add seabios seabios sha1,sha256 disk \
    "SeaBIOS and a TPM 2.0: crypto-agile log of a firmware that is not UEFI."
