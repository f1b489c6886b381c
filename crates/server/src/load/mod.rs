//! Load: open-loop traffic against a running instance, corrected for coordinated omission.
