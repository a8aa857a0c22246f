//! Every bound of the data plane, with the reason for its size.

use std::time::Duration;

/// The request line and all headers together. Larger than any cookie jar; small enough for 10,000
/// connections.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Header fields. HPACK can make many out of few bytes.
pub const HEAD_FIELDS_MAX: usize = 100;

/// The request target.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;

/// How long a client may take to send a head.
pub const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a body may stand still.
pub const BODY_IDLE: Duration = Duration::from_secs(30);

/// How long a client may leave an answer unread.
pub const WRITE_STALL: Duration = Duration::from_secs(60);

/// How long a connection may rest between requests.
pub const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(90);

/// HTTP/2 streams of one connection at a time.
pub const H2_STREAMS_MAX: u32 = 128;

/// Connections of one core at a time.
pub const CONNECTIONS_MAX: usize = 20_000;

/// Answers of a known length up to this are read whole and sent in one piece with their cost in a header.
pub const WHOLE_ANSWER_BYTES: u64 = 64 * 1024;

/// The largest answer of a model that is read whole to find its usage.
pub const MODEL_ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Prompts up to this are counted where they are; larger ones on a thread of their own.
pub const COUNT_INLINE_BYTES: u64 = 8 * 1024;

/// Prompts that are counted at the same time, on all cores together.
pub const COUNTING_MAX: usize = 4;

/// How long an upstream stream may stand still.
pub const UPSTREAM_IDLE: Duration = Duration::from_secs(120);

/// How long a stream may be silent on which a server speaks by itself. Clients come back by themselves.
pub const LISTENING_IDLE: Duration = Duration::from_secs(3_600);

/// How long requests that are cut off at shutdown may take to be settled.
pub const SETTLING_WITHIN: Duration = Duration::from_secs(3);

/// How long a request waits for a kept connection to be ready before it takes another one.
pub const READY_WITHIN: Duration = Duration::from_millis(100);

/// How soon the body of a stream ends after its last event, for its connection to be used again.
pub const END_WITHIN: Duration = Duration::from_secs(1);

/// How long an idle upstream connection is kept.
pub const UPSTREAM_KEPT: Duration = Duration::from_secs(55);

/// The longest a path is kept in the call log.
pub const LOGGED_PATH_BYTES: usize = 256;

/// Unknown keys that are remembered as unknown, so that junk does not reach the database again.
pub const UNKNOWN_KEYS_KEPT: usize = 10_000;

/// How long a key stays remembered as unknown.
pub const UNKNOWN_KEY_FOR: Duration = Duration::from_secs(30);
