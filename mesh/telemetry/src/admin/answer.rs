//! What is answered to whom.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

use crate::{
    Telemetry,
    export::Resource,
    metrics::{prometheus, prometheus::CONTENT_TYPE},
};

/// Answers one request.
pub(super) fn answer<B>(
    telemetry: &Telemetry,
    resource: &Resource,
    request: &Request<B>,
) -> Response<Full<Bytes>> {
    let is_head = request.method() == Method::HEAD;
    let mut response = if !is_head && request.method() != Method::GET {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        response
    } else {
        match request.uri().path() {
            "/metrics" => {
                let text = prometheus::render(&telemetry.snapshot()) + &prometheus::target_info(resource);
                let mut response = plain(StatusCode::OK, text);
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
                response
            }
            "/livez" | "/healthz" => plain(StatusCode::OK, "ok\n".to_owned()),
            _ => plain(StatusCode::NOT_FOUND, "there are /metrics and /livez\n".to_owned()),
        }
    };
    if is_head {
        *response.body_mut() = Full::default();
    }
    response
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
