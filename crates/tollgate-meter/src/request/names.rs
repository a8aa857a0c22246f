//! Names of members that mean the same in every format.

use crate::json_guard::{BadBody, is_case_variant, shown};

/// Members that are settings of a server or choose another model than the one that is priced.
/// A compatible upstream (another gateway above all) would obey them.
const SERVER_ONLY: &[&str] = &[
    "api_base",
    "api_key",
    "api_type",
    "api_version",
    "base_url",
    "custom_llm_provider",
    "extra_body",
    "extra_headers",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "model_list",
    "models",
    "route",
    "user_config",
];
const SERVER_ONLY_PREFIXES: &[&str] =
    &["litellm_", "mock_", "input_cost_per_", "output_cost_per_", "aws_", "azure_", "vertex_"];

/// Members that never reach the model as text.
const OUTSIDE_PROMPT: &[&str] = &[
    "audio",
    "background",
    "dimensions",
    "encoding_format",
    "frequency_penalty",
    "include",
    "logit_bias",
    "logprobs",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "reasoning_effort",
    "safety_identifier",
    "safetySettings",
    "seed",
    "stop",
    "stop_sequences",
    "store",
    "temperature",
    "thinking",
    "top_k",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    "verbosity",
];

/// Refuses members that only a server may set, in any case.
pub(crate) fn refuse_server_only(name: &[u8]) -> Result<(), BadBody> {
    let listed = SERVER_ONLY.iter().any(|proper| is_case_variant(name, proper));
    let prefixed = SERVER_ONLY_PREFIXES
        .iter()
        .any(|prefix| name.get(..prefix.len()).is_some_and(|start| is_case_variant(start, prefix)));
    if listed || prefixed {
        return Err(BadBody::new(&shown(name), "no such member: only a server may set it"));
    }
    Ok(())
}

/// Whether the member `name` never reaches the model as text.
pub(crate) fn is_outside_prompt(name: &[u8]) -> bool {
    OUTSIDE_PROMPT.iter().any(|known| known.as_bytes() == name)
}
