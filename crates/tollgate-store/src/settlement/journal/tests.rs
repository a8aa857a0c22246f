//! The journal as a crash leaves it: what was acknowledged is there, in order, and nothing else.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

struct Folder {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.db-settlements");
    Folder { _folder: folder, path }
}

fn title() -> Title {
    Title { database: "d1".to_owned(), node: "n1".to_owned() }
}

fn left(group: i64, committed: i64, payload: &[u8]) -> Left {
    Left { group, committed, payload: payload.to_vec() }
}

#[test]
fn entries_of_a_group_are_found_together_and_in_order() {
    let folder = folder();
    let mut journal = Journal::create(&folder.path, title()).unwrap();
    for (group, payload) in [(1, "a"), (1, "b"), (2, "c"), (3, "d")] {
        assert_eq!(journal.append(group, payload.as_bytes(), 0).unwrap(), Appended::Durable);
    }
    drop(journal);
    assert_eq!(read(&folder.path, &title()).unwrap(), [left(1, 0, b"ab"), left(2, 0, b"c"), left(3, 0, b"d")]);
}

#[test]
fn there_is_nothing_where_no_journal_was_made_or_not_to_its_end() {
    let folder = folder();
    assert_eq!(read(&folder.path, &title()).unwrap(), []);
    fs::write(&folder.path, [0; 3 * BLOCK]).unwrap();
    assert_eq!(read(&folder.path, &title()).unwrap(), []);
}

#[test]
fn a_title_that_is_not_known_is_not_taken_for_an_empty_journal() {
    let folder = folder();
    let mut journal = Journal::create(&folder.path, title()).unwrap();
    journal.append(1, b"a", 0).unwrap();
    drop(journal);
    let mut bytes = fs::read(&folder.path).unwrap();
    bytes[Title::FIRST_LINE.len() - 1] = b'2';
    fs::write(&folder.path, bytes).unwrap();
    assert!(read(&folder.path, &title()).unwrap_err().to_string().contains("does not know"));
}

#[test]
fn a_half_is_used_again_only_when_the_log_has_what_it_holds() {
    let folder = folder();
    let mut journal = Journal::create(&folder.path, title()).unwrap();
    let most = vec![7; HALF - BLOCK];
    assert_eq!(journal.append(1, &most, 0).unwrap(), Appended::Durable);
    assert_eq!(journal.append(2, &most, 0).unwrap(), Appended::Durable);
    assert_eq!(journal.append(3, &most, 0).unwrap(), Appended::NoRoom);
    assert_eq!(journal.append(3, &most, 1).unwrap(), Appended::Durable);
    assert_eq!(journal.append(4, &most, 1).unwrap(), Appended::NoRoom);
    assert_eq!(journal.append(4, b"small", 1).unwrap(), Appended::NoRoom);
    drop(journal);
    let groups: Vec<i64> = read(&folder.path, &title()).unwrap().iter().map(|left| left.group).collect();
    assert_eq!(groups, [2, 3]);
}

#[test]
fn more_than_a_half_holds_never_fits() {
    let folder = folder();
    let mut journal = Journal::create(&folder.path, title()).unwrap();
    assert_eq!(journal.append(1, &vec![0; HALF], 0).unwrap(), Appended::NoRoom);
    assert_eq!(journal.append(1, b"small", 0).unwrap(), Appended::Durable);
}

#[test]
fn the_journal_of_another_database_or_node_is_not_taken_for_this_one() {
    let folder = folder();
    let mut journal = Journal::create(&folder.path, title()).unwrap();
    journal.append(1, b"a", 0).unwrap();
    drop(journal);
    let other = Title { database: "d2".to_owned(), ..title() };
    assert!(read(&folder.path, &other).unwrap_err().to_string().contains("another database"));
    let other = Title { node: "n2".to_owned(), ..title() };
    assert!(read(&folder.path, &other).unwrap_err().to_string().contains("store.node = \"n1\""));
}

#[test]
fn a_hole_between_the_halves_is_reported() {
    let folder = folder();
    let mut journal = Journal::create(&folder.path, title()).unwrap();
    let most = vec![7; HALF / 2];
    for group in 1..=3 {
        journal.append(group, &most[..HALF / 2 - BLOCK], 0).unwrap();
    }
    drop(journal);
    let mut bytes = fs::read(&folder.path).unwrap();
    bytes[BLOCK + HALF / 2 + 500] ^= 1;
    fs::write(&folder.path, bytes).unwrap();
    assert!(read(&folder.path, &title()).unwrap_err().to_string().contains("lacks records before number 3"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was appended, wherever the last write was cut: the records before it are there.
    #[test]
    fn a_write_that_was_cut_takes_nothing_else_away(
        sizes in prop::collection::vec(1_usize..2_000_000, 1..24),
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = folder();
        let mut journal = Journal::create(&folder.path, title()).unwrap();
        let mut group = 0;
        let mut acknowledged = Vec::new();
        for size in sizes {
            group += 1;
            let payload = vec![u8::try_from(group).unwrap(); size];
            // The log is two groups behind.
            match journal.append(group, &payload, group - 3).unwrap() {
                Appended::Durable => acknowledged.push(left(group, group - 3, &payload)),
                Appended::NoRoom => (),
            }
        }
        let torn_at = start_of(journal.current) + journal.halves[journal.current].used;
        drop(journal);
        let mut bytes = fs::read(&folder.path).unwrap();
        let end = (torn_at + 3 * BLOCK).min(bytes.len());
        let torn_to = torn_at + cut.index((end - torn_at).max(1));
        bytes[torn_at.min(end)..torn_to.min(end)].fill(0xA5);
        fs::write(&folder.path, bytes).unwrap();

        let found = read(&folder.path, &title()).unwrap();
        let needed: Vec<&Left> = acknowledged.iter().filter(|left| left.group > group - 3).collect();
        let found: Vec<&Left> = found.iter().filter(|left| left.group > group - 3).collect();
        prop_assert_eq!(found.len(), needed.len());
        prop_assert!(found == needed);
    }
}
