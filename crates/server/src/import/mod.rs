//! Import: real files into the log, idempotent, through the same envelope as capture.
