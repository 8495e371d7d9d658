//! Every limit and every default of a desktop node, in one place; those of its sessions are
//! [`unstick::limits`].

use core::time::Duration;

/// Connections at once, by default.
pub const CONNECTIONS: usize = 256;

/// Connections that wait in the system to be accepted, on each port.
pub const BACKLOG: i32 = 1024;

/// How long nothing is accepted or received after the system has refused, for want of descriptors or
/// memory.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How long a peer that still sends is listened to after the end, so that it can read its last reply. At
/// most [`unstick::limits::LINGER_BYTES`] are taken from it.
pub const LINGER: Duration = Duration::from_secs(2);

/// How long a node that is to stop waits for what is in flight, by default.
pub const GRACE: Duration = Duration::from_secs(10);

/// Bytes of text that a command can answer with, or see as its body and line (three quarters of them).
pub const TEXT: usize = 4 * 1024;

/// Bytes of the longest message of a keyed connection, either way; the client has room for as much.
pub const MESSAGE: usize = 16 * 1024;

/// Sessions for datagrams with a key; for one more the one that has been silent for longest gives way.
pub const DATAGRAM_SESSIONS: usize = 64;

/// Time from one handshake of a keyed connection that is answered to the next.
pub const HANDSHAKES_APART: Duration = Duration::from_millis(1);

/// Bytes of a node's name.
pub const NAME: usize = 128;

/// Bytes of a file in memory, by default.
pub const FILE: usize = 64 * 1024;

/// Files in memory, one that is on its way in included.
pub const MEMORY_FILES: usize = 8;

/// Programs at once, by default; one more is refused as `busy`.
pub const PROGRAMS: usize = 8;

/// How long a program may run, by default.
pub const PROGRAM: Duration = Duration::from_secs(10);

/// Bytes of a program's output, by default.
pub const OUTPUT: u64 = 64 * 1024 * 1024;

/// Bytes of a program's stdout, and of its stderr, that are kept in memory, by default; more goes to a
/// file.
pub const OUTPUT_MEMORY: usize = 64 * 1024;

/// How long a program has to end by itself once it has been asked to.
pub const NOTICE: Duration = Duration::from_secs(1);

/// How long output may still come once a program and its group are dead.
pub const REST: Duration = Duration::from_secs(1);

/// How long programs that were ended may take to be gone: an answer is waited for so much longer than a
/// program may run.
pub const PROGRAM_END: Duration = Duration::from_secs(3);

/// Time from one warning that a peer can cause to the next; how many were left out is told.
pub const WARNINGS_APART: Duration = Duration::from_secs(1);
