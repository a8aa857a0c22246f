//! Which Tollgate is spoken with, and with which token.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Url, redirect};
use tollgate_core::id::Ids as _;

use super::ProcessEnvironment;
use super::failure::{Failure, exit_code};
use super::session::{Session, Transport, innermost};
use crate::config::{ControlSettings, Environment as _};
use crate::system::RandomIds;

/// How long an answer may take. Importing a price list of many megabytes takes the longest.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Which Tollgate is spoken with, and how. The admin token comes from `--token-file`, from
/// `TOLLGATE_ADMIN_TOKEN` or from the configuration; there is no option for it, because command lines are seen by
/// everybody on the machine.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Which Tollgate")]
pub(super) struct Server {
    /// The control plane's address; from the configuration if absent.
    #[arg(long, global = true, env = "TOLLGATE_URL", hide_env_values = true)]
    url: Option<String>,
    /// A file with the admin token; else TOLLGATE_ADMIN_TOKEN, else the configuration.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The configuration that says both.
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        default_value = "tollgate.toml",
        env = "TOLLGATE_CONFIG",
        hide_env_values = true
    )]
    config: PathBuf,
    /// A name for what is intended: under the same name it happens once.
    #[arg(long, global = true, value_name = "NAME")]
    idempotency_key: Option<String>,
    /// Print the answer as it is, in JSON.
    #[arg(long, global = true)]
    json: bool,
}

impl Server {
    /// Does `work` with this Tollgate.
    pub(super) fn run(&self, work: impl AsyncFnOnce(&Session) -> Result<(), Failure>) -> ExitCode {
        super::block_on(async { exit_code(async { work(&self.connect()?).await }.await) })
    }

    /// Does `work` with the admin API in this process.
    pub(super) fn run_inside(
        &self,
        open: impl AsyncFnOnce(&str) -> Result<axum::Router, Failure>,
        work: impl AsyncFnOnce(&Session) -> Result<(), Failure>,
    ) -> ExitCode {
        super::block_on(async {
            let done = async {
                let token = format!("{:032x}", RandomIds.random());
                let transport = Transport::Inside(open(&token).await?);
                work(&self.session(transport, base_url("path", "http://inside")?, bearer(&token)?)).await
            };
            exit_code(done.await)
        })
    }

    fn connect(&self) -> Result<Session, Failure> {
        // What is said elsewhere needs no configuration, and an operator's desk has none.
        let token = match &self.token_file {
            Some(path) => Some(secret_of(path)?),
            None => ProcessEnvironment.get("TOLLGATE_ADMIN_TOKEN").filter(|token| !token.is_empty()),
        };
        let control = match (&self.url, &token) {
            (Some(_), Some(_)) => None,
            _ => Some(ControlSettings::read(&self.config, &ProcessEnvironment)?),
        };
        let url = match (&self.url, &control) {
            (Some(url), _) => url.clone(),
            (None, Some(control)) => local_url("control.address", control.address)?,
            (None, None) => return Err(Failure::Mistake("expected --url".to_owned())),
        };
        let token = token.or_else(|| control.map(|control| control.admin_token)).unwrap_or_default();
        if token.is_empty() {
            let text = "expected an admin token, from --token-file, TOLLGATE_ADMIN_TOKEN or control.admin_token";
            return Err(Failure::Mistake(text.to_owned()));
        }
        let base = base_url("--url", &url)?;
        Ok(self.session(Transport::Http(http_client(&base)?), base, bearer(&token)?))
    }

    fn session(&self, transport: Transport, base: Url, token: HeaderValue) -> Session {
        Session { transport, base, token, once: self.idempotency_key.clone(), json: self.json }
    }
}

/// The secret in the file at `path`.
pub(super) fn secret_of(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Mistake(format!("{} cannot be read: {error}", path.display())))?;
    Ok(text.trim().to_owned())
}

/// `secret` as a header; never shown.
pub(super) fn bearer(secret: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::try_from(format!("Bearer {secret}"))
        .map_err(|_| Failure::Mistake("expected a token of visible ASCII characters".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// How to reach from here what listens at `address`.
pub(super) fn local_url(setting: &str, address: SocketAddr) -> Result<String, Failure> {
    if address.port() == 0 {
        return Err(Failure::Mistake(format!("{setting} takes any free port: say with an option where it is")));
    }
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Ok(format!("http://{}", SocketAddr::new(ip, address.port())))
}

/// `text` as an address to which paths can be added.
pub(super) fn base_url(option: &str, text: &str) -> Result<Url, Failure> {
    let expected = || Failure::Mistake(format!("{option}: expected http://HOST:PORT or https://HOST"));
    let url: Url = text.parse().map_err(|_| expected())?;
    if matches!(url.scheme(), "http" | "https") && url.host().is_some() { Ok(url) } else { Err(expected()) }
}

/// A client for `base`. It follows no redirect: a secret goes where it was meant to go.
pub(super) fn http_client(base: &Url) -> Result<reqwest::Client, Failure> {
    let builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN);
    // No proxy leads back to this machine.
    let is_here = base.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    });
    let builder = if is_here { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| Failure::Refused(format!("cannot speak HTTP: {}", innermost(&error))))
}
