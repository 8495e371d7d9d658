//! `unstick keygen`: a new key in a file.

use crate::failure::Failure;
use clap::ValueEnum;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use unstick_std::keys::generate;
use unstick_std::unstick::keys;

/// Make a key, and a file for it that only you can read.
///
/// A node with the key (`unstick serve --key FILE`) runs commands only for who has it
/// (`unstick call --key FILE`). Both ends have the same file, or a line of it: a node's file may have
/// several lines, and only who is named by one of them gets in. A file that is there is left as it is.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick keygen pump.key
  unstick keygen --id 2 --role read viewer.key
  cat pump.key viewer.key > node.keys; chmod 600 node.keys

Whoever has the file has the key: carry it over a way that nobody else reads, and not in a firmware image.")]
pub(crate) struct Args {
    /// The number that names the key to a node, which may have others
    #[arg(long, value_name = "N", default_value_t = 1)]
    id: u8,
    /// What who has the key may do
    #[arg(long, default_value = "full")]
    role: Role,
    /// The file to make
    file: PathBuf,
}

/// What a key allows.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Everything
    Full,
    /// Commands that change nothing
    Read,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let role = match args.role {
        Role::Full => keys::Role::Full,
        Role::Read => keys::Role::Read,
    };
    generate(&args.file, args.id, role).map_err(|error| Failure::said(error.to_string()))?;
    let (file, id, role) = (args.file.display(), args.id, role.as_str());
    writeln!(io::stdout(), "{file}: key {id}, role {role}")?;
    Ok(ExitCode::SUCCESS)
}
