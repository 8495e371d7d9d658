//! [`client`], fed by libFuzzer.
#![no_main]

use unstick_fuzz::client;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| client::run(bytes));
