//! Measures what metering costs: `cargo run --release -p tollgate-meter --example measure`.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tollgate_core::meter::{Meter, Usage};
use tollgate_meter::endpoint::Endpoint;
use tollgate_meter::json_guard;
use tollgate_meter::price_book::PriceBook;
use tollgate_meter::request::{AskForUsage, Edits, LlmRequest, metered_members};
use tollgate_meter::stream::{HideUsage, StreamMeter};
use tollgate_meter::tokens::{self, Encoding};
use tollgate_meter::usage::usage_of_body;

const JSON: &str = "application/json";
const STREAM: &[u8] = include_bytes!("../testdata/openai/usage_at_end.sse");

/// Prompts of a megabyte in three formats, and one of a single letter.
fn large_prompts() -> [(&'static str, Endpoint, Bytes); 4] {
    let prose = "The quick brown fox jumps over the lazy dog. ".repeat(22_222);
    let letter = "a".repeat(1_000_000);
    let messages = |text: &str| format!(r#"[{{"role":"user","content":"{text}"}}]"#);
    let chat = |text: &str| format!(r#"{{"model":"m","messages":{}}}"#, messages(text)).into();
    let message = format!(r#"{{"model":"m","max_tokens":9,"messages":{}}}"#, messages(&prose));
    let response = format!(r#"{{"model":"m","input":"{prose}"}}"#);
    [
        ("a chat", Endpoint::ChatCompletions, chat(&prose)),
        ("a chat of one letter", Endpoint::ChatCompletions, chat(&letter)),
        ("a message", Endpoint::Messages, message.into()),
        ("a response", Endpoint::Responses, response.into()),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let words = "The quick brown fox jumps over the lazy dog and says \\\"hello\\\".\\n";
    let body = Bytes::from(format!(
        r#"{{"model":"gpt-4o","messages":[{{"role":"system","content":"You are helpful."}},{{"role":"user","content":"{}"}}],"stream":true,"temperature":0.7,"max_tokens":256,"metadata":{{"trace":"abc"}}}}"#,
        words.repeat(13)
    ));
    let answer = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1794700800,"model":"gpt-4o","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":14,"completion_tokens":7,"total_tokens":21,"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0}}}}}}"#,
        words.repeat(10)
    );
    report(&format!("json_guard::check, {} bytes", body.len()), 200_000, || {
        json_guard::check(&body, metered_members(Endpoint::ChatCompletions))
    })?;
    report("LlmRequest::parse, the same", 200_000, || {
        LlmRequest::parse(Endpoint::ChatCompletions, JSON, body.clone())
    })?;
    let request = LlmRequest::parse(Endpoint::ChatCompletions, JSON, body)?;
    let edits = Edits { model: Some("gpt-4o-2024-08-06"), usage: AskForUsage::Always, ..Edits::default() };
    report("LlmRequest::rewritten, two edits", 200_000, || request.rewritten(&edits))?;
    report(&format!("usage_of_body, {} bytes", answer.len()), 200_000, || {
        usage_of_body(Endpoint::ChatCompletions, answer.as_bytes())
    })?;

    let mut frames = Vec::new();
    for event in std::str::from_utf8(STREAM)?.split_inclusive("\n\n") {
        frames.push(Bytes::copy_from_slice(event.as_bytes()));
    }
    for hide in [HideUsage::No, HideUsage::Yes] {
        let whole = time(20_000, || {
            let mut meter = StreamMeter::new(Endpoint::ChatCompletions, hide);
            for frame in &frames {
                let _ = black_box(meter.push(frame.clone()));
            }
            meter.finish()
        });
        let each = whole / u32::try_from(frames.len())?;
        let bytes = STREAM.len().div_euclid(frames.len());
        writeln!(io::stdout(), "{each:>10.1?}  StreamMeter::push, chunk of {bytes} bytes, hide {hide:?}")?;
    }

    for (name, endpoint, body) in large_prompts() {
        report(&format!("LlmRequest::parse, {name} of 1 MB: its bound by bytes"), 50, || {
            LlmRequest::parse(endpoint, JSON, body.clone()).map(|request| request.prompt().tokens_max(0))
        })?;
    }

    report("PriceBook::shipped", 3, PriceBook::shipped)?;
    let book = PriceBook::shipped()?;
    let used =
        Usage::NONE.with(Meter::InputTokens, 900).with(Meter::CachedInputTokens, 100).with(Meter::OutputTokens, 50);
    report("PriceBook::get and ModelPrice::cost", 200_000, || {
        book.get("openai", "gpt-5.4").map(|price| price.cost(&used))
    })?;

    let started = Instant::now();
    let _ = tokens::count("", Encoding::O200k);
    writeln!(io::stdout(), "{:>10.1?}  loading o200k, once", started.elapsed())?;
    for (name, unit) in [
        ("prose", "The quick brown fox jumps over the lazy dog. "),
        ("one letter", "a"),
        ("spaces", " "),
        ("space, tab", "  \t"),
    ] {
        let text = unit.repeat(1_000_000_usize.div_euclid(unit.len()));
        report(&format!("tokens::count, 1 MB of {name}"), 3, || tokens::count(&text, Encoding::O200k))?;
    }
    let noise: String = (0_u32..1_000_000)
        .map(|i| {
            char::from(
                b"abcdefghijklmnopqrstuvwxyz   \t\n"
                    [usize::try_from((i.wrapping_mul(2_654_435_761) >> 13) % 31).unwrap_or(0)],
            )
        })
        .collect();
    report("tokens::count, 1 MB of noise", 3, || tokens::count(&noise, Encoding::O200k))?;
    Ok(())
}

fn report<T>(name: &str, times: u32, work: impl FnMut() -> T) -> io::Result<()> {
    let each = time(times, work);
    writeln!(io::stdout(), "{each:>10.1?}  {name}")
}

/// The time of one call: the best of five rounds, because the machine does other things too.
fn time<T>(times: u32, mut work: impl FnMut() -> T) -> Duration {
    let round = |work: &mut dyn FnMut() -> T| {
        let started = Instant::now();
        for _ in 0..times {
            black_box(work());
        }
        started.elapsed() / times
    };
    (0..5).map(|_| round(&mut work)).min().unwrap_or_default()
}
