//! Responses: a request, from the caller.

use std::borrow::Cow;

use super::items;
use crate::translate::conversation::{
    Amount, Conversation, Form, Part, Reasoning, Role, Said, Settings, Shown, Tool, ToolChoice, Turn,
};
use crate::translate::fields::{Fields, Node, Shape};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::media;
use crate::translate::settings::{effort, named_mode, number, read_schema_form, verbosity};

/// Members without effect on the answer. `context_management` saves tokens by sending less of the
/// conversation; here all of it is sent.
const WITHOUT_EFFECT: &[&str] = &[
    "context_management",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
    "user",
];

/// Reads a request. `stream` is the gateway's business and stands in the facts.
pub(crate) fn read_request<'a>(body: &'a [u8], left: &mut LeftOut) -> Result<Conversation<'a>, Inexpressible> {
    let mut fields = Node::root(body)?.fields()?;
    fields.take("model");
    fields.take("stream");
    fields.take("stream_options");
    fields.leave_out(WITHOUT_EFFECT, left);
    fields.only("include", &["[]", "[\"reasoning.encrypted_content\"]"])?;
    fields.only("background", &["false"])?;
    fields.only("truncation", &["\"disabled\""])?;
    fields.only("top_logprobs", &["0"])?;
    fields.only("service_tier", &["\"auto\"", "\"default\""])?;
    let mut conversation = Conversation { settings: settings(&mut fields)?, ..Conversation::default() };
    if let Some(instructions) = fields.take("instructions") {
        let part = Said::new(&instructions.path, Part::Text(instructions.text()?));
        conversation.turns.push(Turn { role: Role::System, parts: vec![part] });
    }
    let input = fields.need("input")?;
    if input.shape() == Shape::Text {
        let part = Said::new(&input.path, Part::Text(input.text()?));
        conversation.turns.push(Turn { role: Role::User, parts: vec![part] });
    } else {
        for item in input.items()? {
            conversation.turns.push(items::read(&item, left)?);
        }
    }
    for tool in fields.items("tools")? {
        conversation.tools.push(read_tool(&tool)?);
    }
    conversation.tool_choice = fields.take("tool_choice").map(|choice| tool_choice(&choice)).transpose()?;
    if let Some(parallel) = fields.take("parallel_tool_calls")
        && !parallel.flag()?
    {
        conversation.one_call_at_a_time = Some(Said::new(parallel.path, ()));
    }
    fields.done()?;
    Ok(conversation)
}

fn settings<'a>(fields: &mut Fields<'a>) -> Result<Settings<'a>, Inexpressible> {
    let mut settings = Settings {
        temperature: number(fields, "temperature")?,
        top_p: number(fields, "top_p")?,
        output_bound: fields.count("max_output_tokens")?,
        reasoning: fields.take("reasoning").map(|node| reasoning(&node)).transpose()?.flatten(),
        ..Settings::default()
    };
    if let Some(text) = fields.take("text") {
        let mut text = text.fields()?;
        settings.verbosity = verbosity(&mut text)?;
        settings.form = text.take("format").map(|format| read_form(&format)).transpose()?.flatten();
        text.done()?;
    }
    Ok(settings)
}

fn reasoning(node: &Node<'_>) -> Result<Option<Said<Reasoning>>, Inexpressible> {
    let mut fields = node.fields()?;
    let amount = fields.take("effort").map(|node| effort(&node)).transpose()?;
    let summary = fields.take("summary").or_else(|| fields.take("generate_summary"));
    fields.take("generate_summary");
    fields.only("context", &["\"auto\""])?;
    fields.only("mode", &["\"standard\""])?;
    fields.done()?;
    let shown = if summary.is_some() { Shown::Summary } else { Shown::Unsaid };
    let said = amount.is_some() || shown == Shown::Summary;
    let amount = amount.unwrap_or(Amount::Auto);
    Ok(said.then(|| Said::new(&node.path, Reasoning { amount, shown })))
}

fn read_form<'a>(node: &Node<'a>) -> Result<Option<Said<Form<'a>>>, Inexpressible> {
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    let form = match &*kind.text()? {
        "json_schema" => Some(read_schema_form(fields)?),
        "text" => fields.done().map(|()| None)?,
        "json_object" => fields.done().map(|()| Some(Form::Json))?,
        other => return Err(kind.flaw(format!("`{}` is not understood in translation", media::shown(other)))),
    };
    Ok(form.map(|form| Said::new(&kind.path, form)))
}

fn read_tool<'a>(node: &Node<'a>) -> Result<Tool<'a>, Inexpressible> {
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    if kind.text()? != "function" {
        return Err(kind.flaw("only function tools are understood in translation"));
    }
    fields.only("defer_loading", &["false"])?;
    fields.only("allowed_callers", &["[\"direct\"]"])?;
    let tool = Tool {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        schema: fields.take("parameters").map(|schema| schema.object_text().map(Cow::Borrowed)).transpose()?,
        strict: fields.flag("strict")?,
    };
    fields.done()?;
    Ok(tool)
}

fn tool_choice<'a>(node: &Node<'a>) -> Result<Said<ToolChoice<'a>>, Inexpressible> {
    if node.shape() == Shape::Text {
        return named_mode(node);
    }
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    if kind.text()? != "function" {
        return Err(kind.flaw("only a function may be chosen in translation"));
    }
    let name = fields.need_text("name")?;
    fields.done()?;
    Ok(Said::new(&node.path, ToolChoice::Named(name)))
}
