"""An RSA-2048 key as CVE-2017-15361's library made them: each prime is k * M + (65537^a mod M),
M the product of the first 126 primes.  Prints it for "openssl asn1parse -genconf"."""
import random

def primes(n):
    out, c = [], 2
    while len(out) < n:
        if all(c % p for p in out):
            out.append(c)
        c += 1
    return out

def probably_prime(n):
    return all(pow(b, n - 1, n) == 1 for b in (2, 3, 5, 7, 11, 13, 17, 19, 23))

M = 1
for p in primes(126):
    M *= p
rng = random.Random(201715361)

def weak_prime():
    while True:
        k = rng.randrange((3 << 1022) // M, (1 << 1024) // M)
        p = k * M + pow(65537, rng.getrandbits(64), M)
        if p >> 1023 == 1 and probably_prime(p):
            return p

n = weak_prime() * weak_prime()
assert n.bit_length() == 2048
print(f"""asn1=SEQUENCE:spki
[spki]
alg=SEQUENCE:alg
key=BITWRAP,SEQUENCE:rsa
[alg]
oid=OID:rsaEncryption
null=NULL
[rsa]
n=INTEGER:0x{n:x}
e=INTEGER:65537""")
