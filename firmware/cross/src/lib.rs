//! What a board needs that is not there: a compiler and a linker for it, and a machine that it is.
//!
//! This is the one way to them: `emulate` and tests use the library, scripts the program `cross`.

mod qemu;

pub use qemu::{Emulated, QEMU};

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The exit code of programs that miss a tool of the system.
pub const MISSING: u8 = 3;

/// What programs for a target are built with.
#[derive(Debug)]
pub struct Toolchain {
    target: String,
    cargo: PathBuf,
    rustc: PathBuf,
    /// Whether the core library is built from source, as there is none for the target.
    build_core: bool,
    linker: PathBuf,
}

/// A compiler that was found.
struct Compiler {
    cargo: PathBuf,
    rustc: PathBuf,
    rustlib: PathBuf,
}

impl Toolchain {
    /// Finds one: rather one that has the target than one with the source of the core library, rather
    /// the one that built this program than the system's.
    ///
    /// # Errors
    ///
    /// A sentence that says what is missing and what to type.
    pub fn find(target: &str) -> Result<Self, String> {
        let variable = |name, default| PathBuf::from(env::var_os(name).unwrap_or(default));
        let candidates = [
            (variable("CARGO", "cargo".into()), variable("RUSTC", "rustc".into())),
            ("/usr/bin/cargo".into(), "/usr/bin/rustc".into()),
        ];
        let mut compilers = Vec::new();
        for (cargo, rustc) in candidates {
            compilers.extend(rustlib(&rustc).map(|rustlib| Compiler { cargo, rustc, rustlib }));
        }
        let has_target = |it: &&Compiler| it.rustlib.join(target).join("lib").is_dir();
        let has_source = |it: &&Compiler| it.rustlib.join("src/rust/library/core").is_dir();
        let with_target = compilers.iter().find(has_target);
        let Some(chosen) = with_target.or_else(|| compilers.iter().find(has_source)) else {
            return Err(format!(
                "no compiler for {target}: type `rustup target add {target}`, or on Debian `apt-get install rustc-web cargo-web rust-web-src lld`"
            ));
        };
        let bundled = [chosen].into_iter().chain(&compilers).map(|it| bundled_linker(&it.rustlib));
        let linker = bundled
            .flatten()
            .next()
            .or_else(|| ["ld.lld", "arm-none-eabi-ld"].into_iter().find_map(on_path))
            .ok_or("no linker for boards: on Debian type `apt-get install lld`")?;
        Ok(Self {
            target: target.into(),
            cargo: chosen.cargo.clone(),
            rustc: chosen.rustc.clone(),
            build_core: with_target.is_none(),
            linker,
        })
    }

    /// Cargo with these arguments, which name the target.
    pub fn cargo(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let linker = self.target.to_uppercase().replace('-', "_");
        let mut cargo = Command::new(&self.cargo);
        cargo
            .args(arguments)
            .env("RUSTC", &self.rustc)
            .env(format!("CARGO_TARGET_{linker}_LINKER"), &self.linker)
            // It names libraries of the compiler that built this program.
            .env_remove("LD_LIBRARY_PATH");
        if self.build_core {
            cargo.args(["-Z", "build-std=core"]).env("RUSTC_BOOTSTRAP", "1");
        }
        cargo
    }
}

impl fmt::Display for Toolchain {
    /// What makes the code, not where it is from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output = Command::new(&self.rustc).arg("--version").output().map_err(|_| fmt::Error)?;
        let version = String::from_utf8_lossy(&output.stdout);
        let version = version.split_whitespace().nth(1).unwrap_or_default();
        let core = if self.build_core {
            "its core library compiled at \"s\" as well"
        } else {
            "rustup's core library"
        };
        write!(f, "rustc {version}, {core}")
    }
}

/// Where a compiler keeps its targets; `None` if there is no such compiler.
fn rustlib(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| Path::new(sysroot.trim_end()).join("lib/rustlib"))
}

/// The linker of a rustup toolchain.
fn bundled_linker(rustlib: &Path) -> Option<PathBuf> {
    let targets = fs::read_dir(rustlib).ok()?.flatten();
    targets.map(|target| target.path().join("bin/rust-lld")).find(|path| path.is_file())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path: OsString = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}
