//! Answers of several servers put together: the handshake, and lists.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tollgate_meter::mcp::list::{self, Listed};
use tollgate_meter::mcp::{Outcome, Request, label};

use crate::deliver::Carried;
use crate::refuse::Refusal;

use super::Switch;
use super::joined::{Joined, Own};

/// Pages that are read of one server's list. A list without an end is a mistake of the server.
const PAGES_MAX: usize = 100;

/// Begins a session with every server that answers. The newest revision that all of them speak is the
/// oldest one that any of them chose.
pub(super) async fn initialize(mut switch: Switch<'_>, request: &Request, body: &Bytes) -> Result<Carried, Refusal> {
    let asked = (0..servers(&switch)).map(|index| switch.reply_with_session(index, &request.id, body.clone()));
    let replies = futures_util::future::join_all(asked).await;
    let mut kept = Vec::new();
    let mut results = Vec::new();
    for (index, reply) in replies.into_iter().enumerate() {
        let taken = reply.ok().and_then(|(id, message)| {
            let result = result_of(&message)?;
            let version = result.get("protocolVersion")?.as_str()?.to_owned();
            results.push((index, result));
            Some(Own { id, version })
        });
        if taken.is_none() {
            left_out(&switch, index);
        }
        kept.push(taken);
    }
    let Some(version) = kept.iter().flatten().map(|own| own.version.clone()).min() else {
        return Err(Refusal::upstream_failed());
    };
    let result = json!({
        "protocolVersion": version,
        "capabilities": capabilities(&results),
        "serverInfo": server_info(&switch),
        "instructions": instructions(&switch, &results),
    });
    switch.session = Joined::begun(kept);
    switch.answered(request, &result.to_string(), Outcome::Done).await
}

/// What all servers together can do, in the revisions without a handshake.
pub(super) async fn discover(switch: Switch<'_>, request: &Request, body: &Bytes) -> Result<Carried, Refusal> {
    let asked = (0..servers(&switch)).map(|index| switch.reply(index, &request.id, body.clone()));
    let replies = futures_util::future::join_all(asked).await;
    let results: Vec<(usize, Map<String, Value>)> =
        replies.into_iter().enumerate().filter_map(|(index, reply)| Some((index, result_of(&reply.ok()?)?))).collect();
    // A client takes an error to mean that there is a handshake; and there is one with every server.
    let Some((_, mut result)) = results.first().filter(|_| results.len() == servers(&switch)).cloned() else {
        let error =
            json!({ "code": -32_601, "message": "Not all servers behind this endpoint can do without a handshake." });
        return switch.failed(request, &error).await;
    };
    let speaks = |version: &Value| {
        let among =
            |result: &Map<String, Value>| result["supportedVersions"].as_array().is_some_and(|v| v.contains(version));
        results.iter().all(|(_, result)| result.contains_key("supportedVersions") && among(result))
    };
    let versions = result.get("supportedVersions").and_then(Value::as_array).cloned().unwrap_or_default();
    let versions: Vec<Value> = versions.into_iter().filter(speaks).collect();
    result.insert("supportedVersions".to_owned(), versions.into());
    result.insert("capabilities".to_owned(), capabilities(&results));
    result.insert("instructions".to_owned(), instructions(&switch, &results).into());
    if result.contains_key("serverInfo") {
        result.insert("serverInfo".to_owned(), server_info(&switch));
    }
    switch.answered(request, &Value::Object(result).to_string(), Outcome::Done).await
}

/// The lists of all servers as one page, names with their prefixes.
pub(super) async fn lists(
    switch: Switch<'_>,
    request: &Request,
    listed: Listed,
    body: &Bytes,
) -> Result<Carried, Refusal> {
    let asked = (0..servers(&switch)).map(|index| pages(&switch, index, request, listed, body));
    let replies = futures_util::future::join_all(asked).await;
    let (mut items, mut result, mut first_error) = (Vec::new(), None, None);
    for (index, reply) in replies.into_iter().enumerate() {
        match reply {
            Ok(Pages::Absent) => (),
            Ok(Pages::Read(list, first)) => {
                items.extend(list);
                result = result.or(Some(first));
            }
            Err(refusal) if refusal.status() == 404 => return Err(refusal),
            Err(refusal) => {
                left_out(&switch, index);
                first_error = first_error.or(Some(refusal));
            }
        }
    }
    let mut result = match (result, first_error) {
        (Some(result), _) => result,
        (None, Some(refusal)) => return Err(refusal),
        (None, None) => Map::new(),
    };
    result.remove("nextCursor");
    result.insert(listed.member().to_owned(), json!([]));
    // The items are put in as they were written: a tree would lose what it cannot hold.
    let frame = Value::Object(result).to_string();
    let empty = format!("\"{}\":[]", listed.member());
    let (before, after) = frame.split_once(&empty).unwrap_or(("{", "}"));
    let member = listed.member();
    let result = format!("{before}\"{member}\":[{}]{after}", items.join(","));
    switch.answered(request, &result, Outcome::Done).await
}

/// What one server lists.
enum Pages {
    /// It has no such lists, or takes no part.
    Absent,
    /// Its items in JSON, and the first result.
    Read(Vec<String>, Map<String, Value>),
}

async fn pages(
    switch: &Switch<'_>,
    index: usize,
    request: &Request,
    listed: Listed,
    body: &Bytes,
) -> Result<Pages, Refusal> {
    let (mut items, mut first) = (Vec::new(), None);
    let Some(server) = switch.admitted.mcp.servers.get(index).filter(|_| switch.session.takes_part(index)) else {
        return Ok(Pages::Absent);
    };
    let mut body = body.clone();
    let mut left = switch.admitted.route.response_bytes_max;
    for _ in 0..PAGES_MAX {
        let message = switch.reply(index, &request.id, body.clone()).await?;
        left = left.saturating_sub(u64::try_from(message.len()).unwrap_or(u64::MAX));
        let Some(list) = list::read(&message, listed).filter(|_| left > 0) else { break };
        items.extend(list.items.iter().map(|item| prefixed(&message, item, listed, &server.prefix)));
        if first.is_none() {
            first = result_of(&message);
        }
        match list.next_cursor {
            Some(cursor) => body = next_page(&body, &cursor),
            None => break,
        }
    }
    Ok(first.map_or(Pages::Absent, |first| Pages::Read(items, first)))
}

/// An item with its prefix. Resources keep their names.
fn prefixed(message: &Bytes, item: &list::Item, listed: Listed, prefix: &str) -> String {
    let text = match listed {
        Listed::Resources | Listed::ResourceTemplates => message.slice(item.place.clone()),
        Listed::Tools | Listed::Prompts => {
            let name = Value::from(format!("{prefix}{}", item.name)).to_string();
            let place = item.name_place.start - item.place.start..item.name_place.end - item.place.start;
            label::spliced(&message.slice(item.place.clone()), place, name.as_bytes()).into()
        }
    };
    String::from_utf8_lossy(&text).into_owned()
}

/// The request for the page behind `cursor`.
fn next_page(body: &Bytes, cursor: &str) -> Bytes {
    let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(request) = request.as_object_mut() {
        let params = request.entry("params").or_insert_with(|| json!({}));
        if let Some(params) = params.as_object_mut() {
            params.insert("cursor".to_owned(), cursor.into());
        }
    }
    request.to_string().into()
}

fn servers(switch: &Switch<'_>) -> usize {
    switch.admitted.mcp.servers.len()
}

fn left_out(switch: &Switch<'_>, index: usize) {
    let prefix = switch.admitted.mcp.servers.get(index).map_or("", |server| &server.prefix);
    tracing::warn!(request = %switch.admitted.call.id, prefix, "An MCP server is left out: it gave no answer");
}

/// The result of a message, if it has one.
fn result_of(message: &[u8]) -> Option<Map<String, Value>> {
    let mut message: Map<String, Value> = serde_json::from_slice(message).ok()?;
    match message.remove("result") {
        Some(Value::Object(result)) => Some(result),
        _ => None,
    }
}

/// What any of them can do.
fn capabilities(results: &[(usize, Map<String, Value>)]) -> Value {
    let mut all = Map::new();
    for (_, result) in results {
        let Some(capabilities) = result.get("capabilities").and_then(Value::as_object) else { continue };
        for (name, capability) in capabilities {
            match (all.get_mut(name).and_then(Value::as_object_mut), capability.as_object()) {
                (Some(known), Some(more)) => known.extend(more.clone()),
                _ => {
                    all.insert(name.clone(), capability.clone());
                }
            }
        }
    }
    Value::Object(all)
}

/// What each of them tells the model, under its prefix.
fn instructions(switch: &Switch<'_>, results: &[(usize, Map<String, Value>)]) -> String {
    let parts = results.iter().filter_map(|(index, result)| {
        let text = result.get("instructions")?.as_str().filter(|text| !text.is_empty())?;
        let prefix = switch.admitted.mcp.servers.get(*index).map_or("", |server| &server.prefix);
        Some(format!("Tools that begin with {prefix}: {text}"))
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

fn server_info(switch: &Switch<'_>) -> Value {
    json!({ "name": switch.admitted.mcp.protocol.terms.api, "version": env!("CARGO_PKG_VERSION") })
}
