//! APIs, their routes and upstreams as they are written down.

use serde::{Deserialize, Serialize};

use super::{Amount, McpDefinition, check_name, within};
use crate::StoreError;

/// An API: an upstream and the routes to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiDefinition {
    /// Its stable name.
    pub key: String,
    /// The name people read.
    #[serde(default)]
    pub name: String,
    /// Serve it only under this host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Where its requests go.
    #[schema(value_type = UpstreamDefinition)]
    pub upstream: Upstreams,
    /// Names of models, and who serves them.
    #[serde(default, rename = "model", skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelDefinition>,
    /// Serve the endpoints for models of these formats, each at its usual path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub llm: Vec<FrontFormat>,
    /// Whether an application needs an approval.
    #[serde(default)]
    pub approval: Approval,
    /// Its routes; the first that matches serves.
    #[serde(default, rename = "route")]
    pub routes: Vec<RouteDefinition>,
}

/// Whether an application needs an approval to use an API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Every application may.
    #[default]
    Open,
    /// Only those that an administrator approved.
    Required,
}

/// A route: which requests, what they cost, what they need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteDefinition {
    /// Its name within the API.
    pub key: String,
    /// The methods it serves; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// The path: `/v1/reports`, `/v1/users/{id}`, `/files/{rest...}`.
    pub path: String,
    /// What replaces the part of the path before the first placeholder when it is forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_path: Option<String>,
    /// Costs nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free: bool,
    /// Costs this price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// Costs what the model that the request names costs; the request is in this format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm: Option<LlmFormat>,
    /// Serves the Model Context Protocol; `price` or `free` is about its tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpDefinition>,
    /// Each request is paid by itself, at this price, before it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_per_request: Option<String>,
    /// The feature that a plan or add-on must include.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// The scope that a key must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// From this cost on, an authorization is taken at the payment provider first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_from: Option<Amount>,
    /// The longest the upstream may take to answer, in milliseconds.
    #[serde(default = "a_minute_ms")]
    pub timeout_ms: u64,
    /// The largest request body, in bytes.
    #[serde(default = "ten_megabytes")]
    pub request_bytes_max: u64,
    /// The largest response body, in bytes.
    #[serde(default = "hundred_megabytes")]
    pub response_bytes_max: u64,
    /// Whether a request may become a WebSocket.
    #[serde(default)]
    pub websocket: bool,
    /// Charge requests that the upstream answered with a client error.
    #[serde(default)]
    pub charge_client_errors: bool,
}

const fn a_minute_ms() -> u64 {
    60_000
}
const fn ten_megabytes() -> u64 {
    10 * 1024 * 1024
}
const fn hundred_megabytes() -> u64 {
    100 * 1024 * 1024
}

/// The format of an LLM route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LlmFormat {
    /// OpenAI's `/v1/chat/completions`.
    OpenaiChat,
    /// OpenAI's `/v1/completions`.
    OpenaiCompletions,
    /// OpenAI's `/v1/embeddings`.
    OpenaiEmbeddings,
}

impl ApiDefinition {
    /// Checks everything that can be checked without the rest of the catalogue.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub fn check(&self) -> Result<(), StoreError> {
        check_name("key", &self.key)?;
        if self.key.contains('.') {
            return Err(StoreError::invalid("key", "a name without dots: routes are named `api.route`"));
        }
        let url = &self.upstream.url;
        if !(url.starts_with("http://") || url.starts_with("https://")) || url.contains('@') {
            return Err(StoreError::invalid("upstream.url", "http://HOST:PORT or https://HOST, without credentials"));
        }
        if self.routes.is_empty() {
            return Err(StoreError::invalid("route", "at least one route"));
        }
        for (index, route) in self.routes.iter().enumerate() {
            within(&format!("route[{index}]"), route.check())?;
        }
        Ok(())
    }
}

impl RouteDefinition {
    fn check(&self) -> Result<(), StoreError> {
        check_name("key", &self.key)?;
        if !self.path.starts_with('/') {
            return Err(StoreError::invalid("path", "a path that begins with a slash"));
        }
        let ways = [self.free, self.price.is_some(), self.llm.is_some(), self.pay_per_request.is_some()];
        if ways.iter().filter(|&&way| way).count() > 1 {
            return Err(StoreError::invalid("price", "only one of `free`, `price`, `llm` and `pay_per_request`"));
        }
        if let Some(method) = self.methods.iter().find(|m| m.is_empty() || !m.bytes().all(|b| b.is_ascii_uppercase())) {
            return Err(StoreError::invalid("methods", format!("methods in capitals, and {method:?} is none")));
        }
        if let Some(mcp) = &self.mcp {
            if self.llm.is_some() || self.pay_per_request.is_some() || self.websocket {
                let expected = "none of `llm`, `pay_per_request` and `websocket` beside it";
                return Err(StoreError::invalid("mcp", expected));
            }
            mcp.check()?;
        }
        if self.timeout_ms == 0 {
            return Err(StoreError::invalid("timeout_ms", "at least 1"));
        }
        Ok(())
    }
}
