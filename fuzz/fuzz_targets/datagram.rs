//! [`datagram`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::datagram;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| datagram::run(bytes));
