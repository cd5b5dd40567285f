#!/bin/sh
# mk.sh: make the test keys anew (the tokens and t_ear's expectations of them then change too).
set -eu
cd "$(dirname "$0")"
for c in P-256 P-384 P-521; do
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$c -out "ec$(echo $c | tr -d P-).key"
done
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
for k in *.key; do openssl pkey -in "$k" -pubout -out "${k%.key}.pub"; done
