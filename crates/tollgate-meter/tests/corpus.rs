//! Every documented shape of an answer, and what it must come to.
//!
//! `testdata/corpus/<provider>/<endpoint>/<case>/` holds an answer, whole (`answer.json`) or streamed
//! (`answer.sse`), and `expected.json`: the usage by meter, the provider's own total, whether the usage
//! is reported or counted (with a prompt of 100 tokens where nobody reports one), how a stream ends, and
//! the complaint about another gateway that the case answers, if there is one.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Deserialize;
use tollgate_core::meter::{Meter, MeterSet, Usage};
use tollgate_meter::endpoint::Endpoint;
use tollgate_meter::stream::{Ending, HideUsage, StreamMeter, counted_usage_of_body};
use tollgate_meter::tokens::Encoding;
use tollgate_meter::usage::usage_of_body;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/corpus");
/// What the prompt is believed to have where no report says it.
const PROMPT_TOKENS: u64 = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    issue: Option<String>,
    source: String,
    usage: BTreeMap<String, u64>,
    total: Option<u64>,
    ending: Option<String>,
}

struct Case {
    provider: String,
    endpoint: Endpoint,
    group: String,
    name: String,
    answer: Answer,
    expected: Expected,
}

enum Answer {
    Whole(Vec<u8>),
    Streamed(Vec<u8>),
}

/// What an answer came to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    usage: Usage,
    source: &'static str,
    ending: Option<&'static str>,
}

fn corpus() -> Result<Vec<Case>, Box<dyn Error>> {
    let mut cases = Vec::new();
    for provider in folders(Path::new(CORPUS))? {
        for group in folders(&provider)? {
            for case in folders(&group)? {
                let expected = fs::read_to_string(case.join("expected.json"))?;
                let whole = case.join("answer.json");
                let answer = match whole.exists() {
                    true => Answer::Whole(fs::read(whole)?),
                    false => Answer::Streamed(fs::read(case.join("answer.sse"))?),
                };
                let group = name_of(&group);
                cases.push(Case {
                    provider: name_of(&provider),
                    endpoint: endpoint(&name_of(&provider), &group),
                    group,
                    name: name_of(&case),
                    answer,
                    expected: serde_json::from_str(&expected)?,
                });
            }
        }
    }
    Ok(cases)
}

fn folders(of: &Path) -> Result<BTreeSet<PathBuf>, Box<dyn Error>> {
    fs::read_dir(of)?.map(|entry| Ok(entry?.path())).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn endpoint(provider: &str, group: &str) -> Endpoint {
    match group {
        "chat" => Endpoint::ChatCompletions,
        "completions" => Endpoint::Completions,
        "embeddings" => Endpoint::Embeddings,
        "moderations" => Endpoint::Moderations,
        "responses" => Endpoint::Responses,
        "images" => Endpoint::ImageGenerations,
        "transcriptions" => Endpoint::AudioTranscriptions,
        "speech" => Endpoint::AudioSpeech,
        "messages" => Endpoint::Messages,
        "generate" => Endpoint::GenerateContent,
        "stream" => Endpoint::StreamGenerateContent,
        "count_tokens" if provider == "anthropic" => Endpoint::CountMessageTokens,
        "count_tokens" => Endpoint::CountContentTokens,
        other => unreachable!("no endpoint is called {other}"),
    }
}

fn of_whole(endpoint: Endpoint, body: &[u8]) -> Outcome {
    match usage_of_body(endpoint, body) {
        Ok(Some(usage)) => Outcome { usage, source: "reported", ending: None },
        Ok(None) | Err(_) => {
            let usage = counted_usage_of_body(endpoint, body, PROMPT_TOKENS, Encoding::O200k);
            Outcome { usage, source: "counted", ending: None }
        }
    }
}

/// The outcome of a stream that arrives in `frames`, with the bytes released at once and those held back.
fn of_frames<'a>(endpoint: Endpoint, frames: impl IntoIterator<Item = &'a [u8]>) -> (Outcome, Vec<u8>, Vec<u8>) {
    let mut meter = StreamMeter::new(endpoint, HideUsage::No);
    let mut released = Vec::new();
    for frame in frames {
        released.extend_from_slice(&meter.push(Bytes::copy_from_slice(frame)).unwrap());
    }
    let held = meter.finish().to_vec();
    let (usage, source) = match meter.reported_usage() {
        Ok(Some(usage)) => (usage, "reported"),
        Ok(None) | Err(_) => (meter.counted_usage(PROMPT_TOKENS, Encoding::O200k), "counted"),
    };
    let ending = match meter.ending() {
        Ending::Complete => "complete",
        Ending::Cut => "cut",
        Ending::Failed => "failed",
    };
    (Outcome { usage, source, ending: Some(ending) }, released, held)
}

fn outcome(case: &Case) -> Outcome {
    match &case.answer {
        Answer::Whole(body) => of_whole(case.endpoint, body),
        Answer::Streamed(stream) => of_frames(case.endpoint, [stream.as_slice()]).0,
    }
}

#[test]
fn every_answer_comes_to_what_its_provider_says() {
    let mut table: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for case in corpus().unwrap() {
        let name = format!("{}/{}/{}", case.provider, case.group, case.name);
        let expected: Usage =
            case.expected.usage.iter().map(|(meter, &quantity)| (meter.parse::<Meter>().unwrap(), quantity)).collect();
        let found = outcome(&case);
        assert_eq!(found.usage, expected, "{name}");
        assert_eq!(found.source, case.expected.source, "{name}");
        assert_eq!(found.ending, case.expected.ending.as_deref(), "{name}");
        if let Some(total) = case.expected.total {
            assert_eq!(found.usage.sum(MeterSet::TOKENS), total, "{name}: the meters add up to the provider's total");
        }
        let how = if matches!(case.answer, Answer::Streamed(_)) { " (streamed)" } else { "" };
        let issue = case.expected.issue.map(|issue| format!(" [{issue}]")).unwrap_or_default();
        let row = format!("{}{how}: {:?} {}{issue}", case.name, found.usage, found.source);
        table.entry((case.provider, case.group)).or_default().push(row);
    }
    let cases: usize = table.values().map(Vec::len).sum();
    for ((provider, endpoint), rows) in &table {
        println!("{provider} {endpoint}");
        for row in rows {
            println!("    {row}");
        }
    }
    println!("{cases} cases of {} endpoints at providers", table.len());
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    for case in corpus().unwrap() {
        let Answer::Streamed(stream) = &case.answer else { continue };
        let name = format!("{}/{}/{}", case.provider, case.group, case.name);
        let whole = of_frames(case.endpoint, [stream.as_slice()]);
        assert_eq!([&*whole.1, &*whole.2].concat(), *stream, "{name}: bytes pass unchanged");
        for at in 0..=stream.len() {
            let (before, after) = stream.split_at(at);
            assert_eq!(of_frames(case.endpoint, [before, after]), whole, "{name} cut at {at}");
        }
        assert_eq!(of_frames(case.endpoint, stream.chunks(1)), whole, "{name} byte by byte");
    }
}

#[test]
fn nothing_that_says_complete_is_released_before_it_is_settled() {
    let marks: [&[u8]; 10] = [
        b"[DONE]",
        b"response.completed\"",
        b"response.incomplete\"",
        b"message_stop\"",
        b"\"stop_reason\":\"",
        b"image_generation.completed\"",
        b"transcript.text.done\"",
        b"speech.audio.done\"",
        b"promptFeedback",
        b"usageMetadata\":{\"promptTokenCount\":2152,\"candidatesTokenCount\":60",
    ];
    for case in corpus().unwrap() {
        let Answer::Streamed(stream) = &case.answer else { continue };
        let (_, released, _) = of_frames(case.endpoint, [stream.as_slice()]);
        for mark in marks {
            let is_released = released.windows(mark.len()).any(|part| part == mark);
            let mark = String::from_utf8_lossy(mark);
            assert!(!is_released, "{}/{}/{}: {mark} was released early", case.provider, case.group, case.name);
        }
    }
}

#[test]
fn a_stream_that_breaks_off_anywhere_is_never_billed_beyond_what_was_generated() {
    for case in corpus().unwrap() {
        let Answer::Streamed(stream) = &case.answer else { continue };
        if case.expected.ending.as_deref() != Some("complete") || case.expected.source != "reported" {
            continue;
        }
        let whole = outcome(&case).usage;
        for at in 0..stream.len() {
            let (part, ..) = of_frames(case.endpoint, [&stream[..at]]);
            // Counted text may differ from a report that was made up for the corpus, but not without end.
            let most = whole.sum(MeterSet::GENERATED_TOKENS).max(30);
            assert!(part.usage.sum(MeterSet::GENERATED_TOKENS) <= most, "{}/{} cut at {at}", case.provider, case.name);
        }
    }
}

#[test]
fn damaged_answers_never_panic() {
    for case in corpus().unwrap() {
        let (Answer::Whole(bytes) | Answer::Streamed(bytes)) = &case.answer;
        for at in 0..bytes.len() {
            for byte in [b'"', b'{', b'9', 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = byte;
                let _ = usage_of_body(case.endpoint, &damaged);
                let mut meter = StreamMeter::new(case.endpoint, HideUsage::Yes);
                let _ = meter.push(damaged.into());
                let _ = (meter.finish(), meter.reported_usage(), meter.ending());
            }
        }
    }
}

#[test]
fn every_endpoint_is_in_the_corpus() {
    let endpoints: BTreeSet<String> = corpus().unwrap().iter().map(|case| format!("{:?}", case.endpoint)).collect();
    for endpoint in Endpoint::ALL {
        assert!(endpoints.contains(&format!("{endpoint:?}")), "{endpoint:?}");
    }
}
