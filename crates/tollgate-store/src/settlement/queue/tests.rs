//! What is said to be durable is found after a crash, whenever the crash comes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::ahead::extended;
use super::super::entry::{CallEntry, ExpiryEntry};
use super::super::room::Progress;
use super::*;

/// An entry that is recognised by `number` again.
fn entry(number: i64) -> Entry<'static> {
    Entry::Call(CallEntry { started_at: number, ..CallEntry::default() })
}

fn numbers(payload: &[u8]) -> Vec<i64> {
    decode_all(payload).map(|entry| entry.unwrap().started_at()).collect()
}

#[test]
fn the_rest_waits_until_the_journal_has_seen_it() {
    let queue = Queue::new(7);
    let mut payload = Vec::new();
    for number in [3, 1] {
        let _ = queue.push(&entry(number));
    }
    assert_eq!(queue.copy_ahead(&mut payload), Some(Ahead { group: 7, first: 0, end: 2 }));
    let _ = queue.push(&entry(2));
    let mut group = Batch::default();
    queue.take(Take::Journaled, &mut group);
    assert_eq!((numbers(&group.payload), group.end), (vec![3, 1], 2));
    assert_eq!(group.extent, Extent { entries: 2, started_min: 1, started_max: 3 });
    queue.take(Take::Journaled, &mut group);
    assert_eq!(group.extent.entries, 0);
    assert_eq!(queue.copy_ahead(&mut payload), Some(Ahead { group: 8, first: 2, end: 3 }));
    assert_eq!(numbers(&payload), [2]);
    queue.take(Take::All, &mut group);
    assert_eq!((numbers(&group.payload), group.end), (vec![2], 3));
    assert!(queue.is_empty());
}

#[test]
fn credit_that_expires_waits_as_calls_do() {
    let queue = Queue::new(1);
    let expiry = ExpiryEntry { grant: [1; 16].into(), customer: [2; 16].into(), amount: 5, currency: "USD", at: 9 };
    let pushed = queue.push(&Entry::Expiry(expiry));
    assert!(pushed.is_first && pushed.is_first_for_journal);
    assert!(queue.bytes() > 0);
}

/// One step of the three threads that share the queue.
#[derive(Debug, Clone, Copy)]
enum Step {
    Push,
    /// The journal copies what it has not seen.
    Copy,
    /// Its write ends: on the disk, or without room.
    Written,
    NoRoom,
    /// The writer takes a group.
    Take(bool),
    /// Its commit ends.
    Committed,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Push),
        3 => Just(Step::Copy),
        3 => Just(Step::Written),
        1 => Just(Step::NoRoom),
        2 => any::<bool>().prop_map(Step::Take),
        2 => Just(Step::Committed),
    ]
}

proptest! {
    /// Wherever the process ends: each ticket that somebody was told is durable is in the log, or in the
    /// journal under a group that the log lacks.
    #[test]
    fn what_is_said_to_be_durable_is_found_after_a_crash(steps in prop::collection::vec(step(), 1..120)) {
        let queue = Queue::new(1);
        let progress = Progress::default();
        let mut pushed = 0;
        let mut run = 0..0;
        let mut copied: Option<(Ahead, Vec<i64>)> = None;
        let mut journal: Vec<(i64, Vec<i64>)> = Vec::new();
        let mut taken: Option<(Vec<i64>, u64)> = None;
        let mut log: Vec<Vec<i64>> = Vec::new();
        for step in steps {
            match step {
                Step::Push => {
                    let ticket = queue.push(&entry(pushed)).ticket;
                    prop_assert_eq!(i64::try_from(ticket).unwrap(), pushed);
                    pushed += 1;
                }
                Step::Copy if copied.is_none() => {
                    let mut payload = Vec::new();
                    copied = queue.copy_ahead(&mut payload).map(|ahead| (ahead, numbers(&payload)));
                }
                Step::Written => if let Some((ahead, entries)) = copied.take() {
                    journal.push((ahead.group, entries));
                    run = extended(run, ahead);
                    progress.note_journaled(run.clone());
                },
                Step::NoRoom => copied = None,
                Step::Take(all) if taken.is_none() => {
                    let mut group = Batch::default();
                    queue.take(if all { Take::All } else { Take::Journaled }, &mut group);
                    if group.extent.entries > 0 {
                        taken = Some((numbers(&group.payload), group.end));
                    }
                }
                Step::Committed => if let Some((entries, end)) = taken.take() {
                    log.push(entries);
                    progress.note_logged(end);
                },
                Step::Copy | Step::Take(_) => (),
            }
            let committed = i64::try_from(log.len()).unwrap();
            let left = journal.iter().filter(|(group, _)| *group > committed).flat_map(|(_, entries)| entries);
            let found: Vec<i64> = log.iter().flatten().chain(left).copied().collect();
            let once: BTreeSet<i64> = found.iter().copied().collect();
            prop_assert_eq!(once.len(), found.len(), "found twice");
            for number in 0..pushed {
                let is_durable = progress.of(u64::try_from(number).unwrap()) == Some(Ok(()));
                prop_assert!(!is_durable || once.contains(&number), "{} is lost", number);
            }
        }
    }
}
