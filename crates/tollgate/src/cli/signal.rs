//! Being told to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Ends at SIGTERM or Ctrl-C.
pub(super) async fn until_told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = interrupt => (),
            _ = terminate.recv() => (),
        },
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}
