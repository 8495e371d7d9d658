#!/usr/bin/env bash
# Proves at link time that no panic of the core can be reached; see README.md. Needs no network once
# the crates are in cargo's cache, and ends with 0 only if all links go as they must.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

TARGET=thumbv7m-none-eabi
TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target}"
cargo build --quiet --release --package unstick-cross --manifest-path ../Cargo.toml
cross="$(realpath "$TARGET_DIR")/release/cross"
export CARGO_PROFILE_RELEASE_DEBUG=true # names the file and line of a panic that can be reached

# A core library that is built from source is built at level 3, as rustup delivers it, because at "s"
# its formatting of u64 keeps a bounds check that the compiler cannot show to be idle.
build() {
  "$cross" build --quiet --release --locked --target "$TARGET" --target-dir "$folder" \
    --config 'profile.release.package.core.opt-level=3' --package unstick-proof "$@"
}
folder="$TARGET_DIR/proof"

# sites FUNCTIONS OPTIONS: build, but with a program even where a panic can be reached, and a list of
# where; that must be in these functions, in each of them, and nowhere else.
sites() {
  local functions="$1"
  shift
  local folder="$folder/sites"
  RUSTFLAGS="-C link-arg=--unresolved-symbols=ignore-all" build "$@"
  # shellcheck disable=SC2086 # they are words
  python3 sites.py "$folder/$TARGET/release/unstick-proof" $functions
}

echo "== every public function of the core is called"
python3 calls.py

echo "== no panic of the core can be reached"
build || {
  sites "" || true # says where
  exit 1
}
echo "linked"

echo "== planted panics fail the link, and each is found"
if planted="$(build --features planted-panic 2>&1)"; then
  echo "proof: it linked, so the proof proves nothing" && exit 1
fi
grep --max-count=1 "undefined symbol: a_panic_can_be_reached" <<<"$planted"
if planted="$(sites "" --features planted-panic)"; then
  echo "proof: sites.py does not see the planted panics" && exit 1
fi
for function in "Store>::commit" "Task<.*>>::close" "Caller>::reply" "Write>::flush"; do
  grep --max-count=1 "lent.rs.*$function\|streams.rs.*$function" <<<"$planted" || {
    echo "proof: the panic planted in $function is not found" && exit 1
  }
done

echo "== the async driver"
sites "async_fn_resumed" --features async-driver
