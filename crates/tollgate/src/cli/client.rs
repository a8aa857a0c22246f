//! The admin API from the outside: which Tollgate, with which token, and what it answers.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Url, redirect};
use serde_json::Value;
use tollgate_core::id::Ids as _;
use tower::ServiceExt as _;

use super::ProcessEnvironment;
use super::failure::{Failure, exit_code};
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

/// A Tollgate to speak with.
pub(super) struct Session {
    transport: Transport,
    base: Url,
    token: HeaderValue,
    once: Option<String>,
    json: bool,
}

enum Transport {
    Http(reqwest::Client),
    /// The admin API in this process, in front of a database from which nobody is served.
    Inside(axum::Router),
}

/// What was answered.
pub(super) struct Answer {
    text: String,
    pub(super) value: Value,
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

impl Session {
    pub(super) async fn get(&self, path: &[&str], query: &Query) -> Result<Answer, Failure> {
        self.send(Method::GET, path, query, Vec::new()).await
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Answer, Failure> {
        self.send(Method::POST, path, &Query::default(), body.to_string().into_bytes()).await
    }

    pub(super) async fn upload(&self, path: &[&str], query: &Query, file: Vec<u8>) -> Result<Answer, Failure> {
        self.send(Method::POST, path, query, file).await
    }

    pub(super) async fn patch(&self, path: &[&str], body: &Value) -> Result<Answer, Failure> {
        self.send(Method::PATCH, path, &Query::default(), body.to_string().into_bytes()).await
    }

    pub(super) async fn delete(&self, path: &[&str]) -> Result<Answer, Failure> {
        self.send(Method::DELETE, path, &Query::default(), Vec::new()).await
    }

    /// Prints `answer`: unchanged for programs, with `view` for people.
    pub(super) fn show(&self, answer: &Answer, view: impl FnOnce(&Value) -> String) {
        match self.json {
            true => super::say(&answer.text),
            false => super::say(&view(&answer.value)),
        }
    }

    async fn send(&self, method: Method, path: &[&str], query: &Query, body: Vec<u8>) -> Result<Answer, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // What was typed is one segment each: an id with a slash in it leads nowhere else.
            segments.pop_if_empty().extend(["admin", "v1"]).extend(path);
        }
        query.put_into(&mut url);
        let once = (method == Method::POST).then(|| self.once.clone().unwrap_or_else(fresh_name));
        let request = http::Request::builder().method(method).uri(url.as_str()).header(AUTHORIZATION, &self.token);
        let request = match &once {
            Some(once) => request.header("idempotency-key", once),
            None => request,
        };
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let request =
            request.map_err(|_| Failure::Mistake("--idempotency-key: expected visible ASCII characters".to_owned()))?;
        let (status, text) = match &self.transport {
            Transport::Http(client) => over_http(client, request)
                .await
                .map_err(|error| unreachable(&self.base, &error, once.as_deref()))?,
            Transport::Inside(router) => inside(router, request).await?,
        };
        self.judge(status, text)
    }

    fn judge(&self, status: StatusCode, text: String) -> Result<Answer, Failure> {
        let value: Option<Value> = serde_json::from_str(&text).ok();
        match value {
            Some(value) if status.is_success() => Ok(Answer { text, value }),
            Some(problem) => {
                if self.json {
                    super::say(&text);
                }
                Err(Failure::Refused(sentence(status, &problem)))
            }
            None => Err(Failure::Refused(format!("this is no Tollgate: it answered {status} without JSON"))),
        }
    }
}

async fn over_http(
    client: &reqwest::Client,
    request: http::Request<Vec<u8>>,
) -> Result<(StatusCode, String), reqwest::Error> {
    let answer = client.execute(request.try_into()?).await?;
    Ok((answer.status(), answer.text().await?))
}

async fn inside(router: &axum::Router, request: http::Request<Vec<u8>>) -> Result<(StatusCode, String), Failure> {
    let Ok(answer) = router.clone().oneshot(request.map(axum::body::Body::from)).await;
    let status = answer.status();
    let body = answer.into_body().collect().await;
    let bytes = body.map_err(|error| Failure::Refused(format!("the admin API failed: {error}")))?.to_bytes();
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

/// What is asked for besides the path; absent values are left out.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    pub(super) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.0.extend(value.map(|value| (name, value.to_string())));
        self
    }

    fn put_into(&self, url: &mut Url) {
        if !self.0.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.0);
        }
    }
}

/// Which part of a list.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Part {
    /// How many, 1 to 1000.
    #[arg(long, default_value_t = 50)]
    limit: u16,
    /// What the page before ended with.
    #[arg(long)]
    after: Option<String>,
}

impl Part {
    pub(super) fn query(&self) -> Query {
        Query::default().with("limit", Some(self.limit)).with("after", self.after.as_ref())
    }
}

/// What a problem document says, in a sentence.
fn sentence(status: StatusCode, problem: &Value) -> String {
    if status == StatusCode::UNAUTHORIZED {
        return "the admin token was refused; it comes from --token-file, TOLLGATE_ADMIN_TOKEN or control.admin_token"
            .to_owned();
    }
    let detail = problem["detail"].as_str().or_else(|| problem.pointer("/error/message")?.as_str());
    super::view::clean(detail.unwrap_or_else(|| status.canonical_reason().unwrap_or("refused")))
}

fn unreachable(base: &Url, error: &reqwest::Error, once: Option<&str>) -> Failure {
    let mut text = format!("{base} cannot be reached: {}", innermost(error));
    if let Some(once) = once.filter(|_| !error.is_connect()) {
        text.push_str(&format!("\nWhether it happened is not known. Repeat it with --idempotency-key {once}"));
    }
    Failure::Unreachable(text)
}

/// The cause that says something to people.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn fresh_name() -> String {
    format!("cli-{:032x}", RandomIds.random())
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
