//! The names that an object has shown so far.

use std::borrow::Cow;
use std::collections::HashSet;

/// Objects with up to this many members are searched in a row, larger ones in a set. The set hashes
/// with a random key, so that a hostile body cannot make it slow.
const IN_A_ROW: usize = 16;

/// A set of names.
#[derive(Default)]
pub(super) struct Seen<'a> {
    row: [Option<Cow<'a, [u8]>>; IN_A_ROW],
    len: usize,
    more: HashSet<Cow<'a, [u8]>>,
}

impl<'a> Seen<'a> {
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        let in_row = self.row[..self.len.min(IN_A_ROW)].iter().flatten().any(|seen| **seen == *name);
        in_row || (self.len > IN_A_ROW && self.more.contains(name))
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, name: Cow<'a, [u8]>) {
        match self.row.get_mut(self.len) {
            Some(place) => *place = Some(name),
            None => {
                self.more.insert(name);
            }
        }
        self.len += 1;
    }
}
