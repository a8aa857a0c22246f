//! MCP routes as they are written down: what their tools cost, which servers are behind them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::within;
use crate::StoreError;

/// Most servers behind one route. Each of them is asked when a session begins.
const SERVERS_MAX: usize = 16;

/// What makes a route one for the Model Context Protocol (Streamable HTTP). Tools that are not named here cost
/// the route's `price`, or nothing if it is `free`, or are not served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct McpDefinition {
    /// The form of refusals.
    pub refusals: McpRefusals,
    /// Tools with terms of their own.
    #[serde(rename = "tool", skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<McpItemDefinition>,
    /// Prompts with terms of their own; all others cost nothing.
    #[serde(rename = "prompt", skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<McpItemDefinition>,
    /// Resources with terms of their own, named by their URI; all others cost nothing.
    #[serde(rename = "resource", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<McpItemDefinition>,
    /// The servers behind the route, each with a prefix; without any, the API's upstream is the only one and
    /// its messages pass as they are.
    #[serde(rename = "server", skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<McpServerDefinition>,
}

/// In which form an MCP client is told that a request is not paid for or too fast.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum McpRefusals {
    /// In the form that the client has declared it understands; else a tool result that the model reads.
    #[default]
    Declared,
    /// With the status of the reason, and a JSON-RPC error as the body.
    Http,
    /// As a JSON-RPC error with status 200, for hosts that hide HTTP errors.
    Error,
    /// As the result of the tool, which the model reads.
    Result,
}

/// A tool, prompt or resource with terms of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct McpItemDefinition {
    /// Its name as clients see it, with the prefix of its server if there is one.
    pub name: String,
    /// Costs nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free: bool,
    /// Costs this price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// The feature that a plan or add-on must include; the route's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// The largest answer, in bytes; the route's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_bytes_max: Option<u64>,
}

/// One of several servers behind a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct McpServerDefinition {
    /// What stands before its names, with two underscores between: `files` makes `files__read`.
    pub prefix: String,
    /// The API whose upstream it is; the route's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Its path at the upstream; the route's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl McpDefinition {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for (kind, items) in [("tool", &self.tools), ("prompt", &self.prompts), ("resource", &self.resources)] {
            let mut seen = HashSet::new();
            for (index, item) in items.iter().enumerate() {
                let place = format!("mcp.{kind}[{index}]");
                within(&place, item.check())?;
                if !seen.insert(&item.name) {
                    return Err(StoreError::invalid(format!("{place}.name"), "a name that occurs once"));
                }
            }
        }
        if self.servers.len() > SERVERS_MAX {
            return Err(StoreError::invalid("mcp.server", format!("at most {SERVERS_MAX} servers")));
        }
        let mut seen = HashSet::new();
        for (index, server) in self.servers.iter().enumerate() {
            within(&format!("mcp.server[{index}]"), server.check())?;
            if !seen.insert(&server.prefix) {
                let field = format!("mcp.server[{index}].prefix");
                return Err(StoreError::invalid(field, "a prefix that occurs once"));
            }
        }
        Ok(())
    }
}

impl McpItemDefinition {
    fn check(&self) -> Result<(), StoreError> {
        if self.name.is_empty() || self.name.len() > 512 || self.name.chars().any(char::is_control) {
            return Err(StoreError::invalid("name", "1 to 512 bytes without control characters"));
        }
        if self.free && self.price.is_some() {
            return Err(StoreError::invalid("price", "only one of `free` and `price`"));
        }
        Ok(())
    }
}

impl McpServerDefinition {
    fn check(&self) -> Result<(), StoreError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let prefix = self.prefix.as_bytes();
        let is_separable = !self.prefix.contains("__") && !self.prefix.ends_with('_');
        if prefix.is_empty() || prefix.len() > 32 || !prefix.iter().all(|&byte| allowed(byte)) || !is_separable {
            let expected =
                "1 to 32 letters, digits, dashes or underscores, no two underscores together or one at the end";
            return Err(StoreError::invalid("prefix", expected));
        }
        match &self.path {
            Some(path) if !path.starts_with('/') => Err(StoreError::invalid("path", "a path that begins with a slash")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::definition::ApiDefinition;

    fn verdict(mcp: Value) -> String {
        let api = json!({
            "key": "tools", "upstream": { "url": "http://localhost" },
            "route": [{ "key": "mcp", "path": "/mcp", "mcp": mcp }],
        });
        match serde_json::from_value::<ApiDefinition>(api).map_err(|error| error.to_string()) {
            Ok(api) => api.check().map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
            Err(error) => error,
        }
    }

    #[test]
    fn mistakes_are_named() {
        let verdicts = [
            json!({}),
            json!({ "tool": [{ "name": "a", "free": true }, { "name": "b", "price": "p", "feature": "f" }] }),
            json!({ "tool": [{ "name": "a" }, { "name": "a" }] }),
            json!({ "prompt": [{ "name": "" }] }),
            json!({ "resource": [{ "name": "a", "free": true, "price": "p" }] }),
            json!({ "server": [{ "prefix": "a" }, { "prefix": "b-2", "api": "other", "path": "/mcp" }] }),
            json!({ "server": [{ "prefix": "a" }, { "prefix": "a" }] }),
            json!({ "server": [{ "prefix": "a__b" }] }),
            json!({ "server": [{ "prefix": "a", "path": "mcp" }] }),
            json!({ "refusals": "loud" }),
        ]
        .map(verdict);
        insta::assert_snapshot!(verdicts.join("\n"));
    }
}
