//! What the process is told while it runs.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

/// SIGTERM and Ctrl-C say stop, SIGHUP says reload.
pub(super) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hangup: Option<Signal>,
}

impl Signals {
    pub(super) fn listen() -> Self {
        let listen = |kind| signal(kind).inspect_err(|error| warn!(%error, "A signal cannot be heard")).ok();
        Self {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            hangup: listen(SignalKind::hangup()),
        }
    }

    /// Whether the process is to reload; it is to stop otherwise.
    pub(super) async fn next_reload(&mut self) -> bool {
        tokio::select! {
            () = heard(&mut self.interrupt) => false,
            () = heard(&mut self.terminate) => false,
            () = heard(&mut self.hangup) => true,
        }
    }

    /// Waits until the process is to stop.
    pub(super) async fn until_stop(&mut self) {
        while self.next_reload().await {}
    }
}

async fn heard(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
