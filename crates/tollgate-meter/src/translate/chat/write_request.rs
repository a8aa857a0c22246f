//! Chat completions: a request, for the upstream.

use super::content;
use crate::request::Delivery;
use crate::translate::conversation::{CallResult, Conversation, Form, Part, Reasoning, Role, Said, ToolChoice, refuse};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::json::Json;
use crate::translate::settings::{effort_name, write_schema_form};
use crate::translate::{Facts, calls, merged};

const TARGET: &str = "chat completions";

/// Writes a request.
///
/// Results of tools become messages of their own in front of what the user says. This format has only text
/// in them: their images follow in a message of the user, and a failure is said in words.
pub(crate) fn write_request(
    conversation: &Conversation<'_>,
    facts: &Facts,
    left: &mut LeftOut,
) -> Result<Vec<u8>, Inexpressible> {
    let settings = &conversation.settings;
    refuse(settings.top_k.as_ref(), TARGET)?;
    let mut json = Json::default();
    json.object().key("model").text(&facts.model_upstream).key("messages").array();
    for turn in merged(&conversation.turns) {
        match turn.role {
            Role::System => write_told("system", turn.parts.iter().copied(), &mut json)?,
            Role::Developer => write_told("developer", turn.parts.iter().copied(), &mut json)?,
            Role::User => write_user(&turn.parts, &mut json)?,
            Role::Assistant => write_assistant(&turn.parts, &mut json, left)?,
        }
    }
    json.end_array();
    write_tools(conversation, &mut json);
    for (name, number) in [
        ("temperature", &settings.temperature),
        ("top_p", &settings.top_p),
        ("frequency_penalty", &settings.frequency_penalty),
        ("presence_penalty", &settings.presence_penalty),
        ("seed", &settings.seed),
    ] {
        if let Some(number) = number {
            json.key(name).raw(number.what);
        }
    }
    if let Some(bound) = facts.bound(settings.output_bound) {
        json.key(facts.output_field.name()).count(bound);
    }
    if let Some(stop) = &settings.stop {
        json.key("stop").array();
        for stop in &stop.what {
            json.text(stop);
        }
        json.end_array();
    }
    if let Some(form) = &settings.form {
        json.key("response_format").object();
        match &form.what {
            Form::Json => json.key("type").text("json_object"),
            schema @ Form::Schema { .. } => {
                json.key("type").text("json_schema").key("json_schema").object();
                write_schema_form(schema, &mut json);
                json.end_object()
            }
        };
        json.end_object();
    }
    if let Some(Reasoning { amount, .. }) = settings.reasoning.as_ref().map(|said| said.what)
        && let Some(effort) = effort_name(amount)
    {
        json.key("reasoning_effort").text(effort);
    }
    if let Some(verbosity) = &settings.verbosity {
        json.key("verbosity").text(&verbosity.what);
    }
    if facts.delivery == Delivery::Streamed {
        json.key("stream").raw("true").key("stream_options").raw("{\"include_usage\":true}");
    }
    json.end_object();
    Ok(json.into_bytes())
}

fn write_tools(conversation: &Conversation<'_>, json: &mut Json) {
    if conversation.tools.is_empty() {
        return;
    }
    json.key("tools").array();
    for tool in &conversation.tools {
        json.object().key("type").text("function").key("function").object().key("name").text(&tool.name);
        if let Some(description) = &tool.description {
            json.key("description").text(description);
        }
        if let Some(schema) = &tool.schema {
            json.key("parameters").raw(schema);
        }
        if let Some(strict) = tool.strict {
            json.key("strict").raw(if strict { "true" } else { "false" });
        }
        json.end_object().end_object();
    }
    json.end_array();
    if let Some(choice) = &conversation.tool_choice {
        json.key("tool_choice");
        match &choice.what {
            ToolChoice::Auto => json.text("auto"),
            ToolChoice::None => json.text("none"),
            ToolChoice::Required => json.text("required"),
            ToolChoice::Named(name) => {
                json.object().key("type").text("function").key("function").object();
                json.key("name").text(name).end_object().end_object()
            }
        };
    }
    if conversation.one_call_at_a_time.is_some() {
        json.key("parallel_tool_calls").raw("false");
    }
}

fn write_told<'t>(
    role: &str,
    parts: impl ExactSizeIterator<Item = &'t Said<Part<'t>>>,
    json: &mut Json,
) -> Result<(), Inexpressible> {
    json.object().key("role").text(role).key("content");
    write_content(parts, json)?;
    json.end_object();
    Ok(())
}

/// A lone text as a string, which is all that some compatible servers read; else an array of parts.
fn write_content<'t>(
    mut parts: impl ExactSizeIterator<Item = &'t Said<Part<'t>>>,
    json: &mut Json,
) -> Result<(), Inexpressible> {
    let first = parts.next();
    if let (Some(Said { what: Part::Text(text), .. }), 0) = (first, parts.len()) {
        json.text(text);
        return Ok(());
    }
    json.array();
    for part in first.into_iter().chain(parts) {
        content::write(part, json)?;
    }
    json.end_array();
    Ok(())
}

fn write_user<'t>(parts: &[&'t Said<Part<'t>>], json: &mut Json) -> Result<(), Inexpressible> {
    let mut said: Vec<&Said<Part<'_>>> = Vec::new();
    let mut shown: Vec<(&str, &Said<Part<'_>>)> = Vec::new();
    for part in parts {
        match &part.what {
            Part::Result(result) => {
                write_result(result, json);
                let media = result.content.iter().filter(|part| matches!(part.what, Part::Media(_)));
                shown.extend(media.map(|media| (&*result.id, media)));
            }
            _ => said.push(part),
        }
    }
    if shown.is_empty() {
        return if said.is_empty() { Ok(()) } else { write_told("user", said.iter().copied(), json) };
    }
    json.object().key("role").text("user").key("content").array();
    for (id, media) in shown {
        json.object().key("type").text("text").key("text");
        json.joined(&["Returned by tool call ", id, ":"]).end_object();
        content::write(media, json)?;
    }
    for part in said {
        content::write(part, json)?;
    }
    json.end_array().end_object();
    Ok(())
}

fn write_result(result: &CallResult<'_>, json: &mut Json) {
    let text = calls::words(result);
    json.object().key("role").text("tool").key("tool_call_id").text(&result.id).key("content").text(&text);
    json.end_object();
}

fn write_assistant<'t>(parts: &[&'t Said<Part<'t>>], json: &mut Json, left: &mut LeftOut) -> Result<(), Inexpressible> {
    let said: Vec<_> =
        parts.iter().copied().filter(|part| matches!(part.what, Part::Text(_) | Part::Refusal(_))).collect();
    if let Some(media) = parts.iter().find(|part| matches!(part.what, Part::Media(_) | Part::Result(_))) {
        return Err(Inexpressible::unknown_to(&media.at, TARGET));
    }
    if said.is_empty() && !parts.iter().any(|part| matches!(part.what, Part::Call(_))) {
        // Nothing is left of a turn that only held another provider's reasoning.
        parts.iter().for_each(|part| left.add(&part.at));
        return Ok(());
    }
    json.object().key("role").text("assistant").key("content");
    if said.is_empty() {
        json.raw("null");
    } else {
        write_content(said.into_iter(), json)?;
    }
    let mut calls = false;
    for part in parts {
        match &part.what {
            // No seal may go to an upstream that did not make it, and this format names nobody.
            Part::Reasoning { .. } => left.add(&part.at),
            Part::Call(call) => {
                if !calls {
                    json.key("tool_calls").array();
                    calls = true;
                }
                json.object().key("id").text(&call.id).key("type").text("function").key("function").object();
                let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
                json.key("name").text(&call.name).key("arguments").text(arguments).end_object();
                json.end_object();
            }
            Part::Text(_) | Part::Refusal(_) | Part::Media(_) | Part::Result(_) => (),
        }
    }
    if calls {
        json.end_array();
    }
    json.end_object();
    Ok(())
}
