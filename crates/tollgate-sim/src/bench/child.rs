//! Child processes that do not outlive the bench.

use std::collections::HashSet;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How long a group may take to end by itself.
const END_WITHIN: Duration = Duration::from_secs(2);

/// All running children. Each is the leader of a process group, so that its own children count and end
/// with it.
#[derive(Debug, Clone)]
pub struct Children {
    /// Nothing once all have been ended.
    running: Arc<Mutex<Option<HashSet<Pid>>>>,
}

/// A running child; dropping it ends its whole group.
#[derive(Debug)]
pub struct Group {
    leader: Child,
    id: Pid,
    children: Children,
}

impl Default for Children {
    fn default() -> Self {
        Self::new()
    }
}

impl Children {
    /// A family without children yet.
    #[must_use]
    pub fn new() -> Self {
        Self { running: Arc::new(Mutex::new(Some(HashSet::new()))) }
    }

    /// Starts `command` as the leader of a new group. Its standard input stays open as long as the bench
    /// lives, even if the bench is killed.
    pub fn start(&self, command: &mut Command) -> io::Result<Group> {
        // The lock is held while starting, so that `end_all` misses nobody.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.as_mut().ok_or_else(|| io::Error::other("the bench is ending"))?;
        let leader = command.stdin(Stdio::piped()).process_group(0).spawn()?;
        let id = Pid::from_child(&leader);
        running.insert(id);
        Ok(Group { leader, id, children: self.clone() })
    }

    /// Ends every child at once and lets no more be started.
    pub fn end_all(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        for group in running.take().into_iter().flatten() {
            kill(group);
        }
    }

    fn forget(&self, group: Pid) {
        if let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            running.remove(&group);
        }
    }
}

impl Group {
    /// The id of the group.
    #[must_use]
    pub fn id(&self) -> Pid {
        self.id
    }

    /// How the leader ended, if it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.leader.try_wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // An error means that there is nobody left.
        let _ = kill_process_group(self.id, Signal::TERM);
        let asked_at = Instant::now();
        while asked_at.elapsed() < END_WITHIN && matches!(self.leader.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(5));
        }
        kill(self.id);
        let _ = self.leader.wait();
        self.children.forget(self.id);
    }
}

fn kill(group: Pid) {
    // An error means that there is nobody left.
    let _ = kill_process_group(group, Signal::KILL);
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// A shell whose own child sleeps.
    fn sleeper(children: &Children) -> Group {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & wait"]).stdout(Stdio::piped());
        children.start(&mut command).unwrap()
    }

    /// Waits until nobody is left to write to `output`.
    fn all_gone(mut output: impl Read) -> bool {
        let asked_at = Instant::now();
        output.read_to_end(&mut Vec::new()).unwrap();
        asked_at.elapsed() < Duration::from_secs(30)
    }

    #[test]
    fn a_dropped_child_takes_its_children_along() {
        let mut group = sleeper(&Children::new());
        let output = group.leader.stdout.take().unwrap();
        drop(group);
        assert!(all_gone(output));
    }

    #[test]
    fn ending_all_ends_all_and_starts_no_more() {
        let children = Children::new();
        let mut groups = [sleeper(&children), sleeper(&children)];
        children.end_all();
        for group in &mut groups {
            assert!(!group.leader.wait().unwrap().success());
            assert!(all_gone(group.leader.stdout.take().unwrap()));
        }
        assert!(children.start(&mut Command::new("true")).is_err());
    }
}
