//! A socket whose bytes pass the front door.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::runtime::Handle;

use super::framing::{Framing, Place};
use super::pulse::{Pulse, Waiting};
use super::rejection::Rejection;

/// Tells the front door that a connection was upgraded.
#[derive(Debug, Clone, Default)]
pub(crate) struct TunnelSwitch(Arc<AtomicBool>);

impl TunnelSwitch {
    /// From now on the connection speaks another protocol.
    pub(crate) fn open(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A socket that shows the server only what is strictly HTTP/1, or HTTP/2.
#[derive(Debug)]
pub(crate) struct FrontDoor<S: Socket> {
    /// Nothing only once the rest of a refusal was handed to a task of its own.
    socket: Option<S>,
    framing: Framing,
    pulse: Arc<Pulse>,
    tunnel: TunnelSwitch,
    /// Once something was refused: the answer, and how much of it is written. The server sees the end of
    /// the connection and finishes what it had begun; the answer follows when it shuts down.
    refused: Option<(Vec<u8>, usize)>,
    /// Bytes that may still be thrown away before the connection is closed.
    lingering: usize,
}

/// What a front door can be the door of.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Socket for S {}

/// Closing a socket with unread bytes resets the connection, and the client may never see the answer. So
/// what it still sends is thrown away for a moment, up to this.
const LINGER_BYTES: usize = 512 * 1024;

impl<S: Socket> FrontDoor<S> {
    pub(crate) const fn new(socket: S, pulse: Arc<Pulse>, tunnel: TunnelSwitch) -> Self {
        Self { socket: Some(socket), framing: Framing::new(), pulse, tunnel, refused: None, lingering: LINGER_BYTES }
    }

    fn socket(&mut self) -> Pin<&mut S> {
        // Only `drop` takes it.
        let Some(socket) = &mut self.socket else { unreachable!("the socket is there until the end") };
        Pin::new(socket)
    }

    fn refuse(&mut self, rejection: Rejection) {
        if self.refused.is_none() {
            self.refused = Some((rejection.answer(), 0));
        }
        self.pulse.wait_for(Waiting::Close);
    }

    fn look_at(&mut self, bytes: &[u8]) -> Result<(), Rejection> {
        if self.framing.may_be_tunnel() && self.tunnel.0.load(Ordering::Acquire) {
            self.framing.pass_everything();
        }
        self.framing.look_at(bytes)?;
        self.pulse.wait_for(match self.framing.place() {
            Place::Idle => Waiting::Idle,
            Place::Head => Waiting::Head,
            Place::Body => Waiting::Body,
            Place::Passed => Waiting::Nothing,
        });
        Ok(())
    }
}

impl<S: Socket> AsyncRead for FrontDoor<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.refused.is_some() {
            return Poll::Ready(Ok(()));
        }
        if self.pulse.is_overdue() {
            if matches!(self.pulse.waited_for(), Waiting::Head | Waiting::Body) {
                self.refuse(Rejection::TOO_SLOW);
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match self.socket().poll_read(context, buffer) {
            Poll::Pending => {
                self.pulse.register(context.waker());
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                let this = &mut *self;
                if let Err(rejection) = this.look_at(&buffer.filled()[before..]) {
                    // To the server it is as if the connection had ended before these bytes.
                    buffer.set_filled(before);
                    this.refuse(rejection);
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<S: Socket> FrontDoor<S> {
    /// Throws away what the client still sends after it was refused, until it closes or takes too long.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0_u8; 8 * 1024];
        while self.refused.is_some() && self.lingering > 0 && !self.pulse.is_overdue() {
            let mut buffer = ReadBuf::new(&mut scratch);
            match self.socket().poll_read(context, &mut buffer) {
                Poll::Pending => {
                    self.pulse.register(context.waker());
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.lingering = self.lingering.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: Socket> FrontDoor<S> {
    /// Writing that keeps the pulse: a client that does not read is cut off in the end.
    fn written(&self, context: &Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Pending if self.pulse.is_overdue() => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => {
                self.pulse.wait_for(Waiting::Write);
                self.pulse.register(context.waker());
                Poll::Pending
            }
            ready @ Poll::Ready(_) => {
                if self.pulse.waited_for() == Waiting::Write {
                    self.pulse.wait_for(Waiting::Idle);
                }
                ready
            }
        }
    }

    /// Writes what is left of the answer to what was refused.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let (Some((answer, written)), Some(socket)) = (&mut self.refused, &mut self.socket) {
            if *written >= answer.len() {
                break;
            }
            let more = ready!(Pin::new(socket).poll_write(context, &answer[*written..]))?;
            if more == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += more;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for FrontDoor<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = self.socket().poll_write(context, bytes);
        self.written(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = self.socket().poll_write_vectored(context, slices);
        self.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(context))?;
        ready!(self.socket().poll_shutdown(context))?;
        ready!(self.poll_linger(context));
        Poll::Ready(Ok(()))
    }
}

/// A server that has seen half a head gives the connection up without shutting it down. Whoever was
/// refused is told nevertheless.
impl<S: Socket> Drop for FrontDoor<S> {
    fn drop(&mut self) {
        let is_owed = self.refused.as_ref().is_some_and(|(answer, written)| *written < answer.len());
        let Ok(runtime) = Handle::try_current() else { return };
        let Some(socket) = self.socket.take_if(|_| is_owed) else { return };
        let mut door = Self {
            socket: Some(socket),
            framing: Framing::new(),
            pulse: Arc::clone(&self.pulse),
            tunnel: self.tunnel.clone(),
            refused: self.refused.take(),
            lingering: self.lingering,
        };
        runtime.spawn(async move {
            if door.shutdown().await.is_err() {
                // A caller who does not read it goes without.
                door.refused.take();
            }
        });
    }
}
