//! `tollgate estimate`: what a request would cost.

use std::path::PathBuf;
use std::process::ExitCode;

use reqwest::Url;
use serde_json::{Value, json};
use tollgate_gateway::Quoted;

use super::failure::{Failure, exit_code};
use super::server::{base_url, bearer, http_client, local_url, secret_of};
use super::session::innermost;
use super::view::{clean, sheet};
use super::{ConfigFile, ProcessEnvironment};
use crate::config::{Config, Environment as _};
use crate::proof::{Proof, Unproven};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Args {
    /// A route, as `rest.calls`.
    #[arg(long, group = "what")]
    route: Option<String>,
    /// A model, with the tokens below; by the configuration.
    #[arg(long, group = "what", conflicts_with = "key_file")]
    model: Option<String>,
    /// A file with the request as it would be sent to a model; by the gateway.
    #[arg(long, group = "what", value_name = "FILE", conflicts_with = "plan")]
    body: Option<PathBuf>,
    /// Tokens of the prompt.
    #[arg(long, requires = "model", value_name = "N", default_value_t = 0)]
    input_tokens: u64,
    /// Tokens of the answer.
    #[arg(long, requires = "model", value_name = "N", default_value_t = 0)]
    output_tokens: u64,
    /// By the configuration, for a new customer of this plan.
    #[arg(long, conflicts_with = "key_file")]
    plan: Option<String>,
    /// By the gateway, with the API key in this file; else that of TOLLGATE_API_KEY.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The gateway's address; from the configuration if absent.
    #[arg(long, value_name = "URL", env = "TOLLGATE_GATEWAY_URL", hide_env_values = true)]
    gateway: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
    /// Print the answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    super::block_on(async { exit_code(estimate(args).await) })
}

async fn estimate(args: &Args) -> Result<(), Failure> {
    let key = match &args.key_file {
        Some(path) => Some(secret_of(path)?),
        None => ProcessEnvironment.get("TOLLGATE_API_KEY").filter(|_| args.plan.is_none() && args.model.is_none()),
    };
    match key {
        Some(key) => by_gateway(args, &key).await,
        None if args.body.is_some() => {
            Err(Failure::Mistake("--body: expected an API key, from --key-file or TOLLGATE_API_KEY".to_owned()))
        }
        None => by_configuration(args).await,
    }
}

async fn by_configuration(args: &Args) -> Result<(), Failure> {
    let config = Config::read(&args.file.config, &ProcessEnvironment)?;
    let proof = Proof::of(&config).await.map_err(|unproven| match unproven {
        Unproven::Mistakes(mistakes) => Failure::mistakes(&mistakes),
        Unproven::Untried(error) => Failure::Refused(format!("{error:#}")),
    })?;
    let plan = match &args.plan {
        Some(key) => Some(proof.store.plan(key, None).await?),
        None => None,
    };
    let what = match (&args.route, &args.model) {
        (Some(route), _) => Quoted::Route(route),
        (None, Some(id)) => Quoted::Model { id, prompt_tokens: args.input_tokens, answer_tokens: args.output_tokens },
        (None, None) => return Err(Failure::Mistake("expected --route or --model".to_owned())),
    };
    let cost = proof.blueprint.quote(what, plan.as_deref()).map_err(|error| Failure::Refused(error.to_string()))?;
    let answer = json!({
        "route": args.route, "model": args.model, "plan": args.plan,
        "cost_at_most": { "amount": cost.amount.to_string(), "currency": cost.currency.to_string() },
    });
    print(args, &answer.to_string(), &answer);
    Ok(())
}

async fn by_gateway(args: &Args, key: &str) -> Result<(), Failure> {
    let base = match &args.gateway {
        Some(url) => url.clone(),
        None => {
            let config = Config::read(&args.file.config, &ProcessEnvironment)?;
            local_url("gateway.address", config.gateway.address)?
        }
    };
    let url = base_url("--gateway", &base)?.join("/tollgate/v1/estimate");
    let url: Url = url.map_err(|_| Failure::Mistake("--gateway: expected an address".to_owned()))?;
    let body = match (&args.body, &args.route) {
        (Some(path), _) => std::fs::read(path)
            .map_err(|error| Failure::Mistake(format!("{} cannot be read: {error}", path.display())))?,
        (None, route) => json!({ "route": route }).to_string().into_bytes(),
    };
    let request = http_client(&url)?.post(url.clone()).header("authorization", bearer(key)?);
    let unreachable =
        |error: reqwest::Error| Failure::Unreachable(format!("{base} cannot be reached: {}", innermost(&error)));
    let answer = request.header("content-type", "application/json").body(body).send().await.map_err(unreachable)?;
    let status = answer.status();
    let text = answer.text().await.map_err(unreachable)?;
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    if !status.is_success() {
        let detail = value["detail"].as_str().or_else(|| value.pointer("/error/message")?.as_str());
        return Err(Failure::Refused(detail.map_or_else(|| format!("the gateway answered {status}"), clean)));
    }
    print(args, &text, &value);
    Ok(())
}

fn print(args: &Args, text: &str, answer: &Value) {
    let fields = [
        ("route", "/route"),
        ("model", "/model"),
        ("plan", "/plan"),
        ("usage at most", "/usage_at_most"),
        ("cost at most", "/cost_at_most/amount"),
        ("currency", "/cost_at_most/currency"),
        ("admitted now", "/admitted"),
        ("reason", "/reason"),
    ];
    match args.json {
        true => super::say(text),
        false => super::say(&sheet(answer, &fields)),
    }
}
