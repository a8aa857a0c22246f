//! Messages: a request, for the upstream.

use std::borrow::Cow;

use super::blocks;
use crate::request::Delivery;
use crate::translate::conversation::{
    Amount, Conversation, Effort, Form, Part, Reasoning, Role, Said, Settings, Shown, ToolChoice, refuse,
};
use crate::translate::fields::Node;
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::json::Json;
use crate::translate::{Facts, instructions, merged};

const TARGET: &str = "Anthropic messages";

/// What a function without arguments takes.
const NO_ARGUMENTS: &str = "{\"type\":\"object\",\"properties\":{}}";

/// Writes a request.
pub(crate) fn write_request(
    conversation: &Conversation<'_>,
    facts: &Facts,
    left: &mut LeftOut,
) -> Result<Vec<u8>, Inexpressible> {
    let settings = &conversation.settings;
    refuse_foreign(settings)?;
    let Some(bound) = facts.bound(settings.output_bound) else {
        return Err(Inexpressible::new("max_tokens", "is required by the Anthropic messages format"));
    };
    let mut json = Json::default();
    json.object().key("model").text(&facts.model_upstream).key("max_tokens").count(bound);
    write_system(conversation, &mut json)?;
    json.key("messages").array();
    for turn in merged(conversation.turns.iter().filter(|turn| !turn.role.instructs())) {
        write_turn(turn.role, &turn.parts, &mut json, left)?;
    }
    json.end_array();
    write_tools(conversation, &mut json);
    for (name, number) in
        [("temperature", &settings.temperature), ("top_p", &settings.top_p), ("top_k", &settings.top_k)]
    {
        if let Some(number) = number {
            json.key(name).raw(number.what);
        }
    }
    if let Some(stop) = &settings.stop {
        json.key("stop_sequences").array();
        for stop in &stop.what {
            json.text(stop);
        }
        json.end_array();
    }
    write_output_config(settings, &mut json, left);
    if facts.delivery == Delivery::Streamed {
        json.key("stream").raw("true");
    }
    json.end_object();
    Ok(json.into_bytes())
}

fn refuse_foreign(settings: &Settings<'_>) -> Result<(), Inexpressible> {
    refuse(settings.frequency_penalty.as_ref(), TARGET)?;
    refuse(settings.presence_penalty.as_ref(), TARGET)?;
    refuse(settings.seed.as_ref(), TARGET)?;
    refuse(settings.verbosity.as_ref(), TARGET)?;
    if let Some(Said { at, what: Form::Json }) = &settings.form {
        return Err(Inexpressible::new(at, "the Anthropic messages format has JSON answers only with a schema"));
    }
    match &settings.temperature {
        Some(said) if said.what.parse::<f64>().is_ok_and(|value| value > 1.0) => {
            Err(Inexpressible::new(&said.at, "the Anthropic messages format takes at most 1"))
        }
        _ => Ok(()),
    }
}

fn write_system(conversation: &Conversation<'_>, json: &mut Json) -> Result<(), Inexpressible> {
    let texts: Vec<_> = instructions(conversation)?.into_iter().filter(|text| !text.is_empty()).collect();
    match &*texts {
        [] => (),
        [only] => {
            json.key("system").text(only);
        }
        several => {
            json.key("system").array();
            for text in several {
                json.object().key("type").text("text").key("text").text(text).end_object();
            }
            json.end_array();
        }
    }
    Ok(())
}

fn write_turn(role: Role, parts: &[&Said<Part<'_>>], json: &mut Json, left: &mut LeftOut) -> Result<(), Inexpressible> {
    if !parts.iter().any(|part| blocks::says(&part.what)) {
        parts.iter().filter(|part| matches!(part.what, Part::Reasoning { .. })).for_each(|part| left.add(&part.at));
        return Ok(());
    }
    json.object().key("role").text(if role == Role::Assistant { "assistant" } else { "user" });
    json.key("content").array();
    // Results must come before whatever else the user says.
    let (results, rest): (Vec<&Said<Part<'_>>>, Vec<&Said<Part<'_>>>) =
        parts.iter().copied().partition(|part| matches!(part.what, Part::Result(_)));
    for part in results.into_iter().chain(rest) {
        blocks::write(part, json, left)?;
    }
    json.end_array().end_object();
    Ok(())
}

fn write_tools(conversation: &Conversation<'_>, json: &mut Json) {
    if conversation.tools.is_empty() {
        return;
    }
    json.key("tools").array();
    for tool in &conversation.tools {
        json.object().key("name").text(&tool.name);
        if let Some(description) = &tool.description {
            json.key("description").text(description);
        }
        let schema = tool.schema.as_deref().map_or(Cow::Borrowed(NO_ARGUMENTS), with_type);
        json.key("input_schema").raw(&schema);
        if let Some(strict) = tool.strict {
            json.key("strict").raw(if strict { "true" } else { "false" });
        }
        json.end_object();
    }
    json.end_array();
    let choice = conversation.tool_choice.as_ref().map(|said| &said.what);
    let one = conversation.one_call_at_a_time.is_some();
    if choice.is_none() && !one {
        return;
    }
    json.key("tool_choice").object().key("type");
    match choice {
        None | Some(ToolChoice::Auto) => json.text("auto"),
        Some(ToolChoice::None) => json.text("none"),
        Some(ToolChoice::Required) => json.text("any"),
        Some(ToolChoice::Named(name)) => json.text("tool").key("name").text(name),
    };
    if one && !matches!(choice, Some(ToolChoice::None)) {
        json.key("disable_parallel_tool_use").raw("true");
    }
    json.end_object();
}

/// A schema with the `type` that Anthropic requires at its top; others take it as given.
fn with_type(schema: &str) -> Cow<'_, str> {
    let node = Node { path: String::new(), raw: schema };
    let Ok(mut fields) = node.fields() else { return Cow::Borrowed(schema) };
    if fields.take("type").is_some() {
        return Cow::Borrowed(schema);
    }
    let rest = schema.trim_start_matches('{').trim_start();
    let comma = if rest.starts_with('}') { "" } else { "," };
    Cow::Owned(format!("{{\"type\":\"object\"{comma}{rest}"))
}

fn write_output_config(settings: &Settings<'_>, json: &mut Json, left: &mut LeftOut) {
    let effort = settings.reasoning.as_ref().and_then(|said| write_thinking(said.what, json));
    if effort.is_none() && settings.form.is_none() {
        return;
    }
    json.key("output_config").object();
    if let Some(effort) = effort {
        json.key("effort").text(effort.name());
    }
    if let Some(Said { what: Form::Schema { description, schema, .. }, .. }) = &settings.form {
        if let Some(description) = description {
            left.add(&description.at);
        }
        json.key("format").object().key("type").text("json_schema").key("schema").raw(schema).end_object();
    }
    json.end_object();
}

/// Writes `thinking` and gives the effort that goes with it.
fn write_thinking(reasoning: Reasoning, json: &mut Json) -> Option<Effort> {
    let effort = match reasoning.amount {
        Amount::None => {
            json.key("thinking").raw("{\"type\":\"disabled\"}");
            return None;
        }
        Amount::Auto => None,
        // The format's least effort is `low`.
        Amount::Effort(effort) => Some(effort.max(Effort::Low)),
        Amount::Budget(tokens) => Some(Effort::of_budget(tokens)),
    };
    json.key("thinking").object().key("type").text("adaptive");
    match reasoning.shown {
        Shown::Unsaid => (),
        Shown::Summary => {
            json.key("display").text("summarized");
        }
        Shown::Hidden => {
            json.key("display").text("omitted");
        }
    }
    json.end_object();
    effort
}
