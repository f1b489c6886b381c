//! Demo: a simulated shop, seeded, with late and duplicate events and mixed consent.
//!
//! The past is imported ([`history`]); the present walks in through the public plane over HTTP
//! ([`live`]), following governed links and telling its page views as a browser would.

mod draw;
pub mod hero;
pub mod history;
pub mod live;
pub mod shop;
mod visit;

pub use hero::Hero;
pub use history::Past;
pub use live::{Live, Told};
