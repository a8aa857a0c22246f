//! Chat completions: a request, from the caller.

use std::borrow::Cow;

use super::content;
use crate::translate::conversation::{
    Call, CallResult, Conversation, Form, Outcome, Part, Reasoning, Role, Said, Settings, Shown, Tool, ToolChoice, Turn,
};
use crate::translate::fields::{Fields, Node, Shape};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::media;
use crate::translate::settings::{effort, named_mode, number, penalty, read_schema_form, verbosity};
use crate::translate::signature::{Maker, Signature};

/// Members without effect on the answer: they name the caller, steer caches, or keep copies.
const WITHOUT_EFFECT: &[&str] = &[
    "metadata",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
    "user",
];
/// Members of an echoed answer that say nothing to a model.
const ECHOED: &[&str] = &["annotations", "reasoning", "reasoning_content", "reasoning_details"];

/// Reads a request. `stream` and `stream_options` are the gateway's business and stand in the facts.
pub(crate) fn read_request<'a>(body: &'a [u8], left: &mut LeftOut) -> Result<Conversation<'a>, Inexpressible> {
    let mut fields = Node::root(body)?.fields()?;
    fields.take("model");
    fields.take("stream");
    fields.take("stream_options");
    fields.leave_out(WITHOUT_EFFECT, left);
    fields.only("n", &["1"])?;
    fields.only("logprobs", &["false"])?;
    fields.only("top_logprobs", &["0"])?;
    fields.only("logit_bias", &["{}"])?;
    fields.only("modalities", &["[\"text\"]"])?;
    fields.only("service_tier", &["\"auto\"", "\"default\""])?;
    let mut conversation = Conversation { settings: settings(&mut fields)?, ..Conversation::default() };
    for message in fields.need("messages")?.items()? {
        conversation.turns.push(turn(&message, left)?);
    }
    for tool in fields.items("tools")? {
        conversation.tools.push(read_tool(&tool, left)?);
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
    let older_bound = fields.count("max_tokens")?;
    Ok(Settings {
        temperature: number(fields, "temperature")?,
        top_p: number(fields, "top_p")?,
        top_k: number(fields, "top_k")?,
        frequency_penalty: penalty(fields, "frequency_penalty")?,
        presence_penalty: penalty(fields, "presence_penalty")?,
        seed: number(fields, "seed")?,
        stop: fields.take("stop").map(|stop| stops(&stop)).transpose()?.filter(|stop| !stop.what.is_empty()),
        output_bound: fields.count("max_completion_tokens")?.or(older_bound),
        form: fields.take("response_format").map(|form| read_form(&form)).transpose()?.flatten(),
        reasoning: fields.take("reasoning_effort").map(|effort| reasoning(&effort)).transpose()?,
        verbosity: verbosity(fields)?,
    })
}

fn stops<'a>(node: &Node<'a>) -> Result<Said<Vec<Cow<'a, str>>>, Inexpressible> {
    let stops = match node.shape() {
        Shape::Text => vec![node.text()?],
        Shape::Object | Shape::Array | Shape::Other => {
            node.items()?.iter().map(Node::text).collect::<Result<_, _>>()?
        }
    };
    Ok(Said::new(&node.path, stops))
}

fn reasoning(node: &Node<'_>) -> Result<Said<Reasoning>, Inexpressible> {
    Ok(Said::new(&node.path, Reasoning { amount: effort(node)?, shown: Shown::Unsaid }))
}

fn read_form<'a>(node: &Node<'a>) -> Result<Option<Said<Form<'a>>>, Inexpressible> {
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    let form = match &*kind.text()? {
        "text" => None,
        "json_object" => Some(Form::Json),
        "json_schema" => Some(read_schema_form(fields.need("json_schema")?.fields()?)?),
        other => return Err(kind.flaw(format!("`{}` is not understood in translation", media::shown(other)))),
    };
    fields.done()?;
    Ok(form.map(|form| Said::new(&kind.path, form)))
}

fn read_tool<'a>(node: &Node<'a>, left: &mut LeftOut) -> Result<Tool<'a>, Inexpressible> {
    let mut fields = node.fields()?;
    fields.leave_out(&["cache_control"], left);
    let kind = fields.need("type")?;
    if kind.text()? != "function" {
        return Err(kind.flaw("only function tools are understood in translation"));
    }
    let function = fields.need("function")?;
    fields.done()?;
    let mut fields = function.fields()?;
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
    let mut function = fields.need("function")?.fields()?;
    let name = function.need_text("name")?;
    function.done()?;
    fields.done()?;
    Ok(Said::new(&node.path, ToolChoice::Named(name)))
}

fn turn<'a>(message: &Node<'a>, left: &mut LeftOut) -> Result<Turn<'a>, Inexpressible> {
    let mut fields = message.fields()?;
    let role = fields.need("role")?;
    let turn = match &*role.text()? {
        "system" => told(Role::System, &mut fields, left)?,
        "developer" => told(Role::Developer, &mut fields, left)?,
        "user" => told(Role::User, &mut fields, left)?,
        "assistant" => assistant(&mut fields, left)?,
        "tool" => tool_result(&message.path, &mut fields, left)?,
        _ => return Err(role.flaw("expected system, developer, user, assistant or tool")),
    };
    fields.done()?;
    Ok(turn)
}

fn told<'a>(role: Role, fields: &mut Fields<'a>, left: &mut LeftOut) -> Result<Turn<'a>, Inexpressible> {
    Ok(Turn { role, parts: content::read(&fields.need("content")?, left)? })
}

fn assistant<'a>(fields: &mut Fields<'a>, left: &mut LeftOut) -> Result<Turn<'a>, Inexpressible> {
    fields.leave_out(ECHOED, left);
    let mut parts = match fields.take("content") {
        Some(content) => content::read(&content, left)?,
        None => Vec::new(),
    };
    // Clients echo the empty text that stands beside tool calls; other formats refuse empty texts.
    parts.retain(|part| !matches!(&part.what, Part::Text(text) if text.is_empty()));
    if let Some(refusal) = fields.take("refusal") {
        parts.push(Said::new(&refusal.path, Part::Refusal(refusal.text()?)));
    }
    for call in fields.items("tool_calls")? {
        read_call(&call, &mut parts)?;
    }
    Ok(Turn { role: Role::Assistant, parts })
}

fn read_call<'a>(node: &Node<'a>, parts: &mut Vec<Said<Part<'a>>>) -> Result<(), Inexpressible> {
    let mut fields = node.fields()?;
    fields.take("index");
    if let Some(kind) = fields.take("type")
        && kind.text()? != "function"
    {
        return Err(kind.flaw("only function calls are understood in translation"));
    }
    let id = fields.need_text("id")?;
    let mut function = fields.need("function")?.fields()?;
    let name = function.need_text("name")?;
    let arguments = function.text("arguments")?.unwrap_or_default();
    function.done()?;
    if let Some(extra) = fields.take("extra_content")
        && let Some(signature) = thought_signature(&extra)?
    {
        let signature = Signature::read(Maker::Gemini, signature);
        parts.push(Said::new(&extra.path, Part::Reasoning { text: Cow::Borrowed(""), signature }));
    }
    fields.done()?;
    parts.push(Said::new(format!("{}.function.arguments", node.path), Part::Call(Call { id, name, arguments })));
    Ok(())
}

fn thought_signature<'a>(extra: &Node<'a>) -> Result<Option<Cow<'a, str>>, Inexpressible> {
    let mut fields = extra.fields()?;
    let Some(google) = fields.take("google") else { return fields.done().map(|()| None) };
    fields.done()?;
    let mut google = google.fields()?;
    let signature = google.text("thought_signature")?;
    google.done()?;
    Ok(signature)
}

fn tool_result<'a>(at: &str, fields: &mut Fields<'a>, left: &mut LeftOut) -> Result<Turn<'a>, Inexpressible> {
    let content = content::read(&fields.need("content")?, left)?;
    // Older clients repeat the function's name, which follows from the id.
    fields.take("name");
    let id = fields.need_text("tool_call_id")?;
    let result = CallResult { id, name: Cow::Borrowed(""), outcome: Outcome::Success, content };
    Ok(Turn { role: Role::User, parts: vec![Said::new(format!("{at}.tool_call_id"), Part::Result(result))] })
}
