//! What every program here has, which is nothing.
#![no_std]
#![no_main]

use unstick_footprint as _;

unstick_footprint::program!();
