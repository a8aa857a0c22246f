//! The members of a request body that mean something to the gateway.

use crate::json_guard::{BadBody, is_case_variant, shown};

/// Members that decide the price. None may appear in another case.
pub const METERED: &[&str] = &[
    "model",
    "messages",
    "prompt",
    "input",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "best_of",
    "stream",
    "stream_options",
    "service_tier",
    "tools",
    "functions",
    "response_format",
    "modalities",
    "audio",
];

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

/// Tiers that cost no more than the ordinary price; the dearer ones are not priced.
pub(super) const SERVICE_TIERS: &[&str] = &["auto", "default", "flex", "on_demand"];

/// Members that never reach the model as text.
const OUTSIDE_PROMPT: &[&str] = &[
    "audio",
    "dimensions",
    "encoding_format",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "metadata",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning_effort",
    "safety_identifier",
    "seed",
    "stop",
    "store",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

/// Members that make the upstream use tools of its own which it charges per use.
const HOSTED_TOOLS: &[&str] = &["web_search_options", "search_parameters", "plugins"];

/// Refuses members that only a server may set, in any case.
pub(super) fn refuse_server_only(name: &[u8]) -> Result<(), BadBody> {
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
pub(super) fn is_outside_prompt(name: &[u8]) -> bool {
    OUTSIDE_PROMPT.iter().any(|known| known.as_bytes() == name)
}

/// The hosted tool that the member `name` turns on.
pub(super) fn hosted_tool(name: &[u8]) -> Option<&'static str> {
    HOSTED_TOOLS.iter().copied().find(|tool| tool.as_bytes() == name)
}
