//! [`conversation`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::conversation;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| conversation::run(bytes));
