//! Which of several measures of the same thing is charged.
//!
//! A picture is sold by the piece or by its tokens, speech by characters or by tokens, a transcript by
//! the second or by tokens. Reports and bounds say all that is known. What the price of the model names
//! decides, so that nothing costs or counts where it is not what is sold.

use tollgate_core::meter::{Meter, MeterSet, Usage};

use crate::endpoint::Endpoint;

/// `usage` of an answer of `endpoint` as a price with rates for `priced` charges it; `None` if the usage
/// does not say what the price asks for.
#[must_use]
pub fn charged(endpoint: Endpoint, usage: Usage, priced: MeterSet) -> Option<Usage> {
    let unit = match endpoint {
        Endpoint::ImageGenerations => Meter::Images,
        Endpoint::AudioSpeech => Meter::InputCharacters,
        Endpoint::AudioTranscriptions => Meter::AudioInputSeconds,
        Endpoint::ChatCompletions
        | Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::Responses
        | Endpoint::Moderations
        | Endpoint::Messages
        | Endpoint::CountMessageTokens
        | Endpoint::GenerateContent
        | Endpoint::StreamGenerateContent
        | Endpoint::CountContentTokens => return Some(usage),
    };
    if priced.contains(unit) {
        let usage = MeterSet::TOKENS.iter().fold(usage, |usage, meter| usage.with(meter, 0));
        // An answer without a single picture says so by its number; nothing else is without a unit.
        return (usage.get(unit) > 0 || unit == Meter::Images).then_some(usage);
    }
    // What speech makes is sound, also where a list prices it as the model's only output.
    let spoken = usage.get(Meter::AudioOutputTokens);
    let usage = match endpoint {
        Endpoint::AudioSpeech if spoken > 0 && !priced.contains(Meter::AudioOutputTokens) => {
            let output = usage.get(Meter::OutputTokens).saturating_add(spoken);
            usage.with(Meter::AudioOutputTokens, 0).with(Meter::OutputTokens, output)
        }
        _ => usage,
    };
    let needs_tokens = priced.intersects(MeterSet::TOKENS);
    let usage = if needs_tokens { usage.with(Meter::Images, 0) } else { usage };
    (!needs_tokens || usage.sum(MeterSet::TOKENS) > 0).then_some(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(meters: &[Meter]) -> MeterSet {
        meters.iter().copied().collect()
    }

    #[test]
    fn a_picture_is_charged_once() {
        let made =
            Usage::NONE.with(Meter::InputTokens, 10).with(Meter::ImageOutputTokens, 4_160).with(Meter::Images, 1);
        let of = |priced: &[Meter]| charged(Endpoint::ImageGenerations, made, set(priced));
        assert_eq!(of(&[Meter::Images]), Some(Usage::NONE.with(Meter::Images, 1)));
        assert_eq!(of(&[Meter::InputTokens, Meter::ImageOutputTokens]), Some(made.with(Meter::Images, 0)));
        assert_eq!(charged(Endpoint::Responses, made, set(&[Meter::Images])), Some(made));
        let untold = Usage::NONE.with(Meter::Images, 1);
        assert_eq!(charged(Endpoint::ImageGenerations, untold, set(&[Meter::ImageOutputTokens])), None);
        assert_eq!(charged(Endpoint::ImageGenerations, Usage::NONE, set(&[Meter::Images])), Some(Usage::NONE));
    }

    #[test]
    fn sound_is_charged_by_the_measure_of_its_price() {
        let of = |usage: Usage, priced: &[Meter]| charged(Endpoint::AudioTranscriptions, usage, set(priced));
        let tokens = Usage::NONE.with(Meter::AudioInputTokens, 90);
        let heard = tokens.with(Meter::AudioInputSeconds, 9);
        assert_eq!(of(heard, &[Meter::AudioInputSeconds]), Some(Usage::NONE.with(Meter::AudioInputSeconds, 9)));
        assert_eq!(of(heard, &[Meter::AudioInputTokens, Meter::OutputTokens]), Some(heard));
        assert_eq!(of(tokens, &[Meter::AudioInputSeconds]), None, "the price asks for seconds");
        let spoken = Usage::NONE.with(Meter::AudioOutputTokens, 101);
        let by_output = charged(Endpoint::AudioSpeech, spoken, set(&[Meter::InputTokens, Meter::OutputTokens]));
        assert_eq!(by_output, Some(Usage::NONE.with(Meter::OutputTokens, 101)));
    }
}
