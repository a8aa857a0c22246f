mod complaints;
mod goldens;
mod properties;
mod refusals;
mod rules;

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::meter::{Meter, Usage};

use super::*;

const CHAT: Format = Format::OpenAiChat;
const RESPONSES: Format = Format::OpenAiResponses;
const MESSAGES: Format = Format::AnthropicMessages;
const GEMINI: Format = Format::Gemini;

pub(super) fn facts() -> Facts {
    Facts {
        id: "req_01".into(),
        model_asked: "house/large".into(),
        model_upstream: "large-1".into(),
        created_at_s: 1_794_700_800,
        output_bound: Some(1_024),
        output_field: OutputField::MaxCompletionTokens,
        delivery: Delivery::Streamed,
        usage_chunk: UsageChunk::Asked,
        framing: Framing::Sse,
    }
}

/// Every bucket that the golden answers fill.
fn used() -> Usage {
    Usage::ONE_CALL
        .with(Meter::InputTokens, 70)
        .with(Meter::CachedInputTokens, 20)
        .with(Meter::CacheWrite5mTokens, 10)
        .with(Meter::OutputTokens, 22)
        .with(Meter::ReasoningTokens, 8)
}

const fn name(format: Format) -> &'static str {
    match format {
        Format::OpenAiChat => "chat",
        Format::OpenAiResponses => "responses",
        Format::AnthropicMessages => "messages",
        Format::Gemini => "gemini",
    }
}

fn file(kind: &str, format: Format, extension: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/translate");
    std::fs::read(format!("{folder}/{kind}/{}.{extension}", name(format))).unwrap()
}

/// Every pair of different formats: the one that is read, the one that is written.
fn pairs() -> impl Iterator<Item = (Format, Format)> {
    let all = Format::ALL.into_iter();
    all.flat_map(|from| Format::ALL.into_iter().map(move |to| (from, to))).filter(|(from, to)| from != to)
}

fn request(from: Format, to: Format, body: &str) -> Value {
    let translated = translate_request(from, to, body.as_bytes(), &facts()).unwrap();
    serde_json::from_slice(&translated.body).unwrap()
}

fn refused(from: Format, to: Format, body: &str) -> String {
    translate_request(from, to, body.as_bytes(), &facts()).unwrap_err().to_string()
}

fn answer(from: Format, to: Format, body: &str) -> Value {
    serde_json::from_slice(&translate_answer(from, to, body.as_bytes(), &facts(), None).unwrap()).unwrap()
}

/// The translation of a stream in these frames, with its end.
fn streamed(from: Format, to: Format, facts: Facts, frames: &[&[u8]]) -> String {
    let mut translator = StreamTranslator::new(from, to, facts);
    let mut out = Vec::new();
    for frame in frames {
        if let Err(flaw) = translator.push(&Bytes::copy_from_slice(frame), &mut out) {
            out.extend_from_slice(&translator.fail(&flaw.to_string()));
            return String::from_utf8(out).unwrap();
        }
    }
    out.extend_from_slice(&translator.finish(Some(&used())));
    String::from_utf8(out).unwrap()
}

/// The data of the events of a stream.
fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}
