//! What a group of processes takes from the machine, as `/proc` tells.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, getpgrp};

/// The use of all living processes of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time on a processor, with that of children that have ended.
    pub cpu: Duration,
    /// Memory in use.
    pub resident_bytes: u64,
    /// The most that was ever in use, process by process.
    pub peak_bytes: u64,
}

/// Reads what the processes of `group` use.
pub fn of_group(group: Pid) -> Result<Usage> {
    let mut sum = Usage::default();
    let mut found = false;
    for entry in fs::read_dir("/proc").context("cannot read /proc")? {
        let process = entry?.path();
        // A process may end while we look; what is not a process has no stat.
        let Ok(stat) = fs::read_to_string(process.join("stat")) else { continue };
        let Some(cpu) = cpu_of_member(&stat, group) else { continue };
        let Ok(status) = fs::read_to_string(process.join("status")) else { continue };
        found = true;
        sum.cpu += cpu;
        sum.resident_bytes += bytes_in(&status, "VmRSS:");
        sum.peak_bytes += bytes_in(&status, "VmHWM:");
    }
    ensure!(found, "process group {group:?} has ended");
    Ok(sum)
}

/// Time that the processors of the machine have worked, for whomever.
pub fn of_machine() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    busy(&stat).context("cannot understand /proc/stat")
}

/// Time that this process has been on a processor.
pub fn of_this_process() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    cpu_of_member(&stat, getpgrp()).context("cannot understand /proc/self/stat")
}

/// The sum of a line such as `cpu  1 2 3 4 5 6 7 8`: all but the idle times, fields 4 and 5.
fn busy(stat: &str) -> Option<Duration> {
    let fields: Option<Vec<u64>> = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_ascii_whitespace()
        .take(8)
        .map(|field| field.parse().ok())
        .collect();
    let fields = fields.filter(|fields| fields.len() == 8)?;
    Some(from_ticks(fields.iter().sum::<u64>() - fields[3] - fields[4]))
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / clock_ticks_per_second()))
}

/// The time on a processor in a line of `/proc/PID/stat`, if the process belongs to `group`.
fn cpu_of_member(stat: &str, group: Pid) -> Option<Duration> {
    // The name in parentheses may contain anything; the fields behind it are plain.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    // Numbered as in proc(5), where the state is field 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    if field(5)? != u64::try_from(group.as_raw_pid()).ok()? {
        return None;
    }
    Some(from_ticks((14..=17).filter_map(field).sum()))
}

/// The value of a line such as `VmRSS:    5120 kB`.
fn bytes_in(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|value| value.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1_024
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::child::Children;
    use super::*;

    #[test]
    fn the_fields_are_those_of_proc_5() {
        let stat = "7 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 5 6 7 8 20 0 1 0 1000";
        let group = Pid::from_raw(42).unwrap();
        assert_eq!(cpu_of_member(stat, group), Some(Duration::from_millis(26 * 1_000 / clock_ticks_per_second())));
        assert_eq!(cpu_of_member(stat, Pid::from_raw(41).unwrap()), None);
        assert_eq!(bytes_in("Name:\tx\nVmHWM:\t    8 kB\nVmRSS:\t    5 kB\n", "VmRSS:"), 5 * 1_024);
        assert_eq!(bytes_in("Name:\tx\n", "VmRSS:"), 0);
        assert_eq!(busy("cpu  1 2 3 1000 1000 4 5 6 7 8\ncpu0 1"), Some(from_ticks(21)));
        assert_eq!(busy("cpu  1 2"), None);
    }

    #[test]
    fn a_group_counts_its_children() {
        let children = Children::new();
        let mut busy = Command::new("sh");
        busy.args(["-c", "(while :; do :; done) & wait"]);
        let group = children.start(&mut busy).unwrap();
        let mut usage = Usage::default();
        for _ in 0..500 {
            usage = of_group(group.id()).unwrap();
            if usage.cpu > Duration::from_millis(30) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(usage.cpu > Duration::from_millis(30) && usage.resident_bytes > 0, "{usage:?}");
    }
}
