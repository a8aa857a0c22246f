//! What a request says, in no provider's words.
//!
//! The hub of the translation: every format is read into a [`Conversation`] and written from one. Whatever
//! it has no place for is refused by the reader; whatever a format has no place for, by its writer. So
//! each part and setting remembers where the caller wrote it.

use std::borrow::Cow;

use super::flaw::Inexpressible;
use super::signature::Signature;

/// Something the caller said, and the path where it stands in the request.
#[derive(Debug, Clone)]
pub(crate) struct Said<T> {
    pub at: String,
    pub what: T,
}

impl<T> Said<T> {
    pub(crate) fn new(at: impl Into<String>, what: T) -> Self {
        Self { at: at.into(), what }
    }
}

/// Refuses a setting that the format named `target` does not have.
pub(crate) fn refuse<T>(setting: Option<&Said<T>>, target: &str) -> Result<(), Inexpressible> {
    setting.map_or(Ok(()), |said| Err(Inexpressible::unknown_to(&said.at, target)))
}

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Conversation<'a> {
    pub turns: Vec<Turn<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: Option<Said<ToolChoice<'a>>>,
    /// Set where the caller wants at most one tool call in an answer.
    pub one_call_at_a_time: Option<Said<()>>,
    pub settings: Settings<'a>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    /// OpenAI's newer word for the system. The others read both alike.
    Developer,
    User,
    Assistant,
}

impl Role {
    pub(crate) const fn instructs(self) -> bool {
        matches!(self, Self::System | Self::Developer)
    }
}

/// What one side said, in order.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub role: Role,
    pub parts: Vec<Said<Part<'a>>>,
}

/// A piece of a turn.
#[derive(Debug)]
pub(crate) enum Part<'a> {
    Text(Cow<'a, str>),
    /// An assistant's words of refusal, where a format keeps them apart.
    Refusal(Cow<'a, str>),
    Media(Media<'a>),
    /// Sealed reasoning; without a seal it never gets here.
    Reasoning {
        text: Cow<'a, str>,
        signature: Signature<'a>,
    },
    Call(Call<'a>),
    Result(CallResult<'a>),
}

/// An image, a document or a sound.
#[derive(Debug, Clone)]
pub(crate) struct Media<'a> {
    pub kind: MediaKind,
    pub source: Source<'a>,
    /// A document's file name or title.
    pub name: Option<Cow<'a, str>>,
    /// How closely an image is to be looked at (`low`, `high`); OpenAI only.
    pub detail: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaKind {
    Image,
    Document,
    Audio,
}

#[derive(Debug, Clone)]
pub(crate) enum Source<'a> {
    Url(Cow<'a, str>),
    Base64 {
        mime: Cow<'a, str>,
        data: Cow<'a, str>,
    },
    /// Plain text, not encoded.
    Text(Cow<'a, str>),
}

/// A tool call of the assistant.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// A JSON object, as text.
    pub arguments: Cow<'a, str>,
}

/// What a tool gave back.
#[derive(Debug)]
pub(crate) struct CallResult<'a> {
    pub id: Cow<'a, str>,
    /// The tool's name; filled in from the call by [`calls::check`](super::calls::check).
    pub name: Cow<'a, str>,
    pub outcome: Outcome,
    /// Text and media.
    pub content: Vec<Said<Part<'a>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Failure,
}

/// A function that the assistant may call.
#[derive(Debug)]
pub(crate) struct Tool<'a> {
    pub name: Cow<'a, str>,
    pub description: Option<Cow<'a, str>>,
    /// JSON Schema of the arguments; `None` for a function without any.
    pub schema: Option<Cow<'a, str>>,
    /// Whether arguments must match the schema exactly, if the caller said.
    pub strict: Option<bool>,
}

#[derive(Debug, Clone)]
pub(crate) enum ToolChoice<'a> {
    Auto,
    None,
    Required,
    Named(Cow<'a, str>),
}

/// How the answer is to be made. Numbers are kept as the digits that were written.
#[derive(Debug, Default)]
pub(crate) struct Settings<'a> {
    pub temperature: Option<Said<&'a str>>,
    pub top_p: Option<Said<&'a str>>,
    pub top_k: Option<Said<&'a str>>,
    pub frequency_penalty: Option<Said<&'a str>>,
    pub presence_penalty: Option<Said<&'a str>>,
    pub seed: Option<Said<&'a str>>,
    pub stop: Option<Said<Vec<Cow<'a, str>>>>,
    /// Most tokens of the answer.
    pub output_bound: Option<u64>,
    pub form: Option<Said<Form<'a>>>,
    pub reasoning: Option<Said<Reasoning>>,
    /// `low` or `high`; OpenAI only.
    pub verbosity: Option<Said<Cow<'a, str>>>,
}

/// The form of the answer, where it is not free text.
#[derive(Debug)]
pub(crate) enum Form<'a> {
    /// Any JSON object.
    Json,
    /// JSON that matches a schema.
    Schema {
        name: Option<Cow<'a, str>>,
        description: Option<Said<Cow<'a, str>>>,
        schema: Cow<'a, str>,
        strict: Option<bool>,
    },
}

/// How much to reason before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reasoning {
    pub amount: Amount,
    pub shown: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    /// Not at all.
    None,
    /// As the model sees fit.
    Auto,
    Effort(Effort),
    /// At most so many tokens.
    Budget(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

/// Whether the caller wants to read the reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The format's own default holds.
    Unsaid,
    Summary,
    Hidden,
}

impl Effort {
    const NAMES: [(Self, &'static str); 6] = [
        (Self::Minimal, "minimal"),
        (Self::Low, "low"),
        (Self::Medium, "medium"),
        (Self::High, "high"),
        (Self::XHigh, "xhigh"),
        (Self::Max, "max"),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(effort, _)| *effort == self).map_or("medium", |(_, name)| name)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(effort, _)| *effort)
    }

    /// The effort that stands for a budget where a format has no budgets. The steps are those of Google's
    /// table for the other direction: 1,024 tokens are low, 8,192 are medium, 24,576 are high.
    pub(crate) const fn of_budget(tokens: u64) -> Self {
        match tokens {
            0..=1_024 => Self::Low,
            1_025..=8_192 => Self::Medium,
            _ => Self::High,
        }
    }
}
