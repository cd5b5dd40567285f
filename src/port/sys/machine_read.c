#include "port/sys/machine_read.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "formats/kernel_config.h"
#include "formats/proc_keys.h"
#include "formats/uefi_sig.h"
#include "port/decompress.h"
#include "port/sys/mount_probe.h"
#include "port/sys/tree_file.h"
#include "port/tpm_probe.h"

#define SECURITYFS "/sys/kernel/security"
#define EFI_GLOBAL "8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* ---- the kernel ------------------------------------------------------------ */

static int
unpack(struct span packed, struct arena *a, struct span *out, struct err *e)
{
	STREAM_AUTO struct stream *in = NULL, *s = NULL;
	BUF_AUTO struct buf b = buf_init(LIMIT_KERNEL_CONFIG);
	struct span view;
	int rc;

	if ((rc = stream_mem(packed, &in, e)) != 0 || (rc = decompress_auto(in, &s, e)) != 0)
		return rc;
	do {
		if ((rc = stream_view(s, 1, &view, e)) != 0)
			return rc;
		buf_span(&b, view);
		stream_take(s, view.n);
	} while (view.n > 0 && b.why == 0);
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	return arena_copy(a, buf_view(&b), out) ? 0 : arena_err(a, e);
}

/* The running kernel's own word first; distributions often leave it out and put a
 * file into /boot, which an administrator can edit. */
static int
read_config(const struct tree *t, struct machine *m, struct err *e)
{
	static const char gz[] = "/proc/config.gz";
	BUF_AUTO struct buf name = buf_init(4096);
	enum machine_access access;
	struct span s;
	int rc;

	if ((rc = tree_read(t, gz, LIMIT_KERNEL_CONFIG, &s, &access, e)) != 0)
		return rc;
	if (s.n > 0) {
		m->config_source = gz;
		return err_file(e, unpack(s, t->a, &m->config, e), gz);
	}
	buf_str(&name, "/boot/config-");
	buf_span(&name, m->release);
	if (m->release.n == 0 || span_find(m->release, '/') < m->release.n)
		return 0;
	if ((rc = tree_read(t, buf_cstr(&name), LIMIT_KERNEL_CONFIG, &s, &access, e)) != 0 || s.n == 0)
		return rc;
	if (!kernel_config_looks(s))
		return 0;
	m->config = s;
	m->config_source = arena_str(t->a, buf_view(&name));
	return m->config_source == NULL ? arena_err(t->a, e) : 0;
}

static int
read_kernel(const struct tree *t, struct machine *m, struct err *e)
{
	enum machine_access access;
	struct span sleep;
	int rc;

	if ((rc = tree_line(t, "/proc/sys/kernel/osrelease", &m->release, e)) != 0 ||
	    (rc = tree_line(t, "/proc/cmdline", &m->cmdline, e)) != 0 ||
	    (rc = tree_line(t, SECURITYFS "/lsm", &m->lsm, e)) != 0 ||
	    (rc = tree_line(t, SECURITYFS "/lockdown", &m->lockdown, e)) != 0 ||
	    (rc = tree_read(t, "/sys/power/mem_sleep", LIMIT_SMALL_FILE, &sleep, &access, e)) != 0)
		return rc;
	m->deep_sleep = sleep.n > 0 && memmem(sleep.p, sleep.n, "deep", 4) != NULL;
	m->securityfs = m->lsm.n > 0 || tree_has(t, SECURITYFS "/lsm") ? ACCESS_OPEN :
	    tree_has(t, SECURITYFS) ? ACCESS_DENIED : ACCESS_ABSENT;
	return read_config(t, m, e);
}

/* One byte, 0 or 1, behind four of attributes. */
static int
read_efi(const struct tree *t, const char *path, enum fact *fact, struct err *e)
{
	enum machine_access access;
	struct efivar_file v;
	struct span s;
	int rc = tree_read(t, path, LIMIT_SMALL_FILE, &s, &access, e);

	if (rc == 0 && s.n > 0 && efivar_file_parse(s, &v, NULL) == 0 && v.content.n == 1 &&
	    v.content.p[0] <= 1)
		*fact = v.content.p[0] == 1 ? FACT_YES : FACT_NO;
	return rc;
}

/* ---- IMA, EVM, keys --------------------------------------------------------- */

static int
read_ima(const struct tree *t, struct machine *m, struct err *e)
{
	static const char policy[] = SECURITYFS "/ima/policy";
	int rc;

	m->ima_dir = tree_has(t, SECURITYFS "/ima");
	m->ima_policy = tree_has(t, policy) ? ACCESS_OPEN : ACCESS_ABSENT;
	m->ima_bank_lists = tree_has(t, SECURITYFS "/ima/ascii_runtime_measurements_sha256");
	if ((rc = tree_count(t, SECURITYFS "/ima/runtime_measurements_count", &m->ima_entries, e)) != 0 ||
	    (rc = tree_count(t, SECURITYFS "/ima/violations", &m->ima_violations, e)) != 0 ||
	    (rc = tree_count(t, SECURITYFS "/integrity/evm/evm", &m->evm, e)) != 0)
		return rc;
	return m->evm.known ? 0 : tree_count(t, SECURITYFS "/evm", &m->evm, e);
}

static int
read_keys(const struct tree *t, struct machine *m, struct err *e)
{
	static const char path[] = "/proc/keys";
	enum machine_access access;
	struct proc_keyring k;
	struct span s;
	uint64_t line = 0;
	size_t cap = 0;
	int rc = tree_read(t, path, LIMIT_SMALL_FILE, &s, &access, e);

	if (rc != 0)
		return rc;
	m->keys_known = access == ACCESS_OPEN;
	struct rd r = rd_init(s);
	while ((rc = proc_keyring_next(&r, &line, &k, e)) > 0) {
		m->keyrings = arena_grow(t->a, m->keyrings, m->n_keyrings, &cap, sizeof(*m->keyrings));
		if (m->keyrings == NULL)
			return arena_err(t->a, e);
		m->keyrings[m->n_keyrings++] = (struct machine_keyring){ k.name, k.keys };
	}
	return err_file(e, rc, path);
}

/* ---- the TPM ------------------------------------------------------------------ */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "pcr-sha256" and its like (kernel 5.12), sorted: folders come in any order. */
static int
read_banks(const struct tree *t, struct machine *m, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(4096);
	char *path, *names[LIMIT_TPM_BANKS];
	size_t n = 0;
	DIR *d;

	if (!tree_path(t, "/sys/class/tpm/tpm0", &path))
		return arena_err(t->a, e);
	if ((d = opendir(path)) == NULL)
		return 0;
	for (const struct dirent *ent; n < LIMIT_TPM_BANKS && (ent = readdir(d)) != NULL;)
		if (strncmp(ent->d_name, "pcr-", 4) == 0 &&
		    (names[n] = arena_str(t->a, span_str(ent->d_name + 4))) != NULL)
			n++;
	(void)closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : " ", names[i]);
	return arena_copy(t->a, buf_view(&b), &m->tpm_banks) ? 0 : arena_err(t->a, e);
}

static void
ask_tpm(const struct machine_source *from, struct machine *m, struct arena *a)
{
	static const char *const devices[] = { "/dev/tpmrm0", "/dev/tpm0" };
	struct err e = { 0 };

	m->tpm_device = from->tpm;
	for (size_t i = 0; m->tpm_device == NULL && i < 2; i++)
		if (from->root[0] == '\0' && access(devices[i], F_OK) == 0)
			m->tpm_device = devices[i];
	/* A TPM that does not answer is a fact about the machine. */
	if (m->tpm_device != NULL && tpm_probe(m->tpm_device, &m->tpm, &e) != 0)
		m->tpm_error = arena_str(a, span_str(e.message));
}

static int
read_tpm(const struct tree *t, struct machine *m, struct err *e)
{
	static const char log[] = SECURITYFS "/tpm0/binary_bios_measurements";
	int rc;

	m->tpm_class = tree_has(t, "/sys/class/tpm/tpm0");
	m->tpm_event_log = !tree_has(t, log) ? ACCESS_ABSENT : ACCESS_OPEN;
	if ((rc = tree_count(t, "/sys/class/tpm/tpm0/tpm_version_major", &m->tpm_major, e)) != 0)
		return rc;
	return read_banks(t, m, e);
}

int
machine_read(const struct machine_source *from, struct arena *a, struct machine *out, struct err *e)
{
	struct tree t = { .root = from->root, .a = a };
	struct machine m = { .root = geteuid() == 0, .recorded = from->root[0] != '\0' };
	int rc;

	if ((rc = read_kernel(&t, &m, e)) != 0 || (rc = read_ima(&t, &m, e)) != 0 ||
	    (rc = read_keys(&t, &m, e)) != 0 || (rc = read_tpm(&t, &m, e)) != 0)
		return rc;
	m.efi = tree_has(&t, "/sys/firmware/efi");
	if ((rc = read_efi(&t, "/sys/firmware/efi/efivars/SecureBoot-" EFI_GLOBAL, &m.secure_boot, e)) != 0 ||
	    (rc = read_efi(&t, "/sys/firmware/efi/efivars/SetupMode-" EFI_GLOBAL, &m.setup_mode, e)) != 0)
		return rc;
	if ((rc = mounts_read(&t, from->try_mounts && !m.recorded, &m, e)) != 0)
		return rc;
	ask_tpm(from, &m, a);
	*out = m;
	return 0;
}
