//! A connection of which some bytes were read already, and are to be read again.

use bytes::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes first, then the connection itself.
#[derive(Debug)]
pub(in crate::capture) struct Rewound<S> {
    pub(in crate::capture) unread: Bytes,
    pub(in crate::capture) stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, out);
        }
        let length = self.unread.len().min(out.remaining());
        out.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        if self.unread.is_empty() {
            // Nothing is kept of what has been read.
            self.unread = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn the_bytes_come_first_whole_and_once() {
        for room in [1, 2, 3, 64] {
            let (near, mut far) = tokio::io::duplex(64);
            far.write_all(b"defg").await.unwrap();
            let mut rewound = Rewound { unread: Bytes::from_static(b"abc"), stream: near };
            rewound.write_all(b"answer").await.unwrap();
            let (mut read, mut piece) = (Vec::new(), vec![0; room]);
            while read.len() < 7 {
                let length = rewound.read(&mut piece).await.unwrap();
                read.extend_from_slice(&piece[..length]);
            }
            assert_eq!(read, b"abcdefg", "{room}");
            let mut answer = [0; 6];
            far.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"answer");
        }
    }
}
