//! The snapshot: routes, upstreams, prices and offers, compiled once and read without locks.
//!
//! A reload compiles another one and swaps it in; requests under way keep theirs. No connection notices.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tollgate_core::catalogue::{Catalogue, Charge, Component, Level, Price, RouteTerms};
use tollgate_core::meter::{Meter, MeterSet};
use tollgate_core::money::Currency;
use tollgate_meter::endpoint::Endpoint;
use tollgate_meter::price_book::{ModelPrice, PriceBook, Rates, Terms};
use tollgate_store::definition::{
    AddOnDefinition, ApiDefinition, Approval, LlmFormat, PlanDefinition, PriceDefinition, RouteDefinition,
    UpstreamDefinition,
};
use tollgate_store::{Store, StoreError};

use crate::mcp;
use crate::models::{Pool, Provider};
use crate::refuse::{TextOverride, Texts};
use crate::route::{Llm, Route, Routes};
use crate::upstream::Upstream;

/// What the operator set outside the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Where people find the portal, without a slash at the end: `http://localhost:4021`.
    pub portal_url: String,
    /// Where problem types are documented, without a slash at the end.
    pub docs_url: String,
    /// Where people write to: an address for `mailto:`, or a URL.
    pub support: String,
    /// The web origins that may call the gateway from a browser; `*` for all.
    pub cors_origins: Vec<String>,
    /// The scheme by which callers reach the gateway, `http` or `https`; upstreams are told.
    pub scheme: &'static str,
    /// Own texts and links for refusals.
    pub texts: Vec<TextOverride>,
    /// Values for `${NAME}` in upstream headers.
    pub secrets: HashMap<String, String>,
}

/// Why a snapshot cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The catalogue cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something refers to what is not there.
    #[error("{}", listed(.0))]
    Flawed(Vec<Flaw>),
}

/// What is wrong in one place of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: expected {expected}")]
pub struct Flaw {
    /// Where: `api rest, route search, price`.
    pub place: String,
    /// What was expected there.
    pub expected: String,
}

fn listed(flaws: &[Flaw]) -> String {
    flaws.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Routes, upstreams, prices and offers at one moment.
pub(crate) struct Snapshot {
    pub(crate) setup: Setup,
    pub(crate) routes: Routes,
    pub(crate) catalogue: Catalogue,
    pub(crate) texts: Texts,
    book: PriceBook,
    /// Prices of the book as decisions need them, by provider and model.
    prices: HashMap<Box<str>, HashMap<Box<str>, Arc<Price>>>,
}

impl Snapshot {
    /// Compiles what is published.
    pub(crate) async fn read(store: &Store, setup: Setup) -> Result<Self, SnapshotError> {
        let prices = store.published::<PriceDefinition>().await?;
        let prices: HashMap<String, Arc<Price>> = prices
            .into_iter()
            .map(|price| Ok((price.definition.key.clone(), Arc::new(price.definition.to_core()?))))
            .collect::<Result<_, StoreError>>()?;
        let mut catalogue = Catalogue::default();
        for plan in store.published::<PlanDefinition>().await? {
            if plan.definition.on_sale {
                catalogue.plans.push(store.plan(&plan.definition.key, Some(plan.version)).await?);
            }
        }
        catalogue.plans.sort_by_key(|plan| plan.base_price);
        for add_on in store.published::<AddOnDefinition>().await? {
            catalogue.add_ons.push(store.add_on(&add_on.definition.key, Some(add_on.version)).await?);
        }
        catalogue.add_ons.sort_by_key(|add_on| add_on.price);
        let book = price_book(store).await?;
        let mut routes = Routes::default();
        let mut flaws = Vec::new();
        let apis = store.published::<ApiDefinition>().await?;
        let apis: Vec<ApiDefinition> = apis.into_iter().map(|api| api.definition).collect();
        for api in &apis {
            flaws.extend(compile_api(api, &apis, &prices, &setup, &mut routes));
        }
        if !flaws.is_empty() {
            return Err(SnapshotError::Flawed(flaws));
        }
        let texts = Texts::compile(&setup.texts).map_err(|expected| flaw("refusal_text", expected))?;
        let prices = prices_by_name(&book);
        Ok(Self { setup, routes, catalogue, texts, book, prices })
    }

    /// The row of the price book for a model at a provider.
    pub(crate) fn model(&self, provider: &str, model: &str) -> Option<&ModelPrice> {
        self.book.get(provider, model)
    }

    /// The names of the models at a provider that have a price.
    pub(crate) fn models(&self, provider: &str) -> impl Iterator<Item = &str> {
        self.prices.get(provider).into_iter().flat_map(|models| models.keys().map(|name| &**name))
    }

    /// The price of a model as decisions need it. One that is said to be free has nothing to add up.
    pub(crate) fn model_price(&self, provider: &str, model: &str) -> Option<&Arc<Price>> {
        self.prices.get(provider)?.get(model)
    }
}

/// The book of the stored rows.
async fn price_book(store: &Store) -> Result<PriceBook, SnapshotError> {
    let rows = store.model_prices().await?;
    PriceBook::from_rows(rows.iter().map(|(_, row)| &row.0))
        .map_err(|error| flaw("price book", format!("rows that can be read: {error}")))
}

fn flaw(place: &str, expected: String) -> SnapshotError {
    SnapshotError::Flawed(vec![Flaw { place: place.to_owned(), expected }])
}

/// Prices by provider and by each name of a model.
fn prices_by_name(book: &PriceBook) -> HashMap<Box<str>, HashMap<Box<str>, Arc<Price>>> {
    let mut prices: HashMap<Box<str>, HashMap<Box<str>, Arc<Price>>> = HashMap::new();
    for row in book.prices() {
        let price = Arc::new(price_of(row));
        let models = prices.entry(row.provider.clone()).or_default();
        for name in std::iter::once(&row.model).chain(&row.aliases) {
            models.insert(name.clone(), Arc::clone(&price));
        }
    }
    prices
}

fn price_of(row: &ModelPrice) -> Price {
    let components = |rates: &Rates| -> Box<[Component]> {
        rates.iter().map(|(meter, rate)| Component::per_unit(meter, rate)).collect()
    };
    let price = Price::of(&format!("{}/{}", row.provider, row.model), Box::default());
    let Terms::Priced(list) = &row.terms else { return price };
    let mut levels = list.levels();
    Price {
        currency: Some(Currency::USD),
        components: levels.next().map(|(_, rates)| components(&rates)).unwrap_or_default(),
        levels: levels.map(|(above, rates)| Level { above, components: components(&rates) }).collect(),
        must_cover: MeterSet::TOKENS.with(Meter::Images),
        ..price
    }
}

/// Adds the routes of `api`. Returns what is wrong with them: whoever repairs it wants to see all of it.
fn compile_api(
    api: &ApiDefinition,
    apis: &[ApiDefinition],
    prices: &HashMap<String, Arc<Price>>,
    setup: &Setup,
    routes: &mut Routes,
) -> Vec<Flaw> {
    let at = |what: &str, expected: String| Flaw { place: format!("api {}, {what}", api.key), expected };
    let providers = match providers_of(api, setup) {
        Ok(providers) => providers,
        Err((field, expected)) => return vec![at(field, expected)],
    };
    let Some(upstream) = providers.first().map(|provider| Arc::clone(&provider.upstream)) else { return Vec::new() };
    let models = Arc::new(Pool::new(api, providers));
    let upstream_named = |key: &str| {
        let other = apis.iter().find(|api| api.key == key).ok_or_else(|| format!("an API, and {key:?} is none"))?;
        upstream_of(other.upstream.first(), setup)
            .map_err(|(field, expected)| format!("{expected} as {field} of {key}"))
    };
    let mut flaws = Vec::new();
    for definition in &api.all_routes() {
        let place = |field: &str| format!("route {}, {field}", definition.key);
        let charge = match charge_of(definition, prices) {
            Ok(charge) => charge,
            Err(expected) => {
                flaws.push(at(&place("price"), expected));
                continue;
            }
        };
        let key = format!("{}.{}", api.key, definition.key);
        let route = Route {
            terms: RouteTerms {
                key: key.as_str().into(),
                api: api.key.as_str().into(),
                feature: definition.feature.as_deref().map(Into::into),
                charge,
                verify_from: definition.verify_from.map(|amount| amount.0),
                time_max: Duration::from_millis(definition.timeout_ms),
            },
            llm: definition.llm.map(llm_of),
            models: definition.llm.map(|_| Arc::clone(&models)),
            mcp: None,
            tool_calls: 0,
            scheme: HeaderValue::from_static(setup.scheme),
            upstream: Arc::clone(&upstream),
            methods: definition.methods.iter().filter_map(|method| method.parse().ok()).collect(),
            upstream_path: definition.upstream_path.as_deref().map(Into::into),
            path_prefix: definition.path.split('{').next().unwrap_or_default().into(),
            approval: api.approval == Approval::Required,
            scope: definition.scope.as_deref().map(Into::into),
            request_bytes_max: definition.request_bytes_max,
            response_bytes_max: definition.response_bytes_max,
            websocket: definition.websocket,
            charge_client_errors: definition.charge_client_errors,
        };
        let compiled = match &definition.mcp {
            None => Ok((route, Vec::new())),
            Some(mcp) => mcp::compile(route, mcp, &mcp::Parts { prices, upstream_of: &upstream_named }),
        };
        let (route, tools) = match compiled {
            Ok(compiled) => compiled,
            Err(mistake) => {
                flaws.push(at(&place(&mistake.field), mistake.expected));
                continue;
            }
        };
        match routes.matcher.insert(api.host.as_deref(), &definition.path, routes.list.len()) {
            Ok(()) => routes.list.extend(std::iter::once(Arc::new(route)).chain(tools)),
            Err(expected) => flaws.push(at(&place("path"), expected)),
        }
    }
    flaws
}

/// What a route serves of models.
const fn llm_of(format: LlmFormat) -> Llm {
    Llm::Endpoint(match format {
        LlmFormat::OpenaiChat => Endpoint::ChatCompletions,
        LlmFormat::OpenaiCompletions => Endpoint::Completions,
        LlmFormat::OpenaiEmbeddings => Endpoint::Embeddings,
        LlmFormat::OpenaiResponses => Endpoint::Responses,
        LlmFormat::OpenaiImages => Endpoint::ImageGenerations,
        LlmFormat::OpenaiTranscriptions => Endpoint::AudioTranscriptions,
        LlmFormat::OpenaiSpeech => Endpoint::AudioSpeech,
        LlmFormat::OpenaiModerations => Endpoint::Moderations,
        LlmFormat::AnthropicMessages => Endpoint::Messages,
        LlmFormat::AnthropicCountTokens => Endpoint::CountMessageTokens,
        LlmFormat::OpenaiModels => return Llm::List,
        LlmFormat::Gemini => return Llm::ByPath,
    })
}

/// The upstreams of `api` as providers of models. The error says in which field what was expected.
fn providers_of(api: &ApiDefinition, setup: &Setup) -> Result<Vec<Arc<Provider>>, (&'static str, String)> {
    let provider = |definition: &UpstreamDefinition| {
        let upstream = upstream_of(definition, setup)?;
        let keys = definition.keys.iter().map(|key| {
            let key = with_secrets(key, &setup.secrets)?;
            Provider::key_value(definition.format, &key)
        });
        let keys = keys.collect::<Result<_, String>>().map_err(|expected| ("upstream.keys", expected))?;
        Ok(Arc::new(Provider::new(definition, upstream, keys)))
    };
    api.upstream.iter().map(provider).collect()
}

/// An upstream with its headers. The error says in which field what was expected.
fn upstream_of(definition: &UpstreamDefinition, setup: &Setup) -> Result<Arc<Upstream>, (&'static str, String)> {
    let headers = upstream_headers(definition, setup).map_err(|expected| ("upstream.headers", expected))?;
    Upstream::new(definition, headers).map(Arc::new).map_err(|expected| ("upstream.url", expected))
}

fn charge_of(route: &RouteDefinition, prices: &HashMap<String, Arc<Price>>) -> Result<Charge, String> {
    let price =
        |key: &String| prices.get(key).cloned().ok_or_else(|| format!("a price that exists, and {key:?} does not"));
    Ok(match (&route.price, route.llm, &route.pay_per_request) {
        (Some(key), None, None) => Charge::Price(price(key)?),
        (None, Some(LlmFormat::OpenaiModels), None) => Charge::Free,
        (None, Some(_), None) => Charge::Model,
        (None, None, Some(key)) => Charge::PerRequest(price(key)?),
        _ if route.free => Charge::Free,
        _ => Charge::Unpriced,
    })
}

/// The headers that are set on every forwarded request, with secrets in their places.
fn upstream_headers(upstream: &UpstreamDefinition, setup: &Setup) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    upstream
        .headers
        .iter()
        .map(|(name, value)| {
            let header: HeaderName = name.parse().map_err(|_| format!("the name of a header, and {name:?} is none"))?;
            let value = with_secrets(value, &setup.secrets)?;
            // The value may be a secret, so the error does not show it.
            let mut value: HeaderValue = value.parse().map_err(|_| format!("a value that {name} can have"))?;
            value.set_sensitive(true);
            Ok((header, value))
        })
        .collect()
}

/// `text` with every `${NAME}` replaced.
fn with_secrets(text: &str, secrets: &HashMap<String, String>) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("a closing brace after `${`")?;
        let value = secrets.get(name).ok_or_else(|| format!("the environment variable {name} to be set"))?;
        result.push_str(before);
        result.push_str(value);
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}
