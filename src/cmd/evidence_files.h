/* evidence_files.h: the options that name evidence, and the files behind them; shared
 * by "evidence verify" and "policy test".  Policies come from --policy and from the
 * operands, for the command that takes some.
 *
 * The evidence is in files of its own, or all of it in one bundle.  A bundle brings its
 * key and its nonce with it, and whoever made it chose them: --expect-ak and
 * --expect-nonce put the verifier's own in their place, and without these no trust comes
 * of it. */
#ifndef CMD_EVIDENCE_FILES_H
#define CMD_EVIDENCE_FILES_H

#include "cmd/bundle_file.h"
#include "cmd/command.h"
#include "cmd/load_policy.h"
#include "engine/evidence.h"

extern const struct option_spec evidence_options[];

/* The options that name the parts of the evidence, for whoever takes or packs them. */
#define EVIDENCE_PART_OPTIONS \
	{ .name = "ima-log", .arg = "F", .complete = COMPLETE_FILE, \
	  .help = "the kernel's measurement list, binary or ASCII" }, \
	{ .name = "quote", .arg = "F", .complete = COMPLETE_FILE, .help = "TPMS_ATTEST, as the TPM signed it" }, \
	{ .name = "signature", .arg = "F", .complete = COMPLETE_FILE, .help = "its TPMT_SIGNATURE" }, \
	{ .name = "ak", .arg = "F", .complete = COMPLETE_FILE, \
	  .help = "attestation key: PEM, DER or TPM2B_PUBLIC" }, \
	{ .name = "nonce", .arg = "HEX", .help = "the nonce the quote must answer, 1 to 64 bytes" }, \
	{ .name = "pcrs", .arg = "F", .complete = COMPLETE_FILE, \
	  .help = "PCR values: tpm2-tools' PCR file, text of tpm2_pcrread, or JSON" }, \
	{ .name = "event-log", .arg = "F", .complete = COMPLETE_FILE, .help = "the firmware's event log" }

/* Everything that was read, and the input that borrows from it. */
struct evidence_files {
	struct file ima_log, quote, signature, ak, pcrs_file, event_log, resume_file;
	struct loaded_bundle bundle;		/* with --bundle, in place of these files */
	struct buf nonce;
	struct buf part_names[EVIDENCE_SECTIONS];	/* "BUNDLE:quote", for errors */
	struct tpm_pcrs *pcrs;			/* owned */
	struct resume_state resume;
	struct policy_keys policy_keys;
	struct loaded_policy *loaded;		/* owned, n_loaded */
	const struct runtime_policy **policies;	/* owned */
	size_t n_loaded;
	struct sig_mount *mounts;		/* owned */
	struct evidence_input input;
};

/** evidence_files_usage(in): What is wrong with the options, or NULL. */
const char *evidence_files_usage(const struct invocation *in);

/** evidence_files_load(in, files, e): Read all of it. */
MUST_CHECK int evidence_files_load(const struct invocation *in, struct evidence_files *files,
    struct err *e);
void evidence_files_free(struct evidence_files *files);

/** evidence_files_warn(in, files, r, e): Warn of what a bundle says about itself. */
MUST_CHECK int evidence_files_warn(const struct invocation *in, const struct evidence_files *files,
    struct result *r, struct err *e);

/** evidence_policy_path(in, i): The file of the ${i}th policy, as given. */
const char *evidence_policy_path(const struct invocation *in, size_t i);

/** evidence_files_ear(in, files, r, e): Write the EAR token if --ear-out asks for it
 * (evidence_ear.c). */
MUST_CHECK int evidence_files_ear(const struct invocation *in, const struct evidence_files *files,
    const struct result *r, struct err *e);

#define EVIDENCE_FILES_AUTO __attribute__((cleanup(evidence_files_free)))

#endif
