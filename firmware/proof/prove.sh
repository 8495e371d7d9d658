#!/usr/bin/env bash
# Proves at link time that no panic of the core can be reached; see README.md. Needs no network once
# the crates are in cargo's cache, and ends with 0 only if all links go as they must.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

TARGET=thumbv7m-none-eabi
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/$TARGET"

sysroot="$(rustc --print sysroot)"
host="$(rustc -vV | sed -n 's/^host: //p')"
linker="$sysroot/lib/rustlib/$host/bin/rust-lld"
[[ -x "$linker" ]] || linker="$(command -v ld.lld)" || {
  echo "proof: there is no linker; as root type: apt-get install lld"
  exit 1
}
export CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER="$linker"
cargo=cargo options=()
if [[ ! -d "$sysroot/lib/rustlib/$TARGET" ]]; then
  # The system's Rust compiles libcore from source: at level 3, as rustup delivers it, because at
  # "s" its formatting of u64 keeps a bounds check that the compiler cannot show to be idle.
  [[ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src" ]] || {
    echo "proof: there is no compiler for $TARGET; type: rustup target add $TARGET"
    exit 1
  }
  export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
  cargo=/usr/bin/cargo
  options=(-Z build-std=core --config 'profile.release.package.core.opt-level=3')
fi

build() {
  "$cargo" build --quiet --release --locked --target "$TARGET" "${options[@]}" "$@"
}

# sites FUNCTIONS OPTIONS: build, but with a program even where a panic can be reached, and a list of
# where; that must be in these functions, in each of them, and nowhere else.
sites() {
  local functions="$1"
  shift
  RUSTFLAGS="-C link-arg=--unresolved-symbols=ignore-all" \
    CARGO_TARGET_DIR="$CARGO_TARGET_DIR/sites" build "$@"
  # shellcheck disable=SC2086 # they are words
  python3 sites.py "$CARGO_TARGET_DIR/sites/$TARGET/release/unstick-proof" $functions
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
