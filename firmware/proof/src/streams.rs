//! The blocking driver, with a session and over streams that may do anything.

use crate::planted;
use crate::sessions::any_time;
use core::cell::RefCell;
use core::hint::black_box;
use embedded_io::{ErrorKind, ErrorType};
use unstick::driver::{Buffered, Shared, blocking};
use unstick::{Instant, Next, Session, session::Step};

pub(crate) fn drive() {
    let mut buffered = Buffered::new(AnySession, [0; 1024], [0; 1024]);
    let cell = RefCell::new(());
    while black_box(true) {
        let _ = black_box(Buffered::step(black_box(&mut buffered), any_time(), &mut ()));
        Buffered::sent(black_box(&mut buffered), black_box(0));
        black_box(Buffered::space(black_box(&mut buffered)));
        let _ = black_box(Buffered::parts(black_box(&mut buffered)));
        Buffered::received(black_box(&mut buffered), black_box(0));
        let _ = black_box((Buffered::unsent(&buffered), Buffered::wants_input(&buffered)));

        let (mut stream, mut clock) = (AnyStream, AnyStream);
        let _ = black_box(blocking::wait(&mut buffered, any_step(), &mut stream, &mut clock));
        let _ = black_box(blocking::run(&mut buffered, &mut (), &mut stream, &mut clock));
        let stop = |(): &()| black_box(true);
        let _ =
            black_box(blocking::run_until(&mut buffered, &mut (), &mut stream, &mut clock, stop));

        let mut shared = Shared(AnySession);
        let mut host = black_box(&cell);
        let _ = black_box(Session::step(&mut shared, any_time(), &mut host, &[], &mut []));
        Session::<&RefCell<()>>::end(&mut shared);
        Session::<&RefCell<()>>::finish(&mut shared);
        Session::abort(&mut shared, &mut host);
    }
}

pub(crate) fn any_step() -> Step {
    black_box(Step { consumed: 0, written: 0, next: Next::Input, deadline: None })
}

pub(crate) struct AnySession;

impl Session<()> for AnySession {
    fn step(&mut self, now: Instant, (): &mut (), input: &[u8], output: &mut [u8]) -> Step {
        black_box((now, input, output));
        any_step()
    }

    fn end(&mut self) {
        black_box(self);
    }

    fn finish(&mut self) {
        black_box(self);
    }

    fn abort(&mut self, (): &mut ()) {
        black_box(self);
    }
}

pub(crate) struct AnyStream;

impl ErrorType for AnyStream {
    type Error = ErrorKind;
}

pub(crate) fn any_count() -> Result<usize, ErrorKind> {
    black_box(Ok(0))
}

pub(crate) fn any_result() -> Result<(), ErrorKind> {
    black_box(Ok(()))
}

impl embedded_io::Read for AnyStream {
    fn read(&mut self, space: &mut [u8]) -> Result<usize, ErrorKind> {
        black_box(space);
        any_count()
    }
}

impl embedded_io::Write for AnyStream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        black_box(bytes);
        any_count()
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        planted();
        any_result()
    }
}

impl blocking::Clock for AnyStream {
    fn now(&mut self) -> Instant {
        any_time()
    }

    fn rest(&mut self, deadline: Option<Instant>) {
        black_box(deadline);
    }
}
