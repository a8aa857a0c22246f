//! WebSockets: a request that becomes a connection.
//!
//! The upstream decides: only after its 101 does the client get one. The connection is one call; it holds
//! what the route can cost until it ends and is then settled with its bytes and its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tollgate_core::decision::Precision;
use tollgate_core::meter::{Meter, Usage, UsageSource};
use tollgate_store::settlement::Flags;
use tracing::{debug, warn};

use crate::admit::{Admission, Round, admit};
use crate::answer::AnswerBody;
use crate::call::Call;
use crate::core::Core;
use crate::directory::Key;
use crate::estimate::Estimate;
use crate::forward::{failed, upstream_request};
use crate::front_door::TunnelSwitch;
use crate::headers::clean_response;
use crate::limits::UPSTREAM_IDLE;
use crate::metering::Metered;
use crate::refuse::Refusal;
use crate::route::Route;
use crate::settle::settle;
use crate::snapshot::Snapshot;
use crate::upstream::UpstreamBody;

/// Judges a request for a WebSocket, asks the upstream for one, and joins both.
///
/// # Errors
/// As for any other request; also if the upstream does not switch.
pub(crate) async fn carry(
    core: &Arc<Core>,
    call: &mut Call,
    snapshot: &Snapshot,
    key: &Arc<Key>,
    route: &Arc<Route>,
    mut request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Refusal> {
    let time_max_ms = u64::try_from(route.terms.time_max.as_millis()).unwrap_or(u64::MAX);
    let bound = Usage::ONE_CALL
        .with(Meter::BytesIn, route.request_bytes_max)
        .with(Meter::BytesOut, route.response_bytes_max)
        .with(Meter::ComputeMs, time_max_ms);
    let tunnel = request.extensions().get::<TunnelSwitch>().cloned().unwrap_or_default();
    let client = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let mut estimate = Estimate { bound, precision: Precision::Counted, model: None };
    let admission = admit(core, call, key, route, snapshot, &mut estimate, Round::First).await?;
    call.admitted = Some(Instant::now());

    let mut to_upstream = upstream_request(call, route, parts, UpstreamBody::Empty)
        .map_err(|_| Refusal::bad_request("path", "a path that the upstream can be asked for"))?;
    switching(to_upstream.headers_mut());
    let answered = route.upstream.send(core.index, to_upstream, route.terms.time_max).await;
    let mut response = answered.map_err(|error| failed(core, call, route, &route.upstream, &error))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        warn!(request = %call.id, status = %response.status(), "The upstream does not switch to a WebSocket");
        return Err(Refusal::upstream_failed());
    }
    let upstream = hyper::upgrade::on(&mut response);
    let (mut head, answer) = response.into_parts();
    drop(answer.into_incoming());
    clean_response(&mut head.headers);
    switching(&mut head.headers);

    let mut session_call = call.clone();
    session_call.flags = session_call.flags.with(Flags::STREAMED);
    let session = Session { core: Arc::clone(core), admission, call: session_call, began: Instant::now() };
    core.supervisor.spawn(async move {
        tunnel.open();
        match tokio::try_join!(client, upstream) {
            Ok((client, upstream)) => session.join(client, upstream).await,
            Err(error) => {
                debug!(request = %session.call.id, %error, "A WebSocket did not come about");
                session.admission.release();
            }
        }
    });
    Ok(Response::from_parts(head, AnswerBody::empty()))
}

fn switching(headers: &mut http::HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// A WebSocket under way.
struct Session {
    core: Arc<Core>,
    admission: Admission,
    call: Call,
    began: Instant,
}

impl Session {
    /// Copies both ways until one side closes, stands still for too long, or has used what was held.
    async fn join(mut self, client: Upgraded, upstream: Upgraded) {
        let bound = self.admission.bound();
        let (up, down) = (AtomicU64::new(0), AtomicU64::new(0));
        let (mut client_in, mut client_out) = tokio::io::split(TokioIo::new(client));
        let (mut upstream_in, mut upstream_out) = tokio::io::split(TokioIo::new(upstream));
        let time_max = Duration::from_millis(bound.get(Meter::ComputeMs));
        tokio::select! {
            () = tokio::time::sleep(time_max) => (),
            () = self.core.supervisor.closed() => (),
            () = copy(&mut client_in, &mut upstream_out, &up, bound.get(Meter::BytesIn)) => (),
            () = copy(&mut upstream_in, &mut client_out, &down, bound.get(Meter::BytesOut)) => (),
        }
        let _ = tokio::join!(client_out.shutdown(), upstream_out.shutdown());
        self.call.bytes_in = up.load(Ordering::Relaxed);
        self.call.bytes_out = down.load(Ordering::Relaxed);
        let compute_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let metered = Metered { usage: Usage::NONE, source: UsageSource::Reported }.with_call(
            self.call.bytes_in,
            self.call.bytes_out,
            compute_ms,
        );
        let receipt = settle(&self.core, &self.call, 101, self.admission, metered);
        // The connection is over; the log has it or will have it.
        let _ = self.core.release_after(receipt.ticket).await;
    }
}

/// Copies until the end, counting.
async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), count: &AtomicU64, most: u64) {
    let mut buffer = vec![0_u8; 16 * 1024];
    loop {
        let Ok(Ok(read @ 1..)) = timeout(UPSTREAM_IDLE, from.read(&mut buffer)).await else { return };
        let length = u64::try_from(read).unwrap_or(u64::MAX);
        if count.fetch_add(length, Ordering::Relaxed).saturating_add(length) > most {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}
