//! Bodies of answers: whole ones, and ones that flow for a while.

use super::activity::Busy;
use super::clients::Hold;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// See the module.
pub(super) enum Outgoing {
    /// All of it.
    Whole(Full<Bytes>),
    /// Piece by piece.
    Flow(Flow),
}

/// Pieces as they come, and what is held until the last of them.
pub(super) struct Flow {
    pieces: mpsc::Receiver<Bytes>,
    /// A place among the streams of the client, and one among all.
    _places: (Hold, OwnedSemaphorePermit),
    _busy: Option<Busy>,
}

impl Flow {
    pub(super) const fn new(
        pieces: mpsc::Receiver<Bytes>,
        places: (Hold, OwnedSemaphorePermit),
    ) -> Self {
        Self { pieces, _places: places, _busy: None }
    }
}

impl Outgoing {
    /// The connection is busy with this body until its end.
    pub(super) fn occupy(&mut self, busy: Busy) {
        if let Self::Flow(flow) = self {
            flow._busy = Some(busy);
        }
    }
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context),
            Self::Flow(flow) => {
                flow.pieces.poll_recv(context).map(|piece| piece.map(|it| Ok(Frame::data(it))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Flow(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Flow(_) => SizeHint::default(),
        }
    }
}
