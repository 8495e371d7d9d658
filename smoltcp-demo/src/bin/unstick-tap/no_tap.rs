//! In place of `over_tap` where there are no TAP interfaces.

use crate::Failure;
use core::net::IpAddr;
use std::io::Write;
use unstick_conformance::{Played, Scenario};

pub(crate) enum OverTap {}

impl OverTap {
    pub(crate) fn name(&self) -> &'static str {
        match *self {}
    }

    pub(crate) fn play(&self, _: &Scenario) -> Option<Played> {
        match *self {}
    }

    pub(crate) fn host(&self) -> IpAddr {
        match *self {}
    }

    pub(crate) fn talk(self, _: &mut impl Write) -> Result<bool, Failure> {
        match self {}
    }
}

pub(crate) fn open() -> Result<Vec<OverTap>, Failure> {
    let why = "only Linux has them; there is nothing to type";
    Err(Failure::NoTap(why.into()))
}
