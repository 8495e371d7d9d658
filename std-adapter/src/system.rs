//! What systems do differently and no library levels.

use socket2::Socket;
use std::io;

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
