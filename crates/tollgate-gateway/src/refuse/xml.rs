//! `application/problem+xml` (RFC 9457 appendix B): the same member names, lists as repeated `<i>`.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The members as an XML document.
pub(super) fn document(members: &Map<String, Value>) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<problem xmlns=\"urn:ietf:rfc:7807\">");
    object(&mut xml, members);
    xml.push_str("</problem>\n");
    xml
}

fn object(xml: &mut String, members: &Map<String, Value>) {
    for (name, value) in members {
        element(xml, name, value);
    }
}

fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    // Writing to a String does not fail.
    let _ = write!(xml, "<{name}>");
    match value {
        Value::Null => (),
        Value::Bool(flag) => xml.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => xml.push_str(&number.to_string()),
        Value::String(text) => escape(xml, text),
        Value::Array(items) => items.iter().for_each(|item| element(xml, "i", item)),
        Value::Object(members) => object(xml, members),
    }
    let _ = write!(xml, "</{name}>");
}

/// Text in XML and HTML; control characters that XML cannot carry are left out.
pub(super) fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(character),
            c if c.is_control() => (),
            c => out.push(c),
        }
    }
}
