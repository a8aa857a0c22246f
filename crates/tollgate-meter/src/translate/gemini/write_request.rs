//! Gemini: a request, for the upstream.

use super::parts;
use crate::translate::conversation::{
    Amount, CallResult, Conversation, Effort, Form, Media, Outcome, Part, Role, Said, Settings, Shown, Source,
    ToolChoice, refuse,
};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::json::Json;
use crate::translate::media;
use crate::translate::reply::is_object;
use crate::translate::signature::Maker;
use crate::translate::{Facts, instructions, merged};

const TARGET: &str = "Gemini";

/// Google's word for a function call that another model made or whose seal is lost. Without one, current
/// models refuse the history.
const NO_SEAL: &str = "skip_thought_signature_validator";

/// Writes a request.
pub(crate) fn write_request(
    conversation: &Conversation<'_>,
    facts: &Facts,
    left: &mut LeftOut,
) -> Result<Vec<u8>, Inexpressible> {
    refuse(conversation.settings.verbosity.as_ref(), TARGET)?;
    refuse(conversation.one_call_at_a_time.as_ref(), TARGET)?;
    let mut json = Json::default();
    json.object();
    let texts = instructions(conversation)?;
    if texts.iter().any(|text| !text.is_empty()) {
        json.key("systemInstruction").object().key("parts").array();
        for text in texts.iter().filter(|text| !text.is_empty()) {
            json.object().key("text").text(text).end_object();
        }
        json.end_array().end_object();
    }
    json.key("contents").array();
    for turn in merged(conversation.turns.iter().filter(|turn| !turn.role.instructs())) {
        write_turn(turn.role, &turn.parts, &mut json, left)?;
    }
    json.end_array();
    write_tools(conversation, &mut json);
    write_config(&conversation.settings, facts, &mut json, left);
    json.end_object();
    Ok(json.into_bytes())
}

fn write_turn(role: Role, parts: &[&Said<Part<'_>>], json: &mut Json, left: &mut LeftOut) -> Result<(), Inexpressible> {
    let says = |part: &Part<'_>| match part {
        Part::Text(text) | Part::Refusal(text) => !text.is_empty(),
        Part::Reasoning { .. } => false,
        Part::Media(_) | Part::Call(_) | Part::Result(_) => true,
    };
    let mut seal = None;
    let mut called = false;
    let mut begun = false;
    // Results first: they belong to the turn before.
    let (results, rest): (Vec<&Said<Part<'_>>>, Vec<&Said<Part<'_>>>) =
        parts.iter().copied().partition(|part| matches!(part.what, Part::Result(_)));
    for part in results.into_iter().chain(rest) {
        if let Part::Reasoning { signature, .. } = &part.what {
            if signature.maker == Maker::Gemini {
                seal = Some(&*signature.value);
            } else {
                left.add(&part.at);
            }
        }
        if !says(&part.what) {
            continue;
        }
        if !begun {
            begun = true;
            json.object().key("role").text(if role == Role::Assistant { "model" } else { "user" });
            json.key("parts").array();
        }
        json.object();
        match &part.what {
            Part::Text(text) | Part::Refusal(text) => {
                json.key("text").text(text);
            }
            Part::Media(media) => {
                media::leave_detail(&part.at, media, left);
                parts::write_media(media, json);
            }
            Part::Call(call) => {
                let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
                if !is_object(arguments) {
                    return Err(Inexpressible::new(&part.at, "expected a JSON object"));
                }
                json.key("functionCall").object().key("id").text(&call.id).key("name").text(&call.name);
                json.key("args").raw(arguments).end_object();
                // Of calls made at the same time only the first is sealed.
                let first = !std::mem::replace(&mut called, true);
                if let Some(seal) = seal.take().or(first.then_some(NO_SEAL)) {
                    json.key("thoughtSignature").text(seal);
                }
            }
            Part::Result(result) => write_result(result, json),
            Part::Reasoning { .. } => (),
        }
        json.end_object();
    }
    if begun {
        json.end_array().end_object();
    }
    Ok(())
}

fn write_result(result: &CallResult<'_>, json: &mut Json) {
    let texts: Vec<&str> = result
        .content
        .iter()
        .filter_map(|part| match &part.what {
            Part::Text(text) | Part::Media(Media { source: Source::Text(text), .. }) => Some(&**text),
            _ => None,
        })
        .collect();
    let text = texts.join("\n");
    json.key("functionResponse").object().key("id").text(&result.id).key("name").text(&result.name);
    json.key("response");
    match result.outcome {
        Outcome::Failure => json.object().key("error").text(&text).end_object(),
        // What a function gives back is an object here; one that is written as text becomes one again.
        Outcome::Success if is_object(&text) => json.raw(&text),
        Outcome::Success => json.object().key("output").text(&text).end_object(),
    };
    if result.content.iter().any(|part| parts::is_attachment(&part.what)) {
        json.key("parts").array();
        for part in &result.content {
            if let Part::Media(media) = &part.what
                && parts::is_attachment(&part.what)
            {
                json.object();
                parts::write_media(media, json);
                json.end_object();
            }
        }
        json.end_array();
    }
    json.end_object();
}

fn write_tools(conversation: &Conversation<'_>, json: &mut Json) {
    if conversation.tools.is_empty() {
        return;
    }
    json.key("tools").array().object().key("functionDeclarations").array();
    for tool in &conversation.tools {
        json.object().key("name").text(&tool.name);
        if let Some(description) = &tool.description {
            json.key("description").text(description);
        }
        if let Some(schema) = &tool.schema {
            json.key("parametersJsonSchema").raw(schema);
        }
        json.end_object();
    }
    json.end_array().end_object().end_array();
    let strict = conversation.tools.iter().any(|tool| tool.strict == Some(true));
    let choice = conversation.tool_choice.as_ref().map(|said| &said.what);
    let mode = match choice {
        // Arguments that match their schemas exactly are a mode here.
        None | Some(ToolChoice::Auto) if strict => "VALIDATED",
        None => return,
        Some(ToolChoice::Auto) => "AUTO",
        Some(ToolChoice::None) => "NONE",
        Some(ToolChoice::Required | ToolChoice::Named(_)) => "ANY",
    };
    json.key("toolConfig").object().key("functionCallingConfig").object().key("mode").text(mode);
    if let Some(ToolChoice::Named(name)) = choice {
        json.key("allowedFunctionNames").array().text(name).end_array();
    }
    json.end_object().end_object();
}

fn write_config(settings: &Settings<'_>, facts: &Facts, json: &mut Json, left: &mut LeftOut) {
    json.key("generationConfig").object();
    for (name, number) in [
        ("temperature", &settings.temperature),
        ("topP", &settings.top_p),
        ("topK", &settings.top_k),
        ("frequencyPenalty", &settings.frequency_penalty),
        ("presencePenalty", &settings.presence_penalty),
        ("seed", &settings.seed),
    ] {
        if let Some(number) = number {
            json.key(name).raw(number.what);
        }
    }
    if let Some(bound) = facts.bound(settings.output_bound) {
        json.key("maxOutputTokens").count(bound);
    }
    if let Some(stop) = &settings.stop {
        json.key("stopSequences").array();
        for stop in &stop.what {
            json.text(stop);
        }
        json.end_array();
    }
    if let Some(form) = &settings.form {
        json.key("responseMimeType").text("application/json");
        if let Form::Schema { description, schema, .. } = &form.what {
            if let Some(description) = description {
                left.add(&description.at);
            }
            json.key("responseJsonSchema").raw(schema);
        }
    }
    write_thinking(settings, json);
    json.end_object();
}

fn write_thinking(settings: &Settings<'_>, json: &mut Json) {
    let Some(reasoning) = settings.reasoning.as_ref().map(|said| said.what) else { return };
    json.key("thinkingConfig").object();
    match reasoning.amount {
        Amount::Auto => (),
        Amount::None => {
            json.key("thinkingBudget").count(0);
        }
        Amount::Budget(tokens) => {
            json.key("thinkingBudget").count(tokens);
        }
        // The format's highest level is `XHIGH`.
        Amount::Effort(effort) => {
            json.key("thinkingLevel").text(&effort.min(Effort::XHigh).name().to_ascii_uppercase());
        }
    }
    if reasoning.shown == Shown::Summary {
        json.key("includeThoughts").raw("true");
    }
    json.end_object();
}
