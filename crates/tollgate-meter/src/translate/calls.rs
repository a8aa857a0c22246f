//! Tool calls and their results belong together by id; formats differ in which ids they take.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::conversation::{CallResult, Conversation, Outcome, Part};
use super::flaw::Inexpressible;

/// What ids of tool calls must look like in the target format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdRule {
    /// Most bytes.
    pub len_max: usize,
    /// Whether only letters, digits, `_` and `-` are allowed.
    pub letters: Letters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letters {
    Any,
    WordOnly,
}

impl IdRule {
    fn allows(self, id: &str) -> bool {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        !id.is_empty() && id.len() <= self.len_max && (self.letters == Letters::Any || id.bytes().all(word))
    }
}

/// Finds the call of every result, writes its name into the result, and gives ids that the target would
/// refuse (too long, other characters) new ones, the same for call and result.
///
/// # Errors
/// A result whose id no call before it has.
pub(crate) fn check(conversation: &mut Conversation<'_>, rule: IdRule) -> Result<(), Inexpressible> {
    let taken: HashSet<String> = ids(conversation).filter(|id| rule.allows(id)).map(str::to_owned).collect();
    let mut known: HashMap<String, (String, String)> = HashMap::new();
    let mut made = 0_u64;
    for part in conversation.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match &mut part.what {
            Part::Call(call) => {
                let id = match known.get(&*call.id) {
                    Some((id, _)) => id.clone(),
                    None if rule.allows(&call.id) => call.id.clone().into_owned(),
                    None => fresh(&taken, &mut made),
                };
                known.insert(call.id.clone().into_owned(), (id.clone(), call.name.clone().into_owned()));
                call.id = Cow::Owned(id);
            }
            Part::Result(result) => {
                let Some((id, name)) = known.get(&*result.id) else {
                    return Err(Inexpressible::new(&part.at, "answers a tool call that is not in the conversation"));
                };
                result.id = Cow::Owned(id.clone());
                result.name = Cow::Owned(name.clone());
            }
            Part::Text(_) | Part::Refusal(_) | Part::Media(_) | Part::Reasoning { .. } => (),
        }
    }
    Ok(())
}

fn ids<'c>(conversation: &'c Conversation<'_>) -> impl Iterator<Item = &'c str> {
    conversation.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match &part.what {
        Part::Call(call) => Some(&*call.id),
        _ => None,
    })
}

fn fresh(taken: &HashSet<String>, made: &mut u64) -> String {
    loop {
        let id = format!("call_{made}");
        *made += 1;
        if !taken.contains(&id) {
            return id;
        }
    }
}

/// The texts of a result, for formats that have only words for a failure: it begins with one that says so.
pub(crate) fn words(result: &CallResult<'_>) -> String {
    let mut words = String::new();
    for part in &result.content {
        if let Part::Text(text) = &part.what {
            if !words.is_empty() {
                words.push('\n');
            }
            words.push_str(text);
        }
    }
    let says_so = words.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error"));
    match result.outcome {
        Outcome::Failure if !says_so => format!("Error: {words}"),
        Outcome::Failure | Outcome::Success => words,
    }
}
