//! Messages: a request, from the caller.

use std::borrow::Cow;

use super::blocks;
use crate::translate::conversation::{
    Amount, Conversation, Effort, Form, Reasoning, Role, Said, Settings, Shown, Tool, ToolChoice, Turn,
};
use crate::translate::fields::{Fields, Node};
use crate::translate::flaw::{Inexpressible, LeftOut};
use crate::translate::media;
use crate::translate::settings::{number, texts};

/// Members without effect on the answer. `context_management` saves tokens by sending less of the
/// conversation; here all of it is sent.
const WITHOUT_EFFECT: &[&str] = &["cache_control", "context_management", "diagnostics", "metadata"];

/// Reads a request. `stream` is the gateway's business and stands in the facts.
pub(crate) fn read_request<'a>(body: &'a [u8], left: &mut LeftOut) -> Result<Conversation<'a>, Inexpressible> {
    let mut fields = Node::root(body)?.fields()?;
    fields.take("model");
    fields.take("stream");
    fields.leave_out(WITHOUT_EFFECT, left);
    fields.only("service_tier", &["\"auto\"", "\"standard_only\""])?;
    fields.only("speed", &["\"standard\""])?;
    let mut conversation = Conversation { settings: settings(&mut fields)?, ..Conversation::default() };
    if let Some(system) = fields.take("system") {
        conversation.turns.push(Turn { role: Role::System, parts: blocks::read(&system, left)? });
    }
    for message in fields.need("messages")?.items()? {
        let mut message = message.fields()?;
        let role = message.need("role")?;
        let role = match &*role.text()? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(role.flaw("expected user, assistant or system")),
        };
        conversation.turns.push(Turn { role, parts: blocks::read(&message.need("content")?, left)? });
        message.done()?;
    }
    for tool in fields.items("tools")? {
        conversation.tools.push(read_tool(&tool, left)?);
    }
    if let Some(choice) = fields.take("tool_choice") {
        read_choice(&choice, &mut conversation)?;
    }
    fields.done()?;
    Ok(conversation)
}

fn settings<'a>(fields: &mut Fields<'a>) -> Result<Settings<'a>, Inexpressible> {
    let (effort, form) = output_config(fields)?;
    let stop = fields.take("stop_sequences");
    Ok(Settings {
        temperature: number(fields, "temperature")?,
        top_p: number(fields, "top_p")?,
        top_k: number(fields, "top_k")?,
        stop: stop.map(|stop| texts(&stop)).transpose()?.filter(|stop| !stop.what.is_empty()),
        output_bound: Some(fields.need("max_tokens")?.count()?),
        form,
        reasoning: reasoning(fields, effort)?,
        ..Settings::default()
    })
}

type OutputConfig<'a> = (Option<Said<Effort>>, Option<Said<Form<'a>>>);

fn output_config<'a>(fields: &mut Fields<'a>) -> Result<OutputConfig<'a>, Inexpressible> {
    let Some(config) = fields.take("output_config") else { return Ok((None, None)) };
    let mut config = config.fields()?;
    let effort = match config.take("effort") {
        Some(node) => {
            let effort = Effort::named(&node.text()?).ok_or_else(|| node.flaw("is no effort that is known"))?;
            Some(Said::new(node.path, effort))
        }
        None => None,
    };
    let form = match config.take("format") {
        Some(node) => {
            let mut format = node.fields()?;
            format.only("type", &["\"json_schema\""])?;
            let schema = Cow::Borrowed(format.need("schema")?.object_text()?);
            format.done()?;
            Some(Said::new(node.path, Form::Schema { name: None, description: None, schema, strict: None }))
        }
        None => None,
    };
    config.done()?;
    Ok((effort, form))
}

fn reasoning(fields: &mut Fields<'_>, effort: Option<Said<Effort>>) -> Result<Option<Said<Reasoning>>, Inexpressible> {
    let Some(node) = fields.take("thinking") else {
        let reasoning = |effort| Reasoning { amount: Amount::Effort(effort), shown: Shown::Unsaid };
        return Ok(effort.map(|said| Said::new(said.at, reasoning(said.what))));
    };
    let mut thinking = node.fields()?;
    let kind = thinking.need("type")?;
    let (amount, default) = match &*kind.text()? {
        "disabled" => (Amount::None, Shown::Unsaid),
        "adaptive" => (Amount::Auto, Shown::Unsaid),
        // Budgets are of the older models, which show what they think unless told otherwise.
        "enabled" => (Amount::Budget(thinking.need("budget_tokens")?.count()?), Shown::Summary),
        other => return Err(kind.flaw(format!("`{}` is not understood in translation", media::shown(other)))),
    };
    let shown = match thinking.take("display") {
        None => default,
        Some(display) => match &*display.text()? {
            "summarized" => Shown::Summary,
            "omitted" => Shown::Hidden,
            _ => return Err(display.flaw("expected summarized or omitted")),
        },
    };
    thinking.done()?;
    let amount = match (amount, effort) {
        (Amount::None, _) | (_, None) => amount,
        (_, Some(effort)) => Amount::Effort(effort.what),
    };
    Ok(Some(Said::new(node.path, Reasoning { amount, shown })))
}

fn read_tool<'a>(node: &Node<'a>, left: &mut LeftOut) -> Result<Tool<'a>, Inexpressible> {
    let mut fields = node.fields()?;
    fields.leave_out(&["cache_control", "eager_input_streaming"], left);
    fields.only("type", &["\"custom\""])?;
    fields.only("defer_loading", &["false"])?;
    fields.only("allowed_callers", &["[\"direct\"]"])?;
    let tool = Tool {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        schema: Some(Cow::Borrowed(fields.need("input_schema")?.object_text()?)),
        strict: fields.flag("strict")?,
    };
    fields.done()?;
    Ok(tool)
}

fn read_choice<'a>(node: &Node<'a>, conversation: &mut Conversation<'a>) -> Result<(), Inexpressible> {
    let mut fields = node.fields()?;
    let kind = fields.need("type")?;
    let choice = match &*kind.text()? {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(fields.need_text("name")?),
        _ => return Err(kind.flaw("expected auto, any, tool or none")),
    };
    if let Some(serial) = fields.take("disable_parallel_tool_use")
        && serial.flag()?
    {
        conversation.one_call_at_a_time = Some(Said::new(serial.path, ()));
    }
    fields.done()?;
    conversation.tool_choice = Some(Said::new(kind.path, choice));
    Ok(())
}
