//! Phase: how a request to an MCP server ended, and what of its answer may go on now.

use bytes::Bytes;
use tollgate_core::meter::{Usage, UsageSource};
use tollgate_meter::mcp::list::Listed;
use tollgate_meter::mcp::{AnswerStream, Id, Outcome, answer};

use crate::metering::Metered;

use super::visible::Visible;

/// Meters the answer to one request.
#[derive(Debug)]
pub(crate) struct McpMeter {
    id: Id,
    /// What the request lists, and what of that is shown.
    lists: Option<(Listed, Visible)>,
    /// What it counts if it is served; `None` for nothing, ever.
    usage: Option<Usage>,
    failures: Failures,
    body: BodyKind,
    outcome: Option<Outcome>,
}

/// Whether a request that failed is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failures {
    Charged,
    Free,
}

/// In which form an answer comes.
#[derive(Debug)]
pub(crate) enum BodyKind {
    /// One JSON-RPC message.
    Message,
    /// An answer with a failed status, which may have any body.
    Failed,
    /// Events, the answer among them.
    Events(Box<AnswerStream>),
}

impl McpMeter {
    pub(crate) fn new(
        id: Id,
        lists: Option<(Listed, Visible)>,
        usage: Option<Usage>,
        failures: Failures,
        body: BodyKind,
    ) -> Self {
        Self { id, lists, usage, failures, body, outcome: None }
    }

    /// Whether the answer must be read whole.
    pub(crate) const fn needs_whole(&self) -> bool {
        !matches!(self.body, BodyKind::Events(_))
    }

    /// Takes a whole answer and gives what the caller gets of it. The error says what is wrong with it.
    pub(crate) fn whole(&mut self, body: Bytes) -> Result<Bytes, &'static str> {
        match answer(&body, &self.id) {
            Ok(Some(outcome)) => self.outcome = Some(outcome),
            _ if matches!(self.body, BodyKind::Failed) => self.outcome = Some(Outcome::Failed),
            _ => return Err("the body is not the answer to the request"),
        }
        let filtered = self.lists.as_ref().and_then(|(listed, visible)| visible.filtered(&body, *listed));
        Ok(filtered.map_or(body, Bytes::from))
    }

    /// Takes a frame of events and gives what may go to the caller now.
    pub(crate) fn push(&mut self, frame: Bytes) -> Result<Bytes, &'static str> {
        let BodyKind::Events(stream) = &mut self.body else { return Ok(frame) };
        let lists = &self.lists;
        let edit = |message: &[u8]| lists.as_ref().and_then(|(listed, visible)| visible.filtered(message, *listed));
        let passed = stream.push(frame, edit).map_err(|_| "an event of the stream is too large")?;
        self.outcome = stream.outcome();
        Ok(passed)
    }

    /// Whether the answer has come.
    pub(crate) const fn is_done(&self) -> bool {
        self.outcome.is_some()
    }

    /// The event with the answer, which was held back.
    pub(crate) fn finish(&mut self) -> Bytes {
        match &mut self.body {
            BodyKind::Events(stream) => stream.finish(),
            BodyKind::Message | BodyKind::Failed => Bytes::new(),
        }
    }

    /// Whether a stream that has ended is in order: the answer has come, or the client can fetch it on
    /// another connection, as servers do that let nobody wait (2025-11-25, resumability).
    pub(crate) fn is_complete(&self) -> bool {
        self.is_done() || self.can_be_resumed()
    }

    fn can_be_resumed(&self) -> bool {
        matches!(&self.body, BodyKind::Events(stream) if stream.has_event_ids())
    }

    /// Whether nothing is owed for the answer. What can be fetched on another connection is owed now: it is
    /// nobody's to count again when it passes there.
    pub(crate) fn is_free(&self) -> bool {
        let is_served = match self.outcome {
            Some(Outcome::Done) => true,
            // The client is asked for more and sends the request again.
            Some(Outcome::Unfinished) => false,
            Some(Outcome::Failed | Outcome::ToolFailed) => self.failures == Failures::Charged,
            None => self.can_be_resumed(),
        };
        self.usage.is_none() || !is_served
    }

    /// What it used.
    pub(crate) fn metered(&self) -> Metered {
        Metered { usage: self.usage.unwrap_or(Usage::NONE), source: UsageSource::Reported }
    }
}
