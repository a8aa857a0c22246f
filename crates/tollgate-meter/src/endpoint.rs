//! What an upstream is asked to do, in which wire format, and what of it stands in the path.

use std::borrow::Cow;

/// A wire format: how requests, answers and errors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenAI's, also spoken by Mistral, DeepSeek, Groq, xAI, vLLM, Ollama, llama.cpp, Azure and others.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's Gemini API and Vertex AI.
    Gemini,
}

/// What an upstream is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`.
    ChatCompletions,
    /// `POST /v1/completions`, the older form with a bare prompt.
    Completions,
    /// `POST /v1/embeddings`.
    Embeddings,
    /// `POST /v1/responses`.
    Responses,
    /// `POST /v1/images/generations`.
    ImageGenerations,
    /// `POST /v1/audio/transcriptions`, a form with a file.
    AudioTranscriptions,
    /// `POST /v1/audio/speech`, answered with sound.
    AudioSpeech,
    /// `POST /v1/moderations`.
    Moderations,
    /// Anthropic's `POST /v1/messages`.
    Messages,
    /// Anthropic's `POST /v1/messages/count_tokens`, which costs nothing.
    CountMessageTokens,
    /// Gemini's `POST /v1beta/models/{model}:generateContent`.
    GenerateContent,
    /// Gemini's `POST /v1beta/models/{model}:streamGenerateContent`.
    StreamGenerateContent,
    /// Gemini's `POST /v1beta/models/{model}:countTokens`, which costs nothing.
    CountContentTokens,
}

/// How the body of a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// `application/json`.
    Json,
    /// `multipart/form-data`.
    Form,
}

/// Where callers and upstreams put the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHeader {
    /// The header's name, in lower case.
    pub name: &'static str,
    /// What stands before the key in its value.
    pub prefix: &'static str,
}

/// An endpoint and what the path says besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The model, where the path names it.
    pub model: Option<Cow<'a, str>>,
}

impl From<Endpoint> for Target<'_> {
    fn from(endpoint: Endpoint) -> Self {
        Self { endpoint, model: None }
    }
}

impl Format {
    /// Where the key stands.
    #[must_use]
    pub const fn key_header(self) -> KeyHeader {
        match self {
            Self::OpenAi => KeyHeader { name: "authorization", prefix: "Bearer " },
            Self::Anthropic => KeyHeader { name: "x-api-key", prefix: "" },
            Self::Gemini => KeyHeader { name: "x-goog-api-key", prefix: "" },
        }
    }
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: &[Self] = &[
        Self::ChatCompletions,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::ImageGenerations,
        Self::AudioTranscriptions,
        Self::AudioSpeech,
        Self::Moderations,
        Self::Messages,
        Self::CountMessageTokens,
        Self::GenerateContent,
        Self::StreamGenerateContent,
        Self::CountContentTokens,
    ];

    /// Its wire format.
    #[must_use]
    pub const fn format(self) -> Format {
        match self {
            Self::ChatCompletions
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::ImageGenerations
            | Self::AudioTranscriptions
            | Self::AudioSpeech
            | Self::Moderations => Format::OpenAi,
            Self::Messages | Self::CountMessageTokens => Format::Anthropic,
            Self::GenerateContent | Self::StreamGenerateContent | Self::CountContentTokens => Format::Gemini,
        }
    }

    /// Its path at the provider that defined it; `{model}` stands for the model.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::ImageGenerations => "/v1/images/generations",
            Self::AudioTranscriptions => "/v1/audio/transcriptions",
            Self::AudioSpeech => "/v1/audio/speech",
            Self::Moderations => "/v1/moderations",
            Self::Messages => "/v1/messages",
            Self::CountMessageTokens => "/v1/messages/count_tokens",
            Self::GenerateContent => "/v1beta/models/{model}:generateContent",
            Self::StreamGenerateContent => "/v1beta/models/{model}:streamGenerateContent",
            Self::CountContentTokens => "/v1beta/models/{model}:countTokens",
        }
    }

    /// How its request is written.
    #[must_use]
    pub const fn body_kind(self) -> BodyKind {
        match self {
            Self::AudioTranscriptions => BodyKind::Form,
            Self::ChatCompletions
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::ImageGenerations
            | Self::AudioSpeech
            | Self::Moderations
            | Self::Messages
            | Self::CountMessageTokens
            | Self::GenerateContent
            | Self::StreamGenerateContent
            | Self::CountContentTokens => BodyKind::Json,
        }
    }

    /// Whether the provider takes nothing for it: it only counts.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::CountMessageTokens | Self::CountContentTokens)
    }

    /// Whether a bound on the tokens of the answer can be written into the request.
    #[must_use]
    pub const fn takes_output_bound(self) -> bool {
        match self {
            Self::ChatCompletions
            | Self::Completions
            | Self::Responses
            | Self::Messages
            | Self::GenerateContent
            | Self::StreamGenerateContent => true,
            Self::Embeddings
            | Self::ImageGenerations
            | Self::AudioTranscriptions
            | Self::AudioSpeech
            | Self::Moderations
            | Self::CountMessageTokens
            | Self::CountContentTokens => false,
        }
    }

    /// Longest event of a stream in bytes. Pictures travel in one event, and the last event of a
    /// Responses stream repeats the whole answer.
    #[must_use]
    pub const fn event_len_max(self) -> usize {
        match self {
            Self::Responses | Self::ImageGenerations | Self::StreamGenerateContent => 16 << 20,
            Self::ChatCompletions
            | Self::Completions
            | Self::Embeddings
            | Self::AudioTranscriptions
            | Self::AudioSpeech
            | Self::Moderations
            | Self::Messages
            | Self::CountMessageTokens
            | Self::GenerateContent
            | Self::CountContentTokens => crate::sse::EVENT_LEN_MAX,
        }
    }
}

impl<'a> Target<'a> {
    /// What a path without its query asks for, by its end: whatever stands before (`/v1beta`, a project
    /// and region of Vertex AI, a deployment of Azure) is the upstream's matter. `None` for others.
    ///
    /// A path that encodes bytes of the model's name is none: two readers could read it differently.
    #[must_use]
    pub fn of_path(path: &'a str) -> Option<Self> {
        let end = |endpoint: &Endpoint| endpoint.path().trim_start_matches("/v1");
        let plain = Endpoint::ALL.iter().filter(|endpoint| path.ends_with(end(endpoint)));
        // The longest: `/chat/completions` also ends as `/completions` does.
        if let Some(&endpoint) = plain.max_by_key(|endpoint| end(endpoint).len()) {
            return Some(endpoint.into());
        }
        let (model, verb) = path.rsplit('/').next()?.rsplit_once(':')?;
        let endpoint = match verb {
            "generateContent" => Endpoint::GenerateContent,
            "streamGenerateContent" => Endpoint::StreamGenerateContent,
            "countTokens" => Endpoint::CountContentTokens,
            _ => return None,
        };
        (!model.is_empty() && !model.contains('%')).then_some(Self { endpoint, model: Some(Cow::Borrowed(model)) })
    }

    /// What a route to `endpoint` is asked for at `path`: the model, where the path names it.
    #[must_use]
    pub fn of_route(endpoint: Endpoint, path: &'a str) -> Self {
        Self::of_path(path).filter(|target| target.endpoint == endpoint).unwrap_or(endpoint.into())
    }

    /// `path` with `model` in the place of the one it names; the same path where it names none.
    #[must_use]
    pub fn path_for<'p>(&self, path: &'p str, model: &str) -> Cow<'p, str> {
        // Before the verb, which may have the same letters.
        let verb = path.rfind(':').unwrap_or(path.len());
        let named = self.model.as_deref().and_then(|named| path[..verb].rfind(named).map(|at| at..at + named.len()));
        match named {
            Some(place) if path[place.clone()] != *model => {
                Cow::Owned(format!("{}{model}{}", &path[..place.start], &path[place.end..]))
            }
            _ => Cow::Borrowed(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_endpoint() {
        for &endpoint in Endpoint::ALL {
            let path = endpoint.path().replace("{model}", "gemini-2.5-flash");
            let target = Target::of_path(&path).unwrap();
            assert_eq!(target.endpoint, endpoint, "{path}");
            assert_eq!(target.model.is_some(), endpoint.format() == Format::Gemini);
        }
    }

    #[test]
    fn paths_of_other_hosts_lead_there_too() {
        let endpoint = |path| Target::of_path(path).map(|target| target.endpoint);
        assert_eq!(endpoint("/openai/deployments/gpt-4o/chat/completions"), Some(Endpoint::ChatCompletions));
        assert_eq!(endpoint("/openai/v1/completions"), Some(Endpoint::Completions));
        let vertex = "/v1/projects/p/locations/us/publishers/google/models/gemini-2.5-pro:streamGenerateContent";
        let target = Target::of_path(vertex).unwrap();
        assert_eq!(
            (target.endpoint, target.model.as_deref()),
            (Endpoint::StreamGenerateContent, Some("gemini-2.5-pro"))
        );
        assert_eq!(target.path_for(vertex, "x"), vertex.replace("gemini-2.5-pro", "x"));
        for path in
            ["/", "/v1/models", "/v1/models/a:embedContent", "/v1/models/:countTokens", "/v1/models/a%2fb:countTokens"]
        {
            assert_eq!(endpoint(path), None, "{path}");
        }
    }
}
