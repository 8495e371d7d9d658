//! [`typed`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::typed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| typed::run(bytes));
