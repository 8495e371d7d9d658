//! Commands written in C.

use crate::device::Device;
use crate::error::{code, unstick_error};
use crate::memory::{bytes, number, text};
use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use heapless::Vec;
use unstick::command::{Body, builtin};
use unstick::{Answer, Call, Command, Instant, Outcome, Progress, Refusal, Status, Task, Text};

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

impl unstick_status {
    pub(crate) const ALL: [(Self, Status); 8] = [
        (Self::Ok, Status::Ok),
        (Self::UnknownCommand, Status::UnknownCommand),
        (Self::BadRequest, Status::BadRequest),
        (Self::TooLarge, Status::TooLarge),
        (Self::Truncated, Status::Truncated),
        (Self::Denied, Status::Denied),
        (Self::Failed, Status::Failed),
        (Self::Busy, Status::Busy),
    ];
}

/// What a command does with the body of a request.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_body {
    /// It takes none: a request with one is refused.
    None,
    /// It sees one that is there. As `UNSTICK_BODY_REQUIRED` otherwise.
    Optional,
    /// It runs when the whole body has come and is undamaged, and finds it in its call. A body that
    /// would leave less than 256 bytes for the answer is refused at its header.
    Required,
    /// Its task takes the body in pieces, however long it is.
    Streamed,
}

/// Bytes that a task may keep.
pub const UNSTICK_TASK_SIZE: usize = 32;

/// What a command is given.
#[repr(C)]
pub struct unstick_call {
    /// What follows the command's name and one space: UTF-8, not NUL-terminated. Whoever asked wrote
    /// it, so there may be anything in it, NUL and other control characters too.
    pub args: *const u8,
    /// Bytes of the arguments.
    pub args_len: usize,
    /// The request's body, where the row wants to see it.
    pub body: *const u8,
    /// Bytes of that.
    pub body_len: usize,
    /// The time that the call was made with, in microseconds.
    pub now_us: u64,
    /// `UNSTICK_TASK_SIZE` bytes for the task that the row has, zeroed, aligned as a `uint64_t`: what
    /// is written here its functions find again. They move in between: keep no pointer to them.
    pub task: *mut c_void,
    /// Not yours.
    pub internal: *const c_void,
}

/// Where a command or a task writes its answer, up to 1024 bytes. It is gone once the function returns.
pub struct unstick_text {
    /// The lifetime is that of the call.
    text: NonNull<Text<'static>>,
    failed: Option<unstick_error>,
}

/// How far a task is.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_progress_kind {
    /// The text is the answer, or the next piece of it.
    Text,
    /// The answer has `value` bytes; `read` is asked for them.
    Body,
    /// Nothing yet. It is asked again when the session is stepped: step it when what it waits for has
    /// happened.
    Wait,
    /// Nothing before the time `value`, in microseconds; it is asked again then, or before.
    WaitUntil,
    /// The request is refused with `status`, and the text is the reason.
    Refused,
}

/// What a task's function returns; the fields that its kind does not name are ignored.
#[repr(C)]
pub struct unstick_progress {
    /// Which.
    pub kind: MaybeUninit<unstick_progress_kind>,
    /// Of a refusal.
    pub status: MaybeUninit<unstick_status>,
    /// Bytes, or a time.
    pub value: u64,
}

/// A command that goes on after its row has run: it takes a body of any length, comes late, or answers
/// in pieces. No other session is held up meanwhile. A datagram does not wait: what is not ready at
/// once is answered `busy`.
///
/// `task` is what the row wrote to its call's `task`; what one function leaves in the text the next one
/// finds there, only `read` finds it empty. For all of them counts what is said at
/// `unstick_command.run`.
#[repr(C)]
pub struct unstick_task {
    /// Takes the next bytes of the body, cut anywhere. They are not verified yet: act on them in
    /// `poll`, which is not called if they turn out damaged. Another status than `UNSTICK_STATUS_OK`
    /// refuses the request, and the text is the reason. NULL unless the row's body is streamed.
    pub body: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            task: *mut c_void,
            piece: *const u8,
            len: usize,
            text: *mut unstick_text,
        ) -> MaybeUninit<unstick_status>,
    >,
    /// Asks for the answer. While that has to wait it is asked again, at times too often.
    pub poll: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            task: *mut c_void,
            now_us: u64,
            text: *mut unstick_text,
        ) -> unstick_progress,
    >,
    /// Writes the next piece of an answer to the text, at least a byte, or waits. A refusal, or more
    /// bytes than were announced, break the answer off, and so the connection. NULL if `poll` never
    /// returns `UNSTICK_PROGRESS_KIND_BODY`.
    pub read: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            task: *mut c_void,
            now_us: u64,
            text: *mut unstick_text,
        ) -> unstick_progress,
    >,
    /// Called once, last: after the answer, a refusal, or the loss of the connection. NULL if there is
    /// nothing to do then.
    pub close: Option<unsafe extern "C" fn(context: *mut c_void, task: *mut c_void)>,
}

/// A row of a node's table of commands. Its texts are NUL-terminated UTF-8; what is zero or NULL of the
/// rest is not there.
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
    /// What it does with the body of a request.
    pub body: MaybeUninit<unstick_body>,
    /// Goes on after `run` has returned `UNSTICK_STATUS_OK`, and answers.
    pub task: *const unstick_task,
    /// Not 0 if it changes nothing, so that it does no harm to ask twice: if its answer does not fit a
    /// datagram, `truncated` invites to ask again over TCP. Of any other command that has run only `ok`
    /// is answered then.
    pub read_only: u8,
}

/// Checks a table. Returns its rows, and adds the same in Rust to the commands.
///
/// # Safety
///
/// `rows` is NULL or `count` rows whose texts are NULL or strings and whose tasks are NULL or tables of
/// functions, and all of that stays.
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
    if !rows.is_aligned() {
        return Err(unstick_error::Memory);
    }
    // SAFETY: it is not NULL, aligned and not too long; the rest is the caller's promise.
    let rows: &[unstick_command] = unsafe { core::slice::from_raw_parts(rows, count) };
    for row in rows {
        // SAFETY: the caller's promise.
        let (name, usage, help) = unsafe { (text(row.name)?, text(row.usage)?, text(row.help)?) };
        let taken = builtin().iter().chain(&*commands).any(|command| command.name == name);
        let body = match number(row.body) {
            0 => Body::None,
            1 => Body::Optional,
            2 => Body::Required,
            3 => Body::Streamed,
            _ => return Err(unstick_error::Value),
        };
        if !row.task.is_aligned() {
            return Err(unstick_error::Memory);
        }
        // SAFETY: it is aligned; the rest is the caller's promise.
        let task = unsafe { row.task.as_ref() };
        let whole = task.is_none_or(|it| it.poll.is_some());
        let takes = body != Body::Streamed || task.is_some_and(|it| it.body.is_some());
        let odd = |c: char| c.is_whitespace() || c.is_control();
        let named = !name.is_empty() && !name.contains(odd) && !taken;
        if !(named && row.run.is_some() && whole && takes) {
            return Err(unstick_error::Command);
        }
        let command = Command::new(name, run).usage(usage).help(help).body(body);
        let command = if row.read_only == 0 { command } else { command.read_only() };
        let _ = commands.push(command);
    }
    Ok(rows)
}

/// Runs any of them: the core calls this, whatever the command's name.
fn run(device: &mut Device, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<Device> {
    let named = device.commands.iter().position(|command| command.name == call.name);
    let row = named.and_then(|index| device.rows.get(index));
    let Some((run, row)) = row.and_then(|row| Some((row.run?, row))) else {
        return Err(Refusal::new(Status::Failed, format_args!("{} is gone", call.name)));
    };
    let mut state = State::default();
    let Call { args, body, now, .. } = call;
    let call = unstick_call {
        args: args.as_ptr(),
        args_len: args.len(),
        body: body.as_ptr(),
        body_len: body.len(),
        now_us: now.as_micros(),
        task: (&raw mut state).cast(),
        internal: (&raw const *call).cast(),
    };
    let status = answering(text, |answer| {
        // SAFETY: C gave this function for this; all it is given lives until it returns, and the node
        // is marked as in use.
        unsafe { run(device.context, &raw const call, answer) }
    })?;
    accepted(status, text)?;
    // SAFETY: whoever passed the table promised it.
    Ok(match unsafe { row.task.as_ref() } {
        Some(functions) => Answer::Task(TaskOfC { functions, state }),
        None => Answer::Text,
    })
}

/// What a task keeps.
type State = [u64; UNSTICK_TASK_SIZE / size_of::<u64>()];

/// A command that goes on in C.
pub(crate) struct TaskOfC {
    functions: &'static unstick_task,
    state: State,
}

impl Task<Device> for TaskOfC {
    fn body(
        &mut self,
        device: &mut Device,
        piece: &[u8],
        text: &mut Text<'_>,
    ) -> Result<(), Refusal> {
        let Some(body) = self.functions.body else { return Ok(()) };
        let (context, task) = (device.context, (&raw mut self.state).cast());
        let status = answering(text, |answer| {
            // SAFETY: as in `run`.
            unsafe { body(context, task, piece.as_ptr(), piece.len(), answer) }
        })?;
        accepted(status, text)
    }

    fn poll(
        &mut self,
        device: &mut Device,
        now: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        self.ask(self.functions.poll, device, now, text)
    }

    fn read(
        &mut self,
        device: &mut Device,
        now: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        self.ask(self.functions.read, device, now, text)
    }

    fn close(&mut self, device: &mut Device) {
        if let Some(close) = self.functions.close {
            // SAFETY: as in `run`.
            unsafe { close(device.context, (&raw mut self.state).cast()) };
        }
    }
}

/// A function that a task is asked by.
type Asked =
    unsafe extern "C" fn(*mut c_void, *mut c_void, u64, *mut unstick_text) -> unstick_progress;

impl TaskOfC {
    /// Without the function there is nothing to say.
    fn ask(
        &mut self,
        function: Option<Asked>,
        device: &Device,
        now: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        let Some(function) = function else { return Ok(Progress::Text) };
        let (context, task) = (device.context, (&raw mut self.state).cast());
        let progress = answering(text, |answer| {
            // SAFETY: as in `run`.
            unsafe { function(context, task, now.as_micros(), answer) }
        })?;
        progress.of(text)
    }
}

impl unstick_progress {
    fn of(self, text: &Text<'_>) -> Result<Progress, Refusal> {
        match number(self.kind) {
            0 => Ok(Progress::Text),
            1 => Ok(Progress::Body(self.value)),
            2 => Ok(Progress::Wait),
            3 => Ok(Progress::WaitUntil(Instant::from_micros(self.value))),
            _ => Err(refusal(self.status, text)),
        }
    }
}

/// Lends C the text for a call. What did not fit it refuses the request.
fn answering<R>(
    text: &mut Text<'_>,
    call: impl FnOnce(*mut unstick_text) -> R,
) -> Result<R, Refusal> {
    let mut answer = unstick_text { text: NonNull::from(text).cast(), failed: None };
    let result = call(&raw mut answer);
    match answer.failed {
        None => Ok(result),
        Some(unstick_error::Full) => Err(core::fmt::Error.into()),
        Some(_) => Err(Refusal::new(Status::Failed, format_args!("the answer is not UTF-8"))),
    }
}

/// An error with what was written for a reason, if this is another status than that all is well.
fn accepted(status: MaybeUninit<unstick_status>, text: &Text<'_>) -> Result<(), Refusal> {
    if number(status) == 0 { Ok(()) } else { Err(refusal(status, text)) }
}

fn refusal(status: MaybeUninit<unstick_status>, text: &Text<'_>) -> Refusal {
    let known = unstick_status::ALL.get(usize::from(number(status)));
    // Nobody refuses a request because all is well.
    let status = known.map(|known| known.1).filter(|it| *it != Status::Ok);
    let status = status.unwrap_or(Status::Failed);
    // All of it came as UTF-8.
    let why = core::str::from_utf8(text.as_bytes()).unwrap_or_default();
    Refusal::new(status, format_args!("{why}"))
}

/// Reads a call's arguments as one decimal number, white space around it aside.
///
/// If they are none, writes a sentence with `what`, as in `wait needs MS; `x` will not do`, and returns
/// `UNSTICK_STATUS_BAD_REQUEST`: return that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_call_number(
    call: Option<&unstick_call>,
    what: *const c_char,
    value: Option<&mut u64>,
    text: Option<&mut unstick_text>,
) -> unstick_status {
    // SAFETY: the string is as the header documents it; the call is one that a command was given.
    let (what, call) = unsafe { (self::text(what), request(call)) };
    match (call, value, text) {
        (Some(call), Some(value), Some(text)) => {
            text.refuse_or(call.arg(what.unwrap_or("a number")).map(|number| *value = number))
        }
        _ => unstick_status::Failed,
    }
}

/// Whether a call's body is UTF-8. If not, writes a sentence that says where and returns
/// `UNSTICK_STATUS_BAD_REQUEST`: return that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_call_body_is_text(
    call: Option<&unstick_call>,
    text: Option<&mut unstick_text>,
) -> unstick_status {
    // SAFETY: the call is one that a command was given.
    match (unsafe { request(call) }, text) {
        (Some(call), Some(text)) => text.refuse_or(call.body_text().map(|_| ())),
        _ => unstick_status::Failed,
    }
}

/// The call as the core made it.
///
/// # Safety
///
/// It is one that a command was given, and that command has not returned.
unsafe fn request(call: Option<&unstick_call>) -> Option<&Call<'_>> {
    // SAFETY: `run` made it so, and the caller's promise.
    unsafe { call?.internal.cast::<Call<'_>>().as_ref() }
}

/// Adds UTF-8 text to the answer of a command or a task, all of it or none.
///
/// Errors: `NULL`, `MEMORY`, `TEXT` if it is not UTF-8, `FULL` if it does not fit. After either of
/// the last two the request is refused, so a command need not look.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_text_write(
    text: Option<&mut unstick_text>,
    bytes: *const u8,
    len: usize,
) -> unstick_error {
    // SAFETY: the bytes are as the header documents them.
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
    // SAFETY: the string is as the header documents it.
    let string = unsafe { self::text(string) };
    code(text.ok_or(unstick_error::Null).and_then(|answer| answer.push(string)))
}

impl unstick_text {
    /// All is well, or the reason is written and its status returned.
    fn refuse_or(&mut self, result: Result<(), Refusal>) -> unstick_status {
        match result {
            Ok(()) => unstick_status::Ok,
            Err(refusal) => {
                let _ = self.push(Ok(&refusal.reason));
                unstick_status::BadRequest
            }
        }
    }

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
    // SAFETY: the call is one that a command was given, the word as the header documents it.
    let (args, word) = unsafe { (bytes(call.args, call.args_len), text(word)) };
    matches!((args, word), (Ok(args), Ok(word)) if args.trim_ascii() == word.as_bytes())
}
