//! One record of the journal: entries of one group, as they were synced together.

use std::ops::Range;

use aws_lc_rs::digest::{Context, SHA256};

/// Records begin at multiples of it: unbuffered writes need whole blocks.
pub(super) const BLOCK: usize = 4_096;

const MAGIC: [u8; 4] = *b"TGJ1";
const DIGEST: Range<usize> = 36..68;

/// What stands before the payload: mark, number, group, committed, length, digest.
const HEAD: usize = 72;

/// A record's place in the order of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Counts the records of a journal, from 1.
    pub(super) number: u64,
    /// The group of the settlement log that the entries belong to.
    pub(super) group: i64,
    /// The last group that the log had when it was written.
    pub(super) committed: i64,
}

/// A record that was read back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) place: Place,
    pub(super) payload: &'a [u8],
    /// Bytes that it takes, with what fills its last block.
    pub(super) len: usize,
}

/// Whole blocks that hold a record with `payload` bytes.
pub(super) const fn len_of(payload: usize) -> usize {
    (HEAD + payload).next_multiple_of(BLOCK)
}

/// Writes a record to the beginning of `blocks`, which has room for it.
pub(super) fn write(blocks: &mut [u8], title: &[u8], place: Place, payload: &[u8]) {
    let (head, rest) = blocks.split_at_mut(HEAD);
    head.fill(0);
    head[..4].copy_from_slice(&MAGIC);
    head[4..12].copy_from_slice(&place.number.to_be_bytes());
    head[12..20].copy_from_slice(&place.group.to_be_bytes());
    head[20..28].copy_from_slice(&place.committed.to_be_bytes());
    head[28..36].copy_from_slice(&u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
    let digest = digest(title, &head[..DIGEST.start], payload);
    head[DIGEST].copy_from_slice(&digest);
    let (body, filler) = rest.split_at_mut(payload.len());
    body.copy_from_slice(payload);
    filler.fill(0);
}

/// Reads the record at the beginning of `blocks`; `None` if there is none that was written whole.
pub(super) fn read<'a>(blocks: &'a [u8], title: &[u8]) -> Option<Record<'a>> {
    let (head, rest) = blocks.split_at_checked(HEAD)?;
    let number = u64::from_be_bytes(head[4..12].try_into().ok()?);
    let group = i64::from_be_bytes(head[12..20].try_into().ok()?);
    let committed = i64::from_be_bytes(head[20..28].try_into().ok()?);
    let len = usize::try_from(u64::from_be_bytes(head[28..36].try_into().ok()?)).ok()?;
    let payload = rest.get(..len)?;
    let is_whole = head[..4] == MAGIC && head[DIGEST] == digest(title, &head[..DIGEST.start], payload);
    is_whole.then(|| Record { place: Place { number, group, committed }, payload, len: len_of(len) })
}

/// Over the journal's title too: a record of another journal is none of this one.
fn digest(title: &[u8], head: &[u8], payload: &[u8]) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    digest.update(title);
    digest.update(head);
    digest.update(payload);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.finish().as_ref());
    bytes
}
