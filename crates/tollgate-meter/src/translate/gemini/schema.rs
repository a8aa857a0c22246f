//! Google's older schemas, turned into JSON Schema.

use serde_json::{Map, Value};

/// Members with another name or none in JSON Schema: the order of properties and examples only advise.
const LEFT_OUT: &[&str] = &["nullable", "propertyOrdering", "property_ordering", "example"];
/// Counts that Google's servers also take as texts.
const COUNTS: &[&str] = &["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// JSON Schema for `schema`: types in lower case, `nullable` as a type, counts as numbers. Its depth is
/// bounded by the parser's.
pub(super) fn to_json_schema(schema: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(schema).ok()?;
    Some(converted(schema).to_string())
}

fn converted(schema: Value) -> Value {
    let Value::Object(members) = schema else { return schema };
    let nullable = members.get("nullable").and_then(Value::as_bool) == Some(true);
    let mut out = Map::new();
    for (name, value) in members {
        let name = match &*name {
            "any_of" => "anyOf".to_owned(),
            "min_items" => "minItems".to_owned(),
            "max_items" => "maxItems".to_owned(),
            "min_length" => "minLength".to_owned(),
            "max_length" => "maxLength".to_owned(),
            _ => name,
        };
        let value = match (&*name, value) {
            (name, _) if LEFT_OUT.contains(&name) => continue,
            // Says that `enum` is there, which it is.
            ("format", Value::String(format)) if format == "enum" => continue,
            ("type", Value::String(kind)) if kind == "TYPE_UNSPECIFIED" => continue,
            ("type", Value::String(kind)) => one_or_null(Value::String(kind.to_ascii_lowercase()), nullable),
            ("enum", Value::Array(mut values)) => {
                if nullable {
                    values.push(Value::Null);
                }
                Value::Array(values)
            }
            ("properties", Value::Object(properties)) => {
                Value::Object(properties.into_iter().map(|(name, schema)| (name, converted(schema))).collect())
            }
            ("anyOf", Value::Array(schemas)) => Value::Array(schemas.into_iter().map(converted).collect()),
            ("items" | "additionalProperties", schema) => converted(schema),
            (name, Value::String(count)) if COUNTS.contains(&name) => {
                count.parse::<u64>().map_or(Value::String(count), Value::from)
            }
            (_, value) => value,
        };
        out.insert(name, value);
    }
    Value::Object(out)
}

fn one_or_null(kind: Value, nullable: bool) -> Value {
    if nullable { Value::Array(vec![kind, Value::String("null".into())]) } else { kind }
}
