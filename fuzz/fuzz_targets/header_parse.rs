//! [`header_parse`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::header_parse;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| header_parse::run(bytes));
