//! APIs, their routes and upstreams as they are written down.

use serde::{Deserialize, Serialize};

use super::{Amount, McpDefinition, ModelDefinition, Upstreams, check_name, within};
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
    #[schema(value_type = super::UpstreamDefinition)]
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

/// A family of endpoints for models, as one provider's SDK expects them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrontFormat {
    /// OpenAI's: `/v1/chat/completions`, `/v1/responses`, `/v1/embeddings`, `/v1/models` and the rest.
    Openai,
    /// Anthropic's: `/v1/messages` and `/v1/messages/count_tokens`.
    Anthropic,
    /// Gemini's: `/v1beta/models/{model}:generateContent` and its siblings, below `/v1` as well.
    Gemini,
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
    /// OpenAI's `/v1/responses`.
    OpenaiResponses,
    /// OpenAI's `/v1/images/generations`.
    OpenaiImages,
    /// OpenAI's `/v1/audio/transcriptions`.
    OpenaiTranscriptions,
    /// OpenAI's `/v1/audio/speech`.
    OpenaiSpeech,
    /// OpenAI's `/v1/moderations`.
    OpenaiModerations,
    /// OpenAI's `/v1/models` and `/v1/models/{model}`, answered by Tollgate: what the caller may use. Free.
    OpenaiModels,
    /// Anthropic's `/v1/messages`.
    AnthropicMessages,
    /// Anthropic's `/v1/messages/count_tokens`. Free.
    AnthropicCountTokens,
    /// Gemini's `/v1beta/models/{call}`, where the call ends with `:generateContent`,
    /// `:streamGenerateContent` or `:countTokens`.
    Gemini,
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
        self.upstream.check()?;
        if !self.llm.is_empty()
            && self.upstream.iter().any(|upstream| upstream.url.trim_end_matches('/').ends_with("/v1"))
        {
            return Err(StoreError::invalid("upstream.url", "a URL without /v1: the paths of models begin with it"));
        }
        for (index, model) in self.models.iter().enumerate() {
            within(&format!("model[{index}]"), model.check(&self.upstream))?;
            if self.models.iter().take(index).any(|other| other.name == model.name) {
                return Err(StoreError::invalid(format!("model[{index}].name"), "a name that is there once"));
            }
        }
        if self.routes.is_empty() && self.llm.is_empty() {
            return Err(StoreError::invalid("route", "at least one route, or `llm` with the formats to serve"));
        }
        for (index, route) in self.routes.iter().enumerate() {
            within(&format!("route[{index}]"), route.check())?;
        }
        Ok(())
    }
}

impl FrontFormat {
    /// Its endpoints: the name of the route, method, path, format.
    const fn endpoints(self) -> &'static [(&'static str, &'static str, &'static str, LlmFormat)] {
        match self {
            Self::Openai => &[
                ("chat", "POST", "/v1/chat/completions", LlmFormat::OpenaiChat),
                ("completions", "POST", "/v1/completions", LlmFormat::OpenaiCompletions),
                ("responses", "POST", "/v1/responses", LlmFormat::OpenaiResponses),
                ("embeddings", "POST", "/v1/embeddings", LlmFormat::OpenaiEmbeddings),
                ("images", "POST", "/v1/images/generations", LlmFormat::OpenaiImages),
                ("transcriptions", "POST", "/v1/audio/transcriptions", LlmFormat::OpenaiTranscriptions),
                ("speech", "POST", "/v1/audio/speech", LlmFormat::OpenaiSpeech),
                ("moderations", "POST", "/v1/moderations", LlmFormat::OpenaiModerations),
                ("models", "GET", "/v1/models", LlmFormat::OpenaiModels),
                ("model", "GET", "/v1/models/{model...}", LlmFormat::OpenaiModels),
            ],
            Self::Anthropic => &[
                ("messages", "POST", "/v1/messages", LlmFormat::AnthropicMessages),
                ("count-tokens", "POST", "/v1/messages/count_tokens", LlmFormat::AnthropicCountTokens),
            ],
            // Newer SDKs ask below `/v1`, at the path of OpenAI's list of models.
            Self::Gemini => &[
                ("gemini", "POST", "/v1beta/models/{call}", LlmFormat::Gemini),
                ("gemini-v1", "POST", "/v1/models/{model...}", LlmFormat::Gemini),
            ],
        }
    }
}

impl ApiDefinition {
    /// Its own routes, and those of the formats that it serves.
    #[must_use]
    pub fn all_routes(&self) -> Vec<RouteDefinition> {
        let fronts = self.llm.iter().flat_map(|front| front.endpoints());
        let standard =
            fronts.map(|&(key, method, path, format)| RouteDefinition::of_endpoint(key, method, path, format));
        let is_own = |route: &RouteDefinition| self.routes.iter().any(|own| own.key == route.key);
        self.routes.iter().cloned().chain(standard.filter(|route| !is_own(route))).collect()
    }
}

impl RouteDefinition {
    fn of_endpoint(key: &str, method: &str, path: &str, format: LlmFormat) -> Self {
        Self {
            key: key.to_owned(),
            methods: vec![method.to_owned()],
            path: path.to_owned(),
            upstream_path: None,
            free: false,
            price: None,
            llm: Some(format),
            mcp: None,
            pay_per_request: None,
            feature: None,
            scope: None,
            verify_from: None,
            // Reasoning takes minutes.
            timeout_ms: 600_000,
            request_bytes_max: 50 * 1024 * 1024,
            response_bytes_max: hundred_megabytes(),
            websocket: false,
            charge_client_errors: false,
        }
    }

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
