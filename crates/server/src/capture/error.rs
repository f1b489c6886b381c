//! Why the public plane cannot be started.

use std::net::SocketAddr;

/// Why the public plane cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Reachable from elsewhere, with nobody named who may send.
    #[error(
        "the public plane would listen on {0}, beyond this machine, but no source is configured: \
         add a [[sources]] entry with a write key, or listen on 127.0.0.1"
    )]
    NoSources(SocketAddr),
    /// The address cannot be bound.
    #[error(
        "the public plane cannot listen on {address}: {source}; free the port or choose another"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Threads could not be started.
    #[error("the public plane's threads cannot be started: {0}; check the limits on processes")]
    Runtime(std::io::Error),
    /// The certificate or its key cannot be read.
    #[error("{path} cannot be used for TLS: {why}; name a PEM file that this process may read")]
    Certificate {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key do not make a server.
    #[error("TLS cannot be set up: {0}; check that the key belongs to the certificate")]
    Tls(rustls::Error),
    /// A built-in source name is none.
    #[error("a built-in source name is no valid name: the build is broken, install it again")]
    SourceName,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
}
