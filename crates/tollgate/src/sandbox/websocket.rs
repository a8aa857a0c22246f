//! A WebSocket (RFC 6455) that sends every message back.
//!
//! Frames are echoed as they come, fragments included; a ping is answered by a pong, a close by the
//! same close. No extensions, no subprotocols, and no check that text is UTF-8.

use std::io;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::body::Body;
use super::json;

/// What the RFC appends to the key before hashing it.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A longer frame ends the connection.
const PAYLOAD_BYTES_MAX: u64 = 1024 * 1024;

const OPCODE: u8 = 0x0F;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const MASKED: u8 = 0x80;

struct Frame {
    /// FIN, reserved bits and opcode.
    first: u8,
    payload: Vec<u8>,
}

/// Accepts the upgrade and echoes until either side closes or the sandbox is `stopping`.
pub(super) fn accept(request: Request<Incoming>, mut stopping: watch::Receiver<bool>) -> Response<Body> {
    let headers = request.headers();
    let upgrades = headers.get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|_| upgrades) else {
        return json::error(StatusCode::UPGRADE_REQUIRED, "expected a WebSocket handshake");
    };
    let accept = accept_value(key.as_bytes());
    let upgrading = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrading.await else { return };
        tokio::select! {
            // A peer that breaks off is no news.
            _ = echo(TokioIo::new(upgraded)) => (),
            _ = stopping.changed() => (),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

fn accept_value(key: &[u8]) -> HeaderValue {
    // SHA-1 here is a fixed transformation that the RFC prescribes, not protection.
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key, ACCEPT_SUFFIX.as_bytes()].concat());
    HeaderValue::from_str(&BASE64.encode(hash)).expect("base64 is a valid header value")
}

async fn echo(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    loop {
        let mut frame = read_frame(&mut socket).await?;
        let opcode = frame.first & OPCODE;
        if opcode == PONG {
            continue;
        }
        if opcode == PING {
            frame.first = (frame.first & !OPCODE) | PONG;
        }
        socket.write_all(&encoded(&frame)).await?;
        if opcode == CLOSE {
            return socket.shutdown().await;
        }
    }
}

async fn read_frame(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let first = socket.read_u8().await?;
    let second = socket.read_u8().await?;
    let length = match second & !MASKED {
        126 => u64::from(socket.read_u16().await?),
        127 => socket.read_u64().await?,
        short => u64::from(short),
    };
    if length > PAYLOAD_BYTES_MAX || second & MASKED == 0 {
        return Err(io::Error::other("a frame too long or, against the RFC, not masked"));
    }
    let mut mask = [0; 4];
    socket.read_exact(&mut mask).await?;
    let mut payload = Vec::new();
    socket.take(length).read_to_end(&mut payload).await?;
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(Frame { first, payload })
}

/// The frame as a server sends it: not masked.
fn encoded(frame: &Frame) -> Vec<u8> {
    let length = frame.payload.len();
    let mut bytes = vec![frame.first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => bytes.push(short),
        (_, Ok(medium)) => {
            bytes.push(126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(&frame.payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_value_is_that_of_the_rfc() {
        assert_eq!(accept_value(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn messages_of_every_length_class_come_back_unmasked() {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        tokio::spawn(echo(server));
        for length in [0_usize, 5, 125, 126, 65_535, 65_536] {
            client.write_all(&[0x82]).await.unwrap();
            match length {
                0..=125 => client.write_u8(MASKED | u8::try_from(length).unwrap()).await.unwrap(),
                126..=65_535 => {
                    client.write_u8(MASKED | 126).await.unwrap();
                    client.write_u16(u16::try_from(length).unwrap()).await.unwrap();
                }
                _ => {
                    client.write_u8(MASKED | 127).await.unwrap();
                    client.write_u64(length as u64).await.unwrap();
                }
            }
            client.write_all(&[1, 2, 3, 4]).await.unwrap();
            let masked: Vec<u8> = (0..length).map(|at| b'a' ^ [1, 2, 3, 4][at % 4]).collect();
            client.write_all(&masked).await.unwrap();

            let expected = encoded(&Frame { first: 0x82, payload: vec![b'a'; length] });
            let mut received = vec![0; expected.len()];
            client.read_exact(&mut received).await.unwrap();
            assert!(received == expected, "{length} bytes");
        }
    }

    #[tokio::test]
    async fn a_ping_is_answered_and_a_close_closes() {
        let (mut client, server) = tokio::io::duplex(1024);
        tokio::spawn(echo(server));
        client.write_all(&[0x89, MASKED, 0, 0, 0, 0, 0x88, MASKED, 0, 0, 0, 0]).await.unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, [0x8A, 0, 0x88, 0]);
    }
}
