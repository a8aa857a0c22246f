//! Sending the requests that prepare the demo.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Scenario;

/// How long to wait before an endless request that ended is sent again.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends a request and reads its answer.
pub(super) async fn once(gateway: SocketAddr, scenario: &Scenario) -> anyhow::Result<()> {
    open(gateway, scenario).await?.into_body().collect().await?;
    Ok(())
}

/// Sends a request and returns when its answer begins.
pub(super) async fn open(gateway: SocketAddr, scenario: &Scenario) -> anyhow::Result<Response<Incoming>> {
    let stream = TcpStream::connect(gateway).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request =
        Request::builder().method(scenario.method).uri(&scenario.path).header("host", gateway.to_string());
    for (name, value) in &scenario.headers {
        request = request.header(name, value);
    }
    let body = scenario.body.as_ref().map(ToString::to_string).unwrap_or_default();
    Ok(sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?)
}

/// Reads an answer that never ends, and begins again if it does.
pub(super) async fn keep_open(gateway: SocketAddr, scenario: Scenario, answer: Response<Incoming>) {
    let mut answer = Ok(answer);
    loop {
        if let Ok(answer) = answer {
            let mut body = answer.into_body();
            while let Some(Ok(_)) = body.frame().await {}
        }
        tokio::time::sleep(PAUSE).await;
        answer = open(gateway, &scenario).await;
    }
}
