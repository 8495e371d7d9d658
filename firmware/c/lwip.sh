#!/usr/bin/env bash
# Prints the folder of lwIP's sources, which are not part of this repository: $LWIP where that is
# set, else what Debian's or Ubuntu's source package has, fetched once.
#
#   ./lwip.sh [FOLDER]    keeps them in FOLDER; in ../target/lwip if none is named
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

missing() {
  echo "lwip: $1: unpack the sources of lwIP 2.1 and set LWIP=path, the folder with its src" >&2
  exit 1
}

is_lwip() {
  [[ -f "$1/src/include/lwip/init.h" ]]
}

if [[ -n "${LWIP:-}" ]]; then
  is_lwip "$LWIP" || missing "there is no src/include/lwip/init.h in $LWIP"
  realpath "$LWIP"
  exit
fi
folder="$(realpath -m "${1:-../target/lwip}")"
if is_lwip "$folder"; then
  echo "$folder"
  exit
fi

command -v apt-get >/dev/null || missing "apt-get is not here to fetch lwIP's sources"
mkdir -p "$(dirname "$folder")"
work="$(mktemp -d "$folder.XXXXXX")"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/sources.list.d"

# This machine's own sources, in a list of their own: nothing of apt's is changed.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [[ -f "$list" ]] && sed -n 's/^deb \(.*\(debian\|ubuntu\).*\)/deb-src \1/p' "$list"
done >"$work/sources.list.d/own.list"
for list in /etc/apt/sources.list.d/{debian,ubuntu}.sources; do
  [[ -f "$list" ]] && sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/sources.list.d/${list##*/}"
done

# apt-get checks the signature of the list, and by it the sum of each file.
apt() {
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/sources.list.d" \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Sandbox::User="$(id -un)" "$@" >"$work/log" 2>&1
}
cd "$work"
if ! apt update || ! apt source --download-only lwip || ! ls lwip_*.orig.tar.* >/dev/null 2>&1; then
  cat "$work/log" >&2
  missing "apt-get could not fetch lwIP's sources, see above"
fi
mkdir unpacked
tar -xf lwip_*.orig.tar.* -C unpacked --strip-components=1
is_lwip unpacked || missing "what apt-get fetched is not lwIP's sources"
# At once or not at all, as another of these may be at it.
mv -T unpacked "$folder" 2>/dev/null || is_lwip "$folder" || missing "$folder is in the way"
echo "$folder"
