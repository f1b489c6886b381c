//! Why a request was refused: one place decides status, code and whether a retry helps.

use http::{Method, StatusCode};
use millstream_event::wire;
use millstream_log::AppendError;

/// A request that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such path.
    #[error("nothing answers at this path; see the list of calls in the documentation")]
    NotFound,
    /// The path exists for other methods.
    #[error("this path takes {0}")]
    MethodNotAllowed(&'static str),
    /// The body is no JSON.
    #[error("{0}")]
    InvalidJson(String),
    /// The body is JSON, but not what the call takes.
    #[error("{0}")]
    InvalidBody(String),
    /// The compressed body cannot be unpacked.
    #[error(
        "the body is labelled or looks like {0} but cannot be unpacked; send it whole or uncompressed"
    )]
    BrokenEncoding(&'static str),
    /// A `Content-Encoding` that is not offered.
    #[error("this Content-Encoding is not supported; send gzip, deflate or no compression")]
    UnsupportedEncoding,
    /// The key is missing or unknown.
    #[error(
        "the write key is missing or unknown; send the key of a configured source as Basic user, Bearer token, `writeKey` in the body or query"
    )]
    Unauthorized,
    /// The body is over the limit, packed or unpacked.
    #[error("the body is over the limit of {0} bytes; send smaller batches")]
    BodyTooLarge(usize),
    /// The batch has too many events.
    #[error("the batch has {found} events, over the limit of {limit}; send smaller batches")]
    TooManyEvents {
        /// Events in the batch.
        found: usize,
        /// Most accepted.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error(
        "the body did not arrive within {0} s; send it again on a faster path or in smaller batches"
    )]
    BodyTimeout(u64),
    /// The client went away, or broke the protocol, in the middle of the body.
    #[error("the body ended before it was complete; send it again")]
    BodyBroken,
    /// One client has too many requests in progress.
    #[error("this client has over {0} requests in progress; wait for answers before sending more")]
    ClientBusy(usize),
    /// One client has too many streams open.
    #[error("this client has {0} streams open, as many as it may; close one first")]
    ClientStreams(usize),
    /// Too many streams are open.
    #[error("as many streams are open as the server may hold; come back later")]
    Streams,
    /// More bytes are in progress than the configured bound.
    #[error("the server holds as many unanswered bytes as it may; retry with back-off")]
    Busy,
    /// The log's queue is full, or its answer did not come in time.
    #[error("the log cannot keep up; retry with back-off")]
    LogOverloaded,
    /// The log has reached its disk bound.
    #[error(
        "the log has reached its disk bound; retry later, it resumes by itself once space is free"
    )]
    DiskFull,
    /// An fdatasync failed.
    #[error(
        "the log refuses writes after a failed fdatasync; retry once the operator has restarted it"
    )]
    LogPoisoned,
    /// The process is closing.
    #[error("the server is shutting down; retry")]
    ShuttingDown,
    /// No use case has this name.
    #[error(
        "no use case has this name; configure it as one of [[decide.use_cases]], or check its spelling"
    )]
    UnknownUseCase,
    /// An event could not be encoded.
    #[error("an event could not be encoded; retry, and report it if it persists")]
    Internal,
}

/// Seconds a client should wait before it retries an overload.
const RETRY_SOON_S: u32 = 1;
/// Seconds a client should wait when an operator or the retention has to act first.
const RETRY_LATER_S: u32 = 30;

impl Refusal {
    /// Every code, in the order of [`Self::index`].
    pub const CODES: [&'static str; 21] = [
        "not_found",
        "method_not_allowed",
        "invalid_json",
        "invalid_body",
        "broken_encoding",
        "unsupported_encoding",
        "unauthorized",
        "body_too_large",
        "too_many_events",
        "body_timeout",
        "body_broken",
        "client_busy",
        "busy",
        "log_overloaded",
        "disk_full",
        "log_poisoned",
        "shutting_down",
        "internal",
        "unknown_use_case",
        "client_streams",
        "streams",
    ];

    /// The place of its code in [`Self::CODES`], for counting.
    pub const fn index(&self) -> usize {
        match self {
            Self::NotFound => 0,
            Self::MethodNotAllowed(_) => 1,
            Self::InvalidJson(_) => 2,
            Self::InvalidBody(_) => 3,
            Self::BrokenEncoding(_) => 4,
            Self::UnsupportedEncoding => 5,
            Self::Unauthorized => 6,
            Self::BodyTooLarge(_) => 7,
            Self::TooManyEvents { .. } => 8,
            Self::BodyTimeout(_) => 9,
            Self::BodyBroken => 10,
            Self::ClientBusy(_) => 11,
            Self::Busy => 12,
            Self::LogOverloaded => 13,
            Self::DiskFull => 14,
            Self::LogPoisoned => 15,
            Self::ShuttingDown => 16,
            Self::Internal => 17,
            Self::UnknownUseCase => 18,
            Self::ClientStreams(_) => 19,
            Self::Streams => 20,
        }
    }

    /// The stable code of the error body.
    pub const fn code(&self) -> &'static str {
        Self::CODES[self.index()]
    }

    /// The status. SDKs drop what is answered 400 and retry nearly all else, so 400 stands for
    /// what can never succeed.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::UnknownUseCase => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidJson(_)
            | Self::InvalidBody(_)
            | Self::BrokenEncoding(_)
            | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::BodyTooLarge(_) | Self::TooManyEvents { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Self::ClientBusy(_) | Self::ClientStreams(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy
            | Self::Streams
            | Self::LogOverloaded
            | Self::DiskFull
            | Self::LogPoisoned
            | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Seconds for `Retry-After`, where retrying helps.
    pub const fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Busy
            | Self::ClientBusy(_)
            | Self::LogOverloaded
            | Self::ShuttingDown
            | Self::BodyTimeout(_) => Some(RETRY_SOON_S),
            Self::DiskFull | Self::LogPoisoned | Self::ClientStreams(_) | Self::Streams => {
                Some(RETRY_LATER_S)
            }
            _ => None,
        }
    }

    /// The methods the path takes, for `Allow`.
    pub const fn allow(&self) -> Option<&'static str> {
        match self {
            Self::MethodNotAllowed(methods) => Some(methods),
            _ => None,
        }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Overloaded => Self::LogOverloaded,
            AppendError::DiskFull => Self::DiskFull,
            AppendError::Poisoned(_) => Self::LogPoisoned,
            AppendError::TooLarge { limit, .. } => Self::BodyTooLarge(limit),
            // The limit on bodies keeps every group far below what the queue holds.
            AppendError::GroupTooLarge { bytes_max, .. } => Self::BodyTooLarge(bytes_max),
            AppendError::Closed => Self::ShuttingDown,
        }
    }
}

impl From<wire::Refusal> for Refusal {
    fn from(refusal: wire::Refusal) -> Self {
        match refusal {
            wire::Refusal::TooManyEvents { count, max } => {
                Self::TooManyEvents { found: count, limit: max }
            }
            wire::Refusal::NoList(_)
            | wire::Refusal::Repeated(_)
            | wire::Refusal::UnreadableName => Self::InvalidBody(refusal.to_string()),
            wire::Refusal::NotJson(ref error) if error.is_data() => {
                Self::InvalidBody(refusal.to_string())
            }
            wire::Refusal::NotText | wire::Refusal::NotJson(_) => {
                Self::InvalidJson(refusal.to_string())
            }
        }
    }
}

/// The method is one of `allowed` (an `Allow` list), else a refusal that names them.
pub(super) fn require(
    method: &Method,
    wanted: &[Method],
    allowed: &'static str,
) -> Result<(), Refusal> {
    if wanted.contains(method) { Ok(()) } else { Err(Refusal::MethodNotAllowed(allowed)) }
}
