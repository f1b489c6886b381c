//! A connection of the generator: HTTP/1.1 with as little work as it takes, so that the figures are
//! the server's and not the generator's own. Bodies of answers are skipped.

use super::connection::{ConnectionError, Target, open_stream};
use bytes::Bytes;
use http::{Request, StatusCode};
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Read at once.
const READ_BYTES: usize = 16 << 10;

/// A connection that is opened when first used and after it broke.
pub(super) struct Socket {
    target: Target,
    patience: Duration,
    stream: Option<TcpStream>,
    out: Vec<u8>,
    read: Vec<u8>,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: StatusCode,
    /// Bytes of the head itself.
    bytes: usize,
    /// Bytes of the body, where they are told.
    body: Option<usize>,
    /// Whether another request may follow.
    keeps: bool,
}

impl Socket {
    /// A connection that waits at most `patience` for each answer.
    pub(super) const fn new(target: Target, patience: Duration) -> Self {
        Self { target, patience, stream: None, out: Vec::new(), read: Vec::new() }
    }

    /// Sends a request and reads its answer. `Host` and the length are added.
    ///
    /// # Errors
    /// [`ConnectionError`]; the next request opens a new connection.
    pub(super) async fn send(
        &mut self,
        request: &Request<Bytes>,
    ) -> Result<StatusCode, ConnectionError> {
        let address = self.target.address;
        let answered = tokio::time::timeout(self.patience, self.exchange(request)).await;
        let seconds = self.patience.as_secs();
        let answered = answered.unwrap_or(Err(ConnectionError::TimedOut { address, seconds }));
        if answered.is_err() {
            self.stream = None;
        }
        answered
    }

    async fn exchange(&mut self, request: &Request<Bytes>) -> Result<StatusCode, ConnectionError> {
        let address = self.target.address;
        let broken = |why: String| ConnectionError::Broken { address, why };
        self.out.clear();
        write_request(&mut self.out, request, &self.target.host)
            .map_err(|error| broken(error.to_string()))?;
        let mut stream = match self.stream.take() {
            Some(kept) => kept,
            None => open_stream(address).await?,
        };
        stream.write_all(&self.out).await.map_err(|error| broken(error.to_string()))?;
        let head = self.answer(&mut stream).await.map_err(broken)?;
        if head.keeps {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }

    /// Reads one answer to its end.
    async fn answer(&mut self, stream: &mut TcpStream) -> Result<Head, String> {
        self.read.clear();
        let head = loop {
            if let Some(head) = read_head(&self.read)? {
                break head;
            }
            if self.read.len() > HEAD_BYTES_MAX {
                return Err("the answer's head does not end".into());
            }
            self.fill(stream).await?;
        };
        let Some(body) = head.body else {
            // Its end is told by the connection's own or by chunks: neither is worth following.
            return Ok(Head { keeps: false, ..head });
        };
        let mut left = (head.bytes + body).saturating_sub(self.read.len());
        while left > 0 {
            self.read.clear();
            self.fill(stream).await?;
            left = left.saturating_sub(self.read.len());
        }
        Ok(head)
    }

    async fn fill(&mut self, stream: &mut TcpStream) -> Result<(), String> {
        self.read.reserve(READ_BYTES);
        match stream.read_buf(&mut self.read).await {
            Ok(0) => Err("it was closed before the answer was whole".into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn write_request(out: &mut Vec<u8>, request: &Request<Bytes>, host: &str) -> std::io::Result<()> {
    write!(out, "{} {} HTTP/1.1\r\nhost: {host}\r\n", request.method(), request.uri())?;
    for (name, value) in request.headers() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let body = request.body();
    if !body.is_empty() {
        write!(out, "content-length: {}\r\n", body.len())?;
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    Ok(())
}

/// The head at the beginning of `bytes`, once it is whole.
fn read_head(bytes: &[u8]) -> Result<Option<Head>, String> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = bytes.windows(END.len()).position(|window| window == END) else {
        return Ok(None);
    };
    let text = str::from_utf8(&bytes[..end]).map_err(|_| "the answer's head is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1."));
    let status = status.and_then(|rest| rest.get(2..5)).and_then(|code| code.parse().ok());
    let status = status.ok_or("the answer is not HTTP/1.1")?;
    let mut head = Head { status, bytes: end + END.len(), body: None, keeps: true };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            head.body = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            head.keeps = !value.trim().eq_ignore_ascii_case("close");
        }
    }
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        head.body = Some(0);
    }
    Ok(Some(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_once_they_are_whole() {
        let text = b"HTTP/1.1 302 Found\r\nContent-Length: 5\r\nlocation: /x\r\n\r\nhello";
        let head = read_head(text).unwrap().unwrap();
        let expected =
            Head { status: StatusCode::FOUND, bytes: text.len() - 5, body: Some(5), keeps: true };
        assert_eq!(head, expected);
        for cut in 0..text.len() - 5 {
            assert_eq!(read_head(&text[..cut]), Ok(None), "{cut}");
        }
        let last = read_head(b"HTTP/1.1 503 Busy\r\nconnection: Close\r\n\r\n").unwrap().unwrap();
        assert_eq!((last.body, last.keeps), (None, false));
        let none = read_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((none.body, none.keeps), (Some(0), true));
        for broken in ["SSH-2.0\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "\r\n\r\n"] {
            assert!(read_head(broken.as_bytes()).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn requests_name_host_and_length() {
        let request = Request::post("/v1/track").header("a", "b").body(Bytes::from("{}")).unwrap();
        let mut out = Vec::new();
        write_request(&mut out, &request, "h:1").unwrap();
        let expected =
            "POST /v1/track HTTP/1.1\r\nhost: h:1\r\na: b\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
