//! All of it, for who has a key.
#![no_std]
#![no_main]

use unstick_footprint::{layers, locked};

unstick_footprint::program!(layers::frame(), layers::header(), layers::message(), locked::keys());
