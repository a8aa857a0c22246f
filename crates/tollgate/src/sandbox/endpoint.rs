//! The paths that the sandbox answers.

/// What a path asks for. The number is the index of its counter in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    RestBytes,
    RestEcho,
    ChatCompletions,
    RestStream,
    RestStatus,
    RestSlow,
    RestHang,
    RestEndless,
    RestCut,
    RestReport,
    RestWebSocket,
    Embeddings,
    Models,
    Responses,
    Messages,
    Contents,
    Mcp,
    /// Anything that the sandbox does not have.
    Unknown,
    /// The journal itself, which is not counted.
    Journal,
}

impl Endpoint {
    /// Number of endpoints that are counted.
    pub(super) const COUNTED: usize = Self::Journal as usize;

    /// The path, or its constant first part; the paths asked for most come first.
    const PREFIXES: [(&str, Self); 18] = [
        ("/rest/bytes", Self::RestBytes),
        ("/rest/echo", Self::RestEcho),
        ("/v1/chat/completions", Self::ChatCompletions),
        ("/rest/stream", Self::RestStream),
        ("/rest/status", Self::RestStatus),
        ("/rest/slow", Self::RestSlow),
        ("/rest/hang", Self::RestHang),
        ("/rest/endless", Self::RestEndless),
        ("/rest/cut", Self::RestCut),
        ("/rest/report", Self::RestReport),
        ("/rest/ws", Self::RestWebSocket),
        ("/v1/embeddings", Self::Embeddings),
        ("/v1/models", Self::Models),
        ("/v1/responses", Self::Responses),
        ("/v1/messages", Self::Messages),
        ("/v1beta/models", Self::Contents),
        ("/mcp", Self::Mcp),
        ("/sandbox/requests", Self::Journal),
    ];

    /// The endpoint of `path`, and what follows its prefix.
    pub(super) fn of(path: &str) -> (Self, &str) {
        Self::PREFIXES
            .iter()
            .find_map(|&(prefix, endpoint)| match path.strip_prefix(prefix)? {
                "" => Some((endpoint, "")),
                rest => Some((endpoint, rest.strip_prefix('/')?)),
            })
            .unwrap_or((Self::Unknown, path))
    }

    /// The prefix of every endpoint that is counted; `other` stands for everything unknown.
    pub(super) fn counted() -> impl Iterator<Item = (&'static str, Self)> {
        let known = Self::PREFIXES.into_iter().filter(|&(_, endpoint)| endpoint != Self::Journal);
        known.chain([("other", Self::Unknown)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_prefix_of_whole_segments() {
        assert_eq!(Endpoint::of("/rest/bytes/12"), (Endpoint::RestBytes, "12"));
        assert_eq!(Endpoint::of("/rest/stream/3/10"), (Endpoint::RestStream, "3/10"));
        assert_eq!(Endpoint::of("/v1/models"), (Endpoint::Models, ""));
        assert_eq!(Endpoint::of("/rest/bytesize").0, Endpoint::Unknown);
        assert_eq!(Endpoint::of("/").0, Endpoint::Unknown);
    }

    #[test]
    fn every_counter_has_a_name_and_a_place() {
        let mut places: Vec<_> = Endpoint::counted().map(|(_, endpoint)| endpoint as usize).collect();
        places.sort_unstable();
        assert_eq!(places, (0..Endpoint::COUNTED).collect::<Vec<_>>());
    }
}
