//! [`keyed`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::keyed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| keyed::run(bytes));
