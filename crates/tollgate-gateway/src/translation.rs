//! What is said in another format on its way to the upstream and back.

use bytes::Bytes;
use tollgate_core::meter::Usage;
use tollgate_meter::translate::{
    Facts, Format, Framing, StreamTranslator, Translated, translate_answer, translate_error, translate_request,
};
use tracing::warn;

use crate::call::Call;
use crate::estimate::ModelEstimate;
use crate::models::wire;
use crate::refuse::Refusal;

/// One request between two formats.
#[derive(Debug)]
pub(crate) struct Translation {
    caller: Format,
    upstream: Format,
    facts: Facts,
}

impl Translation {
    /// The translation that `model` needs; `None` if its upstream speaks the caller's format.
    pub(crate) fn needed(call: &Call, model: &ModelEstimate, bound: Option<u64>) -> Option<Self> {
        let (asked, answered) = (model.request.endpoint(), model.endpoint);
        let (caller, upstream) = (wire(asked)?, wire(answered)?);
        if caller == upstream {
            return None;
        }
        let facts = Facts {
            id: call.id.to_string().trim_start_matches("req_").into(),
            model_asked: model.request.model().into(),
            model_upstream: model.id.clone(),
            created_at_s: u64::try_from(call.arrived_at.unix_micros() / 1_000_000).unwrap_or(0),
            output_bound: bound,
            output_field: model.provider.output_field(),
            delivery: model.request.delivery(),
            usage_chunk: model.request.usage_chunk(),
            framing: call.gemini_framing(),
        };
        Some(Self { caller, upstream, facts })
    }

    /// The request in the upstream's format.
    ///
    /// # Errors
    /// 400 naming the field that it has no words for.
    pub(crate) fn request(&self, body: &[u8]) -> Result<Translated, Refusal> {
        translate_request(self.caller, self.upstream, body, &self.facts).map_err(|flaw| {
            Refusal::bad_request(&flaw.field, format!("what this model's provider has words for: {}", flaw.why))
        })
    }

    /// A whole answer in the caller's format.
    ///
    /// # Errors
    /// 502 if the upstream does not speak its format.
    pub(crate) fn answer(&self, call: &Call, body: &[u8], usage: &Usage) -> Result<Bytes, Refusal> {
        translate_answer(self.upstream, self.caller, body, &self.facts, Some(usage)).map_err(|error| {
            warn!(request = %call.id, %error, "An answer could not be translated");
            Refusal::upstream_failed()
        })
    }

    /// What a translated stream is to the caller.
    pub(crate) const fn stream_type(&self) -> &'static str {
        match (self.caller, self.facts.framing) {
            (Format::Gemini, Framing::JsonArray) => "application/json",
            _ => "text/event-stream",
        }
    }

    /// An upstream's error in the caller's format.
    pub(crate) fn error(&self, status: u16, body: &[u8]) -> Bytes {
        translate_error(self.caller, status, body)
    }

    /// For an answer that streams.
    pub(crate) fn stream(&self) -> StreamTranslator {
        StreamTranslator::new(self.upstream, self.caller, self.facts.clone())
    }
}
