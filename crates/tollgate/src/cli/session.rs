//! A conversation with the admin API: what is asked, what is answered, and how both are told.

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use tollgate_core::id::Ids as _;
use tower::ServiceExt as _;

use super::failure::Failure;
use crate::system::RandomIds;

/// A Tollgate to speak with.
pub(super) struct Session {
    pub(super) transport: Transport,
    pub(super) base: Url,
    pub(super) token: HeaderValue,
    /// The name of what is intended, if it was given one.
    pub(super) once: Option<String>,
    /// Whether a program reads what is printed.
    pub(super) json: bool,
}

/// How the admin API is reached.
pub(super) enum Transport {
    /// Over the network.
    Http(reqwest::Client),
    /// The admin API in this process, in front of a database from which nobody is served.
    Inside(axum::Router),
}

/// What was answered.
pub(super) struct Answer {
    text: String,
    pub(super) value: Value,
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
            Transport::Http(client) => {
                over_http(client, request).await.map_err(|error| unreachable(&self.base, &error, once.as_deref()))?
            }
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
