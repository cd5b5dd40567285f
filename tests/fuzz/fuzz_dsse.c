/* Envelopes: what parses is written and read back as the same; sniffing agrees with it. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/dsse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4), pae = buf_init(SIZE_MAX / 4);
	DSSE_AUTO struct dsse d = { 0 }, again = { 0 };
	struct err e = { 0 };
	bool looks = dsse_sniff(span_of(data, size));

	if (dsse_parse(span_of(data, size), &d, &e) != 0) {
		if (e.message[0] == '\0')
			abort();
		return 0;
	}
	/* An escape in the key's spelling ("\u0070ayload") hides it from the sniffer; such
	 * an envelope is then refused as an unknown policy. */
	if (!looks && memchr(data, '\\', size) == NULL)
		abort();
	dsse_pae(d.payload_type, buf_view(&d.payload), &pae);
	dsse_write(d.payload_type, buf_view(&d.payload), d.signatures, d.n_signatures, &out);
	if (out.why != 0 || pae.why != 0 || dsse_parse(buf_view(&out), &again, &e) != 0 ||
	    !dsse_sniff(buf_view(&out)) || again.n_signatures != d.n_signatures ||
	    !span_eq(buf_view(&again.payload), buf_view(&d.payload)) ||
	    !span_eq(again.payload_type, d.payload_type))
		abort();
	for (size_t i = 0; i < d.n_signatures; i++)
		if (!span_eq(again.signatures[i].sig, d.signatures[i].sig) ||
		    !span_eq(again.signatures[i].keyid, d.signatures[i].keyid))
			abort();
	return 0;
}
