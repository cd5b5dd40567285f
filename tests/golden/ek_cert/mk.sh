#!/bin/sh
# Makes every file here anew.  Keys are made once and kept: delete one to have another.
set -eu
cd "$(dirname "$0")"
ec() { [ -e "key-$1.pem" ] || openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out "key-$1.pem" 2>/dev/null; }
rsa() { [ -e "key-$1.pem" ] || openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$2" -out "key-$1.pem" 2>/dev/null; }
for k in root inter other-root device-root idevid ek-ecc; do ec "$k" P-256; done
ec ek-p384 P-384
rsa ek-rsa 2048
rsa ek-rsa3072 3072
rsa other-rsa 2048
rsa weak-rsa 1024
# A key whose x begins with a zero octet, by trying: 256 tries on the average.
while [ ! -e key-ek-zero.pem ]; do
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out zero.tmp
	x=$(openssl pkey -in zero.tmp -pubout -outform DER | tail -c 64 | od -An -tx1 -N1 | tr -d ' ')
	if [ "$x" = 00 ]; then mv zero.tmp key-ek-zero.pem; fi
done
rm -f zero.tmp
python3 -B mk.py
