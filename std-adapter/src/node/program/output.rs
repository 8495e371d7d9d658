//! What a program put out.

use crate::hashing::Hashing;
use std::io::{self, Chain, Read, Seek as _, Write as _};
use tempfile::SpooledTempFile;
use unstick::digest::{Digest, Digester as _};
use unstick::store::Meta;
use unstick::{Refusal, Status};

/// One of a program's two outputs while it runs: in memory first, then in a temporary file.
pub(super) struct Spool {
    file: SpooledTempFile,
    len: u64,
}

/// A body: stdout, then stderr.
pub(super) struct Output {
    body: Chain<SpooledTempFile, SpooledTempFile>,
    size: u64,
    digest: Option<Digest>,
    exit: Option<i32>,
}

impl Spool {
    pub(super) fn new(memory: usize) -> Self {
        Self { file: SpooledTempFile::new(memory), len: 0 }
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        self.len = self.len.saturating_add(piece.len() as u64);
        self.file.write_all(piece).map_err(|error| unkept(&error))
    }
}

impl Output {
    /// Blocks as long as it takes to hash all of it.
    pub(super) fn new(stdout: Spool, stderr: Spool, exit: Option<i32>) -> Result<Self, Refusal> {
        let size = stdout.len.saturating_add(stderr.len);
        let rewound = [stdout, stderr].map(|Spool { mut file, .. }| {
            file.rewind().map(|()| file).map_err(|error| unkept(&error))
        });
        let [stdout, stderr] = rewound;
        let (mut stdout, mut stderr) = (stdout?, stderr?);
        let digest = hash(&mut stdout, &mut stderr).map_err(|error| unkept(&error))?;
        Ok(Self { body: stdout.chain(stderr), size, digest, exit })
    }

    pub(super) fn meta(&self) -> Meta<'_> {
        Meta {
            filename: "",
            size: self.size,
            digest: self.digest,
            status: if self.exit == Some(0) { Status::Ok } else { Status::Failed },
            exit: self.exit,
        }
    }

    pub(super) fn read(&mut self, space: &mut [u8]) -> Result<usize, Refusal> {
        self.body.read(space).map_err(|error| unkept(&error))
    }
}

/// The digest of both, which are then at their start again.
fn hash(stdout: &mut SpooledTempFile, stderr: &mut SpooledTempFile) -> io::Result<Option<Digest>> {
    let mut hasher = Hashing::default();
    let mut piece = vec![0; 64 * 1024];
    for file in [stdout, stderr] {
        loop {
            match file.read(&mut piece)? {
                0 => break,
                len => hasher.update(&piece[..len]),
            }
        }
        file.rewind()?;
    }
    Ok(hasher.finish())
}

fn unkept(error: &io::Error) -> Refusal {
    Refusal::new(Status::Failed, format_args!("the program's output cannot be kept: {error}"))
}
