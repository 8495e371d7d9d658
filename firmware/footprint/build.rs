//! Links what runs with cortex-m-rt's script, and what is only measured with a plain one.

use std::env;
use std::fs;
use std::io;

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=layout.x");
    println!("cargo:rerun-if-changed=../memory.x");
    println!("cargo:rerun-if-changed=src/bin");
    let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo:rustc-link-search={here}");
    println!("cargo:rustc-link-search={here}/.."); // memory.x
    for program in fs::read_dir("src/bin")? {
        let program = program?.path();
        let name = program.file_stem().unwrap_or_default().to_string_lossy();
        let script = if name.starts_with("run") { "link.x" } else { "layout.x" };
        println!("cargo:rustc-link-arg-bin={name}=-T{script}");
        // Without paging there is nothing to align sections to.
        println!("cargo:rustc-link-arg-bin={name}=--nmagic");
    }
    Ok(())
}
