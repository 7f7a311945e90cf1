#!/usr/bin/env bash
# make avx512: the tests of the kernels, of what stands on them and of whole models on a processor with AVX-512, emulated instruction by
# instruction by Bochs, for machines that have none. A Linux kernel starts in it with the test runner as its only program.
#
#   ROOMS="matmul_tile attention"   rooms of the test runner (all that touch a kernel, but matmul and matmul_bf16, which take an hour each)
#   CPUS=corei7_skylake_x           Bochs' names. Linux 6.1 does not start on those of Bochs 2.7 that have VNNI, and it knows no AVX512-BF16
#   LIMIT=3600                      seconds for each processor
#
# Two tests of room vector fail in Bochs 2.7 and nowhere else: its VCVTPS2PH rounds ties of subnormal results up, in the AVX2 row as well.
#
# Wants: bochs xorriso isolinux syslinux-common busybox-static cpio, and a kernel: KERNEL=FILE, else the newest /boot/vmlinuz-*, else that of
# Debian's package, fetched and unpacked under build/. About thirty million instructions a second: some minutes until the first test.
set -euo pipefail
tests=$1 hone=$2
rooms=${ROOMS:-isa kernels dot_int8 dot_bf16 matmul_tile activation adamw attention dropout embedding layernorm normalize pooling softmax_xent vector matmul_int8 attention_first forget models pass precision}
cpus=${CPUS:-corei7_skylake_x}
limit=${LIMIT:-3600}
work=build/avx512
missing=()
for pair in bochs:bochs xorriso:xorriso busybox:busybox-static cpio:cpio; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}"); done
[ -f /usr/lib/ISOLINUX/isolinux.bin ] || missing+=(isolinux)
[ -f /usr/lib/syslinux/modules/bios/ldlinux.c32 ] || missing+=(syslinux-common)
if ((${#missing[@]})); then
    echo "make avx512: not found: ${missing[*]}. hint: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 2
fi
mkdir -p $work

find_kernel() {
    local k
    k=$(ls -v /boot/vmlinuz-* $work/linux/boot/vmlinuz-* 2>/dev/null | tail -n 1)
    if [ -z "$k" ]; then
        local name
        name=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9]\)/\1/p' | head -n 1)
        (cd $work && apt-get download -q "$name" >/dev/null 2>&1 && dpkg-deb -x "$name"_*.deb linux) || true
        k=$(ls -v $work/linux/boot/vmlinuz-* 2>/dev/null | tail -n 1)
    fi
    echo "$k"
}
kernel=${KERNEL:-$(find_kernel)}
[ -f "$kernel" ] || { echo 'make avx512: no Linux kernel. hint: KERNEL=FILE, a vmlinuz with devtmpfs and a serial console' >&2; exit 2; }

# The root: the runner and what it reads, its libraries, busybox.
root=$work/root
rm -rf $root && mkdir -p $root/{bin,proc,sys,dev,tmp,repo/build/test}
cp "$(command -v busybox)" $root/bin/busybox
for name in sh mount grep sleep poweroff; do ln -s busybox $root/bin/$name; done
ldd "$tests" "$hone" | grep -o '/lib[^ ]*' | sort -u | while read -r l; do mkdir -p "$root/$(dirname "$l")" && cp -L "$l" "$root/$l"; done
strip -o $root/repo/build/test/hone-tests "$tests"
strip -o $root/repo/build/test/hone "$hone"
mkdir $root/repo/tests && cp -r tests/golden $root/repo/tests/
cat >$root/init <<EOF
#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null; mount -t tmpfs tmp /tmp
exec >/dev/ttyS0 2>&1 </dev/null
cd /repo
echo "cpu: \$(grep -m1 'model name' /proc/cpuinfo)"
echo "has: \$(grep -m1 -o 'avx512[a-z_0-9]*' /proc/cpuinfo | sort -u | tr '\n' ' ')"
HONE_TEST_FEW=1 HONE_BIN=build/test/hone build/test/hone-tests $rooms
echo "avx512: end \$?"
sleep 1; poweroff -f
EOF
chmod +x $root/init
for name in sort tr; do ln -s busybox $root/bin/$name; done
(cd $root && find . | cpio -o -H newc --quiet | gzip -1) >$work/initrd.gz

# Bochs' XSAVE areas are not laid out as Linux checks them: no compact ones (323, 321), no protection keys (515, 516).
iso=$work/iso
rm -rf $iso && mkdir -p $iso/isolinux
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 $iso/isolinux/
cp "$kernel" $iso/vmlinuz && cp $work/initrd.gz $iso/
cat >$iso/isolinux/isolinux.cfg <<'EOF'
default hone
prompt 0
label hone
 kernel /vmlinuz
 append initrd=/initrd.gz console=ttyS0 rdinit=/init loglevel=3 mitigations=off nosmp tsc=reliable lpj=1000000 cryptomgr.notests=1 clearcpuid=323,321,515,516
EOF
xorriso -as mkisofs -quiet -o $work/hone.iso -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table $iso 2>/dev/null

run() { # run CPU: what came over the serial line lies in $work/CPU.txt
    local cpu=$1 start=$SECONDS
    rm -f $work/$cpu.txt
    cat >$work/$cpu.rc <<EOF
cpu: model=$cpu, count=1, ignore_bad_msrs=1, ips=100000000
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/hone.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/$cpu.txt
display_library: rfb, options="timeout=0" # no window; nobody has to look
log: $work/$cpu.log
clock: sync=none, time0=local
panic: action=report
error: action=report
EOF
    echo c >$work/continue # Debian's Bochs stops in its debugger, others ignore the file
    # The pipe keeps the debugger's input open.
    sleep "$limit" | timeout "$limit" bochs -q -f $work/$cpu.rc -rc $work/continue >$work/$cpu.out 2>&1 &
    local emulator=$! # timeout, which hands the signal on
    while ! grep -q '^avx512: end' $work/$cpu.txt 2>/dev/null && kill -0 $emulator 2>/dev/null; do sleep 2; done
    kill $emulator 2>/dev/null || true
    tr -d '\r' <$work/$cpu.txt >$work/$cpu.clean
    echo "$cpu: $(sed -n 's/^has: //p' $work/$cpu.clean)"
    grep -E 'FAILED|^skipped' $work/$cpu.clean || true
    grep -E '^[0-9]+ passed|^kernel cases' $work/$cpu.clean || echo "$cpu: no summary within $limit s; $work/$cpu.txt has what came"
    echo "$cpu: $((SECONDS - start)) s"
    grep -q '^avx512: end 0' $work/$cpu.clean
}
failed=0
for cpu in $cpus; do run "$cpu" || failed=1; done
exit $failed
