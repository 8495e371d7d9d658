//! [`device`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::device;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| device::run(bytes));
