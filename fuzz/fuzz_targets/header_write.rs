//! [`header_write`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::header_write;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| header_write::run(bytes));
