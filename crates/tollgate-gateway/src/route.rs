//! Phase: which route is meant.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderValue, Method, Request};
use tollgate_core::catalogue::RouteTerms;
use tollgate_meter::endpoint::{Endpoint, Format, Target};

use crate::mcp::Mcp;
use crate::models::Pool;
use crate::refuse::Refusal;
use crate::upstream::Upstream;

/// A route: which requests, what they cost, what they need, where they go.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// What decisions need of it.
    pub(crate) terms: RouteTerms,
    /// What it serves of models, on LLM routes.
    pub(crate) llm: Option<Llm>,
    /// Who serves them.
    pub(crate) models: Option<Arc<Pool>>,
    /// What is served by the Model Context Protocol, on such routes.
    pub(crate) mcp: Option<Arc<Mcp>>,
    /// Calls of tools that a request is: 1 for tools of MCP routes.
    pub(crate) tool_calls: u64,
    pub(crate) upstream: Arc<Upstream>,
    /// The scheme by which callers reach it.
    pub(crate) scheme: HeaderValue,
    /// Empty for all.
    pub(crate) methods: Vec<Method>,
    /// Replaces `path_prefix` when the request is forwarded.
    pub(crate) upstream_path: Option<Box<str>>,
    /// The part of its path before the first placeholder.
    pub(crate) path_prefix: Box<str>,
    /// Whether an application needs an approval.
    pub(crate) approval: bool,
    pub(crate) scope: Option<Box<str>>,
    pub(crate) request_bytes_max: u64,
    pub(crate) response_bytes_max: u64,
    pub(crate) websocket: bool,
    pub(crate) charge_client_errors: bool,
}

/// What an LLM route serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Llm {
    /// This endpoint.
    Endpoint(Endpoint),
    /// The endpoint that the path names: Gemini's.
    ByPath,
    /// The list of models.
    List,
}

impl Llm {
    /// What a request to `path` asks for; `None` if this serves no such thing.
    pub(crate) fn target(self, path: &str) -> Option<Target<'_>> {
        match self {
            Self::Endpoint(endpoint) => Some(Target::of_route(endpoint, path)),
            // Below `/v1/models/` a name may have slashes, for OpenAI's callers; half of it is no name.
            Self::ByPath if path.strip_prefix("/v1/models/").is_some_and(|call| call.contains('/')) => None,
            Self::ByPath => Target::of_path(path).filter(|target| target.endpoint.format() == Format::Gemini),
            Self::List => None,
        }
    }
}

/// All routes, and how they are found.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    pub(crate) list: Vec<Arc<Route>>,
    pub(crate) matcher: Matcher,
}

/// Finds routes by host and path. Several routes may share a path and differ in their methods.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    any_host: Paths,
    hosts: HashMap<Box<str>, Paths>,
}

#[derive(Debug, Default)]
struct Paths {
    tree: matchit::Router<usize>,
    /// Routes by their path, in the order in which they were defined.
    places: Vec<(String, Vec<usize>)>,
}

impl Matcher {
    /// Adds the route at `index`. The error says what was expected of `path`.
    pub(crate) fn insert(&mut self, host: Option<&str>, path: &str, index: usize) -> Result<(), String> {
        let paths = match host {
            None => &mut self.any_host,
            Some(host) => self.hosts.entry(host.to_ascii_lowercase().into()).or_default(),
        };
        let pattern = if path.contains("...") { with_rest(path)? } else { path.to_owned() };
        if let Some((_, routes)) = paths.places.iter_mut().find(|(known, _)| *known == pattern) {
            routes.push(index);
            return Ok(());
        }
        paths
            .tree
            .insert(&pattern, paths.places.len())
            .map_err(|error| format!("a path beside the other routes' ones: {error}"))?;
        paths.places.push((pattern, vec![index]));
        Ok(())
    }

    /// The routes whose path matches; empty if there is none.
    fn find(&self, host: &str, path: &str) -> &[usize] {
        let by_host = self.hosts.get(host).map(|paths| paths.find(path)).unwrap_or_default();
        if by_host.is_empty() { self.any_host.find(path) } else { by_host }
    }
}

impl Paths {
    fn find(&self, path: &str) -> &[usize] {
        match self.tree.at(path) {
            Ok(found) => &self.places[*found.value].1,
            Err(_) => &[],
        }
    }
}

/// `/files/{rest...}` as the tree writes it: `/files/{*rest}`.
fn with_rest(path: &str) -> Result<String, String> {
    let (before, name) = path.rsplit_once('{').ok_or("`{rest...}` with an opening brace")?;
    let name = name.strip_suffix("...}").ok_or("`{rest...}` at the end of the path")?;
    if before.contains("...") {
        return Err("`{rest...}` once, at the end of the path".to_owned());
    }
    Ok(format!("{before}{{*{name}}}"))
}

/// The route of `request`.
///
/// # Errors
/// 404 if no route has its path, 405 if those that have it serve other methods.
pub(crate) fn route<'a, B>(known: &'a Routes, request: &Request<B>) -> Result<&'a Arc<Route>, Refusal> {
    let Routes { list, matcher } = known;
    let host = if matcher.hosts.is_empty() { None } else { crate::head_check::host_of(request) };
    let candidates = matcher.find(host.as_deref().unwrap_or_default(), request.uri().path());
    if candidates.is_empty() {
        return Err(Refusal::not_found());
    }
    let serves = |route: &&Arc<Route>| route.methods.is_empty() || route.methods.contains(request.method());
    let routes = || candidates.iter().filter_map(|&index| list.get(index));
    routes().find(serves).ok_or_else(|| {
        let allowed: Vec<&str> = routes().flat_map(|route| route.methods.iter().map(Method::as_str)).collect();
        Refusal::method_not_allowed(&allowed.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_exactly_by_parameter_and_by_rest() {
        let mut matcher = Matcher::default();
        for (index, path) in ["/v1/reports", "/v1/users/{id}", "/files/{rest...}", "/v1/reports"].iter().enumerate() {
            matcher.insert(None, path, index).unwrap();
        }
        matcher.insert(Some("API.acme.test"), "/v1/reports", 9).unwrap();
        let find = |host: &str, path: &str| matcher.find(host, path).to_vec();
        assert_eq!(find("", "/v1/reports"), [0, 3]);
        assert_eq!(find("", "/v1/users/7"), [1]);
        assert_eq!(find("", "/files/a/b/c"), [2]);
        assert_eq!(find("", "/v1/users/7/x"), Vec::<usize>::new());
        assert_eq!(find("api.acme.test", "/v1/reports"), [9]);
        assert_eq!(find("api.acme.test", "/v1/users/7"), [1], "what the host does not define is found for any host");
    }

    #[test]
    fn impossible_paths_say_what_was_expected() {
        let mut matcher = Matcher::default();
        matcher.insert(None, "/a/{id}", 0).unwrap();
        assert!(matcher.insert(None, "/a/{name}", 1).unwrap_err().contains("beside the other routes"));
        assert!(matcher.insert(None, "/b/{rest...}/c", 1).unwrap_err().contains("at the end"));
    }
}
