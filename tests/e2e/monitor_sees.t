#!/bin/bash
# What is executed or loaded from a watched file system is in the list, once for each path and
# content, with the digest of what ran; what is not seen is what the documentation says.
# shellcheck disable=SC2317  # called by wait_for
. "${0%/*}/monitor.sh"
have python3 mkfs.ext4 || { skip "what the monitor sees" "python3 or mkfs.ext4 is missing"; finish; }
cp /bin/true "$w/true"; cp /bin/cat "$w/cat"
lib=$(ldd /bin/ls | sed -n 's/.*=> \(.*libpcre2[^ ]*\).*/\1/p')
cp "$lib" "$w/lib.so"
printf '#!/bin/sh\nexit 0\n' >"$w/script"; chmod 755 "$w/script"
old
start_monitor --mount "$w"

# --- programs, scripts, libraries
"$w/true"; "$w/script"; "$w/true"
seen "$(sha "$w/true")  $w/true"; ok $? "a program, with the digest of its content"
seen "$(sha "$w/script")  $w/script"; ok $? "a script"
LD_PRELOAD="$w/lib.so" /bin/true
seen "$(sha "$w/lib.so")  $w/lib.so"; ok $? "a library, by LD_PRELOAD"
cp "$lib" "$w/lib2.so"; python3 "$helper" dlopen "$w/lib2.so"
seen "$w/lib2.so"; ok $? "a library, by dlopen"
printf 'x = 1\n' >"$w/data.py"; printf '#!/bin/sh\n: quiet\n' >"$w/quiet"
cat "$w/data.py" >/dev/null; sh "$w/quiet"; python3 "$w/data.py"
settle; ok $? "a new script"
is "$(times "$w/true")" 1 "a program that runs again is listed once"
is "$(times "$w/data.py")$(times "$w/quiet")" 00 "what an interpreter only reads is not seen, as is documented"
python3 "$helper" memfd "$w/true"
settle
is "$(times ghost)" 0 "nor what is executed from memory"

# --- change, and change back
cp "$w/script" "$w/changing"; old; "$w/changing"
first=$(sha "$w/changing")
printf '#!/bin/sh\nexit 0 # two\n' >"$w/changing"; "$w/changing"
second=$(sha "$w/changing")
cp "$w/script" "$w/changing"; "$w/changing"; settle
is "$(grep -F "$w/changing" "$tmp/lines" | awk '{print $2}' | tr '\n' ' ')" "$first $second " \
	"a change is listed, and a change back to what was listed is not"
cp "$w/true" "$w/mapped"; old; "$w/mapped"; "$w/mapped"
python3 "$helper" mapped "$w/mapped" $(($(stat -c %s "$w/mapped") - 1)) 1; "$w/mapped"; settle
is "$(times "$w/mapped")" 2 "a change through a shared mapping too"
cp "$lib" "$w/lib3.so"; old; python3 "$helper" dlopen "$w/lib3.so"; python3 "$helper" dlopen "$w/lib3.so"
printf x >>"$w/lib3.so"; python3 "$helper" dlopen "$w/lib3.so"; settle
is "$(times "$w/lib3.so")" 2 "a library that was appended to"
touch -r "$w/true" "$w/stamp"; cp "$w/script" "$w/dated"; old; "$w/dated"
printf '#!/bin/sh\nexit 1\n' >"$w/dated"; touch -r "$w/stamp" "$w/dated"; "$w/dated"; settle
is "$(times "$w/dated")" 2 "a change under an old date and with the old size"

# --- names
mv "$w/true" "$w/renamed"; "$w/renamed"; settle
cp "$w/cat" "$w/doomed"; printf x >>"$w/doomed"; exec 9<"$w/doomed"; rm "$w/doomed"
/proc/self/fd/9 </dev/null; exec 9<&-
seen "$w/doomed"; ok $? "a file that has no name any more, without the kernel's mark"
is "$(times '(deleted)')" 0 "no mark in a name"
python3 "$helper" tmpfile "$w" "$w/cat" </dev/null
seen "$w/#"; ok $? "a file that never had a name"
python3 "$helper" names "$w" "$w/script"; ok $? "names that are hard to write down"
settle
for n in two_words 'new\x0aline' '\xff\xfe' 'back\\slash' 'gone_(deleted)' '\xc3\xbc'; do
	is "$(times "$w/$n")" 1 "listed: $n"
done
ln "$w/cat" "$w/link"; "$w/link" </dev/null; settle

# --- mounts and namespaces
unshare -m sh -c "mount --bind '$w/script' /bin/false && /bin/false"
is $? 0 "a mount namespace of its own"
cp "$w/script" "$w/inside"; printf '#\n' >>"$w/inside"
unshare -m sh -c "mount --bind '$w' /mnt && /mnt/inside"
seen "  /mnt/inside"; ok $? "a file is named as it is where it ran"
unshare -mpf --mount-proc sh -c "'$w/inside'"; is $? 0 "another namespace of processes"
mkfifo "$w/fifo"; (echo through >"$w/fifo") & is "$(timeout 10 cat "$w/fifo")" through "a pipe in the file system still works"
mknod "$w/null" c 1 3 && echo x >"$w/null"; is $? 0 "a device too"
stop_monitor
run ima-log verify "$data/monitor/list"; exits 0 "the list agrees with itself"
run monitor show --json --data "$data"; exits 0 "and with its sidecar"
is "$(json "[x['cgroup'] != '' and x['uid'] for x in j['entries'] if x.get('path','').endswith('/script')]")" "[0]" \
	"which names user and cgroup"

# --- file systems that come later
: >"$tmp/lines"; data=$tmp/data2
mkdir "$tmp/later"
start_monitor --below "$tmp/later"
mkdir "$tmp/later/ext4" "$tmp/later/over" "$w/up" "$w/work"
truncate -s 16M "$tmp/disk"; mkfs.ext4 -q "$tmp/disk"
if mount -o loop "$tmp/disk" "$tmp/later/ext4" 2>"$tmp/loop.err"; then
	cp "$w/script" "$tmp/later/ext4/script"; sleep 0.3
	"$tmp/later/ext4/script"
	seen "$tmp/later/ext4/script"; ok $? "an ext4 file system that was mounted later"
else
	skip "an ext4 file system" "$(cat "$tmp/loop.err")"
fi
if mount -t overlay -o "lowerdir=$w,upperdir=$tmp/up,workdir=$tmp/work" over "$tmp/later/over" 2>/dev/null ||
   { mkdir -p "$w/upper" "$w/lower"; cp "$w/script" "$w/lower/script"
     mount -t overlay -o "lowerdir=$w/lower,upperdir=$w/up,workdir=$w/work" over "$tmp/later/over"; }; then
	sleep 0.3
	"$tmp/later/over/script"
	seen "$tmp/later/over/script"; ok $? "an overlay, by the path it has there"
	printf '#!/bin/sh\nexit 0 # up\n' >"$tmp/later/over/script"; "$tmp/later/over/script"
	settle_over() { [ "$(times "$tmp/later/over/script")" = 2 ]; }
	wait_for 5 settle_over; ok $? "and again when it was changed there"
fi
mkdir "$tmp/later/inner"
"$w/cat" >/dev/null <"$tmp/later/ext4/script" 2>&1
unshare -m sh -c "mount -t tmpfs none '$tmp/later/inner' && cp '$w/script' '$tmp/later/inner/inner' &&
	n=0; until grep -q later/inner/inner '$tmp/lines'; do '$tmp/later/ext4/script'; cp '$w/script' '$tmp/later/ext4/s'\$n;
	'$tmp/later/ext4/s'\$n; '$tmp/later/inner/inner'; sleep 0.2; n=\$((n+1)); [ \$n -lt 40 ] || exit 1; done"
ok $? "a file system that only another mount namespace has"
umount "$tmp/later/ext4" "$tmp/later/over"; is $? 0 "a watched file system can be unmounted"
stop_monitor
finish
