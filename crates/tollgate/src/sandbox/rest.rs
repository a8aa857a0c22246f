//! The REST service: small answers, and every way in which an upstream can be difficult.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::body::{Body, Step};
use super::json;

/// Where `/rest/bytes` takes its bytes from.
static FILLING: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// The document behind `/rest/report`.
const REPORT: &str = include_str!("report.json");

/// `GET`: what arrived. Any other method: the body, as it arrives.
pub(super) fn echo(request: Request<Incoming>) -> Response<Body> {
    if *request.method() == Method::GET {
        return describe(&request);
    }
    let (head, body) = request.into_parts();
    let mut response = Response::new(Body::Mirrored(body));
    if let Some(content_type) = head.headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    response
}

fn describe(request: &Request<Incoming>) -> Response<Body> {
    let seen = json!({
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "query": request.uri().query(),
        "headers": by_name(request.headers()),
    });
    json::answer(StatusCode::OK, &seen)
}

/// The values of each header, in the order in which they came.
fn by_name(headers: &HeaderMap) -> BTreeMap<&str, Vec<String>> {
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        named.entry(name.as_str()).or_default().push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    named
}

/// That many bytes, length announced.
pub(super) fn bytes(count: &str) -> Response<Body> {
    let Some(count) = parsed::<u64>(count) else {
        return json::error(StatusCode::BAD_REQUEST, "expected /rest/bytes/{n} with a number of bytes");
    };
    let mut response = Response::new(filled(count));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, count.into());
    response
}

fn filled(count: u64) -> Body {
    let piece = |left: u64| Bytes::from_static(usize::try_from(left).map_or(&FILLING, |left| first(&FILLING, left)));
    if count <= FILLING.len() as u64 {
        return Body::Whole(piece(count));
    }
    let mut left = count;
    Body::scripted(std::iter::from_fn(move || {
        let next = piece(left);
        left -= next.len() as u64;
        (!next.is_empty()).then_some(Step::Send(next))
    }))
}

/// The first `count` bytes, or all if there are fewer.
fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}

/// Numbered chunks with a gap before each but the first.
pub(super) fn stream(shape: &str) -> Response<Body> {
    let shape = shape.split_once('/').and_then(|(chunks, gap)| Some((parsed::<u64>(chunks)?, parsed::<u64>(gap)?)));
    let Some((chunks, gap_ms)) = shape else {
        return json::error(StatusCode::BAD_REQUEST, "expected /rest/stream/{chunks}/{gap_ms}");
    };
    let gap = Duration::from_millis(gap_ms);
    let steps = (0..chunks).flat_map(move |number| {
        let pause = if number == 0 { Duration::ZERO } else { gap };
        [Step::Wait(pause), Step::Send(format!("chunk {number}\n").into())]
    });
    let mut response = Response::new(Body::scripted(steps));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// An answer with this status.
pub(super) fn status(code: &str) -> Response<Body> {
    let Some(status) = parsed::<StatusCode>(code).filter(|status| !status.is_informational()) else {
        return json::error(StatusCode::BAD_REQUEST, "expected /rest/status/{code} with a status from 200 on");
    };
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        return response;
    }
    json::answer(status, &json!({ "status": status.as_u16() }))
}

/// An answer after a while.
pub(super) async fn slow(millis: &str) -> Response<Body> {
    let Some(millis) = parsed::<u64>(millis) else {
        return json::error(StatusCode::BAD_REQUEST, "expected /rest/slow/{ms}");
    };
    tokio::time::sleep(Duration::from_millis(millis)).await;
    json::answer(StatusCode::OK, &json!({ "slept_ms": millis }))
}

/// A byte a second, forever.
pub(super) fn endless() -> Response<Body> {
    let second = || [Step::Send(Bytes::from_static(b".")), Step::Wait(Duration::from_secs(1))];
    Response::new(Body::scripted(std::iter::repeat_with(second).flatten()))
}

/// Half of what the Content-Length says.
pub(super) fn cut(count: &str) -> Response<Body> {
    let Some(count) = parsed::<usize>(count).filter(|&count| (1..=FILLING.len()).contains(&count)) else {
        return json::error(StatusCode::BAD_REQUEST, "expected /rest/cut/{bytes} with 1 to 65536 bytes");
    };
    let half = Bytes::from_static(first(&FILLING, count / 2));
    let mut response = Response::new(Body::scripted([Step::Send(half), Step::Cut]));
    response.headers_mut().insert(CONTENT_LENGTH, count.into());
    response
}

/// A document worth paying for.
pub(super) fn report() -> Response<Body> {
    json::text(StatusCode::OK, "application/json", REPORT)
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}
