//! What every peer goes through.

use std::time::Duration;

use serde_json::json;

use crate::load::{Load, Pace, Timing};

/// Connections of the throughput scenarios, as in the requirements.
const CONNECTIONS: usize = 64;

/// Tokens of a paced stream, and the milliseconds before each.
const PACED_CHUNKS: u32 = 10;
const PACED_GAP_MS: u32 = 10;

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Small GETs as fast as they are answered.
    Rest,
    /// Chat completions with a prompt of 1 KB as fast as they are answered.
    Completion,
    /// Chat completions at 2,000 a second.
    Open2000,
    /// Chat completions at 500 a second.
    Open500,
    /// Four streams at a time with a token every 10 ms.
    Streams4,
    /// 64 such streams at a time.
    Streams64,
    /// 32 streams at a time of 100 tokens as fast as they go.
    Flood,
}

/// Who is asked, and with whose keys.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL up to the path.
    pub base: String,
    /// Header lines that requests take in turn.
    pub rotating_headers: Vec<String>,
}

impl Scenario {
    /// In the order in which they are run.
    pub const ALL: [Self; 7] =
        [Self::Rest, Self::Completion, Self::Open2000, Self::Open500, Self::Streams4, Self::Streams64, Self::Flood];

    /// The name in reports and in the names of figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Completion => "completion",
            Self::Open2000 => "open_2000",
            Self::Open500 => "open_500",
            Self::Streams4 => "streams_4",
            Self::Streams64 => "streams_64",
            Self::Flood => "flood",
        }
    }

    /// The load on `target`.
    #[must_use]
    pub fn load(self, target: &Target, duration: Duration) -> Load {
        let load = match self {
            Self::Rest => Load::get(target.base.clone() + "/rest/bytes/128"),
            Self::Completion => completion(target, None),
            Self::Open2000 => Load { pace: Pace::Open { per_second: 2_000.0 }, ..completion(target, None) },
            Self::Open500 => Load { pace: Pace::Open { per_second: 500.0 }, ..completion(target, None) },
            Self::Streams4 => Load { connections: 4, ..paced_streams(target) },
            Self::Streams64 => paced_streams(target),
            // Not timed delta by delta, which would cost the generator more than the peer.
            Self::Flood => Load { connections: 32, timing: Timing::Whole, ..completion(target, Some((100, 0))) },
        };
        Load { duration, rotating_headers: target.rotating_headers.clone(), ..load }
    }
}

/// Streams that begin one after the other, as those of strangers do.
fn paced_streams(target: &Target) -> Load {
    let stagger = Duration::from_millis(u64::from(PACED_CHUNKS * PACED_GAP_MS));
    Load { stagger, ..completion(target, Some((PACED_CHUNKS, PACED_GAP_MS))) }
}

/// A chat completion, streamed if there are chunks and a gap in milliseconds.
fn completion(target: &Target, stream: Option<(u32, u32)>) -> Load {
    let prompt = "Tell me about the lighthouse keepers of the northern harbours. ".repeat(17);
    let prompt = prompt.get(..1_024).unwrap_or(&prompt);
    let body = json!({
        "model": "sandbox-small",
        "stream": stream.is_some(),
        "messages": [{ "role": "user", "content": prompt }],
    });
    let mut load = Load::post(target.base.clone() + "/v1/chat/completions", body.to_string());
    if let Some((chunks, gap_ms)) = stream {
        load.headers.push(format!("x-sandbox-chunks: {chunks}"));
        load.headers.push(format!("x-sandbox-chunk-gap-ms: {gap_ms}"));
        load.timing = Timing::Stream;
    }
    Load { connections: CONNECTIONS, ..load }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_has_a_kilobyte() {
        let target = Target { base: "http://127.0.0.1:1".to_owned(), rotating_headers: Vec::new() };
        let load = Scenario::Completion.load(&target, Duration::from_secs(1));
        let body: serde_json::Value = serde_json::from_slice(&load.body).unwrap();
        assert_eq!(body["messages"][0]["content"].as_str().unwrap().len(), 1_024);
    }
}
