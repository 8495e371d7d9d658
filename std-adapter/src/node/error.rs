//! Why a node does not start.

use super::limits::NAME;
use core::fmt;
use core::net::SocketAddr;
use std::io;
use std::path::PathBuf;
use unstick::Endpoint;

/// Why a node does not start; its text is one sentence that says what to do.
#[derive(Debug)]
pub enum Error {
    /// A socket cannot be had.
    Listen {
        /// For which endpoint.
        endpoint: Endpoint,
        /// At which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Every service is off, or there is no address to listen on.
    NothingToServe,
    /// The directory for files cannot be used.
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program that is to be allowed cannot be.
    Program {
        /// As it was named.
        name: String,
        /// Why not, and what to do.
        why: &'static str,
    },
    /// Programs cannot run as that user.
    RunAs {
        /// As it was named.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// The node's name is longer than `info` can say.
    Name {
        /// Its bytes.
        len: usize,
    },
    /// Two commands have the same name, or one has that of a command every node has.
    Ambiguous {
        /// The name.
        name: &'static str,
    },
    /// The system gives no threads or timers.
    Runtime(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { endpoint, address, source } => {
                let (service, transport) = (endpoint.service(), endpoint.transport());
                write!(f, "cannot listen on {transport} {address} for the {service} service: ")?;
                match source.kind() {
                    io::ErrorKind::AddrInUse => {
                        write!(
                            f,
                            "the port is taken; end the program that has it, or choose another port (0 lets the system choose)"
                        )
                    }
                    io::ErrorKind::PermissionDenied => {
                        write!(f, "the system does not permit it; choose a port from 1024 on")
                    }
                    io::ErrorKind::AddrNotAvailable => {
                        write!(f, "this machine does not have that address; choose one of its own")
                    }
                    _ => write!(f, "{source}; choose another address or port"),
                }
            }
            Self::Name { len } => write!(
                f,
                "a node's name of {len} bytes is over the limit of {NAME}: choose a shorter one"
            ),
            Self::NothingToServe => {
                write!(
                    f,
                    "there is nothing to serve: give at least one address, and one service a port"
                )
            }
            Self::Directory { path, source } => {
                let path = path.display();
                write!(
                    f,
                    "cannot keep files in {path}: {source}; name a directory that exists and can be read"
                )
            }
            Self::Program { name, why } => write!(f, "cannot allow the program `{name}`: {why}"),
            Self::RunAs { name, why } => write!(f, "cannot run programs as `{name}`: {why}"),
            Self::Ambiguous { name } => {
                write!(
                    f,
                    "there is another command `{name}`; give this one another name, a program by a link to it"
                )
            }
            Self::Runtime(source) => {
                write!(
                    f,
                    "the system gives no threads to run on: {source}; end other programs and try again"
                )
            }
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. }
            | Self::Directory { source, .. }
            | Self::Runtime(source) => Some(source),
            Self::Name { .. }
            | Self::NothingToServe
            | Self::Program { .. }
            | Self::RunAs { .. }
            | Self::Ambiguous { .. } => None,
        }
    }
}
