//! What a configuration would serve, for a look before it does.

use std::fmt;

use serde::Serialize;
use tollgate_store::definition::{ApiDefinition, LlmFormat, PlanDefinition, RouteDefinition};

use super::view::columns;
use crate::config::Config;
use crate::proof::Proof;

/// What would be served.
#[derive(Debug, Serialize)]
pub(super) struct Outlook {
    routes: Vec<RouteRow>,
    plans: Vec<PlanRow>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct RouteRow {
    route: String,
    methods: String,
    path: String,
    price: String,
    plans: String,
    upstream: String,
}

#[derive(Debug, Serialize)]
struct PlanRow {
    plan: String,
    name: String,
    price: String,
    payment: String,
    limits: String,
}

/// What `config` would serve.
pub(super) fn of(config: &Config, proof: &Proof) -> Outlook {
    let declared = &config.declared;
    let routes = declared.apis.iter().flat_map(|api| api.all_routes().into_iter().map(move |route| (api, route)));
    Outlook {
        routes: routes.map(|(api, route)| route_row(config, proof, api, &route)).collect(),
        plans: declared.plans.iter().map(plan_row).collect(),
        warnings: warnings(config, proof),
    }
}

fn route_row(config: &Config, proof: &Proof, api: &ApiDefinition, route: &RouteDefinition) -> RouteRow {
    let amount = |key: &str| {
        let price = config.declared.prices.iter().find(|price| price.key == key);
        match price.and_then(|price| price.per_call) {
            Some(amount) => format!("{key} ({})", amount.0),
            None => key.to_owned(),
        }
    };
    let price = match (&route.price, route.llm, &route.pay_per_request) {
        (Some(key), ..) => amount(key),
        (None, Some(LlmFormat::OpenaiModels), _) => "free".to_owned(),
        (None, Some(_), _) => format!("by model ({} priced)", priced_models(proof, api)),
        (None, None, Some(key)) => format!("{}, paid by itself", amount(key)),
        (None, None, None) if route.mcp.is_some() && !route.free => "tool by tool".to_owned(),
        (None, None, None) if route.free => "free".to_owned(),
        (None, None, None) => "none".to_owned(),
    };
    RouteRow {
        route: format!("{}.{}", api.key, route.key),
        methods: if route.methods.is_empty() { "all".to_owned() } else { route.methods.join(",") },
        path: format!("{}{}", api.host.as_deref().unwrap_or_default(), route.path),
        price,
        plans: plans_for(config, route),
        upstream: api.upstream.iter().map(|upstream| upstream.url.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// How many models of the upstreams' providers have a price.
fn priced_models(proof: &Proof, api: &ApiDefinition) -> usize {
    api.upstream.iter().map(|upstream| proof.blueprint.models(&upstream.provider)).sum()
}

/// Which plans open a route.
fn plans_for(config: &Config, route: &RouteDefinition) -> String {
    if route.free || route.pay_per_request.is_some() {
        return "none needed".to_owned();
    }
    let Some(feature) = &route.feature else { return "any".to_owned() };
    let plans = config.declared.plans.iter().filter(|plan| plan.features.contains(feature)).map(|plan| &plan.key);
    let add_ons = config.declared.add_ons.iter().filter(|add_on| add_on.features.contains(feature));
    let add_ons = add_ons.map(|add_on| format!("+{}", add_on.key));
    let openers: Vec<String> = plans.cloned().chain(add_ons).collect();
    if openers.is_empty() { "none".to_owned() } else { openers.join(", ") }
}

fn plan_row(plan: &PlanDefinition) -> PlanRow {
    let quotas = plan.quotas.iter().map(|quota| format!("{} {}", quota.id, quota.limit));
    let rates = plan.rate_limits.iter().map(|rate| {
        let most = rate.requests.or(rate.tokens).or(rate.concurrency.map(u64::from)).unwrap_or(0);
        format!("{} {most}", rate.id)
    });
    let limits: Vec<String> = quotas.chain(rates).collect();
    PlanRow {
        plan: plan.key.clone(),
        name: plan.name.clone(),
        price: format!("{} {} a {}", plan.currency.0, plan.base_price.0, plan.period),
        payment: match plan.payment {
            tollgate_store::definition::PaymentDefinition::Prepaid => "prepaid".to_owned(),
            tollgate_store::definition::PaymentDefinition::Postpaid => "postpaid".to_owned(),
        },
        limits: if limits.is_empty() { "none".to_owned() } else { limits.join(", ") },
    }
}

/// What is allowed and probably not meant.
fn warnings(config: &Config, proof: &Proof) -> Vec<String> {
    let declared = &config.declared;
    let mut warnings = Vec::new();
    if config.control.admin_token.is_empty() {
        warnings.push("control.admin_token is not set: the admin API refuses everybody".to_owned());
    }
    if declared.apis.is_empty() {
        warnings.push("no API is declared: every request is answered 404".to_owned());
    }
    if !declared.plans.iter().any(|plan| plan.on_sale) {
        warnings.push("no plan is on sale: refusals offer nothing".to_owned());
    }
    for api in &declared.apis {
        for route in &api.all_routes() {
            let name = format!("{}.{}", api.key, route.key);
            let ways = [route.price.is_some(), route.llm.is_some(), route.pay_per_request.is_some(), route.free];
            let has_priced_tools = route.mcp.as_ref().is_some_and(|mcp| !mcp.tools.is_empty());
            if !ways.contains(&true) && !has_priced_tools {
                warnings.push(format!("route {name} has no price: it is refused with model_not_priced"));
            }
            if route.llm.is_some() && priced_models(proof, api) == 0 {
                let providers: Vec<&str> = api.upstream.iter().map(|upstream| upstream.provider.as_str()).collect();
                let providers = providers.join(", ");
                warnings.push(format!("route {name}: no model of provider {providers:?} has a price"));
            }
            if plans_for(config, route) == "none" {
                let feature = route.feature.as_deref().unwrap_or_default();
                warnings.push(format!("route {name}: no plan and no add-on has the feature {feature:?}"));
            }
        }
    }
    let providers: Vec<&str> = declared
        .apis
        .iter()
        .filter(|api| api.all_routes().iter().any(|route| route.llm.is_some()))
        .flat_map(|api| api.upstream.iter().map(|upstream| &*upstream.provider))
        .collect();
    for plan in &declared.plans {
        for model in plan.models.iter().flatten() {
            let is_priced = providers.iter().any(|provider| proof.blueprint.is_priced(provider, model));
            if !is_priced && !plan.model_prices.contains_key(model) {
                warnings.push(format!("plan {} opens the model {model}, which has no price", plan.key));
            }
        }
    }
    warnings
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|row| {
            vec![
                row.route.clone(),
                row.methods.clone(),
                row.path.clone(),
                row.price.clone(),
                row.plans.clone(),
                row.upstream.clone(),
            ]
        });
        let heads = ["route", "methods", "path", "price", "plans", "upstream"];
        writeln!(f, "{}\n", columns(&heads, routes.collect()))?;
        let plans = self.plans.iter().map(|row| {
            vec![row.plan.clone(), row.name.clone(), row.price.clone(), row.payment.clone(), row.limits.clone()]
        });
        writeln!(f, "{}", columns(&["plan", "name", "price", "payment", "limits"], plans.collect()))?;
        if !self.warnings.is_empty() {
            writeln!(f)?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
