//! `tollgate prices`: the price book.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::Value;
use tollgate_store::Store;
use tollgate_web::Web;

use super::failure::Failure;
use super::server::Server;
use super::session::{Part, Query, Session};
use super::view::{columns, page, table, text};
use crate::config::Config;
use crate::control::{self, Exhibits, NoGateway, Urls};
use crate::serve::store_options;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// Use this database directly instead of a running Tollgate; none may be running on it.
    #[arg(long, global = true, value_name = "URL")]
    store: Option<String>,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Import a price list from a file. Prices that were set by hand stay.
    Import(Import),
    /// Show what models cost.
    Show {
        /// Only models with this in their names: `gpt-4o-mini`, `openai/`.
        model: Option<String>,
        #[command(flatten)]
        part: Part,
    },
}

#[derive(Debug, clap::Args)]
struct Import {
    /// The price list.
    file: PathBuf,
    /// What it is; told by its content if absent.
    #[arg(long)]
    format: Option<Format>,
    /// See the difference without changing anything.
    #[arg(long)]
    dry_run: bool,
    /// The day on which the list was taken, as in 2026-11-21; today if absent.
    #[arg(long, value_name = "DAY")]
    dated: Option<String>,
    /// What holds where the list and the price book disagree.
    #[arg(long, default_value = "list")]
    disagreement: Disagreement,
}

/// A price list.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// `model_prices_and_context_window.json` of LiteLLM.
    Litellm,
    /// The price list of Pydantic's genai-prices.
    Pydantic,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Disagreement {
    /// The list.
    List,
    /// The dearer figure.
    Dearer,
}

pub(super) fn run(args: Args) -> ExitCode {
    let Args { verb, store, server } = args;
    match store {
        None => server.run(async |session| act(session, verb).await),
        Some(url) => server.run_inside(async |token| open(&url, token).await, async |session| act(session, verb).await),
    }
}

/// The admin API in front of the database at `url`, from which nobody is served meanwhile.
async fn open(url: &str, token: &str) -> Result<axum::Router, Failure> {
    let store = Store::open(store_options(url)).await?;
    let mut config = Config::parse("", "", &super::ProcessEnvironment)?;
    config.control.admin_token = token.to_owned();
    // No page is shown from here.
    let urls = Urls { control: String::new(), gateway: String::new() };
    let settings = control::settings(&config, urls, String::new(), Exhibits::default());
    Ok(tollgate_web::router(Web::new(store, std::sync::Arc::new(NoGateway), None, settings)))
}

async fn act(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Import(import) => {
            let file = read(&import.file)?;
            let format = match import.format.unwrap_or_else(|| format_of(&file)) {
                Format::Litellm => "litellm",
                Format::Pydantic => "genai-prices",
            };
            let disagreement = match import.disagreement {
                Disagreement::List => "list",
                Disagreement::Dearer => "dearer",
            };
            let query = Query::default()
                .with("format", Some(format))
                .with("dated", import.dated)
                .with("dry_run", import.dry_run.then_some("true"))
                .with("disagreement", Some(disagreement));
            let answer = session.upload(&["model-prices", "import"], &query, file).await?;
            session.show(&answer, difference);
        }
        Verb::Show { model, part } => {
            let answer = session.get(&["model-prices"], &part.query().with("search", model)).await?;
            session.show(&answer, |answer| page(answer, ROW));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Mistake(format!("{} cannot be read: {error}", path.display())))
}

/// LiteLLM's list is an object, Pydantic's an array.
fn format_of(file: &[u8]) -> Format {
    match file.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => Format::Pydantic,
        _ => Format::Litellm,
    }
}

const ROW: &[super::view::Field] = &[
    ("provider", "/provider"),
    ("model", "/model"),
    ("input/M", "/prices/usd_per_million_input_tokens"),
    ("cached/M", "/prices/usd_per_million_cached_input_tokens"),
    ("output/M", "/prices/usd_per_million_output_tokens"),
    ("status", "/status"),
    ("source", "/source"),
    ("as of", "/verified_on"),
];

/// As many of each kind as are read; the rest is in `--json`.
const SHOWN_MAX: usize = 20;

fn difference(answer: &Value) -> String {
    let list = |member: &str| answer[member].as_array().map_or(&[][..], Vec::as_slice);
    let (added, changed, conflicts) = (list("added"), list("changed"), list("conflicts"));
    let written: Vec<&Value> = added.iter().chain(changed.iter().map(|change| &change["after"])).collect();
    let unverified: Vec<&Value> = written.iter().copied().filter(|row| row["status"] == "unverified").collect();
    let mut parts = Vec::new();
    let mut part = |title: &str, count: usize, table: String| {
        if count > 0 {
            let rest = count.saturating_sub(SHOWN_MAX);
            let more = if rest > 0 { format!("\nand {rest} more, see --json") } else { String::new() };
            parts.push(format!("{title} ({count})\n{table}{more}"));
        }
    };
    part("Changed", changed.len(), table(changed.iter().map(|change| &change["after"]).take(SHOWN_MAX), ROW));
    part("Disagreements between the price book and the list", conflicts.len(), {
        let fields = [
            ("model", "/model"),
            ("meter", "/meter"),
            ("above", "/above_prompt_tokens"),
            ("book", "/book"),
            ("list", "/list"),
        ];
        table(conflicts.iter().take(SHOWN_MAX), &fields)
    });
    part("Unverified: only one list has them, or lists disagree", unverified.len(), {
        table(unverified.iter().copied().take(SHOWN_MAX), ROW)
    });
    part("Kept as they were set by hand", list("kept").len(), {
        columns(&["model"], list("kept").iter().take(SHOWN_MAX).map(|model| vec![text(model, "")]).collect())
    });
    part("Cannot be used", list("rejected").len(), {
        table(list("rejected").iter().take(SHOWN_MAX), &[("model", "/model"), ("why", "/why")])
    });
    let verb = if answer["dry_run"] == true { "Nothing was changed. It would be" } else { "Imported" };
    parts.push(format!(
        "{verb}: {} added, {} changed, {} unchanged, {} kept, {} rejected.",
        added.len(),
        changed.len(),
        answer["unchanged"],
        list("kept").len(),
        list("rejected").len(),
    ));
    parts.join("\n\n")
}
