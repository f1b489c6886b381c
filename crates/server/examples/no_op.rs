//! The peer of `scripts/bench post`: the same HTTP library, a body that is read and parsed, and an
//! answer, with nothing stored. `no_op PORT`

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::convert::Infallible;
use std::error::Error;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

/// What any server of the call has to look at; the rest stays text.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: &'a str,
    #[serde(rename = "messageId", borrow)]
    message_id: &'a str,
    #[serde(borrow)]
    context: Option<&'a serde_json::value::RawValue>,
    #[serde(borrow)]
    properties: Option<&'a serde_json::value::RawValue>,
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let parsed = body.ok().is_some_and(|body| {
        serde_json::from_slice::<Envelope<'_>>(&body).is_ok_and(|event| {
            let parts = [event.context, event.properties];
            !event.kind.is_empty()
                && !event.message_id.is_empty()
                && parts.iter().any(Option::is_some)
        })
    });
    let status = if parsed { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"success\":true}")));
    *response.status_mut() = status;
    Ok(response)
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("usage: no_op PORT")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let service = service_fn(answer);
                let connection = hyper::server::conn::http1::Builder::new();
                // A client that goes away is the end of its connection, nothing more.
                drop(connection.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    })
}
