//! Phase: is the head one that everybody behind us reads the same way?
//!
//! What cannot be seen after parsing is the front door's business; this looks at what can: host, path, and
//! fields that must not occur twice (reliability reference, section 6.2). Nothing is repaired: what is
//! ambiguous is refused.

use http::header::{CONTENT_TYPE, EXPECT, HOST};
use http::{HeaderMap, Method, Request, Version};

use crate::limits::TARGET_BYTES_MAX;
use crate::refuse::Refusal;

/// Fields of which a second one would be read differently by different programs.
const SINGLE: [&str; 6] =
    ["authorization", "x-api-key", "x-goog-api-key", "content-type", "idempotency-key", "x-request-id"];

/// Checks the head of a request.
///
/// # Errors
/// 400, 405, 414 or 417 with a sentence that says what is wrong.
pub(crate) fn head_check<B>(request: &Request<B>) -> Result<(), Refusal> {
    method(request.method())?;
    path(request.uri().path(), request.uri().path_and_query().map_or(0, |target| target.as_str().len()))?;
    host(request)?;
    let headers = request.headers();
    // Fields that occur twice are rare: only then is it asked which.
    if headers.len() > headers.keys_len() {
        for name in SINGLE {
            if headers.get_all(name).iter().nth(1).is_some() {
                return Err(Refusal::bad_request(name, "one field of this name"));
            }
        }
    }
    match headers.get(EXPECT) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Err(Refusal::expectation_failed()),
        _ => Ok(()),
    }
}

fn method(method: &Method) -> Result<(), Refusal> {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if known.contains(method) {
        Ok(())
    } else {
        Err(Refusal::method_not_allowed("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
    }
}

/// A path that no program resolves to another one: no dot segments, no empty segments, no encoded
/// separators, nothing outside printable ASCII.
fn path(path: &str, target_len: usize) -> Result<(), Refusal> {
    let refuse = |expected: &'static str| Err(Refusal::bad_request("path", expected));
    if target_len > TARGET_BYTES_MAX {
        return Err(Refusal::target_too_long());
    }
    if !path.starts_with('/') {
        return refuse("a path that begins with a slash");
    }
    let bytes = path.as_bytes();
    let mut segment_start = 1;
    for (index, &byte) in bytes.iter().enumerate() {
        match byte {
            b'/' if index > 0 => {
                plain_segment(&bytes[segment_start..index], index)?;
                segment_start = index + 1;
            }
            b'%' => encoded(&bytes[index..])?,
            b'\\' => return refuse("no backslash"),
            0x21..=0x7e => (),
            _ => return refuse("printable ASCII; other characters are percent-encoded"),
        }
    }
    let last = &bytes[segment_start.min(bytes.len())..];
    if is_dots(last) { refuse("no `.` or `..` segments") } else { Ok(()) }
}

/// A segment that is followed by a slash.
fn plain_segment(segment: &[u8], end: usize) -> Result<(), Refusal> {
    if segment.is_empty() && end > 0 {
        return Err(Refusal::bad_request("path", "no empty segments"));
    }
    if is_dots(segment) {
        return Err(Refusal::bad_request("path", "no `.` or `..` segments"));
    }
    Ok(())
}

fn is_dots(segment: &[u8]) -> bool {
    if segment.is_empty() || segment.len() > 6 || !matches!(segment[0], b'.' | b'%') {
        return false;
    }
    let text = String::from_utf8_lossy(segment).to_ascii_lowercase().replace("%2e", ".");
    text == "." || text == ".."
}

/// A percent-encoding that stands for neither a separator nor a control character.
fn encoded(bytes: &[u8]) -> Result<(), Refusal> {
    let digits = bytes.get(1..3).and_then(|digits| std::str::from_utf8(digits).ok());
    let value = digits.filter(|d| !d.starts_with('+')).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    match value {
        None => Err(Refusal::bad_request("path", "two hexadecimal digits after `%`")),
        Some(b'/' | b'\\' | 0..=0x1f | 0x7f) => {
            Err(Refusal::bad_request("path", "no encoded slash, backslash or control character"))
        }
        Some(_) => Ok(()),
    }
}

/// Exactly one Host field with a plausible value, equal to the target's authority if that has one.
fn host<B>(request: &Request<B>) -> Result<(), Refusal> {
    let refuse = |expected: &'static str| Err(Refusal::bad_request("host", expected));
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return refuse("one field of this name");
    }
    let authority = request.uri().authority();
    if authority.is_some_and(|authority| authority.as_str().contains('@')) {
        return refuse("a target without user information");
    }
    match (host, authority) {
        (None, None) if request.version() == Version::HTTP_10 => Ok(()),
        (None, None) => refuse("one field of this name"),
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (None, Some(_)) => Ok(()),
        (Some(host), Some(authority)) if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => Ok(()),
        (Some(_), Some(_)) => refuse("the same host as in the target"),
        (Some(_), None) => refuse("a host name, perhaps with a port"),
    }
}

fn is_host(host: &[u8]) -> bool {
    let allowed = |&byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.iter().all(allowed)
}

/// The host name of a request in lower case, without a port.
pub(crate) fn host_of<B>(request: &Request<B>) -> Option<String> {
    let from_header = || request.headers().get(HOST)?.to_str().ok();
    let host = request.uri().authority().map(http::uri::Authority::as_str).or_else(from_header)?;
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    Some(name.to_ascii_lowercase())
}

/// Whether a body of a model request says that it is JSON. A missing Content-Type is forgiven.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(target: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        head_check(&request.body(()).unwrap()).map_err(|refusal| refusal.detail().to_owned())
    }

    #[test]
    fn honest_paths_pass() {
        for path in [
            "/",
            "/v1/reports",
            "/v1/reports/",
            "/a%20b",
            "/a/%C3%A9",
            "/.well-known/x",
            "/a..b",
            "/...",
            "/a;b=c?d=/../e",
        ] {
            assert_eq!(checked(path, &[("host", "a")]), Ok(()), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for path in [
            "/a//b",
            "//a",
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/.",
            "/a/%2e%2e/b",
            "/a/%2E./b",
            "/a%2fb",
            "/a%5Cb",
            "/a%00",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/a\\b",
        ] {
            let Ok(uri) = path.parse::<http::Uri>() else { continue };
            let mut request = Request::builder().header("host", "a").body(()).unwrap();
            *request.uri_mut() = uri;
            assert!(head_check(&request).is_err(), "{path}");
        }
    }

    #[test]
    fn hosts_are_single_and_plausible() {
        assert_eq!(checked("/", &[("host", "api.acme.test:4020")]), Ok(()));
        assert_eq!(checked("/", &[("host", "[::1]:4020")]), Ok(()));
        assert!(checked("/", &[]).is_err());
        assert!(checked("/", &[("host", "a"), ("host", "a")]).is_err());
        assert!(checked("/", &[("host", "a b")]).is_err());
        assert!(checked("http://a.test/", &[("host", "b.test")]).is_err());
        assert!(checked("http://u:p@a.test/", &[]).is_err());
        assert_eq!(checked("http://a.test/", &[("host", "A.test")]), Ok(()));
    }

    #[test]
    fn credentials_come_once_and_expectations_are_known() {
        assert!(checked("/", &[("host", "a"), ("x-api-key", "1"), ("x-api-key", "2")]).is_err());
        assert!(checked("/", &[("host", "a"), ("authorization", "1"), ("authorization", "1")]).is_err());
        assert_eq!(checked("/", &[("host", "a"), ("expect", "100-Continue")]), Ok(()));
        assert!(checked("/", &[("host", "a"), ("expect", "y")]).is_err());
        let long = format!("/{}", "a".repeat(9_000));
        assert!(checked(&long, &[("host", "a")]).is_err());
    }
}
