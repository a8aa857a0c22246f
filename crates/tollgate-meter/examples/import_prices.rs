//! Makes a price snapshot from the two public lists:
//!
//! ```text
//! cargo run --release -p tollgate-meter --example import_prices -- \
//!     <model_prices_and_context_window.json of LiteLLM> <prices.json of genai-prices> \
//!     <today, YYYY-MM-DD> <snapshot to write>
//! ```
//!
//! `data/NOTICE.md` says where the lists are found. What was rejected and where the lists disagree
//! goes to standard error: read it before a snapshot is shipped.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};

use jiff::civil::Date;
use tollgate_meter::price_book::{Import, Merged, PriceBook, import_genai_prices, import_litellm, merge};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [litellm, genai_prices, today, snapshot] = arguments.as_slice() else {
        return Err("expected four arguments: litellm.json genai-prices.json YYYY-MM-DD snapshot.json".into());
    };
    let today: Date = today.parse()?;
    let primary = import_genai_prices(&std::fs::read_to_string(genai_prices)?, today)?;
    let secondary = import_litellm(&std::fs::read_to_string(litellm)?, today)?;
    report_rejected("genai-prices", &primary)?;
    report_rejected("litellm", &secondary)?;
    let merged = merge(primary.rows, secondary.rows);
    report_conflicts(&merged)?;
    let book = PriceBook::new(merged.prices)?;
    let json = book.to_snapshot(today);
    writeln!(io::stderr(), "{} prices, {} bytes", book.prices().len(), json.len())?;
    std::fs::write(snapshot, json)?;
    Ok(())
}

fn report_rejected(list: &str, import: &Import) -> io::Result<()> {
    let mut err = io::stderr().lock();
    writeln!(err, "{list}: {} rows, {} rejected", import.rows.len(), import.rejected.len())?;
    for rejected in &import.rejected {
        writeln!(err, "  {}: {}", rejected.model, rejected.why)?;
    }
    Ok(())
}

fn report_conflicts(merged: &Merged) -> io::Result<()> {
    let mut err = io::stderr().lock();
    let mut by_provider: BTreeMap<&str, usize> = BTreeMap::new();
    for conflict in &merged.conflicts {
        *by_provider.entry(&conflict.provider).or_default() += 1;
        let (provider, model, meter) = (&conflict.provider, &conflict.model, conflict.meter);
        let (above, primary, secondary) = (conflict.above, conflict.primary, conflict.secondary);
        writeln!(err, "  {provider}/{model}, {meter} above {above}: {primary} or {secondary}")?;
    }
    writeln!(err, "{} conflicts: {by_provider:?}", merged.conflicts.len())
}
