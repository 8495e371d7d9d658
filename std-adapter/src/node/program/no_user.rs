//! Here programs run as whoever runs the node.

use crate::node::error::Error;

/// Nobody can make one.
pub(super) enum User {}

impl User {
    pub(super) fn find(name: &str) -> Result<Self, Error> {
        let why = "this system has no way for it; have that user run the node";
        Err(Error::RunAs { name: name.into(), why })
    }

    pub(super) fn runs(&self, _: &mut std::process::Command) {
        match *self {}
    }
}
