//! The bare reverse proxy: hyper, a pooled client, and nothing else.
//!
//! It decides nothing and counts nothing, so the distance to it is what Tollgate costs. The same code
//! runs on either of two [`Threading`]s.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::http::uri::{Authority, Scheme};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::cores;

/// How a proxy uses the cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Threading {
    /// One runtime whose threads take tasks from each other.
    WorkStealing,
    /// On every core a runtime of one thread with its own listener and its own upstream connections.
    PerCore,
}

/// Forwards everything that arrives at `listen` to `upstream`, until the process ends.
pub fn run(listen: SocketAddr, upstream: SocketAddr, threading: Threading) -> Result<()> {
    match threading {
        Threading::WorkStealing => {
            let runtime = Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(async { serve(cores::shared_listener(listen)?, upstream).await })
        }
        Threading::PerCore => cores::serve_on_each(listen, |listener| serve(listener, upstream)),
    }
}

async fn serve(listener: TcpListener, upstream: SocketAddr) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let upstream: Authority = upstream.to_string().parse()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, upstream) = (client.clone(), upstream.clone());
        tokio::spawn(async move {
            let forward = service_fn(|request| forward(&client, &upstream, request));
            // A client that breaks off is no failure of the proxy.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), forward).await;
        });
    }
}

async fn forward(
    client: &Client<HttpConnector, Incoming>,
    upstream: &Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Either<Incoming, Empty<Bytes>>>, Infallible> {
    let mut target = std::mem::take(request.uri_mut()).into_parts();
    target.scheme = Some(Scheme::HTTP);
    target.authority = Some(upstream.clone());
    let answer = match Uri::from_parts(target) {
        Ok(target) => {
            *request.uri_mut() = target;
            client.request(request).await.ok()
        }
        Err(_) => None,
    };
    Ok(answer.map_or_else(bad_gateway, |answer| answer.map(Either::Left)))
}

fn bad_gateway() -> Response<Either<Incoming, Empty<Bytes>>> {
    let mut response = Response::new(Either::Right(Empty::new()));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::sync::Arc;
    use std::thread;
    use std::time::{Duration, Instant};

    use tollgate::sandbox::Sandbox;

    use super::*;
    use crate::clock::Stopped;
    use crate::load::{self, Load, Timing};

    /// An address where nobody listens.
    fn free() -> SocketAddr {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    /// Starts a proxy that runs until the tests end.
    fn start(listen: SocketAddr, upstream: SocketAddr, threading: Threading) {
        thread::spawn(move || run(listen, upstream, threading));
        let started_at = Instant::now();
        while TcpStream::connect(listen).is_err() {
            assert!(started_at.elapsed() < Duration::from_secs(5), "{threading:?} does not start");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn answers_and_streams_pass_on_either_threading() {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _on_runtime = runtime.enter();
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(Stopped::IN_1970)).unwrap();
        let upstream = sandbox.addr();
        for threading in [Threading::WorkStealing, Threading::PerCore] {
            let listen = free();
            start(listen, upstream, threading);
            let short = |load: Load| Load { connections: 4, duration: Duration::from_millis(50), ..load };
            let arrived = sandbox.journal().requests("");
            let bytes = load::run(&short(Load::get(format!("http://{listen}/rest/bytes/100")))).unwrap();
            assert_eq!((bytes.failed(), bytes.body_bytes), (0, bytes.answered * 100));
            assert_eq!(sandbox.journal().requests("") - arrived, bytes.answered);

            let prompt = r#"{"model":"sandbox-small","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
            let stream = Load::post(format!("http://{listen}/v1/chat/completions"), prompt);
            let stream = load::run(&short(Load { timing: Timing::Stream, ..stream })).unwrap();
            assert!(stream.failed() == 0 && stream.first_delta.is_some(), "{stream}");
        }
    }

    #[test]
    fn without_an_upstream_there_is_a_bad_gateway() {
        let (listen, upstream) = (free(), free());
        start(listen, upstream, Threading::PerCore);
        let once =
            Load { connections: 1, duration: Duration::from_millis(1), ..Load::get(format!("http://{listen}/")) };
        let report = load::run(&once).unwrap();
        assert_eq!(report.statuses.keys().collect::<Vec<_>>(), [&502]);
    }
}
