//! Upstreams: where requests go, and the connections that are kept open to them.

mod body;
mod connect;
mod pool;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use body::{BodyError, UpstreamBody};
pub(crate) use pool::{Answer, SendError};

use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Uri};
use tollgate_store::definition::UpstreamDefinition;

use connect::Connector;
use pool::Idle;

/// A service that requests are forwarded to.
#[derive(Debug)]
pub(crate) struct Upstream {
    authority: Authority,
    host: HeaderValue,
    /// What is put before every path; empty for nothing.
    base_path: Box<str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    connector: Connector,
    idle: Idle,
}

impl Upstream {
    /// An upstream with its compiled headers. The error says what was expected of the URL.
    pub(crate) fn new(
        definition: &UpstreamDefinition,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Self, String> {
        let expected = || "a URL such as https://api.example.com/base".to_owned();
        let uri: Uri = definition.url.parse().map_err(|_| expected())?;
        let authority = uri.authority().cloned().ok_or_else(expected)?;
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let base_path = uri.path().trim_end_matches('/');
        if uri.query().is_some() {
            return Err("a URL without a query".to_owned());
        }
        Ok(Self {
            host: authority.as_str().parse().map_err(|_| expected())?,
            base_path: base_path.into(),
            headers,
            connector: Connector::new(&authority, is_tls, Duration::from_millis(definition.connect_timeout_ms))?,
            idle: Idle::new(definition.idle_connections_max),
            authority,
        })
    }

    /// The value of the Host field.
    pub(crate) const fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The headers that are set on every forwarded request.
    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The target of a request to `path` with `query`.
    pub(crate) fn target(&self, path: &str, query: Option<&str>) -> Result<Uri, http::Error> {
        let mut target = String::with_capacity(self.base_path.len() + path.len() + 64);
        target.push_str(&self.base_path);
        target.push_str(path);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        Ok(Uri::from(target.parse::<PathAndQuery>()?))
    }

    /// Whether paths are forwarded as they are.
    pub(crate) fn keeps_paths(&self) -> bool {
        self.base_path.is_empty()
    }

    /// For logs: where it is.
    pub(crate) fn name(&self) -> &str {
        self.authority.as_str()
    }
}
