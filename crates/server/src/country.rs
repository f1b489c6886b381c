//! Country of a client address, from an embedded database; the address itself is not kept.
