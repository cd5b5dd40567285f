#!/bin/bash
# What README.md shows is what the program prints.
. "${0%/*}/lib.sh"
mkdir "$tmp/here"; cd "$tmp/here" || exit 1
python3 "$here/readme.py" "$source_dir/README.md" "$assay" "$golden/debian12-vm"
