//! The journal: what answers wait for on SQLite.
//!
//! A commit of SQLite writes a dozen pages and wakes its thread several times. A record of the journal is
//! one write, unbuffered and synced, to blocks that exist already. It runs ahead of the settlement log:
//! entries are durable here first, and the writer moves them into the log in larger groups, a few
//! milliseconds later.
//!
//! A record names the group of the log that its entries belong to. After a crash the records of groups that
//! the log does not have are those that are missing there ([`read`]). Records go into one half of the file
//! until it is full, then into the other one, as soon as the log has everything that half holds. When
//! Tollgate stops in good order everything is in the log, and the file is removed.

mod record;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::{Corrupt, StoreError};

use record::{BLOCK, Place};

/// The bytes of one half.
const HALF: usize = 8 * 1024 * 1024;

/// Where records may stand: the first block is the title's.
const fn start_of(half: usize) -> usize {
    BLOCK + half * HALF
}

const FILE_LEN: usize = start_of(2);

/// The journal of a node, open for writing.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    title: Title,
    halves: [Half; 2],
    /// The half that is being filled.
    current: usize,
    /// Of the next record.
    number: u64,
    /// Where a record is put together; large enough to begin at a multiple of a block.
    blocks: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Half {
    used: usize,
    /// The last group that a record in it belongs to.
    last_group: i64,
}

/// Whose journal it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Title {
    /// The database.
    pub(super) database: String,
    /// The node that settles into it.
    pub(super) node: String,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is on the disk.
    Durable,
    /// There is no room until the log has more of the groups.
    NoRoom,
}

/// Entries of one group that were durable in the journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) group: i64,
    /// The last group that the log had when the last of them was written.
    pub(super) committed: i64,
    pub(super) payload: Vec<u8>,
}

impl Title {
    const FIRST_LINE: &str = "Tollgate settlement journal, version 1";

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", Self::FIRST_LINE, self.database, self.node)
    }

    fn parse(block: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(block).ok()?.lines();
        let (first, database, node) = (lines.next()?, lines.next()?, lines.next()?);
        (first == Self::FIRST_LINE).then(|| Self { database: database.to_owned(), node: node.to_owned() })
    }
}

impl Journal {
    /// Makes an empty journal at `path`, in place of one that was read.
    pub(super) fn create(path: &Path, title: Title) -> io::Result<Self> {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        // Written and not only reserved: a block's first write would have to sync the file system's own books.
        let zeros = vec![0; 1024 * 1024];
        let mut left = FILE_LEN;
        while left > 0 {
            let some = left.min(zeros.len());
            file.write_all(&zeros[..some])?;
            left -= some;
        }
        file.write_all_at(title.text().as_bytes(), 0)?;
        file.sync_all()?;
        sync_folder_of(path)?;
        let mut blocks = Vec::new();
        let file = open_synced(path, &mut blocks)?;
        Ok(Self { path: path.to_path_buf(), file, title, halves: [Half::default(); 2], current: 0, number: 1, blocks })
    }

    /// Appends `payload`, entries of `group`, and syncs. The log has all groups up to `committed`.
    ///
    /// # Errors
    /// If the disk fails. Nothing can be appended any more then: what follows a record that was cut is not found.
    pub(crate) fn append(&mut self, group: i64, payload: &[u8], committed: i64) -> io::Result<Appended> {
        let len = record::len_of(payload.len());
        if self.halves[self.current].used + len > HALF {
            let other = 1 - self.current;
            if len > HALF || self.halves[other].last_group > committed {
                return Ok(Appended::NoRoom);
            }
            self.current = other;
            self.halves[other] = Half::default();
        }
        let at = start_of(self.current) + self.halves[self.current].used;
        let place = Place { number: self.number, group, committed };
        let blocks = aligned(&mut self.blocks, len);
        record::write(blocks, self.title.text().as_bytes(), place, payload);
        self.file.write_all_at(blocks, u64::try_from(at).map_err(io::Error::other)?)?;
        let half = &mut self.halves[self.current];
        half.used += len;
        half.last_group = group;
        self.number += 1;
        Ok(Appended::Durable)
    }

    /// Removes the file: the log has everything.
    pub(super) fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// What the journal at `path` holds, in order; nothing if there is none.
///
/// # Errors
/// If it cannot be read, is damaged, or is not the one of `title`.
pub(super) fn read(path: &Path, title: &Title) -> Result<Vec<Left>, StoreError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => (),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::Unavailable(sqlx::Error::Io(error))),
    }
    let name = path.display();
    let first = bytes.get(..BLOCK).unwrap_or(&bytes);
    let Some(found) = Title::parse(first) else {
        // A file that was not made to its end, title last, has never held a record.
        if bytes.len() < FILE_LEN || first.iter().all(|&byte| byte == 0) {
            return Ok(Vec::new());
        }
        return Err(Corrupt(format!("{name} has a title that this version of Tollgate does not know")).into());
    };
    if found.database != title.database {
        return Err(Corrupt(format!(
            "{name} holds settlements of another database; move it back beside that one, or away"
        ))
        .into());
    }
    if found.node != title.node {
        let Title { node, .. } = found;
        return Err(Corrupt(format!(
            "{name} holds settlements of node {node:?}; start once with store.node = {node:?}, so that they are settled"
        ))
        .into());
    }
    let text = title.text();
    let mut halves = [0, 1].map(|half| records(bytes.get(start_of(half)..).unwrap_or_default(), text.as_bytes()));
    halves.sort_by_key(|half| half.first().map(|(place, _)| place.number));
    let mut left: Vec<Left> = Vec::new();
    let mut last: Option<Place> = None;
    for (place, payload) in halves.iter().flatten() {
        let follows = |last: Place| place.number == last.number + 1 && place.group >= last.group;
        if !last.is_none_or(follows) {
            return Err(Corrupt(format!("{name} lacks records before number {}", place.number)).into());
        }
        last = Some(*place);
        match left.last_mut() {
            Some(group) if group.group == place.group => {
                group.committed = place.committed;
                group.payload.extend_from_slice(payload);
            }
            _ => left.push(Left { group: place.group, committed: place.committed, payload: payload.to_vec() }),
        }
    }
    Ok(left)
}

/// The records of one half: each follows on the one before. Behind the last one may be what is left of the
/// time before the half was used again, and a record that a crash cut off.
fn records<'a>(bytes: &'a [u8], title: &[u8]) -> Vec<(Place, &'a [u8])> {
    let mut bytes = &bytes[..bytes.len().min(HALF)];
    let mut records: Vec<(Place, &[u8])> = Vec::new();
    while let Some(record) = record::read(bytes, title) {
        if records.last().is_some_and(|(last, _)| record.place.number != last.number + 1) {
            break;
        }
        records.push((record.place, record.payload));
        bytes = bytes.get(record.len..).unwrap_or_default();
    }
    records
}

/// The first `len` bytes of `room` that begin at a multiple of a block in memory.
fn aligned(room: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if room.len() < len + BLOCK {
        room.resize(len + BLOCK, 0);
    }
    let start = room.as_ptr().align_offset(BLOCK);
    &mut room[start..start + len]
}

/// Opens a journal so that a write ends when it is on the disk: past the page cache where the file system
/// can do that, which saves a third of the time.
fn open_synced(path: &Path, room: &mut Vec<u8>) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        let direct = File::options().read(true).write(true).custom_flags(libc::O_DIRECT | libc::O_DSYNC).open(path);
        // Some file systems open a file like that and fail at the first write.
        let tried = direct.and_then(|file| {
            let block = aligned(room, BLOCK);
            block.fill(0);
            file.write_all_at(block, u64::try_from(start_of(0)).map_err(io::Error::other)?)?;
            Ok(file)
        });
        if tried.is_ok() {
            return tried;
        }
    }
    let _ = room;
    File::options().write(true).custom_flags(libc::O_DSYNC).open(path)
}

/// After it, the file is in its folder whatever happens.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
