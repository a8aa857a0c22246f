//! Requests for a transcript: a form with a file of sound.

use bytes::Bytes;
use tollgate_core::meter::{Meter, MeterSet};

use crate::json_guard::BadBody;
use crate::multipart::{Form, Part};
use crate::request::{Delivery, Draft, model_name};

/// The fewest bytes that a second of speech takes in any coding that is accepted: 4 kbit/s. Files that
/// are mostly silence can be smaller; what they cost beyond the bound is the operator's loss.
const SECOND_BYTES_MIN: u64 = 500;
/// Most tokens a second of sound becomes as input (Gemini's 32; OpenAI takes 10) and as text.
const SECOND_TOKENS_MAX: u64 = 32;

/// Reads the whole form.
pub(crate) fn read(draft: &mut Draft, content_type: &str, body: &Bytes) -> Result<(), BadBody> {
    let form = Form::read(content_type, body)?;
    for part in &form.parts {
        field(draft, part)?;
    }
    Ok(())
}

fn field(draft: &mut Draft, part: &Part<'_>) -> Result<(), BadBody> {
    let text = |expected: &'static str| std::str::from_utf8(part.value).map_err(|_| BadBody::new(&part.name, expected));
    match &*part.name {
        "model" => {
            draft.model = Some(model_name(text("a name of 1 to 256 bytes without control characters")?)?);
            draft.places.model = part.place.clone();
        }
        "file" => {
            let bytes = u64::try_from(part.value.len()).unwrap_or(u64::MAX);
            let seconds = bytes.div_ceil(SECOND_BYTES_MIN).max(1);
            draft.prompts = Some(1);
            draft.beside.set(Meter::AudioInputSeconds, seconds);
            draft.answers = MeterSet::of(Meter::OutputTokens).with(Meter::ReasoningTokens);
            draft.output_most = Some(seconds.saturating_mul(SECOND_TOKENS_MAX));
            // As tokens of sound, in the place of its bytes.
            draft.prompt.text_bytes += seconds.saturating_mul(SECOND_TOKENS_MAX);
            draft.prompt.audio += 1;
        }
        "response_format" => match text("a text")? {
            "json" | "verbose_json" | "diarized_json" => (),
            _ => {
                let expected = "`json`, `verbose_json` or `diarized_json`: the others do not report what was used";
                return Err(BadBody::new("response_format", expected));
            }
        },
        "stream" => match text("true or false")? {
            "true" | "True" | "1" => draft.delivery = Delivery::Streamed,
            "false" | "False" | "0" | "" => (),
            _ => return Err(BadBody::new("stream", "true or false")),
        },
        // A sound by its address has no length that is known here.
        "url" | "file_url" | "file_id" => {
            return Err(BadBody::new(&part.name, "the sound itself, as `file`"));
        }
        _ => {
            crate::request::refuse_server_only(part.name.as_bytes())?;
            draft.prompt.add_text(part.value.len());
        }
    }
    Ok(())
}
