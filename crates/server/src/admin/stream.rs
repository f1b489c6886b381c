//! Bodies that are made or read piece by piece, across the border between threads and tasks.

use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Pieces that may wait between the two sides.
const PIECES_MAX: usize = 8;
/// Bytes that a writer gathers before it sends them.
const PIECE_BYTES: usize = 64 * 1_024;

/// One piece of a body, or why there is no more. Towards a reader an empty piece ends the body; a
/// sender that is dropped without one has broken it off.
pub type Piece = Result<Bytes, io::Error>;

/// A body whose pieces come through a channel; ends when the sender is dropped.
pub struct ChannelBody(mpsc::Receiver<Piece>);

/// A body and the side that feeds it.
pub fn body() -> (mpsc::Sender<Piece>, ChannelBody) {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    (sender, ChannelBody(receiver))
}

impl Body for ChannelBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// Writes into a body from a blocking thread; waits while the client reads slowly.
pub struct BodyWriter {
    sender: mpsc::Sender<Piece>,
    gathered: Vec<u8>,
}

impl BodyWriter {
    /// A writer into this body.
    pub const fn new(sender: mpsc::Sender<Piece>) -> Self {
        Self { sender, gathered: Vec::new() }
    }

    /// Breaks the body off, so that the client sees that it is not whole.
    pub fn fail(self, message: String) {
        // The client may be gone, then there is nobody to tell.
        drop(self.sender.blocking_send(Err(io::Error::other(message))));
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.gathered));
        self.sender
            .blocking_send(Ok(piece))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client went away"))
    }
}

/// Reads a body on a blocking thread; the client is held back while the reader is slow.
pub struct BodyReader {
    receiver: mpsc::Receiver<Piece>,
    rest: Bytes,
    ended: bool,
}

/// A reader and the side that feeds it.
pub fn reader() -> (mpsc::Sender<Piece>, BodyReader) {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    (sender, BodyReader { receiver, rest: Bytes::new(), ended: false })
}

impl Read for BodyReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            if self.ended {
                return Ok(0);
            }
            match self.receiver.blocking_recv() {
                Some(Ok(piece)) if piece.is_empty() => {
                    self.ended = true;
                    return Ok(0);
                }
                Some(piece) => self.rest = piece?,
                None => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the client went away before its file had ended",
                    ));
                }
            }
        }
        let taken = self.rest.split_to(out.len().min(self.rest.len()));
        out[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}
