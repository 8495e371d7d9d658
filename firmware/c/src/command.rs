//! Commands written in C.

use crate::device::Device;
use crate::error::{code, unstick_error};
use crate::memory::{bytes, number, text};
use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use heapless::Vec;
use unstick::command::builtin;
use unstick::{Answer, Call, Command, Outcome, Refusal, Status, Text};

/// Most commands of a node's own.
pub const UNSTICK_MAX_COMMANDS: usize = 16;

/// The kind of a reply.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_status {
    /// The command ran; the text is its answer.
    Ok,
    /// No command of that name.
    UnknownCommand,
    /// The arguments are wrong; the text says how.
    BadRequest,
    /// Something is over a limit; the text names it.
    TooLarge,
    /// The reply does not fit a datagram.
    Truncated,
    /// Not allowed here.
    Denied,
    /// The command ran and failed.
    Failed,
    /// Not now.
    Busy,
}

/// What a command is given.
#[repr(C)]
pub struct unstick_call {
    /// What follows the command's name and one space: UTF-8, not NUL-terminated. Whoever asked wrote
    /// it, so there may be anything in it, NUL and other control characters too.
    pub args: *const u8,
    /// Bytes of the arguments.
    pub args_len: usize,
    /// The time that the call was made with, in microseconds.
    pub now_us: u64,
}

/// Where a command writes its answer, up to 1024 bytes. It is gone once the command returns.
pub struct unstick_text {
    /// The lifetime is that of the call.
    text: NonNull<Text<'static>>,
    failed: Option<unstick_error>,
}

/// A row of a node's table of commands. Its texts are NUL-terminated UTF-8.
#[repr(C)]
pub struct unstick_command {
    /// The first word of a request that runs it.
    pub name: *const c_char,
    /// How it is called, name included.
    pub usage: *const c_char,
    /// What it does, in one line.
    pub help: *const c_char,
    /// Runs it. The text it writes is the answer, or with another status than `UNSTICK_STATUS_OK`
    /// the reason, of which clients see 160 bytes. It must not call back into the node, and it must
    /// come back: neither `longjmp` nor an exception may leave it.
    pub run: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            call: *const unstick_call,
            text: *mut unstick_text,
        ) -> MaybeUninit<unstick_status>,
    >,
}

/// Checks a table; gives its rows, and adds the same in Rust to the commands.
///
/// # Safety
///
/// `rows` is NULL or `count` rows whose texts are NULL or strings, and all of that stays.
pub(crate) unsafe fn table(
    rows: *const unstick_command,
    count: usize,
    commands: &mut Vec<Command<Device>, UNSTICK_MAX_COMMANDS>,
) -> Result<&'static [unstick_command], unstick_error> {
    if count == 0 {
        return Ok(&[]);
    }
    if count > UNSTICK_MAX_COMMANDS {
        return Err(unstick_error::Command);
    }
    if rows.is_null() {
        return Err(unstick_error::Null);
    }
    // SAFETY: it is not NULL and not too long; the rest is the caller's promise.
    let rows: &[unstick_command] = unsafe { core::slice::from_raw_parts(rows, count) };
    for row in rows {
        // SAFETY: the caller's promise.
        let (name, usage, help) = unsafe { (text(row.name)?, text(row.usage)?, text(row.help)?) };
        let taken = builtin().iter().chain(&*commands).any(|command| command.name == name);
        if name.is_empty() || name.contains(' ') || taken || row.run.is_none() {
            return Err(unstick_error::Command);
        }
        let _ = commands.push(Command::new(name, run).usage(usage).help(help));
    }
    Ok(rows)
}

/// Runs any of them: the core calls this, whatever the command's name.
fn run(device: &mut Device, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<Device> {
    let named = device.commands.iter().position(|command| command.name == call.name);
    let row = named.and_then(|index| device.rows.get(index)).and_then(|row| row.run);
    let Some(run) = row else {
        return Err(Refusal::new(Status::Failed, format_args!("{} is gone", call.name)));
    };
    let Call { args, now, .. } = call;
    let call = unstick_call { args: args.as_ptr(), args_len: args.len(), now_us: now.as_micros() };
    let mut answer = unstick_text { text: NonNull::from(&mut *text).cast(), failed: None };
    // SAFETY: C gave this function for this; all it is given lives until it returns, and the node
    // is marked as in use.
    let status = unsafe { run(device.context, &raw const call, &raw mut answer) };
    match answer.failed {
        Some(unstick_error::Full) => return Err(core::fmt::Error.into()),
        Some(_) => {
            return Err(Refusal::new(Status::Failed, format_args!("the answer is not UTF-8")));
        }
        None => {}
    }
    let refused = match number(status) {
        0 => return Ok(Answer::Text),
        1 => Status::UnknownCommand,
        2 => Status::BadRequest,
        3 => Status::TooLarge,
        4 => Status::Truncated,
        5 => Status::Denied,
        7 => Status::Busy,
        _ => Status::Failed,
    };
    // All of it came as UTF-8.
    let why = core::str::from_utf8(text.as_bytes()).unwrap_or_default();
    Err(Refusal::new(refused, format_args!("{why}")))
}

/// Adds UTF-8 text to a command's answer, all of it or none.
///
/// Errors: `NULL`, `MEMORY`, `TEXT` if it is not UTF-8, `FULL` if it does not fit. After either of
/// the last two the request is refused, so a command need not look.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_text_write(
    text: Option<&mut unstick_text>,
    bytes: *const u8,
    len: usize,
) -> unstick_error {
    // SAFETY: the bytes are as C was told.
    code(unsafe { self::bytes(bytes, len) }.and_then(|bytes| {
        let answer = text.ok_or(unstick_error::Null)?;
        answer.push(core::str::from_utf8(bytes).map_err(|_| unstick_error::Text))
    }))
}

/// Adds a NUL-terminated string to a command's answer: `unstick_text_write` without a length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_text_print(
    text: Option<&mut unstick_text>,
    string: *const c_char,
) -> unstick_error {
    // SAFETY: the string is as C was told.
    let string = unsafe { self::text(string) };
    code(text.ok_or(unstick_error::Null).and_then(|answer| answer.push(string)))
}

impl unstick_text {
    fn push(&mut self, piece: Result<&str, unstick_error>) -> Result<(), unstick_error> {
        // SAFETY: `run` made it of a text that nobody else uses until the command returns.
        let text = unsafe { self.text.as_mut() };
        let result = piece
            .and_then(|piece| text.write_bytes(piece.as_bytes()).map_err(|_| unstick_error::Full));
        if let Err(error @ (unstick_error::Full | unstick_error::Text)) = result {
            self.failed = Some(error);
        }
        result
    }
}

/// Whether a call's arguments are this NUL-terminated word, white space around them aside.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_call_is(call: Option<&unstick_call>, word: *const c_char) -> bool {
    let Some(call) = call else { return false };
    // SAFETY: the call is one that a command was given, the word as C was told.
    let (args, word) = unsafe { (bytes(call.args, call.args_len), text(word)) };
    matches!((args, word), (Ok(args), Ok(word)) if args.trim_ascii() == word.as_bytes())
}
