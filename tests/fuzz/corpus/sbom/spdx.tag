SPDXVersion: SPDX-2.3
FileName: ./a
FileChecksum: SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
FileComment: <text>x
</text>
