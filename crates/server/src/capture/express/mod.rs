//! The express counter: redirects over HTTP/1.1, answered without the HTTP library.
//!
//! It stands in front of it on every connection. What it takes is narrow: a whole `GET /r/...`
//! without a body, with nothing in its head that asks for more than the redirect. Whatever else
//! comes is handed over together with the connection, for good, unread. So the HTTP library alone
//! decides what is broken, slow, too large, or of another protocol; here nothing is ever refused.

mod answer;
pub(super) mod date;
pub mod head;
mod patience;
pub(super) mod rewound;
mod serve;

pub(super) use serve::{Over, serve};
