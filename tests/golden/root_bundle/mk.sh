#!/bin/sh
# A small bundle from the made-up certificates of ../ek_cert, by the real tool.
set -eu
cd "$(dirname "$0")"
one() {
	{
		printf 'vendor: %s\nsource: made by tests/golden/ek_cert/mk.sh\n' "$2"
		[ -z "${3:-}" ] || printf 'kind: %s\n' "$3"
		openssl x509 -inform DER -in "../ek_cert/$1.der"
	} >"roots/$1.pem"
}
mkdir -p roots
one root 'Test TPM maker'
one other-root 'Another maker'
one inter 'Test TPM maker' intermediate
printf 'edition: 7\ndate: 2026-11-22\n' >roots/EDITION
../../../tools/make-root-bundle roots sample.bundle
