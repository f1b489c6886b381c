//! The wire: packets, TCP, sharing, worst cases, scaling.

pub mod calculus;
pub mod packet;
pub mod scalability;
pub mod share;
pub mod tcp;
