//! Turns at an upstream that serves so many requests at the same time: who waits longest within the highest
//! priority is next.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// The turns of one upstream.
#[derive(Debug)]
pub(super) struct Turns {
    most: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: u32,
    arrived: u64,
    /// By priority, the highest first, then by arrival.
    waiting: BTreeMap<(Reverse<u8>, u64), oneshot::Sender<Turn>>,
}

/// The right to be served. Whoever waits gets it when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    /// Nothing once it was passed on.
    turns: Option<Arc<Turns>>,
}

impl Turns {
    pub(super) fn new(most: u32) -> Self {
        Self { most, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn, for at most `wait_max`; `None` if none came.
    pub(super) async fn take(self: &Arc<Self>, priority: u8, wait_max: Duration) -> Option<Turn> {
        let (place, waiting) = {
            let mut state = self.lock();
            if state.taken < self.most {
                state.taken += 1;
                return Some(Turn { turns: Some(Arc::clone(self)) });
            }
            let (sender, waiting) = oneshot::channel();
            state.arrived += 1;
            let place = (Reverse(priority), state.arrived);
            state.waiting.insert(place, sender);
            (place, waiting)
        };
        let turn = timeout(wait_max, waiting).await.ok().and_then(Result::ok);
        if turn.is_none() {
            self.lock().waiting.remove(&place);
        }
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(turns) = self.turns.take() else { return };
        loop {
            let next = {
                let mut state = turns.lock();
                let next = state.waiting.pop_first();
                if next.is_none() {
                    state.taken -= 1;
                }
                next
            };
            let Some((_, next)) = next else { return };
            match next.send(Self { turns: Some(Arc::clone(&turns)) }) {
                Ok(()) => return,
                // Nobody waits for it any more.
                Err(mut unwanted) => unwanted.turns = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    async fn waiting_at(turns: &Arc<Turns>, waiting: usize) {
        while turns.lock().waiting.len() < waiting {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_highest_priority_is_next_and_then_who_came_first() {
        let turns = Arc::new(Turns::new(1));
        let first = turns.take(0, SOON).await.unwrap();
        let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
        for (index, (name, priority)) in [("a", 0), ("b", 9), ("c", 0), ("d", 9)].into_iter().enumerate() {
            let (turns, served) = (Arc::clone(&turns), served.clone());
            let waiting = Arc::clone(&turns);
            tokio::spawn(async move {
                let turn = turns.take(priority, SOON).await.unwrap();
                served.send(name).unwrap();
                drop(turn);
            });
            waiting_at(&waiting, index + 1).await;
        }
        drop(first);
        let mut names = Vec::new();
        for _ in 0..4 {
            names.push(order.recv().await.unwrap());
        }
        assert_eq!(names, ["b", "d", "a", "c"]);
        while turns.lock().taken > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_waiting_is_passed_over() {
        let turns = Arc::new(Turns::new(1));
        let first = turns.take(0, SOON).await.unwrap();
        assert!(turns.take(9, Duration::from_secs(1)).await.is_none());
        drop(first);
        assert!(turns.take(0, Duration::ZERO).await.is_some());
    }
}
