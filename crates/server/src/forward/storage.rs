//! Signatures of requests to object storage that speaks S3: AWS Signature Version 4, in the header
//! `Authorization`.

use http::{HeaderMap, Method};
use millstream_event::Timestamp;
use ring::hmac;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use url::Url;

/// Who signs, for where.
#[derive(Clone, PartialEq, Eq)]
pub struct StorageKey {
    /// The key's public name.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
    /// The region of the bucket.
    pub region: String,
}

impl std::fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StorageKey").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The headers that make a request one of this key's: (name, value).
pub fn sign(
    key: &StorageKey,
    (method, url): (&Method, &Url),
    headers: &HeaderMap,
    (body, at): (&[u8], Timestamp),
) -> [(&'static str, String); 3] {
    let digest = hex(&Sha256::digest(body));
    let stamp = stamp(at);
    let day = stamp.get(..8).unwrap_or_default();
    let mut signed: Vec<(String, String)> = headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.trim().to_owned()))
        })
        .collect();
    signed.push(("host".to_owned(), host(url)));
    signed.push(("x-amz-content-sha256".to_owned(), digest.clone()));
    signed.push(("x-amz-date".to_owned(), stamp.clone()));
    signed.sort();
    let names = signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let mut asked = format!("{method}\n{}\n{}\n", url.path(), query(url));
    for (name, value) in &signed {
        asked.push_str(&format!("{name}:{value}\n"));
    }
    asked.push_str(&format!("\n{names}\n{digest}"));
    let scope = format!("{day}/{}/s3/aws4_request", key.region);
    let text =
        format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(asked.as_bytes())));
    let steps = [day, key.region.as_str(), "s3", "aws4_request", text.as_str()];
    let first = format!("AWS4{}", key.secret_key).into_bytes();
    let signature = steps.iter().fold(first, |key, step| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        hmac::sign(&key, step.as_bytes()).as_ref().to_vec()
    });
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={}",
        key.access_key,
        hex(&signature)
    );
    [("x-amz-content-sha256", digest), ("x-amz-date", stamp), ("authorization", authorization)]
}

/// The host as it stands in the request: with its port where that is not the scheme's own.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The pairs of the query in their order.
fn query(url: &Url) -> String {
    let mut pairs: Vec<&str> = url.query().into_iter().flat_map(|query| query.split('&')).collect();
    pairs.sort_unstable();
    let whole =
        |pair: &&str| if pair.contains('=') { (*pair).to_owned() } else { format!("{pair}=") };
    pairs.iter().map(whole).collect::<Vec<_>>().join("&")
}

/// `20261122T134500Z`
fn stamp(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    let plain: String = text.chars().take(19).filter(|c| c.is_ascii_digit() || *c == 'T').collect();
    format!("{plain}Z")
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of "Signature calculations for the Authorization header" in Amazon's reference of S3.
    #[test]
    fn the_published_examples_are_reproduced() {
        let key = StorageKey {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let at = Timestamp::parse_rfc3339("2013-05-24T00:00:00Z").unwrap();
        let signed = |method: Method, url: &str, headers: &[(&'static str, &str)], body: &[u8]| {
            let url = Url::parse(url).unwrap();
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            let [.., (_, authorization)] = sign(&key, (&method, &url), &map, (body, at));
            authorization.rsplit('=').next().unwrap().to_owned()
        };
        assert_eq!(
            signed(
                Method::GET,
                "https://examplebucket.s3.amazonaws.com/test.txt",
                &[("range", "bytes=0-9")],
                b""
            ),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let headers = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        assert_eq!(
            signed(
                Method::PUT,
                "https://examplebucket.s3.amazonaws.com/test%24file.text",
                &headers,
                b"Welcome to Amazon S3."
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        assert_eq!(
            signed(Method::GET, "https://examplebucket.s3.amazonaws.com/?lifecycle", &[], b""),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
    }
}
