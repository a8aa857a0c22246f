//! In which form a refusal is answered.

use http::header::ACCEPT;
use http::{HeaderMap, Method};
use tollgate_meter::endpoint::Format;

use crate::route::Llm;

/// In which form a refusal is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    /// `application/problem+json`.
    Json,
    /// `application/problem+xml`.
    Xml,
    /// A page for people.
    Html,
    /// The OpenAI envelope with the problem's members beside it.
    OpenAi,
    /// The same for Anthropic's.
    Anthropic,
    /// The same for Gemini's.
    Gemini,
    /// JSON-RPC.
    Mcp(McpForm),
}

/// How a client of the Model Context Protocol is told that a request is not paid for or too fast. What is
/// wrong with the request or the key is always an HTTP status with a JSON-RPC error as the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum McpForm {
    /// The status of the reason, with a JSON-RPC error as the body.
    Http,
    /// A JSON-RPC error with status 200.
    Error,
    /// The same, with a URL to send the person to: the client has declared `elicitation.url`.
    UrlElicitation,
    /// The same, with what can be paid by a program: the client has declared `experimental.payment`.
    Payment,
    /// The result of a tool that failed, for the model to read.
    ToolResult,
}

impl Dialect {
    /// The form that a REST caller accepts best; JSON if nothing fits: a refusal is never a 406.
    pub(crate) fn negotiate(method: &Method, headers: &HeaderMap) -> Self {
        let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut best = (0_u16, Self::Json);
        for range in accept.flat_map(|value| value.split(',')) {
            let (kind, quality) = parse(range);
            let Some(dialect) = Self::of(kind) else { continue };
            // A page only for somebody who navigates.
            if dialect == Self::Html && !matches!(*method, Method::GET | Method::HEAD) {
                continue;
            }
            if quality > best.0 {
                best = (quality, dialect);
            }
        }
        best.1
    }

    /// The form for a caller of an LLM route: the one in which its SDK reads errors.
    pub(crate) fn of_llm(llm: Llm, headers: &HeaderMap) -> Self {
        let format = match llm {
            Llm::Endpoint(endpoint) => endpoint.format(),
            Llm::ByPath => Format::Gemini,
            // OpenAI and Anthropic list models at the same path; only Anthropic's SDK names a version.
            Llm::List if headers.contains_key("anthropic-version") => Format::Anthropic,
            Llm::List => Format::OpenAi,
        };
        match format {
            Format::OpenAi => Self::OpenAi,
            Format::Anthropic => Self::Anthropic,
            Format::Gemini => Self::Gemini,
        }
    }

    fn of(kind: &str) -> Option<Self> {
        match kind {
            "application/json" | "application/problem+json" | "application/*" | "*/*" => Some(Self::Json),
            "application/xml" | "text/xml" | "application/problem+xml" => Some(Self::Xml),
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            _ => None,
        }
    }

    /// The Content-Type of an answer.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/problem+json",
            Self::Xml => "application/problem+xml",
            Self::Html => "text/html; charset=utf-8",
            Self::OpenAi | Self::Anthropic | Self::Gemini | Self::Mcp(_) => "application/json",
        }
    }
}

/// A media range and its quality in thousandths.
fn parse(range: &str) -> (&str, u16) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1_000, |text| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
        match (whole, digits.parse::<u16>()) {
            ("0", Ok(thousandths)) => thousandths,
            ("1", _) => 1_000,
            _ => 0,
        }
    });
    (kind, quality)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use tollgate_meter::endpoint::Endpoint;

    use super::*;

    fn negotiated(method: &Method, accept: &'static str) -> Dialect {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        Dialect::negotiate(method, &headers)
    }

    #[test]
    fn the_best_accepted_form_is_chosen() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(negotiated(&Method::GET, browser), Dialect::Html);
        assert_eq!(negotiated(&Method::POST, browser), Dialect::Xml, "a form's answer is no page of ours");
        assert_eq!(negotiated(&Method::GET, "*/*"), Dialect::Json);
        assert_eq!(negotiated(&Method::GET, "image/png"), Dialect::Json);
        assert_eq!(negotiated(&Method::GET, "application/xml;q=0.5, application/json;q=0.4"), Dialect::Xml);
        assert_eq!(negotiated(&Method::GET, "text/html;q=0, application/json"), Dialect::Json);
        assert_eq!(Dialect::negotiate(&Method::GET, &HeaderMap::new()), Dialect::Json);
    }

    #[test]
    fn a_model_route_speaks_the_format_of_its_endpoint() {
        let plain = HeaderMap::new();
        for &endpoint in Endpoint::ALL {
            let dialect = match endpoint.format() {
                Format::OpenAi => Dialect::OpenAi,
                Format::Anthropic => Dialect::Anthropic,
                Format::Gemini => Dialect::Gemini,
            };
            assert_eq!(Dialect::of_llm(Llm::Endpoint(endpoint), &plain), dialect, "{endpoint:?}");
        }
        assert_eq!(Dialect::of_llm(Llm::ByPath, &plain), Dialect::Gemini);
        assert_eq!(Dialect::of_llm(Llm::List, &plain), Dialect::OpenAi);
        let versioned = [("anthropic-version".parse().unwrap(), HeaderValue::from_static("2023-06-01"))];
        let versioned = HeaderMap::from_iter(versioned);
        assert_eq!(Dialect::of_llm(Llm::List, &versioned), Dialect::Anthropic);
        assert_eq!(Dialect::of_llm(Llm::Endpoint(Endpoint::ChatCompletions), &versioned), Dialect::OpenAi);
    }
}
