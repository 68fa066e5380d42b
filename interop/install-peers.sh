#!/usr/bin/env bash
# Installs what the tests in this folder need and prints the versions. What is there already is left alone.
# Debian packages with apt (as root); current wireguard-go and boringtun with go and cargo into
# ${WIREWEAVE_CACHE:-~/.cache/wireweave}/bin, outside the checkout.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/local/go/bin:$HOME/.cargo/bin:/usr/sbin:/sbin

cache=${WIREWEAVE_CACHE:-$HOME/.cache/wireweave}/bin
wireguard_go=golang.zx2c4.com/wireguard@latest
boringtun=boringtun-cli

# Program and the package it comes from.
packages="
ip iproute2
ping iputils-ping
unshare util-linux
ps procps
sysctl procps
wg wireguard-tools
wg-quick wireguard-tools
wireguard-go wireguard-go
iperf3 iperf3
tcpdump tcpdump
tshark tshark
nft nftables
modprobe kmod
qemu-system-x86_64 qemu-system-x86
busybox busybox-static
cpio cpio
xz xz-utils
gcc build-essential
conntrack conntrack
curl curl
ethtool ethtool
git git
setpriv util-linux
openvpn openvpn
openssl openssl
taskset util-linux
chromium chromium
wine wine
wineserver wine64
x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64-win32
i686-w64-mingw32-gcc gcc-mingw-w64-i686-win32
flock util-linux
systemd-analyze systemd
"

missing=$(while read -r program package; do
  [ -z "$program" ] || command -v "$program" >/dev/null || echo "$package"
done <<<"$packages" | sort -u)
if [ -n "$missing" ]; then
  echo "installing:" $missing
  [ "$(id -u)" = 0 ] || { echo "apt needs root: run this as root, or install them yourself" >&2; exit 1; }
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -qq -y --no-install-recommends $missing >/dev/null
fi

mkdir -p "$cache"
if [ ! -x "$cache/wireguard" ]; then
  command -v go >/dev/null || apt-get install -qq -y --no-install-recommends golang-go >/dev/null ||
    { echo "wireguard-go needs Go 1.23 or later: https://go.dev/dl" >&2; exit 1; }
  GOBIN=$cache GOFLAGS=-trimpath go install "$wireguard_go"
fi
if [ ! -x "$cache/boringtun-cli" ]; then
  command -v cargo >/dev/null || apt-get install -qq -y --no-install-recommends cargo >/dev/null ||
    { echo "boringtun needs Rust: https://rustup.rs" >&2; exit 1; }
  root=$(mktemp -d)
  cargo install --quiet --locked --root "$root" "$boringtun"
  mv "$root/bin/boringtun-cli" "$cache/"
  rm -rf "$root"
fi

echo "kernel           $(uname -r)"
echo "wireguard-tools  $(wg --version | cut -d' ' -f2)"
echo "wireguard-go     $(wireguard-go --version 2>/dev/null | head -n 1 | cut -d' ' -f2) of Debian"
echo "wireguard-go     $("$cache/wireguard" --version 2>/dev/null | head -n 1 | cut -d' ' -f2)"
echo "boringtun        $("$cache/boringtun-cli" --version | cut -d' ' -f2)"
echo "openvpn          $(openvpn --version | head -n 1 | cut -d' ' -f2)"
echo "chromium         $(chromium --version 2>/dev/null | cut -d' ' -f2)"
echo "iperf3           $(iperf3 --version | head -n 1 | cut -d' ' -f2)"
echo "tshark           $(tshark --version 2>/dev/null | head -n 1 | cut -d' ' -f3)"
