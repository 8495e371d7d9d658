//! The async driver, with a session and over streams that may do anything.

use crate::sessions::any_time;
use crate::streams::{AnySession, AnyStream, any_count, any_result, any_step};
use core::future::poll_fn;
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use embedded_io::ErrorKind;
use unstick::Instant;
use unstick::driver::{Buffered, nonblocking};

pub(crate) fn drive() {
    let mut buffered = Buffered::new(AnySession, [0; 1024], [0; 1024]);
    let (mut reader, mut writer, host) = (AnyStream, AnyStream, &mut ());
    while black_box(true) {
        let buffered = black_box(&mut buffered);
        poll(nonblocking::wait(buffered, any_step(), &mut reader, &mut writer, &AnyStream));
        poll(nonblocking::run(buffered, host, &mut reader, &mut writer, &AnyStream));
        let stop = at_any_time(|| ());
        poll(nonblocking::run_until(buffered, host, &mut reader, &mut writer, &AnyStream, stop));
    }
}

/// Polls a future until it is ready, or drops it before.
fn poll<T>(future: impl Future<Output = T>) {
    let mut future = pin!(future);
    while black_box(true) {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            black_box(output);
            return;
        }
    }
}

/// Ready now, later or never.
fn at_any_time<T>(value: impl Fn() -> T) -> impl Future<Output = T> {
    poll_fn(move |_| if black_box(true) { Poll::Ready(value()) } else { Poll::Pending })
}

impl embedded_io_async::Read for AnyStream {
    fn read(&mut self, space: &mut [u8]) -> impl Future<Output = Result<usize, ErrorKind>> {
        black_box(space);
        at_any_time(any_count)
    }
}

impl embedded_io_async::Write for AnyStream {
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<usize, ErrorKind>> {
        black_box(bytes);
        at_any_time(any_count)
    }

    fn flush(&mut self) -> impl Future<Output = Result<(), ErrorKind>> {
        at_any_time(any_result)
    }
}

impl nonblocking::Runtime for AnyStream {
    fn now(&self) -> Instant {
        any_time()
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> {
        black_box(deadline);
        at_any_time(|| ())
    }

    fn host_ready(&self) -> impl Future<Output = ()> {
        at_any_time(|| ())
    }
}
