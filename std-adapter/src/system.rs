//! What systems do differently and no library levels.

use socket2::Socket;
use std::io;
use tokio::net::TcpStream;

/// Sees to it that no other program can have the port of a socket that is to be bound: on Windows one
/// could, by asking for `SO_REUSEADDR` (Microsoft, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE").
#[cfg(windows)]
#[allow(unsafe_code, reason = "no library has this option")]
pub(crate) fn own_port(socket: &Socket) -> io::Result<()> {
    use std::os::windows::io::AsRawSocket as _;
    use windows::Win32::Networking::WinSock::{
        SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, setsockopt,
    };
    let socket = usize::try_from(socket.as_raw_socket()).map_err(io::Error::other)?;
    let yes = 1_i32.to_ne_bytes();
    // SAFETY: the socket is open as long as it is borrowed, and the value is an int.
    match unsafe { setsockopt(SOCKET(socket), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, Some(&yes)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Elsewhere nobody can.
#[cfg(not(windows))]
pub(crate) fn own_port(_: &Socket) -> io::Result<()> {
    Ok(())
}

/// Bytes that were written to a connection and that its peer has not acknowledged (tcp(7), `SIOCOUTQ`).
#[cfg(any(target_os = "linux", target_os = "android"))]
#[allow(unsafe_code, reason = "no library has this call")]
pub(crate) fn unacknowledged(stream: &TcpStream) -> u64 {
    use nix::libc::{TIOCOUTQ, c_int, ioctl};
    use std::os::fd::AsRawFd as _;
    let mut count: c_int = 0;
    // SAFETY: the descriptor is open as long as it is borrowed, and an int is written to.
    let done = unsafe { ioctl(stream.as_raw_fd(), TIOCOUTQ, &raw mut count) };
    if done == 0 { u64::try_from(count).unwrap_or(0) } else { 0 }
}

/// Elsewhere nobody says.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn unacknowledged(_: &TcpStream) -> u64 {
    0
}
