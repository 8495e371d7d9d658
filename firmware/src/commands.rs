//! Commands of this node's own.

use crate::registers::Registers;
use core::fmt::Write as _;
use core::ops::Range;
use unstick::store::Store;
use unstick::{Answer, Call, Command, Node, Outcome, Refusal, Status, Text};

/// Where the FPGA's I/O registers are: LEDs, buttons, counters. Reading them changes nothing, so
/// `peek` may read all of them, and nothing else.
const WINDOW: Range<usize> = 0x4002_8000..0x4002_8050;

/// What commands may start: nothing, unless those of a node under test are there.
#[cfg(not(feature = "demo"))]
pub type Tasks = unstick::NoTask;

/// What commands may start.
#[cfg(feature = "demo")]
pub type Tasks = unstick_conformance::commands::Tasks;

/// What the commands work on.
pub struct Board<R> {
    fpga: R,
    reboot: bool,
    #[cfg(feature = "demo")]
    settings: unstick_conformance::commands::Settings,
}

#[cfg(feature = "demo")]
impl<R> AsMut<unstick_conformance::commands::Settings> for Board<R> {
    fn as_mut(&mut self) -> &mut unstick_conformance::commands::Settings {
        &mut self.settings
    }
}

impl<R: Registers> Board<R> {
    const LEDS: usize = 0x00;
    const LED: u32 = 1;

    /// A board by its FPGA's I/O registers.
    pub const fn new(fpga: R) -> Self {
        Self {
            fpga,
            reboot: false,
            #[cfg(feature = "demo")]
            settings: unstick_conformance::commands::Settings::new(),
        }
    }

    /// Whether somebody asked for a reboot.
    pub const fn wants_reboot(&self) -> bool {
        self.reboot
    }

    fn set_led(&mut self, on: bool) {
        let others = self.fpga.read(Self::LEDS) & !Self::LED;
        self.fpga.write(Self::LEDS, if on { others | Self::LED } else { others });
    }

    fn led(&mut self) -> bool {
        self.fpga.read(Self::LEDS) & Self::LED != 0
    }
}

/// A node with these commands, and any store.
type BoardNode<S, R> = Node<S, Board<R>, Tasks>;

/// The table; with feature `demo` the commands of a node under test are in it.
pub fn commands<S: Store + 'static, R: Registers + 'static>() -> &'static [Command<BoardNode<S, R>>]
{
    const { &Table::<S, R>::ROWS }
}

struct Table<S, R>(core::marker::PhantomData<(S, R)>);

impl<S: Store + 'static, R: Registers + 'static> Table<S, R> {
    const LED: Command<BoardNode<S, R>> =
        Command::new("led", led).usage("led on|off|toggle").help("switches the board's LED");
    const PEEK: Command<BoardNode<S, R>> = Command::new("peek", peek)
        .usage("peek ADDR LEN")
        .help("bytes of the board's I/O registers, as 0x40028000 4")
        .read_only();
    const REBOOT: Command<BoardNode<S, R>> =
        Command::new("reboot", reboot).help("answers what has been asked, then starts again");

    #[cfg(not(feature = "demo"))]
    const ROWS: [Command<BoardNode<S, R>>; 3] = [Self::LED, Self::PEEK, Self::REBOOT];

    #[cfg(feature = "demo")]
    const ROWS: [Command<BoardNode<S, R>>; 7] = {
        let [sum, count, wait, config] = unstick_conformance::commands::rows();
        [Self::LED, Self::PEEK, Self::REBOOT, sum, count, wait, config]
    };
}

fn led<S: Store, R: Registers>(
    node: &mut BoardNode<S, R>,
    call: &Call<'_>,
    text: &mut Text<'_>,
) -> Outcome<BoardNode<S, R>> {
    let board = &mut node.context;
    let on = match call.args.trim_ascii() {
        "on" => true,
        "off" => false,
        "toggle" => !board.led(),
        other => {
            let why = format_args!("led is on, off or toggle, not `{other}`");
            return Err(Refusal::new(Status::BadRequest, why));
        }
    };
    board.set_led(on);
    write!(text, "led {}", if on { "on" } else { "off" })?;
    Ok(Answer::Text)
}

fn peek<S: Store, R: Registers>(
    node: &mut BoardNode<S, R>,
    call: &Call<'_>,
    text: &mut Text<'_>,
) -> Outcome<BoardNode<S, R>> {
    const WORD: usize = 4;
    let mut words = call.args.split_ascii_whitespace();
    let (Some(start), Some(len), None) =
        (words.next().and_then(number), words.next().and_then(number), words.next())
    else {
        let why = format_args!("peek needs an address and a length: peek {:#x} 4", WINDOW.start);
        return Err(Refusal::new(Status::BadRequest, why));
    };
    let end = start.checked_add(len).filter(|end| *end <= WINDOW.end);
    let (Some(first), Some(end)) = (start.checked_sub(WINDOW.start), end) else {
        let Range { start, end } = WINDOW;
        let why = format_args!("only {start:#x} to {:#x} can be read", end - 1);
        return Err(Refusal::new(Status::Denied, why));
    };
    let mut window = [0; WINDOW.end - WINDOW.start];
    // Each register is read once, in one piece, as some of them count.
    for (index, bytes) in window.chunks_exact_mut(WORD).enumerate() {
        let offset = index * WORD;
        if offset + WORD > first && WINDOW.start + offset < end {
            bytes.copy_from_slice(&node.context.fpga.read(offset).to_le_bytes());
        }
    }
    let asked = window.get(first..end - WINDOW.start).unwrap_or_default();
    for (index, line) in asked.chunks(16).enumerate() {
        write!(text, "{:#010x}", start + index * 16)?;
        line.iter().try_for_each(|byte| write!(text, " {byte:02x}"))?;
        writeln!(text)?;
    }
    Ok(Answer::Text)
}

/// A number as people write addresses: hexadecimal behind `0x`, else decimal.
fn number(word: &str) -> Option<usize> {
    match word.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

fn reboot<S: Store, R: Registers>(
    node: &mut BoardNode<S, R>,
    _: &Call<'_>,
    text: &mut Text<'_>,
) -> Outcome<BoardNode<S, R>> {
    node.context.reboot = true;
    write!(text, "rebooting")?;
    Ok(Answer::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use unstick::frame::PREFIX;
    use unstick::host::Identity;
    use unstick::store::RamStore;
    use unstick::{Instant, Limits, Server, Service, Session as _};

    struct Fpga([u32; 20]);

    impl Registers for Fpga {
        fn read(&mut self, offset: usize) -> u32 {
            self.0[offset / 4]
        }

        fn write(&mut self, offset: usize, value: u32) {
            self.0[offset / 4] = value;
        }
    }

    type Bench = BoardNode<RamStore<[u8; 0], 0>, Fpga>;

    fn bench() -> Bench {
        let identity = Identity::new("bench", "1").target("host");
        let board = Board::new(Fpga([0; 20]));
        Node::with(identity, RamStore::new([]), commands(), board)
    }

    /// What a client of the frame service is answered.
    fn run(node: &mut Bench, line: &str) -> String {
        let mut session = Server::new(Service::Frame, Limits::DEFAULT);
        let mut output = [0; 2048];
        let step = session.step(Instant::ZERO, node, line.as_bytes(), &mut output);
        String::from_utf8(output[PREFIX..step.written].to_vec()).unwrap()
    }

    #[test]
    fn the_led_is_switched_and_the_other_one_left_alone() {
        let mut node = bench();
        node.context.fpga.0[0] = 2;
        for (line, told, leds) in [
            ("led on", "led on", 3),
            ("led toggle", "led off", 2),
            ("led toggle", "led on", 3),
            ("led off", "led off", 2),
        ] {
            assert_eq!(run(&mut node, line), told);
            assert_eq!(node.context.fpga.0[0], leds, "{line}");
        }
        assert_eq!(run(&mut node, "led blink"), "led is on, off or toggle, not `blink`");
    }

    #[test]
    fn peek_shows_the_window_and_nothing_else() {
        let mut node = bench();
        node.context.fpga.0 = core::array::from_fn(|index| 0x0403_0201 + index as u32);
        assert_eq!(
            run(&mut node, "peek 0x40028003 19"),
            "0x40028003 04 02 02 03 04 03 02 03 04 04 02 03 04 05 02 03\n0x40028013 04 06 02\n"
        );
        assert_eq!(run(&mut node, "peek 0x4002804f 1"), "0x4002804f 04\n");
        assert_eq!(run(&mut node, "peek 0x40028050 0"), "");
        assert_eq!(run(&mut node, "peek 1073905664 80").lines().count(), 5);
        for outside in ["0x40028050 1", "0x40027fff 4", "0x4002804f 2", "0x40028000 0xffffffff"] {
            let answer = run(&mut node, &format!("peek {outside}"));
            assert_eq!(answer, "only 0x40028000 to 0x4002804f can be read", "{outside}");
        }
        for wrong in ["peek", "peek 0x40028000", "peek here 4", "peek 0x40028000 4 4", "peek 0x 1"]
        {
            let answer = run(&mut node, wrong);
            assert_eq!(answer, "peek needs an address and a length: peek 0x40028000 4", "{wrong}");
        }
    }

    #[test]
    fn a_reboot_is_only_noted() {
        let mut node = bench();
        assert!(!node.context.wants_reboot());
        assert_eq!(run(&mut node, "reboot"), "rebooting");
        assert!(node.context.wants_reboot());
    }
}
