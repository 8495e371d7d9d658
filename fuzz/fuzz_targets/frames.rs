//! [`frames`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::frames;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| frames::run(bytes));
