#!/bin/sh
# Makes this folder's generated files anew: mk.sh [BUILD].  Read the difference before
# committing it.
set -eu
cd "$(dirname "$0")"
build=$(cd "${1:-../../../build}" && pwd)
[ -e key-rsa.pem ] || openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key-rsa.pem
for bits in 256 384 521; do
	[ -e key-p$bits.pem ] ||
		openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-$bits -out key-p$bits.pem
done
[ -e roca.der ] || python3 mk-roca.py | openssl asn1parse -genconf /dev/stdin -noout -out roca.der
for t in attest public pcrs; do
	ASSAY_GOLDEN=$(cd .. && pwd) ASSAY_GOLDEN_WRITE=1 "$build/tests/unit/t_tpm_$t"
done
