/* The recorded lists replay to the values that the machine's TPM quoted, after exactly
 * the entries its README names, in every bank; any changed byte breaks it. */
#include "engine/replay.h"
#include "tests/golden.h"

/* PCR 10 of the bank after ${entries} entries of the list. */
static bool
replays_to(const char *name, enum digest_alg bank, uint64_t entries, const char *want_hex)
{
	struct file f = golden(name);
	struct err e = { 0 };
	struct replay r;
	struct ima_log log;
	struct ima_entry n;
	bool right, all_right = true;
	char hex[2 * LIMIT_DIGEST + 1] = "";
	enum digest_alg column;

	if (replay_column_alg(file_view(&f), &column, &e) != 0 || column != DIGEST_SHA1 ||
	    replay_start(&r, bank, column, IMA_EXTEND_BANK, &e) != 0 || ima_log_open(file_view(&f), &log, &e) != 0)
		return false;
	while (r.count < entries && ima_log_next(&log, &n, &e) > 0 &&
	    replay_entry(&r, &n, &right, &e) == 0)
		all_right &= right;
	for (size_t i = 0; i < digest_alg_size(bank); i++)
		(void)snprintf(hex + 2 * i, 3, "%02X", r.pcrs.v[10][i]);
	ima_log_close(&log);
	replay_end(&r);
	file_free(&f);
	if (strcmp(hex, want_hex) != 0)
		diag("got %s", hex);
	return all_right && strcmp(hex, want_hex) == 0;
}

static void
pcr10(int nr, const char *bank, char *out, size_t size)
{
	char name[64], *p;

	(void)snprintf(name, sizeof(name), "debian12-vm/pcrs%d.txt", nr);
	struct file f = golden(name);
	char *text = strndup((char *)f.p, f.n);

	p = strstr(text, bank);
	p = p == NULL ? NULL : strstr(p, "10: 0x");
	if (p != NULL)
		(void)snprintf(out, size, "%.*s", (int)strspn(p + 6, "0123456789ABCDEF"), p + 6);
	free(text);
	file_free(&f);
}

int
main(void)
{
	static const uint64_t after[] = { 540, 547, 553 };

	for (int i = 1; i <= 3; i++) {
		char list[64], want[2 * LIMIT_DIGEST + 1] = "";

		(void)snprintf(list, sizeof(list), "debian12-vm/list%d.bin", i);
		pcr10(i, "sha256:", want, sizeof(want));
		ok(replays_to(list, DIGEST_SHA256, after[i - 1], want), "%s sha256 after %d", list, (int)after[i - 1]);
		pcr10(i, "sha1:", want, sizeof(want));
		ok(replays_to(list, DIGEST_SHA1, after[i - 1], want), "%s sha1 after %d", list, (int)after[i - 1]);
	}
	return done();
}
