# shellcheck shell=bash
# The cases of record-lists: case_add NAME KERNEL BANKS PARAMETERS ABOUT <<work
# (work: functions of guest/work.sh).

three=sha1,sha256,sha384

# --- built-in templates ------------------------------------------------------
case_add ima-6.1 6.1 $three 'ima_policy=tcb ima_template=ima ima_hash=sha1' \
    'The first template, "ima": no data length, names cut at 255 bytes; odd names.' <<'END'
disk && files && odd_names && changes && save /out
END
case_add ima-md5-6.1 6.1 $three 'ima_policy=tcb ima_template=ima ima_hash=md5' \
    'Template "ima" with MD5 file digests.' <<'END'
disk && files && save /out
END
case_add ima-ng-6.1 6.1 $three 'ima_policy=tcb ima_template=ima-ng' \
    'Template "ima-ng": odd names, a changed script, a module.' <<'END'
disk && files && odd_names && changes && save /out
END
case_add ima-ng-sha1-6.1 6.1 $three 'ima_policy=tcb ima_template=ima-ng ima_hash=sha1' \
    'Template "ima-ng" with SHA-1 file digests; boot_aggregate is over the SHA-1 bank, PCRs 0 to 7.' <<'END'
disk && files && save /out
END
case_add ima-sig-6.1 6.1 $three 'ima_policy=tcb' \
    'Debian'\''s default template "ima-sig": IMA signatures (RSA-2048, P-256), a portable EVM signature in the sig field, a hash attribute.' <<'END'
disk && labelled && save /out
END
case_add ima-ngv2-6.1 6.1 $three 'ima_policy=tcb ima_template=ima-ngv2' \
    'Template "ima-ngv2" (d-ngv2: "ima:" before the algorithm).' <<'END'
disk && files && save /out
END
case_add ima-sigv2-verity-6.1 6.1 $three 'ima_template=ima-sigv2' \
    'Template "ima-sigv2" with a custom policy that measures fs-verity digests ("verity:").' <<'END'
disk && policy 'measure func=BPRM_CHECK digest_type=verity fsname=ext4
measure func=FILE_CHECK mask=^MAY_READ fsname=ext4' && verity && labelled && save /out
END
case_add ima-modsig-6.1 6.1 $three 'ima_policy=tcb ima_template=ima-modsig' \
    'Template "ima-modsig" on a kernel without IMA_APPRAISE_MODSIG: d-modsig and modsig are empty.' <<'END'
disk && labelled && changes && save /out
END
case_add evm-sig-6.1 6.1 $three 'ima_policy=tcb ima_template=evm-sig' \
    'Template "evm-sig": EVM portable signatures, the EVM attributes, owner and mode.' <<'END'
disk && labelled && save /out
END

# --- templates of one's own, and other parameters --------------------------
case_add fmt-d-n-6.1 6.1 $three 'ima_policy=tcb ima_template_fmt=d|n ima_hash=sha1' \
    'A custom format of the fields of "ima": named by its format, and hashed like any other.' <<'END'
disk && files && save /out
END
case_add fmt-iuid-6.1 6.1 $three 'ima_policy=tcb ima_template_fmt=d-ng|n-ng|iuid|igid|imode' \
    'A custom format with owner and mode.' <<'END'
disk && labelled && save /out
END
case_add fmt-evm-6.12 6.12 $three 'ima_policy=tcb ima_template_fmt=d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode' \
    'The fields of "evm-sig" as a custom format: the name in the record is the format.' <<'END'
disk && labelled && save /out
END
case_add fmt-all-6.12 6.12 $three 'ima_policy=tcb ima_template_fmt=d|n|d-ng|d-ngv2|n-ng|sig|buf|d-modsig|modsig|evmsig|iuid|igid|imode|xattrnames|xattrlengths' \
    'Fifteen fields, the most a format can have.' <<'END'
disk && labelled && save /out
END
case_add canonical-6.1 6.1 $three 'ima_policy=tcb ima_canonical_fmt' \
    'ima_canonical_fmt on a little-endian machine: no difference.' <<'END'
disk && files && save /out
END

# --- 6.12: one list for each bank --------------------------------------------
case_add ima-ng-6.12 6.12 $three 'ima_policy=tcb ima_template=ima-ng' \
    'Template "ima-ng", odd names, with the lists of each bank.' <<'END'
disk && files && odd_names && changes && save /out
END
case_add ima-sig-6.12 6.12 sha1,sha256,sha384,sha512 'ima_policy=tcb' \
    'Debian'\''s default template, four banks and the lists of each.' <<'END'
disk && labelled && save /out
END
case_add ima-sigv2-verity-6.12 6.12 $three 'ima_template=ima-sigv2' \
    'Template "ima-sigv2" with fs-verity digests, with the lists of each bank.' <<'END'
disk && policy 'measure func=BPRM_CHECK digest_type=verity fsname=ext4
measure func=FILE_CHECK mask=^MAY_READ fsname=ext4' && verity && labelled && save /out
END
case_add sha256-only-6.12 6.12 sha256 'ima_policy=tcb' \
    'A TPM with the SHA-256 bank only: the kernel still writes a SHA-1 list.' <<'END'
disk && files && save /out
END
case_add sha384-only-6.12 6.12 sha384 'ima_policy=tcb' \
    'A TPM with the SHA-384 bank only: neither ima_hash, nor SHA-256, nor SHA-1 is there for boot_aggregate.' <<'END'
disk && files && save /out
END
case_add no-tpm-6.12 6.12 none 'ima_policy=tcb' \
    'No TPM: boot_aggregate is zeros, nothing is extended.' <<'END'
disk && files && save /out
END

# --- kinds of entries --------------------------------------------------------
case_add violations-6.1 6.1 $three 'ima_policy=tcb ima_template=ima-ng' \
    'Violations, ToMToU and open_writers: zero digests, extended as ones.' <<'END'
disk && files && violations && save /out
END
case_add violations-6.12 6.12 $three 'ima_policy=tcb ima_template=ima-ng' \
    'Violations, ToMToU and open_writers, on a kernel that reports each once.' <<'END'
disk && files && violations && save /out
END
case_add violations-ima-6.1 6.1 $three 'ima_policy=tcb ima_template=ima ima_hash=sha1' \
    'Violations with the first template, "ima".' <<'END'
disk && violations && save /out
END
for v in 6.1 6.12; do
case_add critical-data-$v $v $three 'ima_policy=tcb|critical_data ima_template=ima-ng security=selinux' \
    'ima-buf entries: kernel_version, a module from memory (6.12), the state of SELinux (no policy loaded), device-mapper.' <<'END'
disk && /poke init-module /lib/modules/*/dm-mod.ko && mount -t selinuxfs sel /sys/fs/selinux 2>/dev/null
/poke map 'lab,one' $spare && echo 0 >/sys/fs/selinux/checkreqprot; save /out
END
case_add policy-$v $v $three 'ima_template=ima-sig' \
    'A custom policy: other PCRs, templates by rule, a key, a kexec command line, the kexec files.' <<'END'
disk && policy 'measure func=BPRM_CHECK fsname=ext4 pcr=11 template=ima-ngv2
measure func=MODULE_CHECK pcr=12 template=ima-modsig
measure func=FILE_CHECK mask=^MAY_READ fsname=ext4 uid=0
measure func=KEY_CHECK keyrings=_ima|.ima
measure func=KEXEC_CMDLINE
measure func=KEXEC_KERNEL_CHECK pcr=12 template=evm-sig
measure func=KEXEC_INITRAMFS_CHECK
measure func=CRITICAL_DATA label=device-mapper pcr=11
measure func=POLICY_CHECK' && files && changes && /poke key _ima /key.der &&
/poke kexec-load /mnt/boot/vmlinuz /mnt/boot/initrd 'root=/dev/vda again quiet' &&
/poke map lab2 $spare && save /out
END
case_add kexec-without-carry-$v $v $three 'ima_policy=tcb ima_template=ima-ng' \
    'kexec on a kernel without IMA_KEXEC: the list begins again with boot_aggregate, PCR 10 goes on from the value in before-kexec/.' <<'END'
disk && files && if grep -q assay_again /proc/cmdline; then
save /out && cp -r /mnt/first /out/first
else again; fi
END
done

# --- what Debian's kernels leave out -----------------------------------------
case_add kexec-carried-own own $three 'ima_policy=tcb ima_template=ima-ng' \
    'kexec with IMA_KEXEC: one list with two boot_aggregates; before-kexec/ is its beginning.' <<'END'
disk && files && if grep -q assay_again /proc/cmdline; then
save /out && cp -r /mnt/first /out/first
else again; fi
END
case_add kexec-carried-late-own own $three 'ima_policy=tcb ima_template=ima-ng' \
    'kexec with IMA_KEXEC, with entries made between kexec_file_load and the kexec.' <<'END'
disk && files && if grep -q assay_again /proc/cmdline; then
save /out && cp -r /mnt/first /out/first
else late=labelled; again; fi
END
case_add modsig-own own $three 'ima_template=ima-sig' \
    'Appended signatures: a module measured with "ima-modsig" and appraised with the key own.der in .ima; keys of the kernel itself, queued from early boot.' <<'END'
disk && policy 'measure func=KEY_CHECK
measure func=MODULE_CHECK template=ima-modsig
appraise func=MODULE_CHECK appraise_type=imasig|modsig' &&
/poke key .ima /key.der && insmod /mnt/lib/dm-mod.ko && save /out
END
