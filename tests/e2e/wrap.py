"""wrap.py TO RAW: a TPMT_SIGNATURE (RSASSA, SHA-256) of the bare RSA signature in RAW."""
import struct
import sys

raw = open(sys.argv[2], "rb").read()
open(sys.argv[1], "wb").write(struct.pack(">HHH", 0x14, 0x0b, len(raw)) + raw)
