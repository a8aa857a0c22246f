//! Responses: a request, for the upstream.

use super::items;
use crate::request::Delivery;
use crate::translate::conversation::{
    Amount, CallResult, Conversation, Form, Part, Role, Said, Settings, Shown, ToolChoice, refuse,
};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::json::Json;
use crate::translate::settings::{effort_name, write_schema_form};
use crate::translate::signature::Maker;
use crate::translate::{Facts, Merged, calls, merged};

const TARGET: &str = "OpenAI responses";

/// Writes a request.
pub(crate) fn write_request(
    conversation: &Conversation<'_>,
    facts: &Facts,
    left: &mut LeftOut,
) -> Result<Vec<u8>, Inexpressible> {
    let settings = &conversation.settings;
    for number in [&settings.top_k, &settings.frequency_penalty, &settings.presence_penalty, &settings.seed] {
        refuse(number.as_ref(), TARGET)?;
    }
    refuse(settings.stop.as_ref(), TARGET)?;
    let mut json = Json::default();
    json.object().key("model").text(&facts.model_upstream);
    let turns = merged(&conversation.turns);
    let mut rest = &*turns;
    if let [Merged { role: Role::System, parts }, others @ ..] = rest
        && let [Said { what: Part::Text(text), .. }] = &**parts
    {
        json.key("instructions").text(text);
        rest = others;
    }
    json.key("input").array();
    for turn in rest {
        match turn.role {
            Role::System => write_message("system", &turn.parts, &mut json)?,
            Role::Developer => write_message("developer", &turn.parts, &mut json)?,
            Role::User => write_user(&turn.parts, &mut json)?,
            Role::Assistant => write_assistant(&turn.parts, &mut json, left)?,
        }
    }
    json.end_array();
    write_tools(conversation, &mut json);
    for (name, number) in [("temperature", &settings.temperature), ("top_p", &settings.top_p)] {
        if let Some(number) = number {
            json.key(name).raw(number.what);
        }
    }
    if let Some(bound) = facts.bound(settings.output_bound) {
        json.key("max_output_tokens").count(bound);
    }
    write_reasoning(settings, &mut json);
    write_text(settings, &mut json);
    json.key("store").raw("false");
    if facts.delivery == Delivery::Streamed {
        json.key("stream").raw("true");
    }
    json.end_object();
    Ok(json.into_bytes())
}

fn write_message(role: &str, parts: &[&Said<Part<'_>>], json: &mut Json) -> Result<(), Inexpressible> {
    json.object().key("type").text("message").key("role").text(role).key("content");
    if let [Said { what: Part::Text(text), .. }] = parts {
        json.text(text);
    } else {
        json.array();
        for part in parts {
            items::write_part(part, json)?;
        }
        json.end_array();
    }
    json.end_object();
    Ok(())
}

fn write_user(parts: &[&Said<Part<'_>>], json: &mut Json) -> Result<(), Inexpressible> {
    let mut said = Vec::new();
    for part in parts {
        match &part.what {
            Part::Result(result) => write_result(result, json)?,
            _ => said.push(*part),
        }
    }
    if said.is_empty() { Ok(()) } else { write_message("user", &said, json) }
}

fn write_result(result: &CallResult<'_>, json: &mut Json) -> Result<(), Inexpressible> {
    json.object().key("type").text("function_call_output").key("call_id").text(&result.id).key("output");
    let text = calls::words(result);
    let mut media = result.content.iter().filter(|part| matches!(part.what, Part::Media(_))).peekable();
    if media.peek().is_none() {
        json.text(&text);
    } else {
        json.array();
        if !text.is_empty() {
            json.object().key("type").text("input_text").key("text").text(&text).end_object();
        }
        for part in media {
            items::write_part(part, json)?;
        }
        json.end_array();
    }
    json.end_object();
    Ok(())
}

fn write_assistant(parts: &[&Said<Part<'_>>], json: &mut Json, left: &mut LeftOut) -> Result<(), Inexpressible> {
    for part in parts {
        match &part.what {
            Part::Text(text) => {
                json.object().key("type").text("message").key("role").text("assistant");
                json.key("content").text(text).end_object();
            }
            Part::Refusal(text) => {
                json.object().key("type").text("message").key("role").text("assistant").key("content").array();
                json.object().key("type").text("refusal").key("refusal").text(text).end_object();
                json.end_array().end_object();
            }
            Part::Call(call) => {
                let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
                json.object().key("type").text("function_call").key("call_id").text(&call.id);
                json.key("name").text(&call.name).key("arguments").text(arguments).end_object();
            }
            Part::Reasoning { text, signature } if signature.maker == Maker::OpenAi => {
                let (id, seal) = signature.value.split_once(':').unwrap_or(("", &signature.value));
                json.object().key("type").text("reasoning").key("id").text(id).key("summary").array();
                if !text.is_empty() {
                    json.object().key("type").text("summary_text").key("text").text(text).end_object();
                }
                json.end_array().key("encrypted_content").text(seal).end_object();
            }
            Part::Reasoning { .. } => left.add(&part.at),
            Part::Media(_) | Part::Result(_) => return Err(Inexpressible::unknown_to(&part.at, TARGET)),
        }
    }
    Ok(())
}

fn write_tools(conversation: &Conversation<'_>, json: &mut Json) {
    if conversation.tools.is_empty() {
        return;
    }
    json.key("tools").array();
    for tool in &conversation.tools {
        json.object().key("type").text("function").key("name").text(&tool.name);
        if let Some(description) = &tool.description {
            json.key("description").text(description);
        }
        json.key("parameters").raw(tool.schema.as_deref().unwrap_or("null"));
        // Unlike the other formats, this one is strict unless told otherwise.
        json.key("strict").raw(if tool.strict == Some(true) { "true" } else { "false" }).end_object();
    }
    json.end_array();
    if let Some(choice) = &conversation.tool_choice {
        json.key("tool_choice");
        match &choice.what {
            ToolChoice::Auto => json.text("auto"),
            ToolChoice::None => json.text("none"),
            ToolChoice::Required => json.text("required"),
            ToolChoice::Named(name) => json.object().key("type").text("function").key("name").text(name).end_object(),
        };
    }
    if conversation.one_call_at_a_time.is_some() {
        json.key("parallel_tool_calls").raw("false");
    }
}

fn write_reasoning(settings: &Settings<'_>, json: &mut Json) {
    let Some(reasoning) = settings.reasoning.as_ref().map(|said| said.what) else { return };
    json.key("reasoning").object();
    if let Some(effort) = effort_name(reasoning.amount) {
        json.key("effort").text(effort);
    }
    if reasoning.shown == Shown::Summary {
        json.key("summary").text("auto");
    }
    json.end_object();
    if reasoning.amount != Amount::None {
        json.key("include").array().text("reasoning.encrypted_content").end_array();
    }
}

fn write_text(settings: &Settings<'_>, json: &mut Json) {
    if settings.form.is_none() && settings.verbosity.is_none() {
        return;
    }
    json.key("text").object();
    if let Some(form) = &settings.form {
        json.key("format").object();
        match &form.what {
            Form::Json => {
                json.key("type").text("json_object");
            }
            schema @ Form::Schema { .. } => {
                json.key("type").text("json_schema");
                write_schema_form(schema, json);
            }
        }
        json.end_object();
    }
    if let Some(verbosity) = &settings.verbosity {
        json.key("verbosity").text(&verbosity.what);
    }
    json.end_object();
}
