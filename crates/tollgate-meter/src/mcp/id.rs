//! The ids of requests.

use std::fmt;

use crate::json::{Kind, Scanner};
use crate::json_guard::BadBody;

/// Longest text of an id, in bytes. It is echoed in every refusal.
const TEXT_LEN_MAX: usize = 1_024;

/// The id of a request. JSON-RPC would allow null and fractions; MCP does not (base protocol, Requests).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(Box<str>),
}

impl Id {
    /// Reads an id; anything that is none is an error that says so.
    pub(super) fn read(scanner: &mut Scanner<'_>) -> Result<Self, BadBody> {
        let expected = || BadBody::new("id", "a text of at most 1024 bytes or a whole number");
        match scanner.kind()? {
            Kind::String => {
                let text = scanner.string()?.text();
                if text.len() > TEXT_LEN_MAX { Err(expected()) } else { Ok(Self::Text(text.into())) }
            }
            Kind::Number => {
                let place = scanner.span()?;
                let digits = std::str::from_utf8(scanner.slice(place)).unwrap_or_default();
                digits.parse().map(Self::Number).map_err(|_| expected())
            }
            Kind::Object | Kind::Array | Kind::Bool | Kind::Null => Err(expected()),
        }
    }
}

/// As JSON.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(&serde_json::Value::from(&**text).to_string()),
        }
    }
}
