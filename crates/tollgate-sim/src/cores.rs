//! One thread, one runtime and one listener per core.
//!
//! The listeners share a port, and the kernel spreads connections over them. Nothing is stolen and
//! nothing is shared, which for a proxy is worth half as much throughput again.

use std::net::SocketAddr;
use std::thread;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Builder;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Runs `serve` on every core, each with a listener at `listen`. Returns when all have, or with a failure.
pub fn serve_on_each<F>(listen: SocketAddr, serve: impl Fn(TcpListener) -> F + Sync) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let serve_core = || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { serve(shared_listener(listen)?).await })
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism()?.get();
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(serve_core)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a serving thread does not panic"))
    })
}

/// A listener at `listen` beside others at the same place.
pub fn shared_listener(listen: SocketAddr) -> Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(listen).with_context(|| format!("cannot listen at {listen}"))?;
    Ok(socket.listen(BACKLOG)?)
}
