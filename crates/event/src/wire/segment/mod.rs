//! The Segment HTTP API, which RudderStack and many others share: the calls `track`, `page`,
//! `screen`, `identify`, `group`, `alias`, and `batch` or `import` of them.
//!
//! [`Body::single`] or [`Body::batch`] reads the message and tells the write key; then
//! [`Body::outcomes`] gives one outcome per event, in order.

mod body;
mod call;
mod context;
mod item;
mod page;

pub use body::Body;
pub use call::Call;
