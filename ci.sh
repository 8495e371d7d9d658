#!/usr/bin/env bash
# Every check and test of the project, the same at a desk and in CI.
#
#   ./ci.sh             run all steps, stop at the first that fails
#   ./ci.sh STEP...     run only these
#   ./ci.sh list        name the steps
#
# What a step needs beyond rustup's Rust it installs itself where it may (apt-get,
# as root or with passwordless sudo), else it says what to type. With CI=true a
# missing tool is a failure; otherwise its step is skipped, loudly.
set -euo pipefail
exec 2>&1 # one log, in order, and its last line is the result
cd "$(dirname "${BASH_SOURCE[0]}")"

STEPS=(
  "fmt     every file is formatted"
  "clippy  no warning, in the whole workspace and in each feature set of the core"
  "docs    the documentation builds and no link in it is broken"
  "test    unit, integration and documentation tests"
  "bare    the core and the smoltcp node build for a Cortex-M3, without std"
  "main    the main job: the node on a TAP interface agrees with the desktop"
  "board   the node boots on two emulated Cortex-M boards and agrees as well"
  "proof   no panic of the core can be reached, shown at link time"
)
CORE_FEATURES=(md5 commands embedded-io embedded-io-async log defmt)
BARE_TARGET=thumbv7m-none-eabi
BARE_PACKAGES=(rustc-web cargo-web rust-web-src)
MAIN_SECONDS=600 # a node that hangs must not hang the checks
SKIP=200         # exit status of a step whose tools are missing

# rustup's Rust comes first, even when `bare` has put the distribution's into /usr/bin.
export PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
export RUSTUP_AUTO_INSTALL=0 # use the toolchain that is there, download none
export CARGO_TERM_QUIET="${CARGO_TERM_QUIET:-true}"

step_fmt() {
  need "cargo fmt" "rustup component add rustfmt"
  cargo fmt --all --check | sed "s|$PWD/||" # rustfmt names files by their full path
}

step_clippy() {
  need "cargo clippy" "rustup component add clippy"
  cargo clippy --workspace --all-targets -- -D warnings
  # The library alone, as its users build it: dev-dependencies switch features on.
  core_clippy --no-default-features
  for feature in "${CORE_FEATURES[@]}"; do
    core_clippy --no-default-features --features "$feature"
  done
  core_clippy --all-features
  cargo clippy --package unstick-std --lib --no-default-features -- -D warnings
}

core_clippy() {
  echo "unstick $*"
  cargo clippy --package unstick --lib "$@" -- -D warnings
}

step_docs() {
  RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
}

step_test() {
  need python3 "apt-get install python3" # the peers that are not ours
  cargo test --workspace --no-run
  CARGO_TERM_QUIET=false cargo test --workspace # name the tests as they run
}

step_bare() {
  cargo=cargo build_std=()
  if ! has_bare_target; then
    # No such target from rustup: build libcore from the distribution's sources.
    # Only libcore, so a crate that asks for alloc does not even compile.
    apt_need "${BARE_PACKAGES[@]}" || missing "a compiler for $BARE_TARGET" \
      "rustup target add $BARE_TARGET (or, as root: apt-get install ${BARE_PACKAGES[*]})"
    echo "building libcore with the distribution's rustc"
    cargo=/usr/bin/cargo build_std=(-Z build-std=core)
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
  fi
  bare_build --package unstick --no-default-features
  bare_build --package unstick --all-features
  bare_build --package unstick-smoltcp --no-default-features
}

bare_build() {
  echo "$*"
  # A target folder of its own, so that two compilers do not share one.
  "$cargo" build --lib "$@" --target "$BARE_TARGET" "${build_std[@]}" \
    --target-dir "${CARGO_TARGET_DIR:-target}/bare"
}

step_main() {
  timeout --foreground "$MAIN_SECONDS" cargo run --release
}

step_board() {
  local log
  apt_need qemu-system-arm || missing qemu-system-arm "apt-get install qemu-system-arm"
  has_bare_target || apt_need "${BARE_PACKAGES[@]}" lld || missing "a compiler for $BARE_TARGET" \
    "rustup target add $BARE_TARGET (or, as root: apt-get install ${BARE_PACKAGES[*]} lld)"
  log="$(mktemp)"
  (
    cd firmware
    cargo fmt --check
    cargo clippy --all-targets --all-features -- -D warnings
    for board in mps2-an385 mps2-an386; do cargo run --release -- --board "$board" --build; done
    cargo test
  )
  cargo test --package unstick-tests --test firmware -- --nocapture | tee "$log"
  if grep SKIPPED "$log"; then return 1; fi
}

step_proof() {
  has_bare_target || apt_need "${BARE_PACKAGES[@]}" || missing "a compiler for $BARE_TARGET" \
    "rustup target add $BARE_TARGET (or, as root: apt-get install ${BARE_PACKAGES[*]})"
  apt_need llvm || missing llvm-objdump "apt-get install llvm"
  firmware/proof/prove.sh
}

has_bare_target() {
  [[ -d "$(rustc --print sysroot)/lib/rustlib/$BARE_TARGET" ]]
}

# need COMMAND REMEDY: the step cannot run without COMMAND.
need() {
  $1 --version >/dev/null 2>&1 || missing "$1" "$2"
}

missing() {
  echo "ci: $1 is missing; type: $2"
  [[ "${CI:-}" == true ]] && exit 1
  exit "$SKIP"
}

# apt_need PACKAGE...: true if the packages are there or could be installed. Nothing
# else on the machine may be removed for them.
apt_need() {
  dpkg --status "$@" >/dev/null 2>&1 && return
  local sudo=()
  ((EUID == 0)) || sudo=(sudo -n)
  local install=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive
    apt-get install -qq --yes --no-remove --no-install-recommends "$@")
  echo "installing $*"
  # New package lists are fetched only if those at hand do not do.
  "${install[@]}" >/dev/null 2>&1 ||
    { "${sudo[@]}" apt-get update -qq && "${install[@]}"; } >/dev/null 2>&1
}

passed=0 failed=0 table=()

# run STEP: counts how it ends. Never call this in a condition: bash would ignore
# `set -e` inside the step, which would then pass whenever its last command does.
run() {
  local start=$SECONDS status result=passed
  echo "==> $1"
  set +e
  (
    set -e
    "step_$1"
  )
  status=$?
  set -e
  if ((status == 0)); then
    passed=$((passed + 1))
  elif ((status == SKIP)) && [[ "${CI:-}" != true ]]; then
    result=SKIPPED
  else
    result=FAILED failed=$((failed + 1))
    echo "ci: step $1 failed (status $status); again: ./ci.sh $1"
  fi
  table+=("$(printf '%-8s %-8s %7d' "$1" "$result" $((SECONDS - start)))")
  echo "<== $1 $result, $((SECONDS - start)) s"
}

known=("${STEPS[@]%% *}")
if [[ "${1:-}" == list ]]; then
  printf '%s\n' "${STEPS[@]}"
  exit
fi
for step in "$@"; do
  [[ " ${known[*]} " == *" $step "* ]] || { echo "ci: no step $step; see ./ci.sh list" && exit 2; }
done
command -v cargo >/dev/null || { echo "ci: cargo is missing; install Rust with rustup" && exit 1; }
(($#)) || set -- "${known[@]}"

for step in "$@"; do
  run "$step"
  ((failed == 0)) || break
done
printf '\n%-8s %-8s %7s\n' step result seconds
printf '%s\n' "${table[@]}"
printf '%-8s %-8s %7d\n\n' total "" "$SECONDS"
echo "$passed passed, $failed failed"
((failed == 0))
