//! A request that shows a reason.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use tollgate_core::decision::Reason;

/// A request, and what becomes of it.
#[derive(Debug, Clone, Serialize)]
pub struct Scenario {
    /// A reason code, or `ok`.
    pub reason: &'static str,
    /// The status that it is answered with.
    pub status: u16,
    /// Why, in a few words.
    pub story: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// The headers, the key among them.
    pub headers: BTreeMap<String, String>,
    /// The body, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

impl Scenario {
    /// A request that is served.
    pub(super) fn served(story: &'static str, request: Request) -> Self {
        Self::new("ok", 200, story, request)
    }

    /// A request that is refused.
    pub(super) fn refused(reason: Reason, story: &'static str, request: Request) -> Self {
        Self::new(reason.code(), reason.status(), story, request)
    }

    fn new(reason: &'static str, status: u16, story: &'static str, request: Request) -> Self {
        let Request { method, path, headers, body } = request;
        Self { reason, status, story, method, path, headers, body }
    }

    /// The request as a line for a shell.
    #[must_use]
    pub fn curl(&self, gateway: &str) -> String {
        let method = match self.method {
            "GET" => String::new(),
            method => format!(" -X {method}"),
        };
        let headers: String = self.headers.iter().map(|(name, value)| format!(" -H '{name}: {value}'")).collect();
        let body = self.body.as_ref().map(|body| format!(" -d '{body}'")).unwrap_or_default();
        format!("curl -i{method} {gateway}{}{headers}{body}", self.path)
    }
}

/// What a scenario sends.
pub(super) struct Request {
    method: &'static str,
    path: String,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

impl Request {
    pub(super) fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), headers: BTreeMap::new(), body: None }
    }

    pub(super) fn delete(path: &str) -> Self {
        Self { method: "DELETE", ..Self::get(path) }
    }

    pub(super) fn post(path: &str, body: Value) -> Self {
        let request = Self { method: "POST", body: Some(body), ..Self::get(path) };
        request.header("content-type", "application/json")
    }

    /// A question to a model, with room for `tokens` in the answer.
    pub(super) fn chat(model: &str, prompt: &str, tokens: u32) -> Self {
        let messages = json!([{ "role": "user", "content": prompt }]);
        Self::post("/v1/chat/completions", json!({ "model": model, "messages": messages, "max_tokens": tokens }))
    }

    /// The call of a tool.
    pub(super) fn tool(name: &str, arguments: Value) -> Self {
        let params = json!({ "name": name, "arguments": arguments });
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        Self::post("/mcp", message).header("accept", "application/json, text/event-stream")
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With a key.
    pub(super) fn with(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }
}
