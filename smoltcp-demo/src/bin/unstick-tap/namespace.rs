//! A network namespace of our own, so that the demo needs nothing set up and leaves nothing behind.
//!
//! Interfaces made in it are seen by no other program, and the kernel removes them when the process
//! ends, however it ends.

use core::fmt;
use std::{env, fs, io};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkFlags, LinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// `lo` is the first interface of every namespace.
const LOOPBACK: u32 = 1;

/// Moves this process into a network namespace of its own and brings `lo` up in it.
///
/// To be called before any thread is started, and so before any async runtime: the kernel moves
/// only the calling thread, and it gives a user namespace to single-threaded processes alone.
pub(crate) fn enter() -> Result<(), EnterError> {
    // Root and its equals get one for the asking; anybody else gets EPERM and makes a user
    // namespace around it, inside which they may. Asking is surer than looking at the user id:
    // root in a container often may not, a user with the capability may.
    match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => {}
        Err(Errno::EPERM) => enter_as_user()?,
        Err(errno) => return Err(EnterError::Refused(errno)),
    }
    loopback_up().map_err(EnterError::Loopback)
}

fn enter_as_user() -> Result<(), EnterError> {
    // Inside, both read as "nobody" until they are mapped.
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).map_err(EnterError::Refused)?;
    // Each id stays what it is rather than becoming root: the right to administer the network
    // comes from having made the namespace, and a program that the node starts does not inherit it.
    for (file, line) in [
        ("/proc/self/uid_map", format!("{user} {user} 1")),
        // The kernel takes a group map from an ordinary user only after this.
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/gid_map", format!("{group} {group} 1")),
    ] {
        fs::write(file, line).map_err(|error| EnterError::Unmapped(file, error))?;
    }
    Ok(())
}

fn loopback_up() -> io::Result<()> {
    let mut link = LinkMessage::default();
    link.header.index = LOOPBACK;
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_ACK;
    let mut request =
        NetlinkMessage::new(header, NetlinkPayload::from(RouteNetlinkMessage::SetLink(link)));
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);

    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&bytes, 0)?;
    let (reply, _) = socket.recv_from_full()?;
    let reply = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&reply)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    match reply.payload {
        // An acknowledgement is an error message whose code is none.
        NetlinkPayload::Error(message) if message.code.is_some() => Err(message.to_io()),
        _ => Ok(()),
    }
}

/// Why there is no private namespace. The text says it in one sentence, with what to type.
#[derive(Debug)]
pub(crate) enum EnterError {
    /// The kernel said no to the namespace itself.
    Refused(Errno),
    /// There is one, but writing this file of it failed.
    Unmapped(&'static str, io::Error),
    /// There is one, but its `lo` does not come up.
    Loopback(io::Error),
}

impl core::error::Error for EnterError {}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no private network namespace can be had: ")?;
        match self {
            Self::Refused(Errno::ENOSPC) => write!(
                f,
                "the sysctl user.max_user_namespaces allows no (more) user namespaces; {}",
                or_sudo("sudo sysctl user.max_user_namespaces=1000")
            ),
            Self::Refused(Errno::EINVAL) => write!(
                f,
                "this kernel has no user namespaces (or threads are already running); {}",
                instead()
            ),
            Self::Refused(Errno::EPERM) => forbidden(f),
            // AppArmor lets a user make the namespace and then takes every right in it away.
            Self::Unmapped(_, error) | Self::Loopback(error)
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                forbidden(f)
            }
            Self::Refused(errno) => write!(f, "{}; {}", errno.desc(), instead()),
            Self::Unmapped(file, error) => write!(f, "{file}: {error}; {}", instead()),
            Self::Loopback(error) => write!(f, "its lo: {error}; {}", instead()),
        }
    }
}

/// Not permitted: by a switch of the distribution that we can name, or by something around us.
fn forbidden(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is = |switch: &str, value: &str| {
        fs::read_to_string(format!("/proc/sys/kernel/{switch}")).is_ok_and(|v| v.trim() == value)
    };
    for (switch, closed, open) in [
        ("unprivileged_userns_clone", "0", "1"),
        ("apparmor_restrict_unprivileged_userns", "1", "0"),
    ] {
        if is(switch, closed) {
            let remedy = or_sudo(&format!("sudo sysctl kernel.{switch}={open}"));
            return write!(f, "kernel.{switch}={closed} forbids it to users; {remedy}");
        }
    }
    write!(f, "this system, chroot or container does not let this process make one; {}", instead())
}

fn or_sudo(remedy: &str) -> String {
    format!("type `{remedy}` or `{}`", with_sudo())
}

/// What to do where there is nothing to switch: become root, or, where we are root in a container
/// already, be given the right.
fn instead() -> String {
    if geteuid().is_root() {
        "start the container with `--cap-add SYS_ADMIN --cap-add NET_ADMIN --device /dev/net/tun`"
            .to_owned()
    } else {
        format!("type `{}`", with_sudo())
    }
}

/// This very command line, as root. Not `sudo cargo run`: root's cargo may not exist, and would
/// leave files of root in the build directory.
pub(crate) fn with_sudo() -> String {
    let program = env::current_exe()
        .map_or_else(|_| "unstick-tap".to_owned(), |path| path.display().to_string());
    env::args().skip(1).fold(format!("sudo {program}"), |line, word| line + " " + &word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_why_and_what_to_type() {
        for error in [
            EnterError::Refused(Errno::EPERM),
            EnterError::Refused(Errno::ENOSPC),
            EnterError::Refused(Errno::EINVAL),
            EnterError::Refused(Errno::ENOMEM),
            EnterError::Unmapped("/proc/self/uid_map", io::ErrorKind::PermissionDenied.into()),
            EnterError::Unmapped("/proc/self/uid_map", io::ErrorKind::NotFound.into()),
            EnterError::Loopback(io::ErrorKind::PermissionDenied.into()),
        ] {
            let text = error.to_string();
            assert!(text.starts_with("no private network namespace"), "{text}");
            assert!(text.ends_with('`') && text.lines().count() == 1, "{text}");
        }
    }
}
