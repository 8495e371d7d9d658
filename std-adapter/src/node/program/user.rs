//! As whom programs run.

use crate::node::error::Error;
use nix::unistd;
use std::os::unix::process::CommandExt as _;

/// A user that programs run as.
pub(super) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// A user by name, or by number; only root may run programs as another.
    pub(super) fn find(name: &str) -> Result<Self, Error> {
        let error = |why| Error::RunAs { name: name.into(), why };
        let by_number = || {
            name.parse().map_or(Ok(None), |uid| unistd::User::from_uid(unistd::Uid::from_raw(uid)))
        };
        let found = match unistd::User::from_name(name) {
            Ok(None) => by_number(),
            found => found,
        };
        let user = found.ok().flatten().ok_or_else(|| error("this machine has no such user"))?;
        if !unistd::geteuid().is_root() && unistd::geteuid() != user.uid {
            return Err(error("only a node that root runs can run programs as somebody else"));
        }
        Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }

    /// Has a program run as this user: with his group, and with none of root's others.
    pub(super) fn runs(&self, command: &mut std::process::Command) {
        if unistd::geteuid().is_root() {
            command.uid(self.uid).gid(self.gid);
        }
    }
}
