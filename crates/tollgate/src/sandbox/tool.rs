//! Tools that a request offers, and how the models call them.

use serde_json::{Map, Value, json};

use super::text::{self, Chance};

/// A tool that a request offers.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub(super) name: String,
    /// The JSON Schema of its arguments; anything at all if absent.
    pub(super) schema: Option<Value>,
}

/// The call of a tool.
#[derive(Debug)]
pub(super) struct ToolCall {
    pub(super) name: String,
    /// A JSON object, as text.
    pub(super) arguments: String,
}

impl Tool {
    /// A call with what the schema requires, and nothing else.
    pub(super) fn call(&self, chance: &mut Chance) -> ToolCall {
        let arguments = match &self.schema {
            Some(schema) => object(schema, chance),
            None => Map::new(),
        };
        ToolCall { name: self.name.clone(), arguments: Value::Object(arguments).to_string() }
    }
}

impl ToolCall {
    /// The arguments as JSON.
    pub(super) fn object(&self) -> Value {
        self.arguments.parse().unwrap_or_else(|_| json!({}))
    }

    /// What writing it costs.
    pub(super) fn tokens(&self) -> usize {
        text::token_count(&self.name) + text::token_count(&self.arguments)
    }
}

/// The required properties. A schema has been parsed, so it is not nested deeper than its parser allows.
fn object(schema: &Value, chance: &mut Chance) -> Map<String, Value> {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    required.map(|name| (name.to_owned(), value(&schema["properties"][name], chance))).collect()
}

/// A value that fits `schema`. Of what a schema can say, types, constants, choices and bounds are kept;
/// patterns, formats and references are not looked at.
fn value(schema: &Value, chance: &mut Chance) -> Value {
    if let Some(fixed) = schema.get("const").or(schema["enum"].get(0)).or(schema.get("default")) {
        return fixed.clone();
    }
    if let Some(choice) = ["anyOf", "oneOf", "allOf"].iter().find_map(|several| schema[several].get(0)) {
        return value(choice, chance);
    }
    let kind = schema["type"].as_str().or(schema["type"][0].as_str()).unwrap_or("string");
    let bound = |name: &str| schema[name].as_u64().and_then(|bound| usize::try_from(bound).ok());
    // Gemini writes types in capitals.
    match kind.to_ascii_lowercase().as_str() {
        "object" => Value::Object(object(schema, chance)),
        "array" => {
            let count = bound("minItems").unwrap_or(1).min(ITEMS_MAX);
            (0..count).map(|_| value(&schema["items"], chance)).collect()
        }
        "integer" => {
            schema["minimum"].as_i64().unwrap_or_else(|| json!(chance.below(100)).as_i64().unwrap_or(0)).into()
        }
        "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(chance.below(100))),
        "boolean" => true.into(),
        "null" => Value::Null,
        _ => {
            let word = text::compose(chance, 1);
            let (least, most) = (bound("minLength").unwrap_or(0).min(LENGTH_MAX), bound("maxLength"));
            word.chars().cycle().take(least.max(word.len()).min(most.unwrap_or(LENGTH_MAX))).collect::<String>().into()
        }
    }
}

/// The most items of an array, whatever its schema asks for.
const ITEMS_MAX: usize = 16;

/// The most characters of a text, whatever its schema asks for.
const LENGTH_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn called(schema: Value) -> Value {
        Tool { name: "weather".to_owned(), schema: Some(schema) }.call(&mut Chance(7)).object()
    }

    #[test]
    fn a_call_has_what_the_schema_requires_and_nothing_else() {
        let arguments = called(json!({
            "type": "object",
            "properties": {
                "place": { "type": "string" }, "unit": { "enum": ["celsius", "kelvin"] }, "days": { "type": "integer" },
                "area": { "type": "OBJECT", "properties": { "north": { "type": "NUMBER" } }, "required": ["north"] },
                "hours": { "type": "array", "items": { "type": "boolean" }, "minItems": 2 },
                "language": { "type": ["string", "null"], "minLength": 12 }, "notes": { "type": "string" },
            },
            "required": ["place", "unit", "days", "area", "hours", "language"],
        }));
        assert!(arguments["place"].is_string() && arguments["days"].is_i64() && arguments["area"]["north"].is_number());
        assert_eq!((&arguments["unit"], &arguments["hours"]), (&json!("celsius"), &json!([true, true])));
        assert_eq!(arguments["language"].as_str().map(str::len), Some(12));
        assert!(arguments.get("notes").is_none());
    }

    #[test]
    fn odd_schemas_get_some_call() {
        for schema in [json!(null), json!([]), json!({ "required": 7 }), json!({ "required": ["x"] })] {
            assert!(called(schema.clone()).is_object(), "{schema}");
        }
        let huge = json!({ "required": ["x"], "properties": { "x": { "type": "array", "minItems": u64::MAX } } });
        assert_eq!(called(huge)["x"].as_array().map(Vec::len), Some(ITEMS_MAX));
    }
}
