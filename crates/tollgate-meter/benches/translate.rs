//! What translation costs: a request and its answer, and one chunk of a stream, for every pair of formats.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use tollgate_core::meter::{Meter, Usage};
use tollgate_meter::request::{Delivery, OutputField, UsageChunk};
use tollgate_meter::translate::{Facts, Format, Framing, StreamTranslator, translate_answer, translate_request};

const FORMATS: [(Format, &str); 4] = [
    (Format::OpenAiChat, "chat"),
    (Format::OpenAiResponses, "responses"),
    (Format::AnthropicMessages, "messages"),
    (Format::Gemini, "gemini"),
];

fn facts() -> Facts {
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

fn pairs() -> impl Iterator<Item = ((Format, &'static str), (Format, &'static str))> {
    let all = FORMATS.into_iter();
    all.flat_map(|from| FORMATS.into_iter().map(move |to| (from, to))).filter(|(from, to)| from.0 != to.0)
}

fn file(kind: &str, name: &str, extension: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/translate");
    std::fs::read(format!("{folder}/{kind}/{name}.{extension}")).expect("the golden inputs are part of the repository")
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request and answer");
    let usage = Usage::ONE_CALL.with(Meter::InputTokens, 70).with(Meter::OutputTokens, 30);
    let facts = facts();
    for ((from, caller), (to, upstream)) in pairs() {
        let request = file("requests", caller, "json");
        let answer = file("answers", upstream, "json");
        group.bench_function(BenchmarkId::new(caller, upstream), |bencher| {
            bencher.iter(|| {
                let asked = translate_request(from, to, black_box(&request), &facts);
                let answered = translate_answer(to, from, black_box(&answer), &facts, Some(&usage));
                (asked, answered)
            });
        });
    }
    group.finish();
}

/// The whole golden stream; divide by its chunks for the cost of one.
fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream of some twenty chunks");
    for ((from, upstream), (to, caller)) in pairs() {
        let stream = file("streams", upstream, "sse");
        let mut frames: Vec<Bytes> = Vec::new();
        for event in String::from_utf8(stream).expect("UTF-8").replace("\r\n", "\n").split_inclusive("\n\n") {
            frames.push(Bytes::from(event.to_owned()));
        }
        let name = BenchmarkId::new(upstream, format!("{caller} ({} chunks)", frames.len()));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || StreamTranslator::new(from, to, facts()),
                |mut translator| {
                    let mut out = Vec::with_capacity(16 << 10);
                    for frame in &frames {
                        let pushed = translator.push(black_box(frame), &mut out);
                        assert!(pushed.is_ok(), "the golden streams are translatable");
                    }
                    (out, translator.finish(None))
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, whole, streams);
criterion_main!(benches);
