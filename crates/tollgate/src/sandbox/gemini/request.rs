//! A request for content: what of it matters here. Names of members may also be written with underscores, as
//! Google takes them and its SDK writes some.

use serde::Deserialize;
use serde_json::Value;

use crate::sandbox::answer::Question;
use crate::sandbox::fault::{Fault, in_range};
use crate::sandbox::knobs::Knobs;
use crate::sandbox::model::Model;
use crate::sandbox::prompt::{Part, Prompt, Speaker};
use crate::sandbox::tool::Tool;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContentRequest {
    contents: Option<Vec<Turn>>,
    #[serde(alias = "system_instruction")]
    system_instruction: Option<Turn>,
    #[serde(default, alias = "generation_config")]
    generation_config: Settings,
    #[serde(default)]
    tools: Vec<Tools>,
    #[serde(alias = "tool_config")]
    tool_config: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    #[serde(alias = "max_output_tokens")]
    max_output_tokens: Option<i64>,
    #[serde(default, alias = "stop_sequences")]
    stop_sequences: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Turn {
    role: Option<String>,
    #[serde(default)]
    parts: Vec<Piece>,
}

/// A part; exactly one of its members says what it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Piece {
    text: Option<String>,
    #[serde(alias = "function_call")]
    function_call: Option<Value>,
    #[serde(alias = "function_response")]
    function_response: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tools {
    #[serde(default, alias = "function_declarations")]
    function_declarations: Vec<Declaration>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Declaration {
    name: String,
    parameters: Option<Value>,
    #[serde(alias = "parameters_json_schema")]
    parameters_json_schema: Option<Value>,
}

impl ContentRequest {
    /// What `model` is asked.
    pub(super) fn question(&self, model: Model, knobs: Knobs) -> Result<Question, Fault> {
        let output_max = match self.generation_config.max_output_tokens {
            Some(max) => in_range("max_output_tokens", max, i64::from(i32::MAX))?,
            None => usize::MAX,
        };
        let stops = self.generation_config.stop_sequences.clone();
        Ok(Question { model, prompt: self.prompt()?, output_max, stops, tool: self.tool(), knobs })
    }

    /// What the model is told; also asked for where it is only counted.
    pub(super) fn prompt(&self) -> Result<Prompt, Fault> {
        let turns = self.contents.as_deref().filter(|turns| !turns.is_empty()).ok_or(Fault::Missing("contents"))?;
        let system = self.system_instruction.iter().map(|turn| (Speaker::Other, turn.said().1));
        Ok(Prompt::of(system.chain(turns.iter().map(Turn::said))))
    }

    fn tool(&self) -> Option<Tool> {
        let mode = self.tool_config.as_ref().map(|config| &config["functionCallingConfig"]["mode"]);
        if mode.is_some_and(|mode| mode == "NONE") {
            return None;
        }
        let declaration = self.tools.iter().flat_map(|tools| &tools.function_declarations).next()?;
        let schema = declaration.parameters.as_ref().or(declaration.parameters_json_schema.as_ref()).cloned();
        Some(Tool { name: declaration.name.clone(), schema })
    }
}

impl Turn {
    fn said(&self) -> (Speaker, Vec<Part>) {
        let speaker = if self.role.as_deref() == Some("model") { Speaker::Other } else { Speaker::User };
        (speaker, self.parts.iter().map(Piece::part).collect())
    }
}

impl Piece {
    fn part(&self) -> Part {
        match (&self.text, &self.function_call, &self.function_response) {
            (Some(text), _, _) => Part::Text(text.clone()),
            (None, Some(call), _) => {
                Part::Call(format!("{} {}", call["name"].as_str().unwrap_or_default(), call["args"]))
            }
            (None, None, Some(response)) => Part::Result(response["response"].to_string()),
            (None, None, None) => Part::Picture,
        }
    }
}
