//! Bodies on stdout.

use encoding_rs::{Decoder, Encoding, UTF_8};
use std::io::{self, IsTerminal as _, Stdout, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Writes a body to stdout as it comes; one in another encoding becomes UTF-8. Its clones are one.
///
/// What a peer says does not steer a terminal: there control characters are shown as `\u{FFFD}`, and
/// what is not text is left out, unless it is wanted raw.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<Out>>);

struct Out {
    /// What is done before the first byte.
    begin: Option<Box<dyn FnOnce() + Send>>,
    stdout: Stdout,
    decoder: Option<Decoder>,
    /// Whether the text is for a terminal.
    shown: bool,
    /// Whether it has turned out to be no text.
    binary: bool,
    last: Option<u8>,
}

impl Output {
    pub(crate) fn new(encoding: &'static Encoding, raw: bool) -> Self {
        let stdout = io::stdout();
        let shown = stdout.is_terminal() && !raw;
        let decoder = (encoding != UTF_8 || shown).then(|| encoding.new_decoder());
        Self(Arc::new(Mutex::new(Out {
            begin: None,
            stdout,
            decoder,
            shown,
            binary: false,
            last: None,
        })))
    }

    /// Does this before its first byte is written, or when it is told that none comes.
    pub(crate) fn begins_with(&self, begin: impl FnOnce() + Send + 'static) {
        self.lock().begin = Some(Box::new(begin));
    }

    /// Nothing more stands in its way.
    pub(crate) fn begin(&self) {
        let begin = self.lock().begin.take();
        begin.into_iter().for_each(|begin| begin());
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
        out.stdout.flush()?;
        if out.binary {
            eprintln!("unstick: the answer is not text: send it to a file or a pipe, or add --raw");
        }
        Ok(())
    }
}

impl Out {
    fn decode(&mut self, mut bytes: &[u8], last: bool) -> io::Result<()> {
        if self.binary {
            return Ok(());
        }
        let Some(decoder) = &mut self.decoder else {
            self.last = bytes.last().copied().or(self.last);
            return self.stdout.write_all(bytes);
        };
        let mut text = String::with_capacity(4096);
        loop {
            let (result, read, malformed) = decoder.decode_to_string(bytes, &mut text, last);
            bytes = &bytes[read..];
            if self.shown {
                if malformed || text.contains('\0') {
                    self.binary = true;
                    return Ok(());
                }
                text = clean(&text);
            }
            self.last = text.bytes().last().or(self.last);
            self.stdout.write_all(text.as_bytes())?;
            text.clear();
            text.reserve(4096);
            if result == encoding_rs::CoderResult::InputEmpty {
                return Ok(());
            }
        }
    }
}

/// The same with what could steer a terminal, or turn the direction of its text, made visible.
pub(crate) fn clean(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.replace("\r\n", "\n").replace(steers, "\u{FFFD}")
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin();
        self.lock().decode(bytes, false)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().stdout.flush()
    }
}

/// The encoding of that name, for a command line; `auto` is that of this machine's console.
pub(crate) fn encoding(name: &str) -> Result<&'static Encoding, String> {
    // Of some, such as UTF-16, there is a reader and no writer: commands would be sent as UTF-8.
    let both_ways = |it: &&'static Encoding| it.output_encoding() == *it;
    let named = match name {
        "auto" => Some(console_encoding()),
        name => Encoding::for_label(name.as_bytes()),
    };
    named.filter(both_ways).ok_or_else(|| {
        "no such encoding; there are auto and for example gbk, big5, shift_jis, windows-1252".into()
    })
}

/// What programs of this machine print: in its console's code page.
#[cfg(windows)]
#[allow(unsafe_code, reason = "no library has this call")]
fn console_encoding() -> &'static Encoding {
    use windows::Win32::System::Console::GetConsoleOutputCP;
    // SAFETY: it takes nothing. Without a console it returns 0, which is no code page.
    let page = unsafe { GetConsoleOutputCP() };
    u16::try_from(page).ok().and_then(codepage::to_encoding).unwrap_or(UTF_8)
}

/// What programs of this machine print: in the encoding of the locale, as in `zh_CN.GBK`.
#[cfg(not(windows))]
fn console_encoding() -> &'static Encoding {
    let set = |name| std::env::var(name).ok().filter(|it| !it.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let (_, label) = locale.split_once('.').unwrap_or_default();
    let label = label.split('@').next().unwrap_or_default();
    Encoding::for_label(label.as_bytes()).unwrap_or(UTF_8)
}
