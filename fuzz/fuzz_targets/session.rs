//! [`session`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::session;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| session::run(bytes));
