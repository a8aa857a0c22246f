//! Phase: from the head of an answer to its settlement: what is metered, what is read whole, what is relayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use tollgate_meter::translate::StreamTranslator;
use tollgate_store::settlement::Flags;

use crate::admit::Admission;
use crate::answer::AnswerBody;
use crate::call::Call;
use crate::caller::Presence;
use crate::core::Core;
use crate::estimate::ModelEstimate;
use crate::headers::{clean_response, content_length};
use crate::limits::WHOLE_ANSWER_BYTES;
use crate::metering::{AnswerMeter, ModelFacts};
use crate::refuse::Refusal;
use crate::relay::{Exchange, Relay, Stage};
use crate::respond_headers;
use crate::route::Route;
use crate::translation::Translation;
use crate::upstream::Answer;
use crate::whole::Whole;

/// What became of a request that was not refused.
pub(crate) enum Carried {
    /// The whole answer.
    Answer(Response<AnswerBody>),
    /// An answer that is passed on while it arrives.
    Relayed(Box<RelayWithoutCall>),
}

/// What is known of a request whose answer has begun.
pub(crate) struct Delivered {
    pub(crate) model: Option<ModelEstimate>,
    /// How the answer is to be said.
    pub(crate) translation: Option<Translation>,
    /// Members of the request that were left out on its way to an upstream with another format.
    pub(crate) left_out: Vec<String>,
    /// The output bound that the balance allowed.
    pub(crate) clamped: Option<u64>,
    /// What has passed of the request's body.
    pub(crate) sent: Arc<AtomicU64>,
    /// When the request was sent.
    pub(crate) forwarded: Instant,
}

/// From the head of the answer to settlement.
pub(crate) async fn deliver(
    core: &Arc<Core>,
    call: &mut Call,
    route: &Arc<Route>,
    admission: Admission,
    delivered: Delivered,
    response: Response<Answer>,
    presence: &Presence,
) -> Result<Carried, Refusal> {
    let Delivered { model, translation, left_out, clamped, sent, forwarded } = delivered;
    call.bytes_in = call.bytes_in.max(sent.load(Ordering::Relaxed));

    let (mut head, answer) = response.into_parts();
    let meter = meter_for(model.as_ref(), &admission, &head);
    if meter.changes_length() || translation.is_some() {
        head.headers.remove(CONTENT_LENGTH);
    }
    let length = content_length(&head.headers);
    clean_response(&mut head.headers);
    respond_headers::terms(&mut head.headers, &admission, clamped, model.as_ref());
    respond_headers::left_out(&mut head.headers, &left_out);
    let status = head.status.as_u16();
    let is_short = length.is_some_and(|length| length <= WHOLE_ANSWER_BYTES);
    let is_free = is_free_of_charge(status, route);
    if is_free || is_short || meter.needs_whole() {
        let bytes_max = route.response_bytes_max;
        let whole = Whole { core, call, presence, head, answer, admission, sent, forwarded, bytes_max, translation };
        let answered = if is_free { Box::pin(whole.pass_free()).await } else { whole.settle(meter).await };
        return answered.map(Carried::Answer);
    }
    let core = Arc::clone(core);
    let translator = translation.map(|translation| {
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(translation.stream_type()));
        Box::new(translation.stream())
    });
    let relay = RelayWithoutCall { core, head, answer, meter, translator, admission, sent, forwarded, length };
    Ok(Carried::Relayed(Box::new(relay)))
}

fn meter_for(model: Option<&ModelEstimate>, admission: &Admission, head: &http::response::Parts) -> AnswerMeter {
    let Some(model) = model else { return AnswerMeter::Rest };
    let facts = ModelFacts {
        request: Arc::clone(&model.request),
        model: model.id.clone(),
        prompt_tokens: model.prompt_tokens,
        bound: admission.bound(),
        priced: model.priced,
        counted: None,
        endpoint: model.endpoint,
    };
    AnswerMeter::of_model(&model.request, facts, &head.headers)
}

/// Failures are not billed: the upstream's own never, the caller's only where the route says so.
pub(crate) fn is_free_of_charge(status: u16, route: &Route) -> bool {
    status >= 500 || (status >= 400 && !route.charge_client_errors)
}

/// A relay that lacks only its call, which is still needed until the head is complete.
pub(crate) struct RelayWithoutCall {
    pub(crate) core: Arc<Core>,
    pub(crate) head: http::response::Parts,
    pub(crate) answer: Answer,
    pub(crate) meter: AnswerMeter,
    /// Says the answer in the caller's format, if the upstream speaks another.
    pub(crate) translator: Option<Box<StreamTranslator>>,
    pub(crate) admission: Admission,
    pub(crate) sent: Arc<AtomicU64>,
    pub(crate) forwarded: Instant,
    pub(crate) length: Option<u64>,
}

impl RelayWithoutCall {
    pub(crate) fn into_response(self, mut call: Call) -> Response<AnswerBody> {
        call.flags = call.flags.with(Flags::STREAMED);
        let relay = Relay::new(Exchange {
            core: self.core,
            call,
            status: self.head.status.as_u16(),
            answer: self.answer,
            meter: self.meter,
            translator: self.translator,
            admission: Some(self.admission),
            sent: self.sent,
            forwarded: self.forwarded,
            length: self.length,
            stage: Stage::Passing,
            idle: None,
        });
        Response::from_parts(self.head, AnswerBody::Relayed(relay))
    }
}
