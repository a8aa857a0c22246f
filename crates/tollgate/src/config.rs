//! Configuration: one TOML file, read once, all of it checked before anything starts.
//!
//! An error names the file, the line and what was expected. `${NAME}` stands for an environment variable,
//! in settings and in the headers of upstreams. Plans, prices, add-ons and APIs declared here are published
//! as new versions when they differ from what is published.

mod declared;
mod expand;
mod model_price;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;
use tollgate_gateway::TextOverride;
use tollgate_store::definition::{AddOnDefinition, ApiDefinition, PlanDefinition, PriceDefinition};
use toml::Spanned;

use declared::Tables;
pub use declared::{Declared, PriceBookSource};
pub use expand::Environment;
pub use model_price::ModelPriceEntry;

/// The configuration of one node.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data plane.
    pub gateway: GatewaySettings,
    /// The control plane.
    pub control: ControlSettings,
    /// Where facts are kept.
    pub store: StoreSettings,
    /// Whether this is a sandbox.
    pub sandbox: SandboxSettings,
    /// Own words for refusals.
    pub texts: Vec<TextOverride>,
    /// What is to be published.
    pub declared: Declared,
    /// Environment variables that upstream headers name.
    pub secrets: HashMap<String, String>,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    gateway: GatewaySettings,
    #[serde(default)]
    control: ControlSettings,
    #[serde(default)]
    store: StoreSettings,
    #[serde(default)]
    sandbox: SandboxSettings,
    #[serde(default, rename = "refusal_text")]
    texts: Vec<Spanned<TextOverride>>,
    #[serde(default, rename = "price")]
    prices: Vec<Spanned<PriceDefinition>>,
    #[serde(default, rename = "plan")]
    plans: Vec<Spanned<PlanDefinition>>,
    #[serde(default, rename = "add_on")]
    add_ons: Vec<Spanned<AddOnDefinition>>,
    #[serde(default, rename = "api")]
    apis: Vec<Spanned<ApiDefinition>>,
    #[serde(default, rename = "model_price")]
    model_prices: Vec<Spanned<ModelPriceEntry>>,
    #[serde(default)]
    price_book: PriceBookSource,
}

/// The data plane.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// How programs reach it, for pages; made of the address if empty.
    pub url: String,
    /// How many cores serve; 0 for all.
    pub cores: usize,
    /// When answers are released.
    pub settlement: SettlementMode,
    /// How long shutdown waits for requests under way, in seconds.
    pub shutdown_seconds: u64,
    /// Web origins that may call the gateway from a browser; `*` for all.
    pub cors_origins: Vec<String>,
}

/// When answers are released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementMode {
    /// When their settlement is durable.
    Strict,
    /// At once.
    Relaxed,
}

/// The control plane.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// How people reach it, for links; made of the address if empty.
    pub url: String,
    /// The bearer token of the admin API; `TOLLGATE_ADMIN_TOKEN` if empty.
    pub admin_token: String,
    /// Where people write to: an e-mail address or a URL.
    pub support: String,
    /// The name of what is sold, for pages.
    pub product: String,
    /// Who lifts the review of a customer whom a fraud rule froze.
    pub review: ReviewBy,
    /// Who may read `/metrics`.
    pub metrics: MetricsFor,
}

/// Who lifts the review of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewBy {
    /// The customer, by confirming the activity.
    Customer,
    /// The operator, after a look at it.
    Operator,
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricsFor {
    /// Everybody who can reach the port.
    Everybody,
    /// Whoever has the admin token.
    Admin,
}

/// Where facts are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite:PATH` or `postgres://USER@HOST/DATABASE`.
    pub url: String,
    /// The name of this node in the settlement log.
    pub node: String,
}

/// Whether this is a sandbox.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxSettings {
    /// Test keys, simulated cards, a clock that can be moved.
    pub enabled: bool,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 4_020)),
            url: String::new(),
            cores: 0,
            settlement: SettlementMode::Strict,
            shutdown_seconds: 30,
            cors_origins: Vec::new(),
        }
    }
}

impl Default for ControlSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 4_021)),
            url: String::new(),
            admin_token: String::new(),
            support: String::new(),
            product: "Tollgate".to_owned(),
            review: ReviewBy::Operator,
            metrics: MetricsFor::Everybody,
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { url: "sqlite:tollgate.db".to_owned(), node: "node-1".to_owned() }
    }
}

/// A mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Every mistake that was found, in the order of the file.
    pub fn read(path: &Path, environment: &dyn Environment) -> Result<Self, Vec<ConfigError>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot be read: {error}; `tollgate init` writes one to begin with");
            vec![ConfigError { file: name.clone(), line: None, message }]
        })?;
        Self::parse(&name, &text, environment)
    }

    /// Reads `text`, which is called `name` in errors.
    ///
    /// # Errors
    /// Every mistake that was found, in the order of the file.
    pub fn parse(name: &str, text: &str, environment: &dyn Environment) -> Result<Self, Vec<ConfigError>> {
        let source = Source { name, text };
        let file: File = toml::from_str(text).map_err(|error| vec![source.syntax(&error)])?;
        let mut errors = Vec::new();
        let mut setting = |field: &str, value: &str| match expand::expand(value, environment) {
            Ok(value) => value,
            Err(message) => {
                errors.push(source.at(source.find(field), format!("{field}: {message}")));
                String::new()
            }
        };
        let control = ControlSettings {
            url: setting("control.url", &file.control.url),
            admin_token: match file.control.admin_token.as_str() {
                "" => environment.get("TOLLGATE_ADMIN_TOKEN").unwrap_or_default(),
                token => setting("control.admin_token", token),
            },
            ..file.control
        };
        let gateway = GatewaySettings { url: setting("gateway.url", &file.gateway.url), ..file.gateway };
        let store = StoreSettings { url: setting("store.url", &file.store.url), ..file.store };
        if !control.admin_token.is_empty() && control.admin_token.len() < 16 {
            let line = source.find("control.admin_token");
            errors.push(source.at(line, "control.admin_token: expected at least 16 characters".to_owned()));
        }
        let tables = Tables {
            prices: file.prices,
            plans: file.plans,
            add_ons: file.add_ons,
            apis: file.apis,
            model_prices: file.model_prices,
            price_book: file.price_book,
        };
        let (declared, secrets) = tables.check(&source, environment, &mut errors);
        let texts = file.texts.into_iter().map(Spanned::into_inner).collect();
        if !errors.is_empty() {
            errors.sort_by_key(|error| error.line);
            return Err(errors);
        }
        Ok(Self { gateway, control, store, sandbox: file.sandbox, texts, declared, secrets })
    }

    /// How people reach the control plane that listens at `address`, without a slash at the end.
    #[must_use]
    pub fn control_url(&self, address: SocketAddr) -> String {
        public_url(&self.control.url, address)
    }

    /// How programs reach the gateway that listens at `address`, without a slash at the end.
    #[must_use]
    pub fn gateway_url(&self, address: SocketAddr) -> String {
        public_url(&self.gateway.url, address)
    }
}

fn public_url(url: &str, address: SocketAddr) -> String {
    match url.trim_end_matches('/') {
        "" => format!("http://{address}"),
        url => url.to_owned(),
    }
}

/// The text of a configuration, for the lines in errors.
pub(crate) struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    /// An error at a byte offset.
    pub(crate) fn at(&self, offset: Option<usize>, message: String) -> ConfigError {
        let line = offset.map(|offset| {
            let before = self.text.get(..offset).unwrap_or(self.text);
            before.bytes().filter(|&byte| byte == b'\n').count() + 1
        });
        ConfigError { file: self.name.to_owned(), line, message }
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        self.at(error.span().map(|span| span.start), error.message().to_owned())
    }

    /// Where a setting such as `store.url` stands, as well as that can be told.
    fn find(&self, field: &str) -> Option<usize> {
        let (table, key) = field.split_once('.')?;
        let start = self.text.find(&format!("[{table}]"))?;
        self.text.get(start..)?.find(key).map(|offset| start + offset)
    }
}

#[cfg(test)]
mod tests;
