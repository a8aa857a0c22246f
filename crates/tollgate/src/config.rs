//! Configuration: one TOML file, read once, all of it checked before anything starts.
//!
//! An error names the file, the line and what was expected. `${NAME}` stands for an environment variable,
//! in settings and in the headers of upstreams. Plans, prices, add-ons and APIs declared here are published
//! as new versions when they differ from what is published.

mod declared;
mod expand;
mod model_price;
mod places;

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
pub use places::Places;

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
    /// Where what is declared stands.
    pub places: Places,
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
        Self::parse(&path.display().to_string(), &text_of(path)?, environment)
    }

    /// Reads `text`, which is called `name` in errors.
    ///
    /// # Errors
    /// Every mistake that was found, in the order of the file.
    pub fn parse(name: &str, text: &str, environment: &dyn Environment) -> Result<Self, Vec<ConfigError>> {
        let source = Source { name, text };
        let file: File = toml::from_str(text).map_err(|error| vec![source.syntax(&error)])?;
        let mut errors = Vec::new();
        let control = file.control.expanded(&source, environment, &mut errors);
        let url = source.setting("gateway.url", &file.gateway.url, environment, &mut errors);
        let gateway = GatewaySettings { url, ..file.gateway };
        let url = source.setting("store.url", &file.store.url, environment, &mut errors);
        let store = StoreSettings { url, ..file.store };
        // Empty where a variable is missing, which was said.
        let is_database =
            ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| store.url.starts_with(scheme));
        if !store.url.is_empty() && !is_database {
            let expected = "store.url: expected sqlite:PATH or postgres://USER@HOST/DATABASE";
            errors.push(source.at(source.find("store.url"), expected.to_owned()));
        }
        if gateway.address == control.address && gateway.address.port() != 0 {
            let expected = "control.address: expected another address than gateway.address";
            errors.push(source.at(source.find("control.address"), expected.to_owned()));
        }
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
        let places = Places::of(&source, &tables);
        let (declared, secrets) = tables.check(&source, environment, &mut errors);
        let texts = file.texts.into_iter().map(|text| checked_text(text, &source, &mut errors)).collect();
        if !errors.is_empty() {
            errors.sort_by_key(|error| error.line);
            return Err(errors);
        }
        Ok(Self { gateway, control, store, sandbox: file.sandbox, texts, declared, secrets, places })
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

impl ControlSettings {
    /// Reads only these of the file at `path`: who speaks with a running Tollgate needs neither its store nor
    /// the secrets of its upstreams.
    ///
    /// # Errors
    /// If the file cannot be read, or one of these settings.
    pub fn read(path: &Path, environment: &dyn Environment) -> Result<Self, Vec<ConfigError>> {
        let (name, text) = (path.display().to_string(), text_of(path)?);
        let source = Source { name: &name, text: &text };
        let file: File = toml::from_str(&text).map_err(|error| vec![source.syntax(&error)])?;
        let mut errors = Vec::new();
        let control = file.control.expanded(&source, environment, &mut errors);
        if errors.is_empty() { Ok(control) } else { Err(errors) }
    }

    fn expanded(self, source: &Source<'_>, environment: &dyn Environment, errors: &mut Vec<ConfigError>) -> Self {
        Self {
            url: source.setting("control.url", &self.url, environment, errors),
            admin_token: match self.admin_token.as_str() {
                "" => environment.get("TOLLGATE_ADMIN_TOKEN").unwrap_or_default(),
                token => source.setting("control.admin_token", token, environment, errors),
            },
            ..self
        }
    }
}

fn text_of(path: &Path) -> Result<String, Vec<ConfigError>> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot be read: {error}; `tollgate init` writes one to begin with");
        vec![ConfigError { file: path.display().to_string(), line: None, message }]
    })
}

/// The text itself; what is wrong with it is among `errors`.
fn checked_text(text: Spanned<TextOverride>, source: &Source<'_>, errors: &mut Vec<ConfigError>) -> TextOverride {
    if let Err(expected) = text.get_ref().check() {
        errors.push(source.at(Some(text.span().start), format!("refusal_text: expected {expected}")));
    }
    text.into_inner()
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
        ConfigError { file: self.name.to_owned(), line: offset.map(|offset| self.line(offset)), message }
    }

    /// The line of a byte offset, from 1.
    fn line(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(self.text);
        before.bytes().filter(|&byte| byte == b'\n').count() + 1
    }

    /// The value of a setting that may name environment variables; empty if one is not set.
    fn setting(
        &self,
        field: &str,
        value: &str,
        environment: &dyn Environment,
        errors: &mut Vec<ConfigError>,
    ) -> String {
        expand::expand(value, environment).unwrap_or_else(|message| {
            errors.push(self.at(self.find(field), format!("{field}: {message}")));
            String::new()
        })
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
