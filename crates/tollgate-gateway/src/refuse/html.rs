//! A refusal as a page: what happened, the figures, the one button, and everything support needs.

use serde_json::{Map, Value};

use super::Problem;
use super::xml::escape;

/// Styles and scripts of the page; the hash of the style is in the policy.
pub(super) const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dde2e9;--paper:#fff;--ground:#f4f6f9;--mark:#0b62d6}
@media (prefers-color-scheme:dark){:root{--ink:#e8ecf2;--soft:#9aa6b5;--line:#2c3542;--paper:#161c25;--ground:#0e131a;--mark:#6ea8ff}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:40rem;margin:8vh auto;padding:2rem;background:var(--paper);border:1px solid var(--line);border-radius:12px}
h1{font-size:1.5rem;margin:.2rem 0 .6rem}p.status{color:var(--soft);margin:0;font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:1.2rem 0;font-variant-numeric:tabular-nums}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}a{color:var(--mark)}
a.primary{display:inline-block;background:var(--mark);color:var(--paper);padding:.6rem 1.1rem;border-radius:8px;text-decoration:none;font-weight:600}
ul{padding-left:1.2rem}details{margin-top:1.5rem;color:var(--soft)}pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}
";

/// Members that the page shows elsewhere or not at all.
const NOT_FIGURES: [&str; 14] = [
    "type",
    "title",
    "status",
    "detail",
    "reason",
    "instance",
    "request_id",
    "occurred_at",
    "customer",
    "application",
    "key",
    "endpoint",
    "actions",
    "retry",
];

/// The page of `problem`.
pub(super) fn page(problem: &Problem) -> String {
    let mut html = String::with_capacity(6 * 1024);
    html.push_str("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
    escape(&mut html, &problem.title);
    html.push_str("</title><style>");
    html.push_str(STYLE);
    html.push_str("</style></head><body><main><p class=\"status\">");
    escape(&mut html, &format!("{} · {}", problem.status, problem.code));
    html.push_str("</p><h1>");
    escape(&mut html, &problem.title);
    html.push_str("</h1><p>");
    escape(&mut html, &problem.detail);
    html.push_str("</p>");
    figures(&mut html, &problem.members);
    actions(&mut html, &problem.members);
    support(&mut html, problem);
    html.push_str("<script type=\"application/problem+json\">");
    // Inside a script element only `<` could end it.
    html.push_str(&Value::Object(problem.members.clone()).to_string().replace('<', "\\u003c"));
    html.push_str("</script></main></body></html>\n");
    html
}

fn figures(html: &mut String, members: &Map<String, Value>) {
    html.push_str("<dl>");
    for (name, value) in members.iter().filter(|(name, _)| !NOT_FIGURES.contains(&name.as_str())) {
        figure(html, name, value);
    }
    html.push_str("</dl>");
}

fn figure(html: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(members) => {
            if let (Some(amount), Some(currency)) = (text_of(members, "amount"), text_of(members, "currency")) {
                return term(html, name, &format!("{currency} {amount}"));
            }
            for (inner, value) in members.iter().filter(|(_, value)| !value.is_array() && !value.is_object()) {
                figure(html, &format!("{name} {inner}"), value);
            }
        }
        Value::Array(items) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            if !texts.is_empty() {
                term(html, name, &texts.join(", "));
            }
        }
        Value::Null => (),
        Value::String(text) => term(html, name, text),
        other => term(html, name, &other.to_string()),
    }
}

fn text_of<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

fn term(html: &mut String, name: &str, value: &str) {
    html.push_str("<dt>");
    escape(html, &name.replace(['_', '-'], " "));
    html.push_str("</dt><dd>");
    escape(html, value);
    html.push_str("</dd>");
}

fn actions(html: &mut String, members: &Map<String, Value>) {
    let list = members.get("actions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut links = list.iter().filter_map(|action| Some((action["title"].as_str()?, action["url"].as_str()?)));
    if let Some((title, url)) = links.next() {
        html.push_str("<p><a class=\"primary\" href=\"");
        escape(html, url);
        html.push_str("\">");
        escape(html, title);
        html.push_str("</a></p>");
    }
    html.push_str("<ul>");
    for (title, url) in links {
        html.push_str("<li><a href=\"");
        escape(html, url);
        html.push_str("\">");
        escape(html, title);
        html.push_str("</a></li>");
    }
    html.push_str("</ul>");
}

/// What a person copies into a message to support: no secrets, no prompt.
fn support(html: &mut String, problem: &Problem) {
    html.push_str("<details><summary>Details for support</summary><pre>");
    for name in ["request_id", "occurred_at", "customer", "application", "key", "endpoint", "reason", "detail"] {
        if let Some(value) = problem.members.get(name).and_then(Value::as_str) {
            escape(html, &format!("{name}: {value}\n"));
        }
    }
    escape(html, concat!("gateway: Tollgate ", env!("CARGO_PKG_VERSION"), "\n"));
    html.push_str("</pre></details>");
}
