//! What is asked for on an MCP route costs what; compiled from its definition.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_core::catalogue::{Charge, Price, RouteTerms};
use tollgate_meter::mcp::{Declared, Request};
use tollgate_store::definition::{McpDefinition, McpItemDefinition, McpRefusals};

use crate::refuse::McpForm;
use crate::route::Route;
use crate::upstream::Upstream;

/// What an MCP route serves, and on which terms.
#[derive(Debug)]
pub(crate) struct Mcp {
    pub(crate) tools: Items,
    pub(crate) prompts: Items,
    pub(crate) resources: Items,
    /// Everything that is no tool, prompt or resource: it costs nothing.
    pub(crate) protocol: Arc<Route>,
    /// The servers behind the prefixes; none if the route's own upstream is the only one.
    pub(crate) servers: Vec<Server>,
    refusals: McpRefusals,
}

/// Things of one kind, by name.
#[derive(Debug)]
pub(crate) struct Items {
    pub(crate) named: HashMap<Box<str>, Arc<Route>>,
    /// The terms of all others.
    pub(crate) others: Arc<Route>,
}

/// One of several servers.
#[derive(Debug)]
pub(crate) struct Server {
    /// What stands before its names, with the underscores.
    pub(crate) prefix: Box<str>,
    /// How it is reached.
    pub(crate) route: Arc<Route>,
}

/// What compiling a route needs of the rest of the catalogue.
pub(crate) struct Parts<'a> {
    pub(crate) prices: &'a HashMap<String, Arc<Price>>,
    /// The upstream of another API.
    pub(crate) upstream_of: &'a dyn Fn(&str) -> Result<Arc<Upstream>, String>,
}

/// What is wrong with a definition.
pub(crate) struct Mistake {
    /// Where: `mcp.tool search, price`.
    pub(crate) field: String,
    /// What was expected there.
    pub(crate) expected: String,
}

/// The route with what it serves, and a route for each thing that has terms of its own.
pub(crate) fn compile(
    route: Route,
    definition: &McpDefinition,
    parts: &Parts<'_>,
) -> Result<(Route, Vec<Arc<Route>>), Mistake> {
    let protocol =
        Arc::new(Route { terms: RouteTerms { charge: Charge::Free, ..route.terms.clone() }, ..route.clone() });
    let route = Route { tool_calls: 1, ..route };
    let items = |kind: &str, list: &[McpItemDefinition], others: Arc<Route>| {
        let compiled = list.iter().map(|item| {
            let charge = charge_of(item, &others.terms.charge, parts.prices);
            let mistake = |expected| Mistake { field: format!("mcp.{kind} {}, price", item.name), expected };
            let charge = charge.map_err(mistake)?;
            Ok((item.name.as_str().into(), Arc::new(own_route(&others, item, charge))))
        });
        let named = compiled.collect::<Result<_, Mistake>>()?;
        Ok::<_, Mistake>(Items { named, others })
    };
    let mcp = Mcp {
        tools: items("tool", &definition.tools, Arc::new(route.clone()))?,
        prompts: items("prompt", &definition.prompts, Arc::clone(&protocol))?,
        resources: items("resource", &definition.resources, Arc::clone(&protocol))?,
        servers: servers(&route, definition, parts)?,
        refusals: definition.refusals,
        protocol,
    };
    let named = [&mcp.tools, &mcp.prompts, &mcp.resources].into_iter().flat_map(|items| items.named.values());
    let named = named.cloned().collect();
    Ok((Route { mcp: Some(Arc::new(mcp)), ..route }, named))
}

fn charge_of(
    item: &McpItemDefinition,
    others: &Charge,
    prices: &HashMap<String, Arc<Price>>,
) -> Result<Charge, String> {
    match &item.price {
        Some(key) => {
            let price = prices.get(key).ok_or_else(|| format!("a price that exists, and {key:?} does not"))?;
            Ok(Charge::Price(Arc::clone(price)))
        }
        None if item.free => Ok(Charge::Free),
        None => Ok(others.clone()),
    }
}

/// The route of one thing: like the route it is on, with a name, a feature and a bound of its own.
fn own_route(route: &Route, item: &McpItemDefinition, charge: Charge) -> Route {
    let feature = item.feature.as_deref().map(Into::into).or_else(|| route.terms.feature.clone());
    let key = format!("{}:{}", route.terms.key, item.name).into();
    let response_bytes_max = item.response_bytes_max.unwrap_or(route.response_bytes_max);
    Route { terms: RouteTerms { key, feature, charge, ..route.terms.clone() }, response_bytes_max, ..route.clone() }
}

fn servers(route: &Route, definition: &McpDefinition, parts: &Parts<'_>) -> Result<Vec<Server>, Mistake> {
    let compiled = definition.servers.iter().map(|server| {
        let upstream = match &server.api {
            None => Arc::clone(&route.upstream),
            Some(api) => {
                let mistake = |expected| Mistake { field: format!("mcp.server {}, api", server.prefix), expected };
                (parts.upstream_of)(api).map_err(mistake)?
            }
        };
        let upstream_path = match &server.path {
            Some(path) => Some(path.as_str().into()),
            None => route.upstream_path.clone(),
        };
        let route = Arc::new(Route { upstream, upstream_path, ..route.clone() });
        Ok(Server { prefix: format!("{}__", server.prefix).into(), route })
    });
    compiled.collect()
}

impl Mcp {
    /// On which terms `request` is served.
    pub(crate) fn terms(&self, request: &Request) -> &Arc<Route> {
        let name = request.name.as_ref().map_or("", |name| &*name.text);
        match &*request.method {
            "tools/call" => self.tools.terms(name),
            "prompts/get" => self.prompts.terms(name),
            "resources/read" => self.resources.terms(request.uri.as_deref().unwrap_or_default()),
            _ => &self.protocol,
        }
    }

    /// How a client that declared this is refused when it sends `request`.
    pub(crate) fn form(&self, request: &Request, declared: Declared) -> McpForm {
        let calls_tool = &*request.method == "tools/call";
        match self.refusals {
            McpRefusals::Http => McpForm::Http,
            McpRefusals::Error => McpForm::Error,
            McpRefusals::Declared if declared.payment => McpForm::Payment,
            McpRefusals::Declared if declared.url_elicitation => McpForm::UrlElicitation,
            McpRefusals::Declared | McpRefusals::Result if calls_tool => McpForm::ToolResult,
            McpRefusals::Declared | McpRefusals::Result => McpForm::Error,
        }
    }
}

impl Items {
    fn terms(&self, name: &str) -> &Arc<Route> {
        self.named.get(name).unwrap_or(&self.others)
    }
}
