//! Bodies on stdout.

use encoding_rs::{Decoder, Encoding, UTF_8};
use std::io::{self, IsTerminal as _, Stdout, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Writes a body to stdout as it comes; one in another encoding becomes UTF-8. Its clones are one.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<Out>>);

struct Out {
    stdout: Stdout,
    decoder: Option<Decoder>,
    last: Option<u8>,
}

impl Output {
    pub(crate) fn new(encoding: &'static Encoding) -> Self {
        let decoder = (encoding != UTF_8).then(|| encoding.new_decoder());
        Self(Arc::new(Mutex::new(Out { stdout: io::stdout(), decoder, last: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body is whole. A terminal gets the line break it lacks, so that the prompt stands on a
    /// line of its own; a file or a pipe gets the body and nothing else.
    pub(crate) fn finish(&self, lines: bool) -> io::Result<()> {
        let mut out = self.lock();
        out.decode(&[], true)?;
        let unfinished = out.last.is_some_and(|last| last != b'\n');
        if unfinished && (lines || out.stdout.is_terminal()) {
            out.stdout.write_all(b"\n")?;
        }
        out.stdout.flush()
    }
}

impl Out {
    fn decode(&mut self, mut bytes: &[u8], last: bool) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else {
            self.last = bytes.last().copied().or(self.last);
            return self.stdout.write_all(bytes);
        };
        let mut text = String::with_capacity(4096);
        loop {
            let (result, read, _) = decoder.decode_to_string(bytes, &mut text, last);
            bytes = &bytes[read..];
            self.last = text.bytes().last().or(self.last);
            self.stdout.write_all(text.as_bytes())?;
            text.clear();
            if result == encoding_rs::CoderResult::InputEmpty {
                return Ok(());
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().decode(bytes, false)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().stdout.flush()
    }
}

/// The encoding of that name, for a command line.
pub(crate) fn encoding(name: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(name.as_bytes()).ok_or_else(|| {
        "no such encoding; there are for example gbk, big5, shift_jis, windows-1252".into()
    })
}
