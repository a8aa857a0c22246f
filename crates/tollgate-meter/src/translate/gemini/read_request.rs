//! Gemini: a request, from the caller.

use std::borrow::Cow;

use super::parts::TurnReader;
use super::schema;
use crate::translate::conversation::{
    Amount, Conversation, Effort, Form, Reasoning, Role, Said, Settings, Shown, Tool, ToolChoice,
};
use crate::translate::fields::{Fields, Node};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::settings::{number, penalty, texts};

/// Reads a request.
pub(crate) fn read_request<'a>(body: &'a [u8], left: &mut LeftOut) -> Result<Conversation<'a>, Inexpressible> {
    let mut fields = Node::root(body)?.proto_fields()?;
    fields.take("model");
    fields.leave_out(&["labels", "store"], left);
    fields.only("serviceTier", &["\"standard\"", "\"STANDARD\"", "\"unspecified\""])?;
    read_safety(&mut fields, left)?;
    let mut conversation = Conversation::default();
    if let Some(config) = fields.take("generationConfig") {
        conversation.settings = settings(&config)?;
    }
    let mut turns = TurnReader::default();
    if let Some(system) = fields.take("systemInstruction") {
        let mut turn = turns.read(&system, left)?;
        turn.role = Role::System;
        conversation.turns.push(turn);
    }
    for content in fields.need("contents")?.items()? {
        conversation.turns.push(turns.read(&content, left)?);
    }
    for tool in fields.items("tools")? {
        let mut tool = tool.proto_fields()?;
        for function in tool.items("functionDeclarations")? {
            conversation.tools.push(read_function(&function, left)?);
        }
        tool.done()?;
    }
    if let Some(config) = fields.take("toolConfig") {
        let mut config = config.proto_fields()?;
        if let Some(calling) = config.take("functionCallingConfig") {
            conversation.tool_choice = Some(read_choice(&calling, &conversation.tools)?);
        }
        config.done()?;
    }
    fields.done()?;
    Ok(conversation)
}

/// `safetySettings`: who asks for no filter gets none elsewhere; who asks for one must be told that there is
/// none.
fn read_safety(fields: &mut Fields<'_>, left: &mut LeftOut) -> Result<(), Inexpressible> {
    for setting in fields.items("safetySettings")? {
        let mut setting = setting.proto_fields()?;
        setting.take("category");
        setting.take("method");
        let threshold = setting.need("threshold")?;
        if !matches!(&*threshold.text()?, "BLOCK_NONE" | "OFF" | "HARM_BLOCK_THRESHOLD_UNSPECIFIED") {
            return Err(threshold.flaw("filters of this provider have no counterpart in other formats"));
        }
        setting.done()?;
        left.add("safetySettings");
    }
    Ok(())
}

fn settings<'a>(node: &Node<'a>) -> Result<Settings<'a>, Inexpressible> {
    let mut fields = node.proto_fields()?;
    fields.only("candidateCount", &["1"])?;
    fields.only("responseLogprobs", &["false"])?;
    fields.only("logprobs", &["0"])?;
    fields.only("responseModalities", &["[\"TEXT\"]"])?;
    fields.only("mediaResolution", &["\"MEDIA_RESOLUTION_UNSPECIFIED\""])?;
    let stop = fields.take("stopSequences");
    let settings = Settings {
        temperature: number(&mut fields, "temperature")?,
        top_p: number(&mut fields, "topP")?,
        top_k: number(&mut fields, "topK")?,
        frequency_penalty: penalty(&mut fields, "frequencyPenalty")?,
        presence_penalty: penalty(&mut fields, "presencePenalty")?,
        seed: number(&mut fields, "seed")?,
        stop: stop.map(|stop| texts(&stop)).transpose()?.filter(|stop| !stop.what.is_empty()),
        output_bound: fields.count("maxOutputTokens")?,
        form: form(&mut fields)?,
        reasoning: fields.take("thinkingConfig").map(|node| thinking(&node)).transpose()?.flatten(),
        verbosity: None,
    };
    fields.done()?;
    Ok(settings)
}

fn form<'a>(fields: &mut Fields<'a>) -> Result<Option<Said<Form<'a>>>, Inexpressible> {
    let mime = fields.take("responseMimeType");
    let json_schema = fields.take("responseJsonSchema");
    let schema = match (json_schema, fields.take("responseSchema")) {
        (Some(node), _) => Some((Cow::Borrowed(node.object_text()?), node.path)),
        (None, Some(node)) => Some((converted(&node)?, node.path)),
        (None, None) => None,
    };
    let Some(mime) = mime else {
        return match schema {
            Some((_, at)) => Err(Inexpressible::new(&at, "needs responseMimeType application/json beside it")),
            None => Ok(None),
        };
    };
    match &*mime.text()? {
        "text/plain" => Ok(None),
        "application/json" => Ok(Some(match schema {
            None => Said::new(mime.path, Form::Json),
            Some((schema, at)) => Said::new(at, Form::Schema { name: None, description: None, schema, strict: None }),
        })),
        _ => Err(mime.flaw("expected text/plain or application/json in translation")),
    }
}

fn converted<'a>(node: &Node<'a>) -> Result<Cow<'a, str>, Inexpressible> {
    schema::to_json_schema(node.object_text()?).map(Cow::Owned).ok_or_else(|| node.flaw("expected a schema"))
}

fn thinking(node: &Node<'_>) -> Result<Option<Said<Reasoning>>, Inexpressible> {
    let mut fields = node.proto_fields()?;
    let shown = if fields.flag("includeThoughts")? == Some(true) { Shown::Summary } else { Shown::Unsaid };
    let level = match fields.take("thinkingLevel") {
        None => None,
        Some(level) => match &*level.text()? {
            "THINKING_LEVEL_UNSPECIFIED" => None,
            name => Some(Effort::named(name).ok_or_else(|| level.flaw("is no level that is known"))?),
        },
    };
    let budget = match fields.take("thinkingBudget") {
        None => None,
        Some(budget) if budget.raw == "-1" => Some(Amount::Auto),
        Some(budget) => Some(match budget.count()? {
            0 => Amount::None,
            tokens => Amount::Budget(tokens),
        }),
    };
    fields.done()?;
    let amount = level.map(Amount::Effort).or(budget);
    let said = amount.is_some() || shown == Shown::Summary;
    let amount = amount.unwrap_or(Amount::Auto);
    Ok(said.then(|| Said::new(&node.path, Reasoning { amount, shown })))
}

fn read_function<'a>(node: &Node<'a>, left: &mut LeftOut) -> Result<Tool<'a>, Inexpressible> {
    let mut fields = node.proto_fields()?;
    fields.leave_out(&["response", "responseJsonSchema"], left);
    fields.only("behavior", &["\"BLOCKING\"", "\"UNSPECIFIED\""])?;
    let schema = match (fields.take("parametersJsonSchema"), fields.take("parameters")) {
        (Some(node), _) => Some(Cow::Borrowed(node.object_text()?)),
        (None, Some(node)) => Some(converted(&node)?),
        (None, None) => None,
    };
    let tool = Tool { name: fields.need_text("name")?, description: fields.text("description")?, schema, strict: None };
    fields.done()?;
    Ok(tool)
}

fn read_choice<'a>(node: &Node<'a>, tools: &[Tool<'a>]) -> Result<Said<ToolChoice<'a>>, Inexpressible> {
    let mut fields = node.proto_fields()?;
    let mode = fields.text("mode")?.unwrap_or_default();
    let names = fields.take("allowedFunctionNames").map(|names| texts(&names)).transpose()?;
    let allowed = names.map(|said| said.what).unwrap_or_default();
    let all = tools.iter().all(|tool| allowed.contains(&tool.name));
    let choice = match (&*mode, &*allowed) {
        ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" | "", []) => ToolChoice::Auto,
        ("AUTO" | "VALIDATED", _) if all => ToolChoice::Auto,
        ("NONE", _) => ToolChoice::None,
        ("ANY", []) => ToolChoice::Required,
        ("ANY", [name]) => ToolChoice::Named(name.clone()),
        ("ANY", _) if all => ToolChoice::Required,
        ("AUTO" | "VALIDATED" | "ANY", _) => {
            return Err(fields.flaw("allowedFunctionNames", "other formats can allow one function or all of them"));
        }
        _ => return Err(fields.flaw("mode", "expected AUTO, ANY, NONE or VALIDATED")),
    };
    fields.done()?;
    Ok(Said::new(&node.path, choice))
}
