//! A symbol for each session, as long as the session.
#![no_std]
#![no_main]

use core::hint::black_box;
use unstick::frame::{Assembler, Decoder};
use unstick::message::Reader;
use unstick::{Client, Server};
use unstick_footprint::layers::Device;

macro_rules! sizes {
    ($($symbol:ident: $type:ty),* $(,)?) => {
        $(static $symbol: [u8; size_of::<$type>()] = [0; size_of::<$type>()];)*

        fn keep() {
            $(black_box(&$symbol);)*
        }
    };
}

sizes! {
    DECODER: Decoder,
    ASSEMBLER_64: Assembler<64>,
    ASSEMBLER_1024: Assembler<1024>,
    READER_1024: Reader<1024>,
    READER_256: Reader<256>,
    SERVER_1024_1024: Server<Device, 1024, 1024>,
    SERVER_256_128: Server<Device, 256, 128>,
    CLIENT_1024: Client<1024>,
    CLIENT_256: Client<256>,
    ACCUMULATOR_1024: postcard::accumulator::CobsAccumulator<1024>,
    ACCUMULATOR_256: postcard::accumulator::CobsAccumulator<256>,
}

unstick_footprint::program!(keep());
