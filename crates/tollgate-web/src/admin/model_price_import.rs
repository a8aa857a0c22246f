//! Importing prices of models from public price lists, with a look at the difference before anything
//! changes.

use std::collections::{HashMap, HashSet};

use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use tollgate_meter::price_book::{Import, ModelPrice, PriceBook, import_genai_prices, import_litellm, merge};
use tollgate_store::definition::Text;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model_prices::{ModelPriceRow, definitions, is_by_hand, name, row, stored, whole};
use super::sent::read;
use super::{Answer, Asked, Deed, Failures, Once, Problem};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().routes(routes!(import_model_prices))
}

/// The largest price list: the ones that exist have some 5 MB.
const LIST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A price list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// `model_prices_and_context_window.json` of LiteLLM.
    Litellm,
    /// `prices.json` of genai-prices.
    GenaiPrices,
    /// A snapshot that Tollgate wrote.
    Snapshot,
    /// The snapshot that Tollgate ships with; the body is empty.
    Shipped,
}

/// What holds where the list and the book disagree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Disagreement {
    /// The list.
    #[default]
    List,
    /// The dearer figure.
    Dearer,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HowToImport {
    /// What the body is.
    #[param(inline)]
    format: Format,
    /// The day on which the list was taken; today if absent.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    dated: Option<Text<jiff::civil::Date>>,
    /// `true` to see the difference without changing anything.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    dry_run: Option<Text<bool>>,
    /// What holds where the list and the book disagree; the list if absent.
    #[serde(default)]
    #[param(inline)]
    disagreement: Disagreement,
}

/// What an import changes.
#[derive(Serialize, utoipa::ToSchema)]
struct Difference {
    /// Whether this was only a look.
    dry_run: bool,
    /// Models that have no price so far.
    added: Vec<ModelPriceRow>,
    /// Models whose price is another one.
    changed: Vec<ChangedPrice>,
    /// How many stay as they are.
    unchanged: usize,
    /// Models that the list prices and that were set by hand: they stay.
    kept: Vec<String>,
    /// Rates on which the list and the book disagree.
    conflicts: Vec<ConflictRow>,
    /// Rows of the list that cannot be used.
    rejected: Vec<RejectedRow>,
}

/// A price before and after.
#[derive(Serialize, utoipa::ToSchema)]
struct ChangedPrice {
    /// As it is.
    before: ModelPriceRow,
    /// As it will be.
    after: ModelPriceRow,
}

/// A rate on which the list and the book disagree.
#[derive(Serialize, utoipa::ToSchema)]
struct ConflictRow {
    /// `provider/model`.
    model: String,
    /// What is counted.
    meter: &'static str,
    /// For prompts of more tokens than this; 0 for all.
    above_prompt_tokens: u64,
    /// USD per unit in the book.
    book: String,
    /// USD per unit in the list.
    list: String,
}

/// A row of the list that cannot be used.
#[derive(Serialize, utoipa::ToSchema)]
struct RejectedRow {
    /// Its name in the list.
    model: String,
    /// What is wrong with it.
    why: String,
}

/// Import a price list. The body is the file as it is. Prices that were set by hand stay.
#[utoipa::path(
    post, path = "/model-prices/import", tag = "model prices",
    request_body(content = String, content_type = "application/json", description = "The price list."),
    params(
        HowToImport,
        ("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once."),
    ),
    responses((status = 200, description = "What changes, or changed.", body = Difference), Failures)
)]
async fn import_model_prices(State(web): State<Web>, Asked(how): Asked<HowToImport>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let bytes = read(body, LIST_BYTES_MAX).await?;
    let once = Once::of(&parts, &bytes)?;
    let today = web.store().now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    let dated = how.dated.map_or(today, |day| day.0);
    let book = stored(&web).await?;
    // Reading some megabytes takes a while, during which others are to be served.
    let disagreement = how.disagreement;
    let planned = tokio::task::spawn_blocking(move || {
        let list = read_list(how.format, &bytes, dated)?;
        plan(&book, list, disagreement)
    });
    let (prices, mut difference) =
        planned.await.map_err(|_| Problem::invalid("body", "a price list that can be read"))??;
    if how.dry_run.is_some_and(|dry_run| dry_run.0) {
        difference.dry_run = true;
        return Ok(axum::response::IntoResponse::into_response(axum::Json(difference)));
    }
    let mut deed = Deed::begin(&web, once).await?;
    deed.change().set_model_prices(&definitions(&prices)?).await?;
    deed.done(&difference).await
}

fn read_list(format: Format, bytes: &[u8], dated: jiff::civil::Date) -> Result<Import, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::invalid("body", "UTF-8"))?;
    let unreadable = |error: &dyn std::fmt::Display| Problem::invalid("body", format!("a price list: {error}"));
    let of_book = |book: PriceBook| Import { rows: book.prices().to_vec(), rejected: Vec::new() };
    match format {
        Format::Litellm => import_litellm(text, dated).map_err(|error| unreadable(&error)),
        Format::GenaiPrices => import_genai_prices(text, dated).map_err(|error| unreadable(&error)),
        Format::Snapshot => PriceBook::from_snapshot(text).map(of_book).map_err(|error| unreadable(&error)),
        Format::Shipped if text.trim().is_empty() => {
            PriceBook::shipped().map(of_book).map_err(|error| unreadable(&error))
        }
        Format::Shipped => Err(Problem::invalid("body", "nothing: the shipped snapshot is in the program")),
    }
}

/// The rows that will be written, and what they change.
fn plan(book: &PriceBook, list: Import, disagreement: Disagreement) -> Result<(Vec<ModelPrice>, Difference), Problem> {
    let known: HashMap<String, &ModelPrice> = book.prices().iter().map(|price| (name(price), price)).collect();
    let mut difference = Difference {
        dry_run: false,
        added: Vec::new(),
        changed: Vec::new(),
        unchanged: 0,
        kept: Vec::new(),
        conflicts: Vec::new(),
        rejected: list
            .rejected
            .iter()
            .map(|rejected| RejectedRow { model: rejected.model.to_string(), why: rejected.why.to_string() })
            .collect(),
    };
    let mut written = Vec::new();
    for price in list.rows {
        let Some(&before) = known.get(&name(&price)) else {
            written.push(price);
            continue;
        };
        if is_by_hand(before) {
            difference.kept.push(name(before));
            continue;
        }
        let merged = merge(vec![before.clone()], vec![price.clone()]);
        difference.conflicts.extend(merged.conflicts.iter().map(|conflict| ConflictRow {
            model: format!("{}/{}", conflict.provider, conflict.model),
            meter: conflict.meter.name(),
            above_prompt_tokens: conflict.above,
            book: conflict.primary.to_string(),
            list: conflict.secondary.to_string(),
        }));
        match disagreement {
            Disagreement::List => written.push(price),
            Disagreement::Dearer => written.extend(merged.prices),
        }
    }
    let written = without_taken_names(book, written);
    let names: HashSet<String> = written.iter().map(name).collect();
    let others = book.prices().iter().filter(|price| !names.contains(&name(price))).cloned().collect();
    // A book that cannot be used must not be written.
    whole(others, written.clone())?;
    for price in &written {
        match known.get(&name(price)) {
            None => difference.added.push(row(price)),
            Some(before) if row(before) == row(price) => difference.unchanged += 1,
            Some(before) => difference.changed.push(ChangedPrice { before: row(before), after: row(price) }),
        }
    }
    Ok((written, difference))
}

/// `written` without names that lead to another row already: the book's rows keep their names, and among
/// themselves the first one has it.
fn without_taken_names(book: &PriceBook, written: Vec<ModelPrice>) -> Vec<ModelPrice> {
    let own: HashSet<String> = written.iter().map(name).collect();
    let key = |price: &ModelPrice, alias: &str| format!("{}/{alias}", price.provider);
    let mut taken: HashSet<String> = own.clone();
    for other in book.prices().iter().filter(|other| !own.contains(&name(other))) {
        taken.insert(name(other));
        taken.extend(other.aliases.iter().map(|alias| key(other, alias)));
    }
    let mut free_of_conflicts = Vec::with_capacity(written.len());
    let in_book: HashSet<String> = taken.difference(&own).cloned().collect();
    for mut price in written {
        if in_book.contains(&name(&price)) {
            continue;
        }
        let aliases = price.aliases.iter().filter(|alias| taken.insert(key(&price, alias))).cloned().collect();
        price.aliases = aliases;
        free_of_conflicts.push(price);
    }
    free_of_conflicts
}
