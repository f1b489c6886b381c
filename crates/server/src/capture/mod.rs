//! Capture: the public plane. Parse, stamp, apply consent, make durable, answer.
