//! What is counted: the named quantities of one request.
//!
//! The token meters are disjoint: a cached input token is not also an input token, a reasoning token
//! is not also an output token. Their sum is what the upstream processed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

macro_rules! meters {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)*) => {
        /// A named quantity that is counted for a request. The discriminant is the stored form.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Meter { $($(#[$doc])* $variant = $code,)* }

        impl Meter {
            /// Every meter, in the order of its code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in configuration, on the wire and on invoices.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

meters! {
    /// Requests served.
    Calls = 0, "calls";
    /// Bytes of request bodies.
    BytesIn = 1, "bytes_in";
    /// Bytes of response bodies.
    BytesOut = 2, "bytes_out";
    /// Milliseconds the upstream worked: from the forwarded request to the end of its answer.
    ComputeMs = 3, "compute_ms";
    /// Prompt tokens that were neither read from nor written to a cache.
    InputTokens = 4, "input_tokens";
    /// Prompt tokens read from the provider's cache.
    CachedInputTokens = 5, "cached_input_tokens";
    /// Prompt tokens written to a cache that lives five minutes.
    CacheWrite5mTokens = 6, "cache_write_5m_tokens";
    /// Prompt tokens written to a cache that lives an hour.
    CacheWrite1hTokens = 7, "cache_write_1h_tokens";
    /// Tokens of the visible answer.
    OutputTokens = 8, "output_tokens";
    /// Tokens of hidden reasoning.
    ReasoningTokens = 9, "reasoning_tokens";
    /// Audio tokens heard that were not read from a cache.
    AudioInputTokens = 10, "audio_input_tokens";
    /// Audio tokens spoken.
    AudioOutputTokens = 11, "audio_output_tokens";
    /// Images made.
    Images = 12, "images";
    /// Tool calls carried out.
    ToolCalls = 13, "tool_calls";
    /// Audio tokens heard that were read from the provider's cache.
    CachedAudioInputTokens = 14, "cached_audio_input_tokens";
    /// Tokens of pictures and videos seen, where the upstream counts them apart from text.
    ImageInputTokens = 15, "image_input_tokens";
    /// Tokens of pictures made.
    ImageOutputTokens = 16, "image_output_tokens";
    /// Seconds of audio heard, each begun one counted.
    AudioInputSeconds = 17, "audio_input_seconds";
    /// Characters to be spoken.
    InputCharacters = 18, "input_characters";
}

/// Number of meters.
pub const METERS: usize = Meter::ALL.len();

impl Meter {
    /// The meter with this stored code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The stored code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A text that names no meter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown meter; expected one of calls, bytes_in, bytes_out, compute_ms, input_tokens, cached_input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, images, tool_calls, cached_audio_input_tokens, image_input_tokens, image_output_tokens, audio_input_seconds, input_characters, or the group tokens"
)]
pub struct UnknownMeter;

impl FromStr for Meter {
    type Err = UnknownMeter;

    fn from_str(name: &str) -> Result<Self, UnknownMeter> {
        Self::ALL.iter().copied().find(|m| m.name() == name).ok_or(UnknownMeter)
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of meters whose quantities are added up, for example all token meters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MeterSet(u32);

impl MeterSet {
    /// No meter.
    pub const EMPTY: Self = Self(0);
    /// Every meter of prompt tokens.
    pub const PROMPT_TOKENS: Self = Self::EMPTY
        .with(Meter::InputTokens)
        .with(Meter::CachedInputTokens)
        .with(Meter::CacheWrite5mTokens)
        .with(Meter::CacheWrite1hTokens)
        .with(Meter::AudioInputTokens)
        .with(Meter::CachedAudioInputTokens)
        .with(Meter::ImageInputTokens);
    /// Every meter of generated tokens.
    pub const GENERATED_TOKENS: Self = Self::EMPTY
        .with(Meter::OutputTokens)
        .with(Meter::ReasoningTokens)
        .with(Meter::AudioOutputTokens)
        .with(Meter::ImageOutputTokens);
    /// Every meter of tokens: what a token quota or token rate limit counts.
    pub const TOKENS: Self = Self(Self::PROMPT_TOKENS.0 | Self::GENERATED_TOKENS.0);

    /// This set and `meter`.
    #[must_use]
    pub const fn with(self, meter: Meter) -> Self {
        Self(self.0 | (1 << meter.code()))
    }

    /// The set of just `meter`.
    #[must_use]
    pub const fn of(meter: Meter) -> Self {
        Self::EMPTY.with(meter)
    }

    /// Whether `meter` is in the set.
    #[must_use]
    pub const fn contains(self, meter: Meter) -> bool {
        self.0 & (1 << meter.code()) != 0
    }

    /// Whether both sets share a meter.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The meters of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no meter is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The meters of the set.
    pub fn iter(self) -> impl Iterator<Item = Meter> {
        Meter::ALL.iter().copied().filter(move |&m| self.contains(m))
    }
}

impl FromIterator<Meter> for MeterSet {
    fn from_iter<I: IntoIterator<Item = Meter>>(meters: I) -> Self {
        meters.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl MeterSet {
    /// The name of the one meter, `tokens` for all token meters, else the names joined by `+`.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        if self == Self::TOKENS {
            return "tokens".into();
        }
        let mut meters = self.iter();
        match (meters.next(), meters.next()) {
            (None, _) => "".into(),
            (Some(only), None) => only.name().into(),
            _ => self.iter().map(Meter::name).collect::<Vec<_>>().join("+").into(),
        }
    }
}

impl fmt::Display for MeterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The quantities of one request, by meter.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage([u64; METERS]);

impl Usage {
    /// Nothing used.
    pub const NONE: Self = Self([0; METERS]);
    /// One call and nothing else.
    pub const ONE_CALL: Self = Self::NONE.with(Meter::Calls, 1);

    /// This usage with `quantity` for `meter`.
    #[must_use]
    pub const fn with(mut self, meter: Meter, quantity: u64) -> Self {
        self.0[meter as usize] = quantity;
        self
    }

    /// The quantity of `meter`.
    #[must_use]
    pub const fn get(&self, meter: Meter) -> u64 {
        self.0[meter as usize]
    }

    /// Sets the quantity of `meter`.
    pub const fn set(&mut self, meter: Meter, quantity: u64) {
        self.0[meter as usize] = quantity;
    }

    /// The sum over `meters`, held at the largest value.
    #[must_use]
    pub fn sum(&self, meters: MeterSet) -> u64 {
        let mut rest = meters.0;
        let mut sum = 0_u64;
        while rest != 0 {
            let index = rest.trailing_zeros();
            sum = sum.saturating_add(self.0[usize::try_from(index).unwrap_or(0)]);
            rest &= rest - 1;
        }
        sum
    }

    /// The larger of both, meter by meter.
    #[must_use]
    pub fn max(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = (*mine).max(theirs);
        }
        self
    }

    /// The meters that counted something, with their quantities.
    pub fn iter(&self) -> impl Iterator<Item = (Meter, u64)> {
        Meter::ALL.iter().map(|&m| (m, self.get(m))).filter(|&(_, quantity)| quantity != 0)
    }
}

impl FromIterator<(Meter, u64)> for Usage {
    fn from_iter<I: IntoIterator<Item = (Meter, u64)>>(quantities: I) -> Self {
        quantities.into_iter().fold(Self::NONE, |usage, (meter, quantity)| usage.with(meter, quantity))
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Where the quantities of a usage come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageSource {
    /// The upstream said so, or Tollgate saw every byte.
    Reported,
    /// Tollgate counted the text that passed.
    Counted,
    /// Neither was possible; the bound of the estimate stands in.
    Estimated,
}

impl UsageSource {
    /// The stable name on usage events and invoices.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_stable_and_unique() {
        for (index, &meter) in Meter::ALL.iter().enumerate() {
            assert_eq!(usize::from(meter.code()), index, "codes have no gaps: usage is an array");
            assert_eq!(Meter::from_code(meter.code()), Some(meter));
            assert_eq!(meter.name().parse(), Ok(meter));
        }
        assert_eq!(Meter::from_code(200), None);
    }

    #[test]
    fn sums_follow_the_set() {
        let usage =
            Usage::ONE_CALL.with(Meter::InputTokens, 10).with(Meter::CachedInputTokens, 5).with(Meter::OutputTokens, 7);
        assert_eq!(usage.sum(MeterSet::TOKENS), 22);
        assert_eq!(usage.sum(MeterSet::PROMPT_TOKENS), 15);
        assert_eq!(usage.sum(MeterSet::of(Meter::Calls)), 1);
        assert_eq!(usage.sum(MeterSet::EMPTY), 0);
        assert_eq!(Usage::NONE.with(Meter::Calls, u64::MAX).sum(MeterSet::of(Meter::Calls)), u64::MAX);
    }

    #[test]
    fn sets_have_readable_names() {
        assert_eq!(MeterSet::TOKENS.to_string(), "tokens");
        assert_eq!(MeterSet::of(Meter::Calls).to_string(), "calls");
        assert_eq!(MeterSet::of(Meter::BytesIn).with(Meter::BytesOut).to_string(), "bytes_in+bytes_out");
    }
}
