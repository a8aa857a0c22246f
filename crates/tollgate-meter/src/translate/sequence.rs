//! Puts the events of an answer in an order that every format can say.
//!
//! OpenAI's chunks may carry the arguments of several tool calls at the same time, told apart by an index.
//! Anthropic's and OpenAI's newer streams say one thing after the other, and clients of theirs merge calls
//! that are not kept apart. So the first open call is passed on as it comes, the others wait until its
//! arguments are a complete object.

use std::collections::{HashSet, VecDeque};

use super::flaw::BadAnswer;
use super::reply::{Event, Piece, Stop};

/// Most bytes of arguments that wait for their turn.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Most tool calls in one answer.
const CALLS_MAX: usize = 1_024;

/// The order of an answer.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Names calls to which the upstream gave no id.
    id_prefix: String,
    model: Option<String>,
    open: VecDeque<OpenCall>,
    slots: HashSet<u64>,
    calls: usize,
    waiting_bytes: usize,
    stop: Option<Stop>,
}

/// A call whose arguments are still coming.
#[derive(Debug)]
struct OpenCall {
    slot: u64,
    id: String,
    name: String,
    /// What came while another call was being passed on.
    waiting: String,
    /// Whether its beginning has been passed on.
    begun: bool,
    end: ObjectEnd,
}

impl Sequence {
    pub(crate) fn new(id_prefix: &str) -> Self {
        let id_prefix = id_prefix.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(48).collect();
        Self {
            id_prefix,
            model: None,
            open: VecDeque::new(),
            slots: HashSet::new(),
            calls: 0,
            waiting_bytes: 0,
            stop: None,
        }
    }

    /// The model, as soon as the upstream has named it.
    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Why the answer ended, once it has.
    pub(crate) const fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Whether a tool was called.
    pub(crate) const fn called(&self) -> bool {
        self.calls > 0
    }

    /// Takes an event and hands on what may be said now.
    pub(crate) fn take(&mut self, event: Event<'_>, say: &mut dyn FnMut(Piece<'_>)) -> Result<(), BadAnswer> {
        match event {
            Event::Model(model) => {
                if self.model.is_none() && !model.is_empty() {
                    self.model = Some(model.into_owned());
                }
            }
            Event::Text(text) if text.is_empty() => (),
            Event::Text(text) => self.say_alone(Piece::Text(&text), say),
            Event::Refusal(text) if text.is_empty() => (),
            Event::Refusal(text) => self.say_alone(Piece::Refusal(&text), say),
            Event::Reasoning(text) if text.is_empty() => (),
            Event::Reasoning(text) => self.say_alone(Piece::Reasoning(&text), say),
            Event::Sealed(signature) => self.say_alone(Piece::Sealed(&signature.into_owned()), say),
            Event::Call { slot, id, name } => {
                if !self.slots.insert(slot) || self.calls == CALLS_MAX {
                    return Err(BadAnswer::malformed("tool call", "begins twice, or is one of too many"));
                }
                let id = if id.is_empty() { self.minted() } else { id.into_owned() };
                self.calls += 1;
                let end = ObjectEnd::default();
                let name = name.into_owned();
                self.open.push_back(OpenCall { slot, id, name, waiting: String::new(), begun: false, end });
                self.advance(say);
            }
            Event::Arguments { slot, json } => self.arguments(slot, &json, say)?,
            Event::Stop(stop) => {
                self.close_all(say);
                // The first reason counts: some servers repeat the chunk that carries it.
                self.stop.get_or_insert(stop);
            }
        }
        Ok(())
    }

    /// Ends whatever is open.
    pub(crate) fn close_all(&mut self, say: &mut dyn FnMut(Piece<'_>)) {
        while let Some(mut call) = self.open.pop_front() {
            self.waiting_bytes -= call.waiting.len();
            call.begin(say);
            say(Piece::CallEnd);
        }
    }

    fn minted(&self) -> String {
        format!("call_{}_{}", self.id_prefix, self.calls)
    }

    fn say_alone(&mut self, piece: Piece<'_>, say: &mut dyn FnMut(Piece<'_>)) {
        self.close_all(say);
        say(piece);
    }

    fn arguments(&mut self, slot: u64, json: &str, say: &mut dyn FnMut(Piece<'_>)) -> Result<(), BadAnswer> {
        let Some(call) = self.open.iter_mut().find(|call| call.slot == slot) else {
            // Trailing blanks of a call that is complete say nothing.
            let known = self.slots.contains(&slot) && json.trim().is_empty();
            return if known { Ok(()) } else { Err(BadAnswer::malformed("arguments", "belong to no open tool call")) };
        };
        if json.is_empty() {
            return Ok(());
        }
        call.end.take(json);
        if call.begun {
            say(Piece::Arguments(json));
        } else {
            self.waiting_bytes += json.len();
            call.waiting.push_str(json);
            if self.waiting_bytes > WAITING_BYTES_MAX {
                return Err(BadAnswer::malformed("arguments", "of several tool calls are too long to be kept apart"));
            }
        }
        self.advance(say);
        Ok(())
    }

    /// Passes on the first open call, and closes it when it is complete and another waits.
    fn advance(&mut self, say: &mut dyn FnMut(Piece<'_>)) {
        loop {
            let others = self.open.len() > 1;
            let Some(first) = self.open.front_mut() else { return };
            self.waiting_bytes -= first.waiting.len();
            first.begin(say);
            if !(others && first.end.reached()) {
                return;
            }
            say(Piece::CallEnd);
            self.open.pop_front();
        }
    }
}

impl OpenCall {
    fn begin(&mut self, say: &mut dyn FnMut(Piece<'_>)) {
        if !self.begun {
            self.begun = true;
            say(Piece::Call { id: &self.id, name: &self.name });
            let waiting = std::mem::take(&mut self.waiting);
            if !waiting.is_empty() {
                say(Piece::Arguments(&waiting));
            }
        }
    }
}

/// Finds the end of a JSON object that arrives in pieces.
#[derive(Debug, Default)]
struct ObjectEnd {
    depth: u64,
    begun: bool,
    in_text: bool,
    escaped: bool,
}

impl ObjectEnd {
    fn take(&mut self, json: &str) {
        for byte in json.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => {
                    self.begun = true;
                    self.depth += 1;
                }
                b'}' | b']' if !self.in_text => self.depth = self.depth.saturating_sub(1),
                _ => (),
            }
        }
    }

    const fn reached(&self) -> bool {
        self.begun && self.depth == 0
    }
}
