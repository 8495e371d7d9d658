#!/usr/bin/env bash
# Prints the folder of lwIP's sources, which are not part of this repository: $LWIP where that is
# set, else what the source package of this Debian or Ubuntu has, with the distribution's patches,
# fetched once. apt-get takes it only if a list that the distribution signed vouches for it.
#
#   ./lwip.sh [FOLDER]    keeps them in FOLDER; in ../target/lwip if none is named
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

missing() {
  echo "lwip: $1: unpack the sources of lwIP 2.1 or 2.2 and set LWIP=path, the folder with its src" >&2
  exit 1
}

# found FOLDER: prints its path and ends, if these are sources that the example is known to work with.
found() {
  local header="$1/src/include/lwip/init.h" version
  [[ -f "$header" ]] || return 0
  version="$(sed -nE 's/^#define LWIP_VERSION_(MAJOR|MINOR) +([0-9]+).*/\2/p' "$header" | paste -sd. -)"
  [[ "$version" == 2.[12] ]] || missing "$1 has lwIP $version, which the example has not been tried with"
  realpath "$1"
  exit
}

if [[ -n "${LWIP:-}" ]]; then
  found "$LWIP"
  missing "there is no src/include/lwip/init.h in $LWIP"
fi
folder="$(realpath -m "${1:-../target/lwip}")"
found "$folder"

command -v apt-get >/dev/null || missing "apt-get is not here to fetch lwIP's sources"
command -v patch >/dev/null || missing "patch is not here, type apt-get install patch; or"
mkdir -p "$(dirname "$folder")"
work="$(mktemp -d "$folder.XXXXXX")"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/sources.list.d"

# The distribution's own sources, in a list of their own: nothing of apt's is changed, and nobody
# else is asked.
if [[ -f /etc/apt/sources.list ]]; then
  sed -n 's/^deb \(.*\(debian\|ubuntu\).*\)/deb-src \1/p' /etc/apt/sources.list
fi >"$work/sources.list.d/own.list"
for list in /etc/apt/sources.list.d/{debian,ubuntu}.sources; do
  [[ -f "$list" ]] && sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/sources.list.d/${list##*/}"
done

# apt-get checks the signature of the list, and by it the sum of each file, and never does without.
apt() {
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/sources.list.d" \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Get::AllowUnauthenticated=false -o Acquire::AllowInsecureRepositories=false \
    -o APT::Sandbox::User="$(id -un)" "$@" >"$work/log" 2>&1
}
cd "$work"
if ! apt update || ! apt source --download-only lwip || ! ls lwip_*.orig.tar.* >/dev/null 2>&1; then
  cat "$work/log" >&2
  missing "apt-get could not fetch lwIP's sources, see above"
fi
mkdir unpacked
tar -xf lwip_*.orig.tar.* -C unpacked --strip-components=1
tar -xf lwip_*.debian.tar.* -C unpacked
# What a distribution repairs are patches, in the order of their series; a line may say more.
if [[ -f unpacked/debian/patches/series ]]; then
  while read -r name _; do
    [[ -z "$name" || "$name" == "#"* ]] ||
      patch -d unpacked -p1 --force --silent <"unpacked/debian/patches/$name" >&2 ||
      missing "the distribution's patch $name does not fit"
  done <unpacked/debian/patches/series
fi
# At once or not at all, as another of these may be at it.
mv -T unpacked "$folder" 2>/dev/null || true
found "$folder"
missing "what apt-get fetched is not lwIP's sources, or $folder is in the way"
