//! The binary as a child process.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a start may take, recovery included.
const START_MAX: Duration = Duration::from_secs(60);

/// How long a stop may take.
const STOP_MAX: Duration = Duration::from_secs(60);

/// A child that may not serve yet. Dropping it kills it.
pub(super) struct Starting {
    child: Child,
    log: Receiver<String>,
    began: Instant,
}

/// A child that serves. Dropping it kills it.
pub(super) struct Node {
    child: Child,
    _log: Receiver<String>,
    pub(super) gateway: SocketAddr,
    pub(super) control: SocketAddr,
    /// From its start until it served.
    pub(super) start_time: Duration,
}

impl Starting {
    /// Starts `tollgate serve`.
    pub(super) fn begin(binary: &Path, config: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["serve", "--config"]).arg(config);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        let stderr = child.stderr.take().context("standard error is a pipe")?;
        Ok(Self { child, log: collect(stderr), began })
    }

    /// Waits until it serves.
    pub(super) fn serving(self) -> Result<Node> {
        let Self { mut child, log, began } = self;
        let mut said = Vec::new();
        while began.elapsed() < START_MAX {
            match log.recv_timeout(Duration::from_millis(100)) {
                Ok(line) if line.contains("Tollgate serves") => {
                    let (gateway, control) = (address(&line, "address=")?, address(&line, "control=")?);
                    return Ok(Node { child, _log: log, gateway, control, start_time: began.elapsed() });
                }
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        kill(&mut child);
        bail!("it does not serve after {:?}:\n{}", began.elapsed(), said.join("\n"))
    }

    /// Kills it while it starts.
    pub(super) fn kill(mut self) {
        kill(&mut self.child);
    }
}

impl Node {
    /// Kills it, without a moment to put anything in order.
    pub(super) fn kill(&mut self) {
        kill(&mut self.child);
    }

    /// Stops it in order.
    pub(super) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let asked_at = Instant::now();
        while asked_at.elapsed() < STOP_MAX {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() { Ok(()) } else { bail!("stopped with {status}") };
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("it did not stop within {STOP_MAX:?}")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// SIGKILL. An error means that it is gone already.
fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn collect(stderr: ChildStderr) -> Receiver<String> {
    let (lines, log) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // Read on, so that the child never waits for a full pipe.
            let _ = lines.send(line);
        }
    });
    log
}

fn address(line: &str, field: &str) -> Result<SocketAddr> {
    let after = line.split_once(field).map_or("", |(_, after)| after);
    let text = after.split_whitespace().next().unwrap_or_default();
    text.parse().with_context(|| format!("{field} is no address: {line}"))
}
