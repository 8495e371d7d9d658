/**
 * Unstick: message boundaries for TCP and UDP, without a heap. Generated from firmware/c/src by
 * tests/header.rs; do not edit.
 *
 * A session is a filter, as zlib's inflate is: you show it the bytes that came and some space, it
 * consumes the one, writes the other, and says what it waits for. You move the bytes.
 *
 *  1. Start an `unstick_node`, once.
 *  2. For each new connection start an `unstick_session`.
 *  3. Call `unstick_session_step` with what has come and it has not consumed, and with space for
 *     output. Drop the bytes consumed, send the bytes written, in that order or together.
 *  4. Do what `next` asks for: bring input, or send and come again, or close. Step again at
 *     `deadline_us` in any case. Where `error` is set the call was wrong: abort the session.
 *  5. When the peer closes its side, call `unstick_session_end` and go on. When the connection is
 *     lost, call `unstick_session_abort` and forget it.
 *
 * A datagram is answered by one call, `unstick_datagram_answer`; a device that asks by datagram has
 * `unstick_client`. Frames alone, without a node, are
 * `unstick_frame_prefix` and `unstick_decoder_next`.
 *
 * For all functions:
 *
 *  - Nothing allocates, blocks, or keeps a pointer, but for the node what its config points to.
 *  - Objects are memory of yours, `sizeof` bytes, which must not move while they are used. Zeroed
 *    memory is an object that has not been started; a function says so and does nothing. Zero it
 *    before its first start, and again whenever a call that used it was cut off, by the end of its
 *    task or by a reset that keeps memory: until then the object is in use, and start says so.
 *  - A NULL where there must not be one, a number that is none of its enum and the like are an
 *    error, see `unstick_error`. A pointer into nowhere can not be seen, as everywhere in C. Where
 *    a length is 0 its pointer may be NULL.
 *  - A node, its sessions and its datagrams belong to one thread; none of this is for interrupts.
 *  - Times are microseconds on a clock of yours that never goes back. Without a clock pass 0.
 *  - Texts are UTF-8: `const char *` is NUL-terminated, `uint8_t *` has its length beside it.
 *  - Where a function names the bytes of stack it takes, it is the deepest of its calls on a
 *    Cortex-M3, built as README.md says; another compiler or processor may take a few hundred more.
 *    A function that names none takes less than 1024.
 */

#ifndef UNSTICK_H
#define UNSTICK_H


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX > 0xFFFFFFFFu
#define UNSTICK_64_BIT
#else
#define UNSTICK_32_BIT
#endif

/**
 * Called where Rust would panic, which no input can bring about. You write it, for a reset; it must
 * not return.
 */
#ifdef __cplusplus
extern "C"
#endif
void unstick_panic(void);

/**
 * What sessions allow that are started without limits, to initialise an `unstick_limits` with.
 */
#define UNSTICK_LIMITS_DEFAULT {UNSTICK_SKIP_DEFAULT, UNSTICK_IDLE_US_DEFAULT, \
    UNSTICK_HEADER_US_DEFAULT, UNSTICK_STALL_US_DEFAULT, UNSTICK_ANSWER_US_DEFAULT}

#if defined(UNSTICK_32_BIT)
/// Bytes of an `unstick_node`.
#define UNSTICK_NODE_SIZE 3088
#endif

#if defined(UNSTICK_64_BIT)
/// Bytes of an `unstick_node`.
#define UNSTICK_NODE_SIZE 3808
#endif

/// The same in `uint64_t`, for the alignment.
#define UNSTICK_NODE_WORDS (UNSTICK_NODE_SIZE / 8)

/// Most files of a node.
#define UNSTICK_MAX_FILES 8

#if defined(UNSTICK_32_BIT)
/// Bytes of an `unstick_session`.
#define UNSTICK_SESSION_SIZE 2560
#endif

#if defined(UNSTICK_64_BIT)
/// Bytes of an `unstick_session`.
#define UNSTICK_SESSION_SIZE 2592
#endif

/// The same in `uint64_t`, for the alignment.
#define UNSTICK_SESSION_WORDS (UNSTICK_SESSION_SIZE / 8)

/// The deadline of something that has none.
#define UNSTICK_NEVER UINT64_MAX

/// Most commands of a node's own.
#define UNSTICK_MAX_COMMANDS 16

/// Bytes that a task may keep.
#define UNSTICK_TASK_SIZE 32

/// Bytes of an `unstick_client`.
#define UNSTICK_CLIENT_SIZE 24

/// The same in `uint64_t`, for the alignment.
#define UNSTICK_CLIENT_WORDS (UNSTICK_CLIENT_SIZE / 8)

/// Bytes before a frame's payload: its length, signed, the lowest byte first.
#define UNSTICK_PREFIX_SIZE 4

/// Bytes of an `unstick_decoder`.
#define UNSTICK_DECODER_SIZE 72

/// The same in `uint64_t`, for the alignment.
#define UNSTICK_DECODER_WORDS (UNSTICK_DECODER_SIZE / 8)

/// The default of `unstick_limits.skip`.
#define UNSTICK_SKIP_DEFAULT 65536

/// The default of `unstick_limits.idle_us`.
#define UNSTICK_IDLE_US_DEFAULT 300000000

/// The default of `unstick_limits.header_us`.
#define UNSTICK_HEADER_US_DEFAULT 10000000

/// The default of `unstick_limits.stall_us`.
#define UNSTICK_STALL_US_DEFAULT 30000000

/// The default of `unstick_limits.answer_us`.
#define UNSTICK_ANSWER_US_DEFAULT 60000000

/// How a function was called wrongly. It then has done nothing, but for what its own comment says.
enum unstick_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// All is well.
    UNSTICK_ERROR_NONE,
    /// A pointer is NULL that must not be.
    UNSTICK_ERROR_NULL,
    /// A pointer to one of the opaque objects or to a table is not aligned, a buffer is longer than the
    /// address space, or input, output and the objects overlap.
    UNSTICK_ERROR_MEMORY,
    /// The object has not been started.
    UNSTICK_ERROR_NOT_STARTED,
    /// The object is in use: a command called back into the node or session that runs it, or a call
    /// was cut off and never came back; or a session is started that is not over.
    UNSTICK_ERROR_IN_USE,
    /// A number is none of its enum, a service is not served this way, or a datagram is shorter than
    /// what is here of it.
    UNSTICK_ERROR_VALUE,
    /// A text is not UTF-8.
    UNSTICK_ERROR_TEXT,
    /// A command has no name or no function, its name has a space or control character in it or is that of another or of
    /// one every node has; or there are more than `UNSTICK_MAX_COMMANDS`.
    UNSTICK_ERROR_COMMAND,
    /// There are more than `UNSTICK_MAX_FILES` files.
    UNSTICK_ERROR_FILES,
    /// The text does not fit: nothing of it was written.
    UNSTICK_ERROR_FULL,
    /// The payload is longer than a frame can be.
    UNSTICK_ERROR_TOO_LONG,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_error unstick_error;
#else
typedef uint8_t unstick_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// The kind of a reply.
enum unstick_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// The command ran; the text is its answer.
    UNSTICK_STATUS_OK,
    /// No command of that name.
    UNSTICK_STATUS_UNKNOWN_COMMAND,
    /// The arguments are wrong; the text says how.
    UNSTICK_STATUS_BAD_REQUEST,
    /// Something is over a limit; the text names it.
    UNSTICK_STATUS_TOO_LARGE,
    /// The reply does not fit a datagram.
    UNSTICK_STATUS_TRUNCATED,
    /// Not allowed here.
    UNSTICK_STATUS_DENIED,
    /// The command ran and failed.
    UNSTICK_STATUS_FAILED,
    /// Not now.
    UNSTICK_STATUS_BUSY,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_status unstick_status;
#else
typedef uint8_t unstick_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a command does with the body of a request.
enum unstick_body
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// It takes none: a request with one is refused.
    UNSTICK_BODY_NONE,
    /// It sees one that is there. As `UNSTICK_BODY_REQUIRED` otherwise.
    UNSTICK_BODY_OPTIONAL,
    /// It runs when the whole body has come and is undamaged, and finds it in its call. A body that
    /// would leave less than 256 bytes for the answer is refused at its header.
    UNSTICK_BODY_REQUIRED,
    /// Its task takes the body in pieces, however long it is.
    UNSTICK_BODY_STREAMED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_body unstick_body;
#else
typedef uint8_t unstick_body;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How far a task is.
enum unstick_progress_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// The text is the answer, or the next piece of it.
    UNSTICK_PROGRESS_KIND_TEXT,
    /// The answer has `value` bytes; `read` is asked for them.
    UNSTICK_PROGRESS_KIND_BODY,
    /// Nothing yet. It is asked again when the session is stepped: step it when what it waits for has
    /// happened.
    UNSTICK_PROGRESS_KIND_WAIT,
    /// Nothing before the time `value`, in microseconds; it is asked again then, or before.
    UNSTICK_PROGRESS_KIND_WAIT_UNTIL,
    /// The request is refused with `status`, and the text is the reason.
    UNSTICK_PROGRESS_KIND_REFUSED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_progress_kind unstick_progress_kind;
#else
typedef uint8_t unstick_progress_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a node counts.
enum unstick_counter
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Requests begun, and datagrams of the UDP echo.
    UNSTICK_COUNTER_FRAMES,
    /// Bytes taken in.
    UNSTICK_COUNTER_BYTES,
    /// Requests refused because something in them is over a limit.
    UNSTICK_COUNTER_OVERSIZED,
    /// Datagrams cut on arrival, and UDP replies that did not fit.
    UNSTICK_COUNTER_TRUNCATED,
    /// Requests refused because they break a rule or name no command, and datagrams dropped.
    UNSTICK_COUNTER_REJECTED,
    /// Connections that were lost.
    UNSTICK_COUNTER_RESETS,
    /// Connections closed upon a deadline.
    UNSTICK_COUNTER_TIMEOUTS,
    /// Requests refused because they are not allowed.
    UNSTICK_COUNTER_DENIED,
    /// Requests refused because they cannot be answered now.
    UNSTICK_COUNTER_BUSY,
    /// Requests refused because their command failed, as for want of room.
    UNSTICK_COUNTER_FAILED,
    /// Connections refused because all that there may be were taken.
    UNSTICK_COUNTER_REFUSED,
    /// Connections ended to make room for a new one.
    UNSTICK_COUNTER_EVICTED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_counter unstick_counter;
#else
typedef uint8_t unstick_counter;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a connection or a datagram socket is for, with the ports that clients expect.
enum unstick_service
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Bytes in, the same bytes out, a-z in upper case. TCP 8080, UDP 8092.
    UNSTICK_SERVICE_ECHO,
    /// Bare requests in, frames out. TCP 8086.
    UNSTICK_SERVICE_FRAME,
    /// Bare requests in, messages out. TCP 8087.
    UNSTICK_SERVICE_MESSAGE,
    /// Messages in, messages out. TCP 8088, UDP 8093.
    UNSTICK_SERVICE_COMMAND,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_service unstick_service;
#else
typedef uint8_t unstick_service;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a session waits for.
enum unstick_next
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// More input; all there was has been consumed.
    UNSTICK_NEXT_INPUT,
    /// Space in the output: send what was written, then step again.
    UNSTICK_NEXT_OUTPUT,
    /// A task of a command. Nothing is to be read from the peer until its answer is out: step again at
    /// `deadline_us`, or when what it waits for has happened.
    UNSTICK_NEXT_WAIT,
    /// Nothing: it is over. Send what was written, close, discard what still comes. So it is after a
    /// wrong call too, that no loop goes on with it: look at `error`.
    UNSTICK_NEXT_CLOSED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_next unstick_next;
#else
typedef uint8_t unstick_next;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Why a session is over.
enum unstick_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// It is not.
    UNSTICK_REASON_NONE,
    /// The input ended where it may.
    UNSTICK_REASON_END,
    /// `unstick_session_finish` was called, and every request that had begun is done.
    UNSTICK_REASON_FINISHED,
    /// The peer broke a rule.
    UNSTICK_REASON_PROTOCOL,
    /// The peer announced more than the session skips.
    UNSTICK_REASON_OVERSIZED,
    /// The peer speaks another protocol, or sent more behind an unknown command.
    UNSTICK_REASON_FOREIGN,
    /// A body ended before its announced size, on our side.
    UNSTICK_REASON_BODY_FAILED,
    /// A deadline passed.
    UNSTICK_REASON_TIMEOUT,
    /// The connection was lost.
    UNSTICK_REASON_ABORTED,
    /// It may not be: the step was called wrongly, see `error`.
    UNSTICK_REASON_MISUSE,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_reason unstick_reason;
#else
typedef uint8_t unstick_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a datagram is to a client.
enum unstick_answer_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// The reply.
    UNSTICK_ANSWER_KIND_REPLY,
    /// The reply, but it does not fit a datagram: it has `size` bytes, none of them here. Ask again over
    /// TCP.
    UNSTICK_ANSWER_KIND_TRUNCATED,
    /// The reply to another request, or none; the right one may still come.
    UNSTICK_ANSWER_KIND_UNRELATED,
    /// It was cut on arrival: receive into more memory.
    UNSTICK_ANSWER_KIND_INCOMPLETE,
    /// It is not a message, or its body is not the one that was sent.
    UNSTICK_ANSWER_KIND_DAMAGED,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_answer_kind unstick_answer_kind;
#else
typedef uint8_t unstick_answer_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a decoder found.
enum unstick_found
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /// Nothing more: all input was consumed.
    UNSTICK_FOUND_NOTHING,
    /// The next bytes of a frame.
    UNSTICK_FOUND_PIECE,
    /// A frame over the limit, which was discarded.
    UNSTICK_FOUND_SKIPPED,
    /// A bad prefix, or the end of input inside a frame: the stream has no known boundary any more.
    UNSTICK_FOUND_DAMAGED,
    /// The call was wrong, see `error`.
    UNSTICK_FOUND_MISUSE,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum unstick_found unstick_found;
#else
typedef uint8_t unstick_found;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Where a command or a task writes its answer, up to 1024 bytes. It is gone once the function returns.
typedef struct unstick_text unstick_text;

/// A node: what all its sessions and datagrams share. It is in memory of yours, static or not, that
/// stays where it is; nothing of it is for you to read.
typedef struct unstick_node {
    uint64_t opaque[UNSTICK_NODE_WORDS];
} unstick_node;

/// What a command is given.
typedef struct unstick_call {
    /// What follows the command's name and one space: UTF-8, not NUL-terminated. Whoever asked wrote
    /// it, so there may be anything in it, NUL and other control characters too.
    const uint8_t *args;
    /// Bytes of the arguments.
    size_t args_len;
    /// The request's body, where the row wants to see it.
    const uint8_t *body;
    /// Bytes of that.
    size_t body_len;
    /// The time that the call was made with, in microseconds.
    uint64_t now_us;
    /// `UNSTICK_TASK_SIZE` bytes for the task that the row has, zeroed, aligned as a `uint64_t`: what
    /// is written here its functions find again. They move in between: keep no pointer to them.
    void *task;
    /// Not yours.
    const void *internal;
} unstick_call;

/// What a task's function returns; the fields that its kind does not name are ignored.
typedef struct unstick_progress {
    /// Which.
    unstick_progress_kind kind;
    /// Of a refusal.
    unstick_status status;
    /// Bytes, or a time.
    uint64_t value;
} unstick_progress;

/// A command that goes on after its row has run: it takes a body of any length, comes late, or answers
/// in pieces. No other session is held up meanwhile. A datagram does not wait: what is not ready at
/// once is answered `busy`.
///
/// `task` is what the row wrote to its call's `task`; what one function leaves in the text the next one
/// finds there, only `read` finds it empty. For all of them counts what is said at
/// `unstick_command.run`.
typedef struct unstick_task {
    /// Takes the next bytes of the body, cut anywhere. They are not verified yet: act on them in
    /// `poll`, which is not called if they turn out damaged. Another status than `UNSTICK_STATUS_OK`
    /// refuses the request, and the text is the reason. NULL unless the row's body is streamed.
    unstick_status (*body)(void *context,
                           void *task,
                           const uint8_t *piece,
                           size_t len,
                           struct unstick_text *text);
    /// Asks for the answer. While that has to wait it is asked again, at times too often.
    struct unstick_progress (*poll)(void *context,
                                    void *task,
                                    uint64_t now_us,
                                    struct unstick_text *text);
    /// Writes the next piece of an answer to the text, at least a byte, or waits. A refusal, or more
    /// bytes than were announced, break the answer off, and so the connection. NULL if `poll` never
    /// returns `UNSTICK_PROGRESS_KIND_BODY`.
    struct unstick_progress (*read)(void *context,
                                    void *task,
                                    uint64_t now_us,
                                    struct unstick_text *text);
    /// Called once, last: after the answer, a refusal, or the loss of the connection. NULL if there is
    /// nothing to do then.
    void (*close)(void *context, void *task);
} unstick_task;

/// A row of a node's table of commands. Its texts are NUL-terminated UTF-8; what is zero or NULL of the
/// rest is not there.
typedef struct unstick_command {
    /// The first word of a request that runs it.
    const char *name;
    /// How it is called, name included.
    const char *usage;
    /// What it does, in one line.
    const char *help;
    /// Runs it. The text it writes is the answer, or with another status than `UNSTICK_STATUS_OK`
    /// the reason, of which clients see 160 bytes. It must not call back into the node, and it must
    /// come back: neither `longjmp` nor an exception may leave it.
    unstick_status (*run)(void *context, const struct unstick_call *call, struct unstick_text *text);
    /// What it does with the body of a request.
    unstick_body body;
    /// Goes on after `run` has returned `UNSTICK_STATUS_OK`, and answers.
    const struct unstick_task *task;
    /// Not 0 if it changes nothing, so that it does no harm to ask twice: if its answer does not fit a
    /// datagram, `truncated` invites to ask again over TCP. Of any other command that has run only `ok`
    /// is answered then.
    uint8_t read_only;
} unstick_command;

/// What a node is started with. It needs its three texts; zero or NULL is right for all else that
/// you do without.
typedef struct unstick_config {
    /// The node's name, as the command `info` shows it.
    const char *name;
    /// Its version.
    const char *version;
    /// What it runs on.
    const char *target;
    /// The largest datagram it can send, in bytes of UDP payload: 1472 on Ethernet.
    size_t datagram;
    /// The UDP ports it answers on, of the echo and the command service, as plain numbers and not in
    /// network byte order; 0 for 8092 and 8093. What comes from these numbers is dropped: two nodes
    /// would answer each other for ever.
    uint16_t udp_ports[2];
    /// A table of commands of your own; NULL if there are none.
    const struct unstick_command *commands;
    /// Rows of the table, at most `UNSTICK_MAX_COMMANDS`.
    size_t command_count;
    /// Passed to each of these commands unchanged.
    void *context;
    /// Memory for files, `file_count` times `file_size` bytes of any alignment; NULL for a node
    /// that keeps none.
    uint8_t *files;
    /// Number of files, at most `UNSTICK_MAX_FILES`. A file that is replaced while it is read needs
    /// two.
    size_t file_count;
    /// Most bytes of a file.
    size_t file_size;
    /// The most connections that you have at once, as the command `info` shows it; 0 shows nothing.
    size_t connections;
} unstick_config;

/// The server's side of one connection, in memory of yours; nothing of it is for you to read.
typedef struct unstick_session {
    uint64_t opaque[UNSTICK_SESSION_WORDS];
} unstick_session;

/// What a session allows and how long it waits. Every field counts, and 0 means no time at all: begin
/// with `UNSTICK_LIMITS_DEFAULT` and change what you want otherwise.
typedef struct unstick_limits {
    /// Most bytes read and discarded of a body that is refused; upon a longer one the connection is
    /// closed.
    uint64_t skip;
    /// Longest wait between requests, in microseconds.
    uint64_t idle_us;
    /// Longest time from a header's first byte to its last, in microseconds.
    uint64_t header_us;
    /// Longest wait without a byte moving inside a body or while output is not taken, in
    /// microseconds.
    uint64_t stall_us;
    /// Longest wait for a task to have its answer ready, or the next piece of it, in microseconds.
    uint64_t answer_us;
} unstick_limits;

/// What a step did.
typedef struct unstick_step {
    /// Bytes consumed from the front of the input.
    size_t consumed;
    /// Bytes written to the front of the output.
    size_t written;
    /// When to step again in any case, or `UNSTICK_NEVER`; once the session is closed, when to give
    /// up sending what was written: each byte that the peer takes moves that on.
    uint64_t deadline_us;
    /// What the session waits for.
    unstick_next next;
    /// Why it is over.
    unstick_reason reason;
    /// How the call was wrong; then nothing was consumed, nothing written, and `next` is
    /// `UNSTICK_NEXT_CLOSED`. The session is as it was: call rightly, or abort it, or it keeps what
    /// it has of the node, as a file that is half there.
    unstick_error error;
} unstick_step;

/// What becomes of a datagram.
typedef struct unstick_reply {
    /// Whether a reply is to be sent, which may be empty.
    bool send;
    /// Bytes of it in the output.
    size_t len;
    /// How the call was wrong; then nothing is to be sent.
    unstick_error error;
} unstick_reply;

/// Asks a node's echo or command service by datagram, in memory of yours; nothing of it is for you to
/// read. It writes requests and recognises replies: to send, to wait and to ask again is yours. That a
/// request or its reply was lost nobody says: choose how long to wait, and whether a command may run
/// twice.
typedef struct unstick_client {
    uint64_t opaque[UNSTICK_CLIENT_WORDS];
} unstick_client;

/// What a datagram says.
typedef struct unstick_answer {
    /// Whether it is the reply. The fields below are those of a reply.
    unstick_answer_kind kind;
    /// How the request went, or `UNSTICK_STATUS_FAILED` for a word that this version does not know.
    unstick_status status;
    /// The body, which is in the datagram; not NUL-terminated, and whoever answered wrote it.
    const uint8_t *body;
    /// Bytes of it that are here.
    size_t body_len;
    /// Bytes that it has.
    uint64_t size;
    /// How the call was wrong; then all of this says nothing.
    unstick_error error;
} unstick_answer;

/// Decodes a stream of frames, in memory of yours; nothing of it is for you to read.
typedef struct unstick_decoder {
    uint64_t opaque[UNSTICK_DECODER_WORDS];
} unstick_decoder;

/// Consecutive bytes of a frame. A frame that lies whole in the input is one piece, a torn one is
/// several; only an empty frame has an empty piece.
typedef struct unstick_piece {
    /// What it is.
    unstick_found found;
    /// How the call was wrong.
    unstick_error error;
    /// Payload bytes of the whole frame.
    uint32_t total;
    /// Payload bytes that came before these. A frame is whole once `offset + len == total`.
    uint32_t offset;
    /// The bytes, inside the input.
    const uint8_t *bytes;
    /// How many.
    size_t len;
    /// Bytes consumed from the front of the input.
    size_t consumed;
} unstick_piece;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// Starts a node.
///
/// The config itself is copied. Its texts and its table, with the table's texts, must neither move
/// nor change as long as the node is used; its memory for files must stay as long and is the node's
/// alone. Zero the memory of a node before its first start, and when a call that used it was cut off.
/// A node that is started again begins anew, without files: abort its sessions before. It takes up
/// to 3328 bytes of stack, see above. Errors: `NULL` for the node, the config or a text; `MEMORY`,
/// `TEXT`, `COMMAND`, `FILES`; `IN_USE` until it is zeroed.
unstick_error unstick_node_start(struct unstick_node *node,
                                 const struct unstick_config *config,
                                 uint64_t now_us);

/// Adds to a counter what only the network's side sees: a datagram that was dropped, a connection that
/// was refused or had to give way. Counters stop at their end.
unstick_error unstick_node_count(struct unstick_node *node,
                                 unstick_counter what,
                                 uint64_t count);

/// A counter; 0 where the call is wrong.
uint64_t unstick_node_counter(struct unstick_node *node, unstick_counter what);

/// Starts a session, for a connection that has just been opened.
///
/// It may be in memory of an earlier session that is closed or was aborted. Zero other memory
/// before, and this when a call that used it was cut off. `limits` are copied; NULL stands for
/// `UNSTICK_LIMITS_DEFAULT`. Errors: `NULL` or `MEMORY` for the session, `IN_USE` until it is closed,
/// aborted or zeroed, `VALUE` for the service.
unstick_error unstick_session_start(struct unstick_session *session,
                                    unstick_service service,
                                    const struct unstick_limits *limits);

/// Consumes input, writes output, and says what it waits for. A session has the same node in all its
/// steps. It takes up to 4096 bytes of stack, see above, and what your commands take.
///
/// Show it all that has come and was not consumed, once after each receive: a bare request ends with
/// its line or where a receive ended, and the session keeps count of that. Show it as much space as
/// you like. Either may be empty, with any pointer. A step too many does no harm. Input and output
/// must not overlap.
struct unstick_step unstick_session_step(struct unstick_session *session,
                                         struct unstick_node *node,
                                         uint64_t now_us,
                                         const uint8_t *input,
                                         size_t input_len,
                                         uint8_t *output,
                                         size_t output_len);

/// No more input will come, because the peer has closed its side. Step on: what came is still
/// answered.
unstick_error unstick_session_end(struct unstick_session *session);

/// Take no new request, and close once what was begun is done. Step on until it is closed.
unstick_error unstick_session_finish(struct unstick_session *session);

/// Call this when the connection is lost: it returns to the node what the session had of it. A session that is not
/// closed must be aborted before its memory is used for anything else.
unstick_error unstick_session_abort(struct unstick_session *session,
                                    struct unstick_node *node);

/// Writes one sentence on why a session is over, cut to `size` bytes with its NUL. Returns its bytes
/// without the NUL. Nothing is written where `size` is 0 or the call is wrong.
size_t unstick_session_reason(struct unstick_session *session,
                              char *text,
                              size_t size);

/// Answers a datagram of the echo or command service, which came from the peer's port `from_port`,
/// a number as `ntohs(address.sin_port)` returns it. One that was sent to a `broadcast` or multicast
/// address is counted and not answered.
///
/// `input` are the `input_len` bytes that are here of a datagram of `true_len` bytes: less where
/// the receive buffer was too small, which is answered as such. `output_len` is the largest
/// datagram you can send: a longer answer is replied to with status `truncated`. A reply is never
/// longer than three times its request. Input and output must not overlap. It takes up to 5120 bytes
/// of stack, see above, and what your commands take.
struct unstick_reply unstick_datagram_answer(struct unstick_node *node,
                                             unstick_service service,
                                             uint64_t now_us,
                                             uint16_t from_port,
                                             bool broadcast,
                                             const uint8_t *input,
                                             size_t input_len,
                                             size_t true_len,
                                             uint8_t *output,
                                             size_t output_len);

/// Reads a call's arguments as one decimal number, white space around it aside.
///
/// If they are none, writes a sentence with `what`, as in `wait needs MS; `x` will not do`, and returns
/// `UNSTICK_STATUS_BAD_REQUEST`: return that.
unstick_status unstick_call_number(const struct unstick_call *call,
                                   const char *what,
                                   uint64_t *value,
                                   struct unstick_text *text);

/// Whether a call's body is UTF-8. If not, writes a sentence that says where and returns
/// `UNSTICK_STATUS_BAD_REQUEST`: return that.
unstick_status unstick_call_body_is_text(const struct unstick_call *call,
                                         struct unstick_text *text);

/// Adds UTF-8 text to the answer of a command or a task, all of it or none.
///
/// Errors: `NULL`, `MEMORY`, `TEXT` if it is not UTF-8, `FULL` if it does not fit. After either of
/// the last two the request is refused, so a command need not look.
unstick_error unstick_text_write(struct unstick_text *text, const uint8_t *bytes, size_t len);

/// Adds a NUL-terminated string to a command's answer: `unstick_text_write` without a length.
unstick_error unstick_text_print(struct unstick_text *text, const char *string);

/// Whether a call's arguments are this NUL-terminated word, white space around them aside.
bool unstick_call_is(const struct unstick_call *call, const char *word);

/// Starts a client of the echo or command service. Zero its memory before, and again when a call that
/// used it was cut off. Errors: `NULL`, `MEMORY`, `IN_USE`; `VALUE` for the service.
unstick_error unstick_client_start(struct unstick_client *client,
                                   unstick_service service);

/// Writes the datagram that asks, and its bytes to `len`: `command` is the command and its arguments in
/// UTF-8, none for the echo service, which is sent the body alone.
///
/// `output_len` is the largest datagram you can send. A request is padded to a third of that, so that a
/// full reply is allowed. Input and output must not overlap. It takes up to 2048 bytes of stack, see
/// above. Errors: `NULL`, `MEMORY`, `NOT_STARTED`, `IN_USE`; `TEXT` for the command; `VALUE` for a command
/// to the echo service; `FULL` if it does not fit the datagram or a header of 1024 bytes.
unstick_error unstick_client_request(struct unstick_client *client,
                                     const uint8_t *command,
                                     size_t command_len,
                                     const uint8_t *body,
                                     size_t body_len,
                                     uint8_t *output,
                                     size_t output_len,
                                     size_t *len);

/// Looks whether a datagram is the reply to the last request, which is `sent`. `input` are the
/// `input_len` bytes that are here of a datagram of `true_len` bytes.
struct unstick_answer unstick_client_reply(struct unstick_client *client,
                                           const uint8_t *sent,
                                           size_t sent_len,
                                           const uint8_t *input,
                                           size_t input_len,
                                           size_t true_len);

/// Writes the prefix of a payload of `len` bytes, to be sent before it, to the
/// `UNSTICK_PREFIX_SIZE` bytes of the output. Errors: `NULL`, and `TOO_LONG` for more than
/// 2147483647 bytes.
unstick_error unstick_frame_prefix(size_t len, uint8_t *output);

/// Starts a decoder of frames of at most `limit` bytes. A longer one is read and discarded if it
/// has at most `skip` bytes, else it is an error. Errors: `NULL`, `MEMORY` or `IN_USE` for the
/// decoder.
unstick_error unstick_decoder_start(struct unstick_decoder *decoder, uint32_t limit, uint64_t skip);

/// Consumes bytes from the front of the input, up to and including the next thing found. Call it with
/// what is left until it finds `UNSTICK_FOUND_NOTHING`; then bring the next input.
/// `UNSTICK_FOUND_DAMAGED` and `UNSTICK_FOUND_MISUSE` are final: nothing is consumed any more, the next
/// call finds the same, so close.
struct unstick_piece unstick_decoder_next(struct unstick_decoder *decoder,
                                          const uint8_t *input,
                                          size_t input_len);

/// The input has ended: `UNSTICK_FOUND_NOTHING` between frames, `UNSTICK_FOUND_DAMAGED` inside one,
/// `UNSTICK_FOUND_MISUSE` where the call is wrong.
unstick_found unstick_decoder_end(struct unstick_decoder *decoder);

/// Writes one sentence on what is wrong with the stream, cut to `size` bytes with its NUL. Returns
/// its bytes without the NUL. Nothing is written where `size` is 0 or the call is wrong.
size_t unstick_decoder_reason(struct unstick_decoder *decoder, char *text, size_t size);

/// One sentence about an error, NUL-terminated and constant; it is never NULL.
const char *unstick_strerror(unstick_error error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* UNSTICK_H */
