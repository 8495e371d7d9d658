#!/usr/bin/env bash
# Builds and runs main.c for this machine, with lwIP's sources as ../lwip.sh finds them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
lwip="$(../lwip.sh)"
target="${CARGO_TARGET_DIR:-../../target}"
cargo rustc --quiet --release --package unstick-c --crate-type staticlib
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
core=("$lwip"/src/core/{def,inet_chksum,init,ip,mem,memp,netif,pbuf,timeouts,udp}.c)
cc -std=c11 -O -I. -I../include -isystem "$lwip/src/include" -c -o "$work/main.o" -Wall -Wextra -Werror main.c
cc -std=c11 -O -w -I. -isystem "$lwip/src/include" -o "$work/ask" "$work/main.o" "${core[@]}" \
  "$lwip"/src/core/ipv4/{icmp,ip4,ip4_addr}.c "$target/release/libunstick_c.a"
"$work/ask"
