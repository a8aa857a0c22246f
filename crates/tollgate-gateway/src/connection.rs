//! Accepting and serving connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::UPGRADE;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::answer::AnswerBody;
use crate::call::Peer;
use crate::caller::Exchange;
use crate::core::Core;
use crate::front_door::{FrontDoor, Pulse, TunnelSwitch};
use crate::limits::{CONNECTIONS_MAX, H2_STREAMS_MAX, HEAD_BYTES_MAX, HEAD_FIELDS_MAX};
use crate::request::answer;

/// Accepts connections until `stopping` says so.
pub(crate) async fn accept(core: &Arc<Core>, listener: TcpListener, mut stopping: watch::Receiver<bool>) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        match accepted {
            Ok(_) if open.load(Ordering::Relaxed) >= CONNECTIONS_MAX => {
                warn!(core = core.index, "Too many connections; one was closed");
            }
            Ok((socket, peer)) => {
                open.fetch_add(1, Ordering::Relaxed);
                let (core, open, stopping) = (Arc::clone(core), Arc::clone(&open), stopping.clone());
                tokio::spawn(async move {
                    serve(&core, socket, peer, stopping).await;
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: others must end before more can begin.
                warn!(%error, "Could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Serves one connection to its end.
async fn serve(core: &Arc<Core>, socket: TcpStream, peer: SocketAddr, mut stopping: watch::Receiver<bool>) {
    // It is waited for at shutdown, so that what it is in the middle of is completed.
    let _running = core.supervisor.enter();
    if let Err(error) = socket.set_nodelay(true) {
        debug!(%error, "Could not set TCP_NODELAY");
    }
    let pulse = core.reaper.admit();
    let tunnel = TunnelSwitch::default();
    let io = TokioIo::new(FrontDoor::new(socket, Arc::clone(&pulse), tunnel.clone()));
    let client = Arc::new(Client { core: Arc::clone(core), peer: Peer::at(peer.ip()), pulse, tunnel });
    let service = service_fn(move |request| handle(Arc::clone(&client), request));
    let builder = server();
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let stop = async move { stopping.wait_for(|stopping| *stopping).await.is_ok() };
    let served = tokio::select! {
        result = connection.as_mut() => Some(result),
        _ = stop => None,
    };
    let result = match served {
        Some(result) => result,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection => result,
                () = core.supervisor.closed() => Ok(()),
            }
        }
    };
    if let Err(error) = result {
        debug!(%peer, %error, "A connection ended");
    }
}

/// The other end of a connection.
struct Client {
    core: Arc<Core>,
    peer: Peer,
    pulse: Arc<Pulse>,
    tunnel: TunnelSwitch,
}

async fn handle(client: Arc<Client>, mut request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
    if request.headers().contains_key(UPGRADE) {
        request.extensions_mut().insert(client.tunnel.clone());
    }
    client.pulse.begin_answer();
    let core = Arc::clone(&client.core);
    let peer = client.peer.clone();
    let exchange = Exchange::new(&client.core.supervisor, |presence| answer(core, peer, request, presence));
    let response = exchange.await;
    client.pulse.end_answer();
    Ok(response)
}

/// Both versions of HTTP, within bounds. Time limits on heads and bodies are the front door's; HTTP/2 has
/// its own keep-alive.
fn server() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_headers(HEAD_FIELDS_MAX + 1)
        .max_buf_size(64 * 1024)
        .half_close(false)
        .pipeline_flush(true)
        .writev(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(Some(32))
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
