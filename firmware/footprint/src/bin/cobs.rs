//! The neighbour: postcard and COBS.
#![no_std]
#![no_main]

use unstick_footprint::cobs;

unstick_footprint::program!(cobs::header());
