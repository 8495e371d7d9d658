//! Links the board's program: cortex-m-rt's script, with this folder's `memory.x`.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rustc-env=UNSTICK_TARGET={}", env::var("TARGET").unwrap_or_default());
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "none") {
        let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-search={here}");
        // Without paging there is nothing to align sections to.
        println!("cargo:rustc-link-arg-bin=unstick-firmware=--nmagic");
        println!("cargo:rustc-link-arg-bin=unstick-firmware=-Tlink.x");
    }
}
