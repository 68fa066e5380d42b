#!/usr/bin/env bash
# Fetches a Debian kernel into a cache and packs the initramfs of the virtual machine. Idempotent. Prints where
# the kernel, the initramfs and the modules are.
# Needs Debian packages: qemu-system-x86 busybox-static kmod cpio (interop/install-peers.sh installs them).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${WIREWEAVE_CACHE:-$HOME/.cache/wireweave}/kernel-vm
# The package lists are empty on a machine that has just been made.
apt-cache show linux-image-amd64 >/dev/null 2>&1 || apt-get update -qq >&2
# The newest that the distribution offers to this release: 6.12 has what 6.1 has, and UDP segmentation in TUN.
for meta in linux-image-6.12-amd64 linux-image-amd64; do
  package=$(apt-cache depends "$meta" 2>/dev/null | awk '/Depends: linux-image-/ {print $2; exit}')
  [ -n "$package" ] && break
done
[ -n "$package" ] || { echo "no Debian kernel package is known here; run apt-get update" >&2; exit 1; }
version=${package#linux-image-}
folder=$cache/$version
mkdir -p "$folder"

if [ ! -e "$folder/boot/vmlinuz-$version" ]; then
  download=$(mktemp -d)
  trap 'rm -rf "$download"' EXIT
  (cd "$download" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2)
  dpkg -x "$download"/*.deb "$folder"
  depmod -b "$folder" "$version"
fi

modules="virtio_pci 9pnet_virtio 9p overlay wireguard veth tun sch_netem sch_tbf sch_fq sch_red virtio_net dummy nf_tables nft_ct nft_masq nft_numgen nft_limit xt_MASQUERADE"
root=$(mktemp -d)
mkdir -p "$root"/{bin,lib,proc,sys,dev,host,overlay,merged}
cp /bin/busybox "$root/bin/busybox"
for module in $modules; do
  modprobe -d "$folder" -S "$version" --show-depends "$module" 2>/dev/null || true
done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' > "$root/order"
i=0
while read -r file; do
  i=$((i + 1))
  printf -v name '%03d-%s' "$i" "$(basename "${file%.xz}")"
  if [ "${file%.xz}" != "$file" ]; then xz -dc "$file" > "$root/lib/$name"; else cp "$file" "$root/lib/$name"; fi
done < "$root/order"
rm "$root/order"
cp "$here/init" "$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 > "$folder/initrd.new"
mv "$folder/initrd.new" "$folder/initrd"
rm -rf "$root"
echo "$folder/boot/vmlinuz-$version $folder/initrd $folder/lib/modules/$version"
