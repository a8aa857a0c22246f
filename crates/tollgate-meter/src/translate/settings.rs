//! Settings that several formats spell alike.

use std::borrow::Cow;

use super::conversation::{Amount, Effort, Form, Said, ToolChoice};
use super::fields::{Fields, Node};
use super::flaw::Inexpressible;
use super::json::Json;

/// An array of texts.
pub(crate) fn texts<'a>(node: &Node<'a>) -> Result<Said<Vec<Cow<'a, str>>>, Inexpressible> {
    let texts = node.items()?.iter().map(Node::text).collect::<Result<_, _>>()?;
    Ok(Said::new(&node.path, texts))
}

/// The number `name`, as the digits that were written.
pub(crate) fn number<'a>(fields: &mut Fields<'a>, name: &str) -> Result<Option<Said<&'a str>>, Inexpressible> {
    let Some(node) = fields.take(name) else { return Ok(None) };
    let digits = node.number()?;
    Ok(Some(Said::new(node.path, digits)))
}

/// The penalty `name`, where it is not zero, the default.
pub(crate) fn penalty<'a>(fields: &mut Fields<'a>, name: &str) -> Result<Option<Said<&'a str>>, Inexpressible> {
    Ok(number(fields, name)?.filter(|penalty| !penalty.what.parse::<f64>().is_ok_and(|value| value == 0.0)))
}

/// `verbosity`, where it is not the default.
pub(crate) fn verbosity<'a>(fields: &mut Fields<'a>) -> Result<Option<Said<Cow<'a, str>>>, Inexpressible> {
    let Some(node) = fields.take("verbosity") else { return Ok(None) };
    let verbosity = node.text()?;
    Ok((verbosity != "medium").then(|| Said::new(node.path, verbosity)))
}

/// An effort as OpenAI names it.
pub(crate) fn effort(node: &Node<'_>) -> Result<Amount, Inexpressible> {
    match &*node.text()? {
        "none" => Ok(Amount::None),
        name => Effort::named(name).map(Amount::Effort).ok_or_else(|| node.flaw("is no effort that is known")),
    }
}

/// A form with its schema, from the members that describe it.
pub(crate) fn read_schema_form<'a>(mut fields: Fields<'a>) -> Result<Form<'a>, Inexpressible> {
    let description = fields.take("description").map(|node| Ok(Said::new(&node.path, node.text()?))).transpose()?;
    let form = Form::Schema {
        name: Some(fields.need_text("name")?),
        description,
        schema: Cow::Borrowed(fields.need("schema")?.object_text()?),
        strict: fields.flag("strict")?,
    };
    fields.done()?;
    Ok(form)
}

/// `none`, `auto` or `required`.
pub(crate) fn named_mode<'a>(node: &Node<'a>) -> Result<Said<ToolChoice<'a>>, Inexpressible> {
    let choice = match &*node.text()? {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "required" => ToolChoice::Required,
        _ => return Err(node.flaw("expected none, auto, required or a function")),
    };
    Ok(Said::new(&node.path, choice))
}

/// OpenAI's name for an amount of reasoning; `None` leaves it to the model.
pub(crate) fn effort_name(amount: Amount) -> Option<&'static str> {
    match amount {
        Amount::None => Some("none"),
        Amount::Auto => None,
        Amount::Effort(effort) => Some(effort.name()),
        Amount::Budget(tokens) => Some(Effort::of_budget(tokens).name()),
    }
}

/// The members that describe a form with a schema.
pub(crate) fn write_schema_form(form: &Form<'_>, json: &mut Json) {
    if let Form::Schema { name, description, schema, strict } = form {
        json.key("name").text(name.as_deref().unwrap_or("answer"));
        if let Some(description) = description {
            json.key("description").text(&description.what);
        }
        json.key("schema").raw(schema);
        if let Some(strict) = strict {
            json.key("strict").raw(if *strict { "true" } else { "false" });
        }
    }
}
