/* EFI variables, signature lists, device paths: spans inside the input, progress, dumps. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/uefi_devpath.h"
#include "formats/uefi_sig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
lists(struct span in)
{
	struct uefi_sigs s = uefi_sigs_open(in);
	struct buf b = buf_init(SIZE_MAX / 2);
	struct uefi_sig sig;
	struct err e = { 0 };
	size_t before = 0;

	while (uefi_sigs_next(&s, &sig, &e) > 0) {
		if (s.r.off <= before || s.r.off > in.n || sig.offset + UEFI_GUID_SIZE + sig.content.n != s.r.off)
			abort();
		before = s.r.off;
		if (uefi_der_size(sig.content) > sig.content.n)
			abort();
		uefi_sig_dump(&sig, &b);
	}
	(void)uefi_devpath_put(in, &b);
	(void)uefi_devpath_file(in, &b);
	if (b.why != 0)
		abort();
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct efivar_file f;

	lists(span_of(data, size));
	if (efivar_file_parse(span_of(data, size), &f, NULL) == 0)
		lists(f.content);
	return 0;
}
