#!/usr/bin/env bash
# Installs what the tests that need root lack: Debian packages, the current wireguard-go and boringtun. Idempotent; what
# is there is left alone. Programs built here go to a cache outside the checkout (WIREWEAVE_CACHE, ~/.cache/wireweave).
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
cache=${WIREWEAVE_CACHE:-$HOME/.cache/wireweave}
mkdir -p "$cache/bin"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages=(
  wireguard-tools wireguard-go iperf3 tcpdump tshark nftables conntrack iproute2 iputils-ping procps curl util-linux
  gcc libc6-dev                                            # struct tables are held against a C compiler
  qemu-system-x86 busybox-static kmod cpio xz-utils        # the kernel with WireGuard in a virtual machine
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
elif [ -z "$(ls /var/lib/apt/lists/*Packages* 2>/dev/null)" ]; then
  as_root apt-get update -qq                               # the virtual machine's kernel is looked up in the lists
fi

if [ ! -x "$cache/bin/wireguard" ]; then
  command -v go >/dev/null || as_root apt-get install -y -qq --no-install-recommends golang-go >/dev/null
  GOBIN="$cache/bin" go install golang.zx2c4.com/wireguard@latest
fi
if [ ! -x "$cache/bin/boringtun-cli" ]; then
  command -v cargo >/dev/null || as_root apt-get install -y -qq --no-install-recommends cargo >/dev/null
  cargo install --quiet --root "$cache" boringtun-cli
fi

echo "wg            $(wg --version)"
echo "wireguard-go  $(/usr/bin/wireguard-go --version 2>&1 | head -n 1) (Debian)"
echo "wireguard-go  $("$cache/bin/wireguard" --version 2>&1 | head -n 1) (current)"
echo "boringtun     $("$cache/bin/boringtun-cli" --version)"
