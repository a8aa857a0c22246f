//! Cores: one single-threaded runtime each, with its own listener and its own upstream connections.
//!
//! No request moves between threads. What cores share is short: the customer's lock, the settlement queue.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::info;

use crate::connection;
use crate::core::{Core, Node};
use crate::front_door::Reaper;
use crate::limits::SETTLING_WITHIN;
use crate::supervisor::Supervisor;

/// Binds a listener that shares `address` with those of the other cores.
pub(crate) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(4_096)?.into_std()
}

/// Runs one core on the calling thread until `stopping` says so and everything under way has ended.
pub(crate) fn run(
    index: usize,
    node: Arc<Node>,
    listener: std::net::TcpListener,
    stopping: watch::Receiver<bool>,
    grace: Duration,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let core = Arc::new(Core { index, node, supervisor: Supervisor::default(), reaper: Reaper::default() });
    runtime.block_on(async move {
        let listener = TcpListener::from_std(listener)?;
        let settled = Arc::clone(&core);
        tokio::spawn(async move { settled.settler.listen(settled.index).await });
        let reaped = Arc::clone(&core);
        tokio::spawn(async move { reaped.reaper.run().await });
        connection::accept(&core, listener, stopping).await;
        core.supervisor.stop();
        // Connections have been told to end after the request they serve.
        if timeout(grace, core.supervisor.idle()).await.is_err() {
            info!(
                core = index,
                "Requests were still running when the grace period ended; they are settled as they are"
            );
            core.supervisor.close();
            let _ = timeout(SETTLING_WITHIN, core.supervisor.idle()).await;
        }
        Ok(())
    })
}
