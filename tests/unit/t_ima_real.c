/* Lists of real kernels, of every template and several boot parameters, replay to what
 * their TPMs held, in every bank that was recorded, binary and ASCII alike. */
#include <dirent.h>

#include "engine/replay.h"
#include "formats/tpm_pcrs.h"
#include "tests/golden.h"

struct tally { size_t lists, pcrs, padded, ascii_same, ascii_broken, unexplained; };

static bool
exists(const char *name)
{
	char path[4096];
	const char *dir = getenv("ASSAY_GOLDEN");
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir == NULL ? "tests/golden" : dir, name);
	f = fopen(path, "r");
	if (f != NULL)
		fclose(f);
	return f != NULL;
}

/* All entries into one bank; false if the list does not parse or has a bad digest. */
static bool
replay_all(struct span list, enum digest_alg bank, enum ima_extend how, struct pcr_values *out)
{
	struct err e = { 0 };
	struct replay r;
	struct ima_log log;
	struct ima_entry n;
	enum digest_alg column;
	bool right, all = true;
	int rc;

	if (replay_column_alg(list, &column, &e) != 0 || replay_start(&r, bank, column, how, &e) != 0)
		return false;
	if ((rc = ima_log_open(list, &log, &e)) == 0) {
		while ((rc = ima_log_next(&log, &n, &e)) > 0 && replay_entry(&r, &n, &right, &e) == 0) {
			all &= right && n.well_formed;
			if (!n.well_formed)
				diag("entry %d: %s", (int)n.number, n.why);
		}
		ima_log_close(&log);
	}
	*out = r.pcrs;
	replay_end(&r);
	if (rc < 0)
		diag("%s", e.message);
	return rc == 0 && all;
}

static void
check_bank(const char *name, struct span list, const struct tpm_pcr_bank *bank, struct tally *t)
{
	struct pcr_values plain, padded;
	bool ok_plain = replay_all(list, bank->alg, IMA_EXTEND_BANK, &plain);
	bool ok_padded = replay_all(list, bank->alg, IMA_EXTEND_PADDED_SHA1, &padded);

	if (!ok(ok_plain && ok_padded, "%s parses, every digest is right (%s)", name, digest_alg_name(bank->alg)))
		return;
	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		size_t size = digest_alg_size(bank->alg);

		if (((plain.used >> i) & 1) == 0 || ((bank->mask >> i) & 1) == 0)
			continue;
		t->pcrs++;
		if (memcmp(plain.v[i], bank->v[i], size) == 0)
			continue;
		t->padded += memcmp(padded.v[i], bank->v[i], size) == 0;
		t->unexplained += memcmp(padded.v[i], bank->v[i], size) != 0;
		if (memcmp(padded.v[i], bank->v[i], size) != 0)
			diag("%s: PCR %u of %s is not reproduced", name, i, digest_alg_name(bank->alg));
	}
}

static void
check_ascii(const char *dir, struct span bin, struct tally *t)
{
	char name[4200];
	struct err e = { 0 };
	struct ima_log a, b;
	struct ima_entry x, y;
	bool same = true;
	int ra, rb;

	(void)snprintf(name, sizeof(name), "%s/list.ascii", dir);
	if (!exists(name))
		return;
	struct file f = golden(name);

	if (ima_log_open(bin, &a, &e) != 0 || ima_log_open(file_view(&f), &b, &e) != 0) {
		ok(false, "%s opens: %s", name, e.message);
		file_free(&f);
		return;
	}
	/* An ASCII list can only be told from the little-endian form (ima_canonical_fmt or x86). */
	rb = 0;
	while ((ra = ima_log_next(&a, &x, &e)) > 0 && (rb = ima_log_next(&b, &y, &e)) > 0)
		same &= span_eq(x.data, y.data) && span_eq(x.path, y.path) &&
		    span_eq(x.template_digest, y.template_digest) && x.pcr == y.pcr;
	rb = ra > 0 ? -1 : ima_log_next(&b, &y, &e);
	t->ascii_same += same && ra == 0 && rb == 0;
	t->ascii_broken += ra > 0 || rb != 0;
	/* A name with a newline ends its line early; the next line then does not parse. */
	ok(same == (ra == 0 && rb == 0), "%s has the same entries, or is refused", name);
	ima_log_close(&a);
	ima_log_close(&b);
	file_free(&f);
}

static void
check_case(const char *dir, struct tally *t)
{
	char name[4200];
	struct tpm_pcrs *p = calloc(1, sizeof(*p));
	struct err e = { 0 };

	(void)snprintf(name, sizeof(name), "%s/list.bin", dir);
	struct file list = golden(name);
	(void)snprintf(name, sizeof(name), "%s/pcrs.json", dir);
	struct file pcrs = { 0 };

	t->lists++;
	if (exists(name)) {
		pcrs = golden(name);
		if (pcrs.n < 5)		/* "{}": a machine without a TPM */
			goto out;
		if (!ok(tpm_pcrs_parse(file_view(&pcrs), p, &e) == 0, "%s", name))
			diag("%s", e.message);
	}
	for (size_t i = 0; i < p->n_banks; i++)
		check_bank(dir, file_view(&list), &p->banks[i], t);
	check_ascii(dir, file_view(&list), t);
out:
	file_free(&list);
	file_free(&pcrs);
	free(p);
}

int
main(void)
{
	const char *golden_dir = getenv("ASSAY_GOLDEN");
	struct tally t = { 0 };
	struct dirent **names;
	char path[4096];
	int n;

	(void)snprintf(path, sizeof(path), "%s/ima_log", golden_dir == NULL ? "tests/golden" : golden_dir);
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "ima_log/%s/list.bin", names[i]->d_name);
		if (names[i]->d_name[0] != '.' && exists(path)) {
			(void)snprintf(path, sizeof(path), "ima_log/%s", names[i]->d_name);
			check_case(path, &t);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	diag("%zu lists, %zu PCR values, %zu of them zero-padded SHA-1, %zu unexplained; ASCII: %zu alike, %zu with a newline in a name",
	    t.lists, t.pcrs, t.padded, t.unexplained, t.ascii_same, t.ascii_broken);
	ok(t.lists >= 32 && t.pcrs >= 60, "all were looked at");
	/* The two lists recorded behind a kexec go on from values that are not theirs. */
	is_int((int64_t)t.unexplained, 6, "only the lists behind a kexec without carry do not replay");
	return done();
}
