//! The binary as a child process: started, listened to, told to stop, and gone with the test.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::until;

/// A child process and what it has said so far.
pub(crate) struct Process {
    child: Child,
    log: Lines,
    out: Lines,
}

/// Lines that a thread collects while they come.
type Lines = Arc<Mutex<Vec<String>>>;

/// A Tollgate that serves.
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) gateway: SocketAddr,
    pub(crate) control: SocketAddr,
}

/// How a process ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
}

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tollgate");

impl Process {
    /// Starts `command` without what the environment says about Tollgate.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.env_remove("TOLLGATE_LOG").env_remove("TOLLGATE_CONFIG").env_remove("TOLLGATE_ADMIN_TOKEN");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{command:?} cannot be started ({error}); install it"),
        };
        let log = collect(child.stderr.take().expect("standard error is a pipe"));
        let out = collect(child.stdout.take().expect("standard output is a pipe"));
        Self { child, log, out }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("lines are pushed without panic").join("\n")
    }

    /// The first line on standard output.
    pub(crate) async fn first_line(&mut self) -> String {
        let out = Arc::clone(&self.out);
        self.seen("a line on standard output", move || out.lock().expect("pushed").first().cloned()).await
    }

    /// The first line on standard output from line `from` on that contains `text`.
    pub(crate) async fn printed(&mut self, from: usize, text: &str) -> String {
        let (out, wanted) = (Arc::clone(&self.out), text.to_owned());
        let find = move || out.lock().expect("pushed").iter().skip(from).find(|line| line.contains(&wanted)).cloned();
        self.seen(text, find).await
    }

    /// The first line of the log from line `from` on that contains `text`.
    pub(crate) async fn logged(&mut self, from: usize, text: &str) -> String {
        let (log, wanted) = (Arc::clone(&self.log), text.to_owned());
        let find = move || log.lock().expect("pushed").iter().skip(from).find(|line| line.contains(&wanted)).cloned();
        self.seen(text, find).await
    }

    /// How many lines were logged so far.
    pub(crate) fn log_len(&self) -> usize {
        self.log.lock().expect("lines are pushed without panic").len()
    }

    async fn seen(&mut self, what: &str, find: impl Fn() -> Option<String>) -> String {
        let (log, child) = (Arc::clone(&self.log), &mut self.child);
        until(what, || {
            let found = find();
            if let (None, Ok(Some(status))) = (&found, child.try_wait()) {
                let log = log.lock().expect("pushed").join("\n");
                panic!("it ended with {status} before this was seen: {what}\n{log}");
            }
            std::future::ready(found)
        })
        .await
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) -> Ended {
        let child = &mut self.child;
        let status: ExitStatus =
            until("the process ends", || std::future::ready(child.try_wait().expect("it is our child"))).await;
        // The reader's thread ends when the pipe does, which may be a moment after the process.
        let log = Arc::clone(&self.log);
        until("the log is whole", || std::future::ready((Arc::strong_count(&log) == 2).then_some(()))).await;
        Ended { code: status.code(), log: self.log() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(pipe: impl Read + Send + 'static) -> Lines {
    let lines = Lines::default();
    let kept = Arc::clone(&lines);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            kept.lock().expect("lines are pushed without panic").push(line);
        }
    });
    lines
}

impl Node {
    /// Starts `tollgate serve --config FILE`.
    pub(crate) async fn serve(config: &Path) -> Self {
        Self::starting(Command::new(BINARY).args(["serve", "--config"]).arg(config)).await
    }

    /// Starts `command`, which ends up as `tollgate serve`.
    pub(crate) async fn starting(command: &mut Command) -> Self {
        let mut process = Process::start(command);
        let line = process.logged(0, "Tollgate serves").await;
        let (gateway, control) = (address_in(&line, "address="), address_in(&line, "control="));
        Self { process, gateway, control }
    }

    /// Stops it as an operator would and returns how it ended.
    pub(crate) async fn stop(self) -> Ended {
        self.process.signal(Signal::TERM);
        self.process.ended().await
    }
}

fn address_in(line: &str, field: &str) -> SocketAddr {
    let after = line.split_once(field).map_or("", |(_, after)| after);
    let text = after.split_whitespace().next().unwrap_or_default();
    text.parse().unwrap_or_else(|error| panic!("{field} is no address ({error}): {line}"))
}
