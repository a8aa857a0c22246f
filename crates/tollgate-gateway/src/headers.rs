//! Headers on their way through: what belongs to one connection stays with it, what only Tollgate may
//! say is taken out, and credentials never reach an upstream.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Fields about one connection (RFC 9110 7.6.1), whether Connection names them or not.
static HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Fields in which callers send their key, and fields that only a proxy in front may set.
static OF_THE_CALLER: [HeaderName; 8] = [
    HeaderName::from_static("authorization"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("proxy-authorization"),
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// Fields that Connection may not name: taking them away would change what the request means.
const PROTECTED: [&str; 7] =
    ["authorization", "x-api-key", "host", "content-length", "content-type", "forwarded", "x-forwarded-for"];

/// Takes out what belongs to the client's connection, what the caller may not say, and credentials.
pub(crate) fn clean_request(headers: &mut HeaderMap) {
    drop_named_by_connection(headers);
    drop_where(headers, |name| name == HOST || HOP_BY_HOP.contains(name) || is_of_the_caller(name) || is_ours(name));
}

/// Takes out what belongs to the upstream's connection, and what only Tollgate may say.
pub(crate) fn clean_response(headers: &mut HeaderMap) {
    drop_named_by_connection(headers);
    drop_where(headers, |name| HOP_BY_HOP.contains(name) || is_ours(name));
}

fn drop_named_by_connection(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse::<HeaderName>().ok())
            .filter(|name| !PROTECTED.contains(&name.as_str()))
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
}

/// Whether only a proxy in front, or the caller towards us, may say it. Some servers read an underscore in a
/// name as a dash.
fn is_of_the_caller(name: &HeaderName) -> bool {
    let dashed = |name: &str| name.replace('_', "-");
    OF_THE_CALLER.contains(name)
        || (name.as_str().contains('_') && OF_THE_CALLER.iter().any(|field| field.as_str() == dashed(name.as_str())))
}

/// Fields that begin with `tollgate-`, also if an underscore stands where the dash should.
fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    name.len() > 8 && name.starts_with(b"tollgate") && matches!(name[8], b'-' | b'_')
}

/// Looks at the few fields that are there instead of for the many that could be.
fn drop_where(headers: &mut HeaderMap, is_dropped: impl Fn(&HeaderName) -> bool) {
    let dropped: Vec<HeaderName> = headers.keys().filter(|name| is_dropped(name)).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
}

/// Whether the client asks to turn the connection into a WebSocket.
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    let has = |name: HeaderName, word: &str| {
        let values = headers.get_all(name);
        values.iter().filter_map(|v| v.to_str().ok()).any(|v| v.split(',').any(|w| w.trim().eq_ignore_ascii_case(word)))
    };
    has(UPGRADE, "websocket") && has(CONNECTION, "upgrade")
}

/// The declared length of a body.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A value out of text that the program made; characters that a header cannot carry are replaced.
pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| {
        let ascii: String = text.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' }).collect();
        HeaderValue::from_str(&ascii).unwrap_or_else(|_| HeaderValue::from_static(""))
    })
}

/// The same for text that is not needed any more.
pub(crate) fn owned_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_belongs_to_the_connection_or_the_caller_stays_behind() {
        let mut map = headers(&[
            ("connection", "close, x-secret-hop, content-type"),
            ("x-secret-hop", "1"),
            ("content-type", "text/plain"),
            ("authorization", "Bearer tg_test_x"),
            ("x-forwarded-for", "10.0.0.1"),
            ("tollgate-cost", "0"),
            ("tollgate_cost", "0"),
            ("te", "trailers"),
            ("accept", "*/*"),
        ]);
        clean_request(&mut map);
        let left: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["content-type", "accept"], "Connection cannot take Content-Type away");
    }

    #[test]
    fn an_underscore_does_not_hide_what_only_a_proxy_in_front_may_say() {
        let mut map = headers(&[
            ("x_forwarded_for", "10.0.0.1"),
            ("x-forwarded_host", "admin.internal"),
            ("x_forwarded-proto", "https"),
            ("x_api_key", "tg_test_x"),
            ("proxy_authorization", "Basic dTpw"),
            ("x_forwarded_form", "a field of somebody's own"),
        ]);
        clean_request(&mut map);
        let left: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x_forwarded_form"]);
    }

    #[test]
    fn websockets_are_recognised() {
        assert!(is_websocket(&headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")])));
        assert!(!is_websocket(&headers(&[("upgrade", "websocket")])));
        assert!(!is_websocket(&headers(&[("connection", "upgrade"), ("upgrade", "h2c")])));
    }
}
