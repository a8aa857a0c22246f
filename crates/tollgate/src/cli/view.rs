//! Answers of the admin API for people: tables and sheets.

use serde_json::Value;

/// A column or a line: what stands above or before it, and where its value is (a JSON pointer).
pub(super) type Field = (&'static str, &'static str);

/// A table of the members of `items`.
pub(super) fn table<'a>(items: impl IntoIterator<Item = &'a Value>, fields: &[Field]) -> String {
    let rows = items.into_iter().map(|item| fields.iter().map(|(_, pointer)| text(item, pointer)).collect());
    columns(&fields.iter().map(|(head, _)| *head).collect::<Vec<_>>(), rows.collect())
}

/// Rows below their heads, each column as wide as its widest cell.
pub(super) fn columns(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    let heads: Vec<String> = heads.iter().map(|head| head.to_uppercase()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..lines[0].len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |cells: &Vec<String>| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The rows of a page of a list, and how to see the next one.
pub(super) fn page(answer: &Value, fields: &[Field]) -> String {
    let items = answer["data"].as_array().map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return "There is nothing.".to_owned();
    }
    let rows = table(items, fields);
    match answer["next"].as_str() {
        Some(next) => format!("{rows}\nThere is more: --after {}", clean(next)),
        None => rows,
    }
}

/// One thing, a line for each member that has a value.
pub(super) fn sheet(item: &Value, fields: &[Field]) -> String {
    let lines = fields.iter().map(|(name, pointer)| (*name, text(item, pointer))).filter(|(_, value)| value != NOTHING);
    let lines: Vec<(&str, String)> = lines.collect();
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    lines.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
}

/// What stands where there is no value.
const NOTHING: &str = "-";

/// The value at `pointer`, in a line.
pub(super) fn text(item: &Value, pointer: &str) -> String {
    item.pointer(pointer).map_or_else(|| NOTHING.to_owned(), in_a_line)
}

fn in_a_line(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => clean(text),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => items.iter().map(in_a_line).collect::<Vec<_>>().join(", "),
        Value::Object(members) if members.values().all(Value::is_null) => NOTHING.to_owned(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{} {}", clean(name), in_a_line(value));
            members.iter().filter(|(_, value)| !value.is_null()).map(member).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Names come from customers too: what would move the cursor of a terminal is not printed.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_is_a_table_and_says_what_follows() {
        let answer =
            json!({"data": [{"id": "cus_1", "name": "Acme"}, {"id": "cus_22", "name": "\u{1b}[2J"}], "next": "x"});
        assert_eq!(
            page(&answer, &[("id", "/id"), ("name", "/name"), ("email", "/email")]),
            "ID      NAME  EMAIL\ncus_1   Acme  -\ncus_22  \u{fffd}[2J  -\nThere is more: --after x"
        );
        assert_eq!(page(&json!({"data": []}), &[]), "There is nothing.");
    }

    #[test]
    fn a_sheet_leaves_out_what_has_no_value() {
        let item = json!({"id": "k", "revoked_at": null, "policy": {"scopes": ["a", "b"]}});
        let fields = [("id", "/id"), ("revoked", "/revoked_at"), ("policy", "/policy")];
        assert_eq!(sheet(&item, &fields), "id      k\npolicy  scopes a, b");
    }
}
