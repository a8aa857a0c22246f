//! Relaying an answer while it arrives.
//!
//! Frames pass as they come. The last one waits until the settlement is durable: for an answer of a known
//! length the frame with its last byte, for a model's stream its `[DONE]`, for any other stream the mark
//! that ends the body. A caller who leaves is noticed by the relay being dropped; it then goes on by
//! itself, reading or not as the plan says, and settles.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, timeout};
use tollgate_core::catalogue::CallerLeft;
use tollgate_core::decision::Terms;
use tollgate_core::meter::{Meter, MeterSet};
use tollgate_meter::translate::StreamTranslator;
use tollgate_store::settlement::Flags;
use tracing::warn;

use crate::admit::Admission;
use crate::call::Call;
use crate::core::{Core, Release};
use crate::limits::UPSTREAM_IDLE;
use crate::metering::{AnswerMeter, Metered};
use crate::refuse::{Problem, Refusal};
use crate::settle::{settle, settle_nothing};
use crate::upstream::Answer;

/// The body of an answer that is passed on while it arrives.
pub(crate) struct Relay(Option<Box<Exchange>>);

/// The answer cannot be completed: the connection is closed, so that nobody takes it for complete.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut off: {0}")]
pub(crate) struct CutOff(pub(crate) &'static str);

/// Everything that one relayed answer needs to its end.
pub(crate) struct Exchange {
    pub(crate) core: Arc<Core>,
    pub(crate) call: Call,
    pub(crate) status: u16,
    pub(crate) answer: Answer,
    pub(crate) meter: AnswerMeter,
    /// Says the answer in the caller's format, if the upstream speaks another.
    pub(crate) translator: Option<Box<StreamTranslator>>,
    pub(crate) admission: Option<Admission>,
    /// What has passed of the request's body.
    pub(crate) sent: Arc<AtomicU64>,
    /// When the request was sent.
    pub(crate) forwarded: Instant,
    /// The length that the upstream declared.
    pub(crate) length: Option<u64>,
    pub(crate) stage: Stage,
    /// Runs out when the upstream stands still.
    pub(crate) idle: Option<Pin<Box<Sleep>>>,
}

/// How far a relayed answer has come.
pub(crate) enum Stage {
    /// Frames pass.
    Passing,
    /// The answer has ended; its large prompt is being counted.
    Counting(JoinHandle<u64>, Ending),
    /// The settlement is on its way to the log; this is what is still to be sent.
    Settling(Release, Bytes),
    /// Everything was sent.
    Done,
    /// The answer ends here, incomplete.
    Cut(&'static str),
}

/// How an answer ended.
pub(crate) enum Ending {
    /// Whole, with what is still to be sent.
    Whole(Bytes),
    /// The upstream failed.
    Failed(&'static str),
}

impl Relay {
    pub(crate) fn new(exchange: Exchange) -> Self {
        Self(Some(Box::new(exchange)))
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some(exchange) => exchange.length.map_or_else(SizeHint::default, SizeHint::with_exact),
            None => SizeHint::default(),
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let Some(exchange) = &mut self.0 else { return Poll::Ready(None) };
        let frame = ready!(exchange.poll(context));
        if matches!(exchange.stage, Stage::Done | Stage::Cut(_))
            && frame.is_none()
            && let Some(exchange) = self.0.take()
        {
            exchange.let_go();
        }
        Poll::Ready(frame)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Some(exchange) = self.0.take() else { return };
        match exchange.admission {
            None => exchange.let_go(),
            Some(_) => {
                let supervisor = exchange.core.supervisor.clone();
                supervisor.spawn((*exchange).after_caller_left());
            }
        }
    }
}

impl Exchange {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        loop {
            match &mut self.stage {
                Stage::Done => return Poll::Ready(None),
                Stage::Cut(why) => {
                    let why = std::mem::take(why);
                    self.stage = Stage::Done;
                    return Poll::Ready(Some(Err(CutOff(why))));
                }
                Stage::Settling(release, rest) => {
                    let result = ready!(Pin::new(release).poll(context));
                    let rest = std::mem::take(rest);
                    if result.is_err() {
                        self.stage = Stage::Cut("its settlement could not be made durable");
                        continue;
                    }
                    self.stage = Stage::Done;
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
                Stage::Counting(counting, ending) => {
                    let counted = ready!(Pin::new(counting).poll(context));
                    let ending = std::mem::replace(ending, Ending::Failed(""));
                    // If the count failed the bound stands.
                    self.meter.set_counted(counted.unwrap_or(u64::MAX));
                    self.end(ending);
                }
                Stage::Passing => match ready!(self.poll_upstream(context)) {
                    Some(Ok(frame)) => {
                        if let Some(passed) = self.pass(frame) {
                            return Poll::Ready(Some(Ok(Frame::data(passed))));
                        }
                    }
                    Some(Err(why)) => self.end(Ending::Failed(why)),
                    None => {
                        let rest = self.meter.finish();
                        self.end(Ending::Whole(rest));
                    }
                },
            }
        }
    }

    /// The next frame of data; an error if the upstream breaks off or stands still for too long.
    fn poll_upstream(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, &'static str>>> {
        loop {
            match Pin::new(&mut self.answer).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.idle = None;
                    // Trailers are dropped: nobody asked for them.
                    let Ok(data) = frame.into_data() else { continue };
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err("the upstream broke off"))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let idle = self.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep(UPSTREAM_IDLE)));
                    ready!(idle.as_mut().poll(context));
                    return Poll::Ready(Some(Err("the upstream stood still")));
                }
            }
        }
    }

    /// Lets a frame pass; `None` if there is nothing to send now.
    fn pass(&mut self, frame: Bytes) -> Option<Bytes> {
        self.call.bytes_out = self.call.bytes_out.saturating_add(len(&frame));
        let most = self.call.route.as_ref().map_or(u64::MAX, |route| route.response_bytes_max);
        if self.call.bytes_out > most {
            self.end(Ending::Failed("the answer is larger than the route allows"));
            return None;
        }
        let passed = match self.meter.push(frame) {
            Ok(passed) => passed,
            Err(why) => {
                self.end(Ending::Failed(why));
                return None;
            }
        };
        let passed = match self.translated(passed) {
            Ok(passed) => passed,
            Err((passed, why)) => {
                self.end(Ending::Failed(why));
                return (!passed.is_empty()).then_some(passed);
            }
        };
        if self.meter.is_done() {
            let rest = self.meter.finish();
            self.end(Ending::Whole(rest));
        } else if self.length == Some(self.call.bytes_out) {
            // This frame has the last byte: it is what must wait.
            self.end(Ending::Whole(passed));
            return None;
        }
        (!passed.is_empty()).then_some(passed)
    }

    /// What was metered, in the caller's format. What was translated before a fault goes to the caller.
    fn translated(&mut self, metered: Bytes) -> Result<Bytes, (Bytes, &'static str)> {
        let Some(translator) = &mut self.translator else { return Ok(metered) };
        let mut said = Vec::new();
        match translator.push(&metered, &mut said) {
            Ok(()) => Ok(said.into()),
            Err(error) => {
                warn!(request = %self.call.id, %error, "A stream could not be translated any further");
                Err((said.into(), "the upstream's stream is not of its format"))
            }
        }
    }

    /// The answer has ended: settle it, after its prompt was counted if that is needed and takes long.
    fn end(&mut self, ending: Ending) {
        self.stage = match (self.meter.uncounted_prompt(None), ending) {
            (Some(prompt), ending) => Stage::Counting(tokio::task::spawn_blocking(move || prompt.count()), ending),
            (None, Ending::Whole(rest)) => return self.complete(rest),
            (None, Ending::Failed(why)) => return self.upstream_failed(why),
        };
    }

    /// The answer is complete: settle it, and send `rest` once that is durable.
    fn complete(&mut self, rest: Bytes) {
        if !self.meter.is_complete() {
            // The upstream closed a model's stream without ending it: the caller must not take it for whole.
            return self.upstream_failed("the upstream ended the stream without finishing it");
        }
        let rest = match self.translated(rest) {
            Ok(rest) => rest,
            Err((_, why)) => return self.upstream_failed(why),
        };
        let metered = self.meter.of_stream();
        let rest = match &mut self.translator {
            None => rest,
            Some(translator) => [rest, translator.finish(Some(&metered.usage))].concat().into(),
        };
        self.stage = match self.settle(metered) {
            Some(release) => Stage::Settling(release, rest),
            None => Stage::Done,
        };
    }

    /// The upstream broke off: what was delivered is owed, and the caller is told in its own format.
    fn upstream_failed(&mut self, why: &'static str) {
        warn!(request = %self.call.id, why, "An answer could not be completed");
        self.call.flags = self.call.flags.with(Flags::UPSTREAM_FAILED);
        let release = match self.meter.has_output(self.call.bytes_out) {
            true => self.settle(self.meter.of_stream()),
            false => self.settle_nothing(),
        };
        self.stage = match (release, self.error_frame()) {
            (Some(release), Some(frame)) => Stage::Settling(release, frame),
            _ => Stage::Cut(why),
        };
    }

    /// The error that ends a stream of events, with nothing after it that looks like success; `None` where a
    /// stream has no form for it.
    fn error_frame(&mut self) -> Option<Bytes> {
        if let Some(translator) = &mut self.translator {
            return Some(translator.fail("The upstream failed before its answer was complete."));
        }
        let snapshot = self.core.snapshot();
        let problem = |refusal: &Refusal| Problem::new(refusal, &self.call.context(), &snapshot.setup, &snapshot.texts);
        match &self.meter {
            AnswerMeter::ModelStream(meter, facts) => {
                problem(&Refusal::upstream_broke_off()).frame(facts.endpoint, meter.response())
            }
            AnswerMeter::Mcp(meter) if !meter.is_complete() => Some(problem(&Refusal::upstream_failed()).mcp_frame()),
            AnswerMeter::Mcp(_) | AnswerMeter::Model(_) | AnswerMeter::Rest => None,
        }
    }

    fn settle(&mut self, metered: Metered) -> Option<Release> {
        if self.meter.is_free() {
            return self.settle_nothing();
        }
        let admission = self.admission.take()?;
        self.count();
        let compute_ms = u64::try_from(self.forwarded.elapsed().as_millis()).unwrap_or(u64::MAX);
        let metered = metered.with_call(self.call.bytes_in, self.call.bytes_out, compute_ms);
        let receipt = settle(&self.core, &self.call, self.status, admission, metered);
        Some(self.core.release_after(receipt.ticket))
    }

    fn settle_nothing(&mut self) -> Option<Release> {
        let admission = self.admission.take()?;
        self.count();
        let ticket = settle_nothing(&self.core, &self.call, self.status, admission);
        Some(self.core.release_after(ticket))
    }

    fn count(&mut self) {
        self.call.bytes_in = self.call.bytes_in.max(self.sent.load(Ordering::Relaxed));
    }

    /// Everything is settled. What ends a model's stream comes before the end of the body: that is read too,
    /// or the connection to the upstream could not be used again.
    fn let_go(self) {
        if self.meter.is_done() {
            self.answer.read_rest();
        }
    }

    /// The caller is gone. What is owed is up to the plan: what was received, or what the upstream makes of
    /// it within bounds of time and money.
    async fn after_caller_left(mut self) {
        self.call.flags = self.call.flags.with(Flags::CALLER_LEFT);
        let policy = Terms::caller_left(self.admission.as_ref().and_then(|a| a.plan().map(|plan| &**plan)));
        if let CallerLeft::Generated { time_max } = policy {
            let closing = self.core.supervisor.clone();
            tokio::select! {
                () = self.read_on(time_max) => (),
                // The process is about to stop: what is there is settled.
                () = closing.closed() => (),
            }
        }
        self.meter.count_prompt(None).await;
        let release = match self.meter.has_output(self.call.bytes_out) {
            true => self.settle(self.meter.of_stream()),
            false => self.settle_nothing(),
        };
        if let Some(release) = release {
            // The log has it or will have it; nobody is waiting for more.
            let _ = release.await;
        }
        self.let_go();
    }

    /// Reads the upstream to its end, for at most `time_max` and no more than was held.
    async fn read_on(&mut self, time_max: Duration) {
        let bound = self.admission.as_ref().map(Admission::bound).unwrap_or_default();
        let (held, bytes_max) = (bound.sum(MeterSet::GENERATED_TOKENS), bound.get(Meter::BytesOut));
        let reading = async {
            while let Some(Ok(frame)) = self.answer.frame().await {
                let Ok(data) = frame.into_data() else { continue };
                self.call.bytes_out = self.call.bytes_out.saturating_add(len(&data));
                if self.meter.push(data).is_err() || self.meter.is_done() {
                    break;
                }
                if matches!(self.meter, AnswerMeter::Rest) && self.call.bytes_out >= bytes_max {
                    break;
                }
                if let AnswerMeter::ModelStream(meter, _) = &self.meter
                    && meter.text_bytes() > held.saturating_mul(16)
                {
                    // No model writes sixteen bytes a token on average: this goes beyond the hold.
                    break;
                }
            }
        };
        // Whatever came by then is what is counted.
        let _ = timeout(time_max, reading).await;
        let _ = self.meter.finish();
    }
}

fn len(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
