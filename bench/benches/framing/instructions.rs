//! Instructions per frame, as valgrind counts them: the same each time, but for the C library's copy, which
//! depends on what the processor has.

use crate::wire::{SCRATCH, payload};
use crate::{decoders, encoders};
use std::process::{Command, ExitCode};
use unstick_bench::Table;

/// One thing that is done to be counted.
#[derive(Clone, Copy)]
pub(crate) enum Counted {
    /// A decoder by its place in the list, with frames of that size in chunks of that many bytes.
    Decoder { index: usize, size: usize, chunk: usize },
    /// An encoder by its place in the list, with payloads of that size.
    Encoder { index: usize, size: usize },
}

/// Frames that are decoded or encoded each time: so many that the cuts of all chunks come equally often.
const FRAMES: usize = 730;

impl Counted {
    fn parse(what: &str) -> Option<Self> {
        let (kind, numbers) = what.split_once(':')?;
        let numbers: Vec<usize> = numbers.split(',').filter_map(|it| it.parse().ok()).collect();
        match (kind, numbers.as_slice()) {
            ("decode", &[index, size, chunk]) => Some(Self::Decoder { index, size, chunk }),
            ("encode", &[index, size]) => Some(Self::Encoder { index, size }),
            _ => None,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Decoder { index, size, chunk } => format!("decode:{index},{size},{chunk}"),
            Self::Encoder { index, size } => format!("encode:{index},{size}"),
        }
    }

    /// Does it as often as is said: the two values of `--counted`.
    pub(crate) fn run(values: &[String]) {
        let [what, times] = values else { return };
        let times = times.parse().expect("a number");
        let mut scratch = vec![0; SCRATCH];
        match Self::parse(what).expect("one that this program made") {
            Self::Decoder { index, size, chunk } => {
                let decoder = &decoders::ALL[index];
                let stream = decoder.wire.stream(size, FRAMES);
                for _ in 0..times {
                    (decoder.run)(&stream, chunk, &mut scratch);
                }
            }
            Self::Encoder { index, size } => {
                let payload = payload(size);
                for _ in 0..times {
                    (encoders::ALL[index].run)(&payload, FRAMES, &mut scratch);
                }
            }
        }
    }

    /// Instructions per frame: what a second and a third time add, over the frames in them.
    fn count(self) -> f64 {
        let [once, thrice] = [1, 3].map(|times| self.instructions(times));
        (thrice - once) / (2 * FRAMES) as f64
    }

    fn instructions(self, times: usize) -> f64 {
        let program = std::env::current_exe().expect("this program is a file");
        let output = Command::new("valgrind")
            // valgrind counts each byte of a `rep movsb`, so the C library is to copy without it.
            .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-ERMS,-FSRM")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(["--counted", &self.name(), &times.to_string()])
            .output()
            .expect("valgrind is here: `apt-get install valgrind`");
        let said = String::from_utf8_lossy(&output.stderr);
        let count = said.lines().find_map(|line| line.split_once("Collected : "));
        let count = count.and_then(|(_, count)| count.trim().parse().ok());
        count.unwrap_or_else(|| panic!("valgrind did not count:\n{said}"))
    }
}

/// Frames and chunks that have been agreed on for the tables.
const SIZES: [usize; 4] = [16, 64, 512, 4096];
const CHUNKS: [usize; 2] = [1460, 65_536];

pub(crate) fn tables() -> String {
    let head =
        |first: &str| [first.to_owned()].into_iter().chain(SIZES.map(|size| format!("{size} B")));
    let mut decoding = Table::new(head("decoding, chunks of 1460 / 65,536 B"));
    for (index, decoder) in decoders::ALL.iter().enumerate() {
        let cells = SIZES.map(|size| {
            let cell = |chunk| format!("{:.0}", Counted::Decoder { index, size, chunk }.count());
            CHUNKS.map(cell).join(" / ")
        });
        decoding.row([decoder.name.to_owned()].into_iter().chain(cells));
    }
    let mut encoding = Table::new(head("encoding"));
    for (index, encoder) in encoders::ALL.iter().enumerate() {
        let cells = SIZES.map(|size| format!("{:.0}", Counted::Encoder { index, size }.count()));
        encoding.row([encoder.name.to_owned()].into_iter().chain(cells));
    }
    format!("{decoding}\n{encoding}")
}

/// The most instructions that a frame may cost.
pub(crate) fn ceilings() -> ExitCode {
    let decoder = |name| decoders::ALL.iter().position(|it| it.name == name).expect("one of them");
    let encoder = |name| encoders::ALL.iter().position(|it| it.name == name).expect("one of them");
    let borrowing = decoder(decoders::BORROWING);
    let whole = |index| Counted::Decoder { index, size: 64, chunk: 65_536 };
    let torn = |index| Counted::Decoder { index, size: 4096, chunk: 1460 };
    let by_hand = torn(decoder(decoders::BY_HAND)).count();
    let checks = [
        ("a whole frame of 64 B, borrowed", whole(borrowing), 30.0),
        ("a whole frame of 64 B, copied", whole(decoder(decoders::COPYING)), 45.0),
        (
            "a frame of 64 B, encoded",
            Counted::Encoder { index: encoder(encoders::ENCODE), size: 64 },
            42.0,
        ),
        ("a frame of 4096 B, torn by chunks of 1460 B", torn(borrowing), 1.1 * by_hand),
    ];
    let mut over = 0;
    let mut table = Table::new(["instructions of", "counted", "at most"]);
    for (what, counted, most) in checks {
        let count = counted.count();
        over += usize::from(count > most);
        table.row([what.to_owned(), format!("{count:.1}"), format!("{most:.1}")]);
    }
    println!("{table}");
    if over > 0 {
        println!("{over} of them cost more than they may");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
