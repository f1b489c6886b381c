//! Audit: the whole chain behind a conversion, event, click or link.
