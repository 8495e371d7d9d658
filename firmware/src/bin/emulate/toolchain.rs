//! A compiler and a linker for the board, whichever are there.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a board's program is built with.
pub(crate) struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    /// Whether the core library is built from source, as there is none for the target.
    build_core: bool,
    /// The linker, where the compiler brings none.
    linker: Option<PathBuf>,
}

/// A compiler that was found.
struct Compiler {
    cargo: PathBuf,
    rustc: PathBuf,
    rustlib: PathBuf,
}

/// Finds a toolchain: rather one that has the target than one with the source of the core library,
/// rather the one that built this program than the system's.
pub(crate) fn find(target: &str) -> Result<Toolchain, String> {
    let variable = |name, default| PathBuf::from(env::var_os(name).unwrap_or(default));
    let mut compilers = Vec::new();
    let candidates = [
        (variable("CARGO", "cargo".into()), variable("RUSTC", "rustc".into())),
        ("/usr/bin/cargo".into(), "/usr/bin/rustc".into()),
    ];
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
    let linker = match bundled_linker(&chosen.rustlib) {
        Some(_) => None, // the compiler finds it itself
        None => Some(
            compilers
                .iter()
                .find_map(|it| bundled_linker(&it.rustlib))
                .or_else(|| ["ld.lld", "arm-none-eabi-ld"].into_iter().find_map(on_path))
                .ok_or("no linker for ARM: on Debian type `apt-get install lld`")?,
        ),
    };
    Ok(Toolchain {
        cargo: chosen.cargo.clone(),
        rustc: chosen.rustc.clone(),
        build_core: with_target.is_none(),
        linker,
    })
}

impl Toolchain {
    /// Builds a package of this workspace by this command of cargo's, as `build` or `rustc`; gives
    /// the folder where what was built is. What the compiler says goes to stderr.
    pub(crate) fn build(
        &self,
        package: &str,
        command: &[&str],
        target: &str,
    ) -> Result<PathBuf, String> {
        let folder = target_folder()?;
        let mut cargo = Command::new(&self.cargo);
        cargo
            .args(command)
            .args(["--release", "--locked", "--package", package])
            .args(["--target", target, "--target-dir"])
            .arg(&folder)
            .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
            .env("RUSTC", &self.rustc)
            // It names libraries of the compiler that built this program.
            .env_remove("LD_LIBRARY_PATH");
        if self.build_core {
            cargo.args(["-Z", "build-std=core"]).env("RUSTC_BOOTSTRAP", "1");
        }
        if let Some(linker) = &self.linker {
            let name = target.to_uppercase().replace('-', "_");
            cargo.env(format!("CARGO_TARGET_{name}_LINKER"), linker);
        }
        let status = cargo
            .status()
            .map_err(|error| format!("{} could not be run: {error}", self.cargo.display()))?;
        if !status.success() {
            return Err(format!("{package} was not built for {target}; see above"));
        }
        Ok(folder.join(target).join("release"))
    }
}

/// The target folder that this program was built in.
pub(crate) fn target_folder() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| format!("this program is gone: {error}"))?;
    let folder = program.parent().and_then(Path::parent);
    folder.map(Path::to_path_buf).ok_or_else(|| "this program is in no target folder".into())
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
