//! Files as the body of a request, read while it is sent.

use super::import::Joined;
use crate::import::{Format, ImportError, Input};
use crate::load::connection::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Frame;
use std::io::Read;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Bytes of one piece.
const PIECE_BYTES: usize = 1 << 18;
/// Pieces read ahead.
const PIECES_AHEAD: usize = 4;

/// The files, unpacked and joined, as a body. Reading happens on a thread of its own.
pub fn body(files: Vec<PathBuf>, format: Format) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    std::thread::spawn(move || {
        if let Err(error) = pump(&files, format, &sender) {
            // A receiver that is gone has ended the request for reasons of its own.
            drop(sender.blocking_send(Err(std::io::Error::other(error))));
        }
    });
    Pieces(receiver).boxed_unsync()
}

fn pump(
    files: &[PathBuf],
    format: Format,
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
) -> Result<(), ImportError> {
    let mut inputs: Vec<_> = files.iter().map(|file| Input::path(file)).collect();
    let silent = |_: u64| {};
    let opened: Result<Vec<_>, _> = inputs.iter_mut().map(|input| input.open(&silent)).collect();
    // A line feed behind its last byte would break a Parquet file; there is only one.
    let mut joined: Box<dyn Read> = match (format, opened?) {
        (Format::Parquet, mut opened) => opened.remove(0),
        (_, opened) => Box::new(Joined::new(opened)),
    };
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = joined
            .read(&mut piece)
            .map_err(|source| ImportError::Read { name: "an input".to_owned(), source })?;
        if read == 0 || sender.blocking_send(Ok(Bytes::copy_from_slice(&piece[..read]))).is_err() {
            return Ok(());
        }
    }
}

struct Pieces(mpsc::Receiver<std::io::Result<Bytes>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
