//! Lists of tools, prompts and resources: what they name, and how to change that.

use std::ops::Range;

use crate::json::{Flaw, Kind, Scanner};

/// What a list is a list of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listed {
    /// `tools/list`
    Tools,
    /// `prompts/list`
    Prompts,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    ResourceTemplates,
}

/// One thing of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name, or its URI.
    pub name: Box<str>,
    /// Where the name stands in the message, with its quotes.
    pub name_place: Range<usize>,
    /// Where all of it stands.
    pub place: Range<usize>,
}

/// A list in the result of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// What it has, in its order.
    pub items: Vec<Item>,
    /// Where to go on reading; `None` at the end.
    pub next_cursor: Option<Box<str>>,
}

impl Listed {
    /// Every kind of list.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Prompts, Self::Resources, Self::ResourceTemplates];

    /// What the method lists.
    #[must_use]
    pub fn of(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|listed| listed.method() == method)
    }

    /// The method that lists it.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::ResourceTemplates => "resources/templates/list",
        }
    }

    /// The member of the result that has the list.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
        }
    }

    /// The member of an item by which it is asked for.
    const fn name_member(self) -> &'static [u8] {
        match self {
            Self::Tools | Self::Prompts => b"name",
            Self::Resources => b"uri",
            Self::ResourceTemplates => b"uriTemplate",
        }
    }
}

/// What the result of `message` lists; `None` if it has no such list.
///
/// An item without a name stays where it is: nobody can ask for it.
#[must_use]
pub fn read(message: &[u8], listed: Listed) -> Option<List> {
    let (mut found, mut list) = (false, List::default());
    let mut scanner = Scanner::new(message);
    let walked = member_of(&mut scanner, |scanner, name| {
        if name != b"result" || scanner.kind()? != Kind::Object {
            return scanner.skip();
        }
        member_of(scanner, |scanner, name| {
            if name == listed.member().as_bytes() && scanner.kind()? == Kind::Array {
                // Of two lists the last one counts, as for most parsers; what was read of the first is forgotten.
                list.items.clear();
                found = true;
                return scanner.array(|scanner| {
                    list.items.extend(item(scanner, listed)?);
                    Ok(())
                });
            }
            if name == b"nextCursor" && scanner.kind()? == Kind::String {
                list.next_cursor = Some(scanner.string()?.text().into());
                return Ok(());
            }
            scanner.skip()
        })
    });
    (walked.is_ok() && found).then_some(list)
}

fn item(scanner: &mut Scanner<'_>, listed: Listed) -> Result<Option<Item>, Flaw> {
    let start = scanner.at();
    let mut named = None;
    if scanner.kind()? != Kind::Object {
        scanner.skip()?;
        return Ok(None);
    }
    member_of(scanner, |scanner, name| {
        if name == listed.name_member() && scanner.kind()? == Kind::String {
            let at = scanner.at();
            let text = scanner.string()?.text();
            named = Some((text.into(), at..scanner.at()));
            return Ok(());
        }
        scanner.skip()
    })?;
    let place = start..scanner.at();
    Ok(named.map(|(name, name_place)| Item { name, name_place, place }))
}

fn member_of<'a>(
    scanner: &mut Scanner<'a>,
    mut member: impl FnMut(&mut Scanner<'a>, &[u8]) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    scanner.object(|scanner, key| member(scanner, &key.text.bytes()))
}

/// `message` without the items at these places, which must be those of one list, in their order.
#[must_use]
pub fn without(message: &[u8], hidden: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(message.len());
    let mut at = 0;
    for place in hidden {
        kept.extend_from_slice(&message[at..place.start]);
        at = place.end;
        // With the comma that follows, or else with the one before.
        let rest = &message[at..];
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if rest.get(space) == Some(&b',') {
            at += space + 1;
        } else {
            let end = kept.trim_ascii_end().len();
            if kept.get(end.wrapping_sub(1)) == Some(&b',') {
                kept.truncate(end - 1);
            }
        }
    }
    kept.extend_from_slice(&message[at..]);
    kept
}
