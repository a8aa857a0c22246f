//! The ask: what one request wants.

use std::sync::Arc;

use crate::catalogue::{Price, RouteTerms};
use crate::id::{ApplicationId, KeyId};
use crate::meter::{MeterSet, Usage};

/// What one request wants.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Where it goes.
    pub route: &'a RouteTerms,
    /// The model it names, on LLM routes.
    pub model: Option<ModelAsk<'a>>,
    /// The key it came with.
    pub key: KeyId,
    /// The application the key belongs to.
    pub application: ApplicationId,
    /// The most it can use, by meter.
    pub bound: Usage,
    /// How good the bound is.
    pub precision: Precision,
}

/// The model of an ask.
#[derive(Debug, Clone, Copy)]
pub struct ModelAsk<'a> {
    /// Its exact id.
    pub id: &'a str,
    /// Its price in the price book; `None` if nobody set one.
    pub price: Option<&'a Arc<Price>>,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// What a token of the prompt may turn out to be: cached, written to a cache, heard. The bound counts
    /// all of them as [`Meter::InputTokens`](crate::meter::Meter::InputTokens).
    pub prompt_meters: MeterSet,
    /// What a generated token may turn out to be. The bound counts all of them as
    /// [`Meter::OutputTokens`](crate::meter::Meter::OutputTokens).
    pub answer_meters: MeterSet,
    /// Whether a lower output bound can be demanded of it.
    pub output: OutputBound,
}

/// Whether the upstream can be told how much to generate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputBound {
    /// Yes: a balance that is too short for the bound may still cover a shorter answer.
    #[default]
    Adjustable,
    /// No: a picture or a transcript is as long as it is.
    Given,
}

/// How good a bound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// One token for each byte: certain and cheap, up to four times too high. A denial that depends
    /// on it is asked again with counted tokens.
    Bytes,
    /// The text was counted.
    Counted,
}

impl Ask<'_> {
    /// The id of the model.
    #[must_use]
    pub fn model_id(&self) -> Option<&str> {
        self.model.as_ref().map(|model| model.id)
    }
}
