//! Frames and headers.
#![no_std]
#![no_main]

use unstick_footprint::layers;

unstick_footprint::program!(layers::frame(), layers::header());
