//! The usage of one message, as far as it has been reported.
//!
//! The three prompt counts do not overlap: `input_tokens` is what was neither read from nor written to a
//! cache. A stream reports twice or more, at its start and with each `message_delta`; the figures are
//! running totals, a field that is named replaces what was known, one that is not leaves it.

use tollgate_core::meter::{Meter, Usage};

use crate::json::Scanner;
use crate::usage::{BadUsage, count, details};

/// What the reports so far say; `None` where they do not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_written: Option<u64>,
    by_lifetime: Option<Written>,
    output: Option<u64>,
    searches: Option<u64>,
}

/// What was written to caches, by how long it lives there.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    five_minutes: u64,
    one_hour: u64,
}

impl Tally {
    /// Reads a `usage` object. After an error the scanner stands inside it.
    pub(crate) fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<(), BadUsage> {
        let mut written = None;
        scanner.object(|scanner, key| {
            match key.text.raw {
                b"input_tokens" => replace(&mut self.input, count(scanner, "input_tokens")?),
                b"cache_read_input_tokens" => {
                    replace(&mut self.cache_read, count(scanner, "cache_read_input_tokens")?);
                }
                b"cache_creation_input_tokens" => {
                    let total = count(scanner, "cache_creation_input_tokens")?;
                    // A new total makes an older division of it void.
                    if total.is_some() && total != self.cache_written {
                        self.by_lifetime = None;
                    }
                    replace(&mut self.cache_written, total);
                }
                b"cache_creation" => written = read_written(scanner)?,
                b"output_tokens" => replace(&mut self.output, count(scanner, "output_tokens")?),
                b"server_tool_use" => details(scanner, |scanner, name| {
                    match name {
                        b"web_search_requests" => {
                            replace(&mut self.searches, count(scanner, "server_tool_use.web_search_requests")?);
                        }
                        _ => scanner.skip()?,
                    }
                    Ok(())
                })?,
                _ => scanner.skip()?,
            }
            Ok::<_, BadUsage>(())
        })?;
        self.by_lifetime = written.or(self.by_lifetime);
        Ok(())
    }

    /// The prompt as disjoint meters.
    pub(crate) fn prompt_usage(&self) -> Result<Usage, BadUsage> {
        let input = self.input.ok_or(BadUsage::Missing { field: "input_tokens" })?;
        let written = match (self.cache_written, self.by_lifetime) {
            (None, None) => Written::default(),
            (None, Some(written)) => written,
            // Five minutes are the default, and who does not divide knows no other.
            (Some(total), None) => Written { five_minutes: total, one_hour: 0 },
            (Some(total), Some(written)) if written.five_minutes + written.one_hour == total => written,
            (Some(_), Some(_)) => {
                return Err(BadUsage::PartExceedsWhole {
                    part: "cache_creation (its parts together)",
                    whole: "cache_creation_input_tokens",
                });
            }
        };
        Ok(Usage::NONE
            .with(Meter::InputTokens, input)
            .with(Meter::CachedInputTokens, self.cache_read.unwrap_or(0))
            .with(Meter::CacheWrite5mTokens, written.five_minutes)
            .with(Meter::CacheWrite1hTokens, written.one_hour))
    }

    /// All counts as disjoint meters. Thinking is part of the output: Anthropic does not count it apart.
    pub(crate) fn usage(&self) -> Result<Usage, BadUsage> {
        let output = self.output.ok_or(BadUsage::Missing { field: "output_tokens" })?;
        let searches = self.searches.unwrap_or(0);
        Ok(self.prompt_usage()?.with(Meter::OutputTokens, output).with(Meter::ToolCalls, searches))
    }
}

fn replace(known: &mut Option<u64>, named: Option<u64>) {
    *known = named.or(*known);
}

fn read_written(scanner: &mut Scanner<'_>) -> Result<Option<Written>, BadUsage> {
    let (mut five_minutes, mut one_hour) = (None, None);
    details(scanner, |scanner, name| {
        match name {
            b"ephemeral_5m_input_tokens" => {
                five_minutes = count(scanner, "cache_creation.ephemeral_5m_input_tokens")?;
            }
            b"ephemeral_1h_input_tokens" => one_hour = count(scanner, "cache_creation.ephemeral_1h_input_tokens")?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    if five_minutes.is_none() && one_hour.is_none() {
        return Ok(None);
    }
    Ok(Some(Written { five_minutes: five_minutes.unwrap_or(0), one_hour: one_hour.unwrap_or(0) }))
}
