//! The head of a request, kept for another attempt.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

use super::Outgoing;
use crate::client::{
    attempt::{PREVIOUS_ATTEMPTS, Tried},
    balance::{HashKey, WaitForReady},
};

/// What the headers of most calls fit into, and with it the future of a call into 1 KiB: what is larger, mimalloc serves
/// far more slowly.
const ROOM: usize = 240;

/// A copy of a request's head that takes no allocation of its own: headers are written down side by side, and
/// become a map again only for a call that really needs another attempt. (`HeaderMap::clone` allocates twice, and
/// once for every value that is no constant.)
pub(in crate::client) struct Head {
    method: Method,
    uri: Uri,
    version: Version,
    headers: Headers,
    // Of a request's extensions those that the layers below read.
    hash_key: Option<HashKey>,
    wait_for_ready: Option<WaitForReady>,
}

enum Headers {
    Flat { bytes: [u8; ROOM], length: usize },
    Map(HeaderMap),
}

impl Head {
    pub(in crate::client) fn of<B>(request: &Request<B>) -> Self {
        let headers = write(request.headers()).unwrap_or_else(|| Headers::Map(request.headers().clone()));
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers,
            hash_key: request.extensions().get().copied(),
            wait_for_ready: request.extensions().get().copied(),
        }
    }

    /// The request for an attempt that is not the first.
    pub(in crate::client) fn again(&self, body: Outgoing, previous: u32, tried: Tried) -> Request<Outgoing> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        *request.headers_mut() = match &self.headers {
            Headers::Flat { bytes, length } => read(&bytes[..*length]),
            Headers::Map(headers) => headers.clone(),
        };
        if previous > 0 {
            request.headers_mut().insert(PREVIOUS_ATTEMPTS, previous.into());
        }
        let extensions = request.extensions_mut();
        extensions.insert(tried);
        self.hash_key.map(|key| extensions.insert(key));
        self.wait_for_ready.map(|wait| extensions.insert(wait));
        request
    }
}

/// Each header as the length of its name, twice its value's length plus whether it is sensitive, the name, the
/// value. `None` when they need more room.
fn write(headers: &HeaderMap) -> Option<Headers> {
    let mut bytes = [0; ROOM];
    let mut length = 0;
    let mut put = |part: &[u8]| {
        let end = length + part.len();
        bytes.get_mut(length..end)?.copy_from_slice(part);
        length = end;
        Some(())
    };
    for (name, value) in headers {
        let name = name.as_str().as_bytes();
        let kind = u16::try_from(value.len()).ok()?.checked_mul(2)? | u16::from(value.is_sensitive());
        put(&[u8::try_from(name.len()).ok()?])?;
        put(&kind.to_be_bytes())?;
        put(name)?;
        put(value.as_bytes())?;
    }
    Some(Headers::Flat { bytes, length })
}

/// What [`write`] wrote. It wrote names and values, so they are.
fn read(mut bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    while let Some((name, value, rest)) = next(bytes) {
        headers.append(name, value);
        bytes = rest;
    }
    headers
}

fn next(bytes: &[u8]) -> Option<(HeaderName, HeaderValue, &[u8])> {
    let (lengths, rest) = bytes.split_first_chunk::<3>()?;
    let kind = u16::from_be_bytes([lengths[1], lengths[2]]);
    let (name, rest) = rest.split_at_checked(lengths[0].into())?;
    let (value, rest) = rest.split_at_checked((kind / 2).into())?;
    let mut value = HeaderValue::from_bytes(value).ok()?;
    value.set_sensitive(kind % 2 == 1);
    Some((HeaderName::from_bytes(name).ok()?, value, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Message, *};

    fn request(headers: HeaderMap) -> Request<()> {
        let mut request = Request::post("http://h/a.v1.A/B").version(Version::HTTP_2).body(()).unwrap();
        *request.headers_mut() = headers;
        request
    }

    fn again(request: &Request<()>, previous: u32) -> Request<Outgoing> {
        Head::of(request).again(Outgoing::Whole(Message::default()), previous, Tried::default())
    }

    #[test]
    fn another_attempt_says_how_many_were_before() {
        let request = request(HeaderMap::new());
        assert!(again(&request, 0).headers().is_empty());
        let third = again(&request, 2);
        assert_eq!(third.headers()[PREVIOUS_ATTEMPTS], "2");
        assert_eq!((third.method(), third.version()), (&Method::POST, Version::HTTP_2));
        assert_eq!(third.uri(), "http://h/a.v1.A/B");
    }

    #[test]
    fn another_attempt_asks_the_balancer_for_the_same_and_tells_it_where_it_was() {
        let mut request = request(HeaderMap::new());
        request.extensions_mut().insert(HashKey(7));
        request.extensions_mut().insert(WaitForReady);
        let mut tried = Tried::default();
        tried.add(([10, 0, 0, 1], 1).into());
        let again = Head::of(&request).again(Outgoing::Whole(Message::default()), 1, tried);
        assert_eq!(again.extensions().get(), Some(&HashKey(7)));
        assert_eq!(again.extensions().get(), Some(&WaitForReady));
        assert_eq!(again.extensions().get(), Some(&tried));
    }

    #[test]
    fn what_must_not_be_indexed_stays_so() {
        let mut secret = HeaderValue::from_static("secret");
        secret.set_sensitive(true);
        let copied = again(&request(HeaderMap::from_iter([(http::header::AUTHORIZATION, secret)])), 0);
        assert!(copied.headers()["authorization"].is_sensitive());
    }

    #[test]
    fn headers_that_do_not_fit_are_copied_all_the_same() {
        let long = HeaderValue::from_bytes(&[b'x'; 5_000]).unwrap();
        let request = request(HeaderMap::from_iter([(PREVIOUS_ATTEMPTS, long)]));
        assert_eq!(again(&request, 0).headers(), request.headers());
    }

    proptest! {
        #[test]
        fn all_headers_come_back(
            pairs in proptest::collection::vec(("[a-z][a-z-]{0,20}", "[ -~]{0,60}"), 0..12)
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                );
            }
            let request = request(headers);
            let copied = again(&request, 0);
            prop_assert_eq!(copied.headers(), request.headers());
        }
    }
}
