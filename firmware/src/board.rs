//! What the MPS2 boards AN385 and AN386 have besides their network: log, clock and alarm. The LEDs
//! are for commands.

use crate::registers::Registers;
use core::fmt;
use core::time::Duration;
use unstick::Instant;

/// Ticks of a timer in a microsecond: it runs at 25 MHz.
const TICKS: u32 = 25;

/// Characters sent to the log, line by line with CR and LF.
///
/// Sending waits for the line: about 90 µs a character at 115200 baud. Where nothing leaves it any
/// more, characters are lost, and no longer waited for.
pub struct Uart<R> {
    registers: R,
    is_stuck: bool,
}

impl<R: Registers> Uart<R> {
    const DATA: usize = 0x00;
    const STATE: usize = 0x04;
    const CTRL: usize = 0x08;
    const BAUDDIV: usize = 0x10;
    const FULL: u32 = 1;
    const SEND: u32 = 1;

    /// The port at 115200 baud, for sending only.
    pub fn new(mut registers: R) -> Self {
        registers.write(Self::BAUDDIV, 25_000_000 / 115_200);
        registers.write(Self::CTRL, Self::SEND);
        Self { registers, is_stuck: false }
    }

    fn send(&mut self, byte: u8) {
        /// Far longer than a character takes.
        const ATTEMPTS: u32 = 100_000;
        let attempts = if self.is_stuck { 1 } else { ATTEMPTS };
        self.is_stuck = (0..attempts).all(|_| self.registers.read(Self::STATE) & Self::FULL != 0);
        if !self.is_stuck {
            self.registers.write(Self::DATA, byte.into());
        }
    }
}

impl<R: Registers> fmt::Write for Uart<R> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.send(b'\r');
            }
            self.send(byte);
        }
        Ok(())
    }
}

const CTRL: usize = 0x00;
const VALUE: usize = 0x04;
const RELOAD: usize = 0x08;
const INTCLEAR: usize = 0x0C;
const ENABLE: u32 = 1;
const INTERRUPT: u32 = 1 << 3;

/// A monotonic clock on a timer that counts down for ever.
pub struct Clock<R> {
    timer: R,
    seen: u32,
    micros: u64,
}

impl<R: Registers> Clock<R> {
    /// A clock that starts now. [Read](Self::now) it at least once in [`Alarm::LONGEST`], or it
    /// falls behind: the timer comes around every 171 s.
    pub fn new(mut timer: R) -> Self {
        timer.write(CTRL, 0);
        timer.write(RELOAD, u32::MAX);
        timer.write(VALUE, u32::MAX);
        timer.write(CTRL, ENABLE);
        Self { timer, seen: u32::MAX, micros: 0 }
    }

    /// The time.
    pub fn now(&mut self) -> Instant {
        let passed = self.seen.wrapping_sub(self.timer.read(VALUE)) / TICKS;
        self.seen = self.seen.wrapping_sub(passed * TICKS);
        self.micros += u64::from(passed);
        Instant::from_micros(self.micros)
    }
}

/// An interrupt after some time, on a timer that counts down once.
pub struct Alarm<R>(R);

impl<R: Registers> Alarm<R> {
    /// The longest delay: half of what the timer can count.
    pub const LONGEST: Duration = Duration::from_micros((u32::MAX / TICKS / 2) as u64);

    /// An alarm that is not armed.
    pub fn new(timer: R) -> Self {
        let mut alarm = Self(timer);
        alarm.clear();
        alarm
    }

    /// Raises the interrupt after `delay`, or after [`Alarm::LONGEST`] if that is shorter. A delay
    /// of zero is a microsecond.
    pub fn arm(&mut self, delay: Duration) {
        let micros = delay.clamp(Duration::from_micros(1), Self::LONGEST).as_micros() as u32;
        self.0.write(RELOAD, 0);
        self.0.write(VALUE, micros * TICKS);
        self.0.write(CTRL, ENABLE | INTERRUPT);
    }

    /// Takes the interrupt back, whether it has come or not.
    pub fn clear(&mut self) {
        self.0.write(CTRL, 0);
        self.0.write(INTCLEAR, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write as _;
    use std::vec::Vec;

    /// Keeps what is written, and reads what was set last.
    #[derive(Default)]
    struct Model {
        value: u32,
        reads: usize,
        written: Vec<(usize, u32)>,
    }

    impl Registers for &mut Model {
        fn read(&mut self, _: usize) -> u32 {
            self.reads += 1;
            self.value
        }

        fn write(&mut self, offset: usize, value: u32) {
            self.written.push((offset, value));
        }
    }

    #[test]
    fn the_log_ends_lines_as_terminals_want_it() {
        let mut model = Model::default();
        writeln!(Uart::new(&mut model), "a").unwrap();
        let sent = model.written.iter().filter(|(offset, _)| *offset == 0);
        assert_eq!(sent.map(|(_, byte)| *byte as u8).collect::<Vec<_>>(), b"a\r\n");
    }

    #[test]
    fn a_log_that_is_stuck_is_waited_for_once() {
        let mut model = Model { value: Uart::<&mut Model>::FULL, ..Model::default() };
        let mut log = Uart::new(&mut model);
        write!(log, "a").unwrap();
        let reads = log.registers.reads;
        write!(log, "lost").unwrap();
        assert_eq!(log.registers.reads, reads + 4);
        log.registers.value = 0;
        write!(log, "z").unwrap();
        let sent = model.written.iter().filter(|(offset, _)| *offset == 0);
        assert_eq!(sent.map(|(_, byte)| *byte as u8).collect::<Vec<_>>(), b"z");
    }

    #[test]
    fn the_clock_neither_loses_nor_gains_where_the_timer_comes_around() {
        let mut model = Model { value: u32::MAX, ..Model::default() };
        let mut clock = Clock::new(&mut model);
        let mut ticks = 0_u64;
        for _ in 0..1000 {
            ticks += 1_234_567_891;
            clock.timer.value = u32::MAX.wrapping_sub(ticks as u32);
            assert_eq!(clock.now().as_micros(), ticks / 25);
        }
    }

    #[test]
    fn the_alarm_keeps_within_what_the_timer_counts() {
        let mut model = Model::default();
        let mut alarm = Alarm::new(&mut model);
        for delay in [Duration::ZERO, Duration::from_micros(40), Duration::MAX] {
            alarm.arm(delay);
        }
        let armed = model.written.iter().filter(|(offset, _)| *offset == VALUE);
        let armed: Vec<_> = armed.map(|(_, value)| *value).collect();
        assert_eq!(armed, [25, 1000, 2_147_483_625]);
    }
}
