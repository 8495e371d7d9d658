//! [`url`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::url;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| url::run(bytes));
