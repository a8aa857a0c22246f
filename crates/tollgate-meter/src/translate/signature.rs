//! Signatures of reasoning, and how one provider's travels through another's format.
//!
//! A provider seals the reasoning that it gives away and wants it back unchanged; a seal means nothing to
//! anybody else. In the caller's format a foreign seal is written with its maker's name in front, at the
//! place where that format keeps its own. When it comes back, it goes to its maker's format or nowhere.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Who made a signature, and so whose format may carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// The `signature` of a `thinking` block.
    Anthropic,
    /// The `data` of a `redacted_thinking` block.
    AnthropicRedacted,
    /// The `thoughtSignature` of a function call.
    Gemini,
    /// The id of a `reasoning` item, a colon, and its `encrypted_content`.
    OpenAi,
}

const PREFIX: &str = "tollgate.";

impl Maker {
    const ALL: [Self; 4] = [Self::Anthropic, Self::AnthropicRedacted, Self::Gemini, Self::OpenAi];

    const fn tag(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic.",
            Self::AnthropicRedacted => "redacted.",
            Self::Gemini => "gemini.",
            Self::OpenAi => "openai.",
        }
    }
}

/// A seal on reasoning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature<'a> {
    pub maker: Maker,
    pub value: Cow<'a, str>,
}

impl<'a> Signature<'a> {
    /// Reads what stands at the place where a format of `native` keeps its own.
    pub(crate) fn read(native: Maker, value: Cow<'a, str>) -> Self {
        match untag(&value) {
            Some(foreign) => foreign,
            None => Self { maker: native, value },
        }
    }

    /// As [`Signature::read`], where the format wants base64.
    pub(crate) fn read_base64(native: Maker, value: Cow<'a, str>) -> Self {
        // Only our own are looked into: `dG9sbGdhdGUu` is how the prefix begins in base64. Google's SDKs write
        // bytes in either alphabet.
        let decode = || BASE64_STANDARD.decode(value.replace('-', "+").replace('_', "/")).ok();
        let ours = value.starts_with("dG9sbGdhdGUu").then(decode).flatten();
        match ours.and_then(|bytes| String::from_utf8(bytes).ok()).as_deref().and_then(untag) {
            Some(foreign) => foreign,
            None => Self { maker: native, value },
        }
    }

    /// What to write at the place where a format of `native` keeps its own.
    pub(crate) fn written(&self, native: Maker) -> Cow<'_, str> {
        if self.maker == native {
            return Cow::Borrowed(&self.value);
        }
        Cow::Owned(format!("{PREFIX}{}{}", self.maker.tag(), self.value))
    }

    /// As [`Signature::written`], where the format wants base64.
    pub(crate) fn written_base64(&self, native: Maker) -> Cow<'_, str> {
        match self.written(native) {
            Cow::Borrowed(own) => Cow::Borrowed(own),
            Cow::Owned(tagged) => Cow::Owned(BASE64_STANDARD.encode(tagged)),
        }
    }

    pub(crate) fn into_owned(self) -> Signature<'static> {
        Signature { maker: self.maker, value: Cow::Owned(self.value.into_owned()) }
    }
}

fn untag(value: &str) -> Option<Signature<'static>> {
    let tagged = value.strip_prefix(PREFIX)?;
    Maker::ALL.into_iter().find_map(|maker| {
        let value = tagged.strip_prefix(maker.tag())?;
        Some(Signature { maker, value: Cow::Owned(value.to_owned()) })
    })
}
