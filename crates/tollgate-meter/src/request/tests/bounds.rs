use super::*;

#[test]
fn a_wrong_prediction_is_charged_as_output() {
    let request = chat(r#","prediction":{"type":"content","content":"let x = 1;"}"#).unwrap();
    assert!(request.output_beside() >= 40, "{}", request.output_beside());
    assert_eq!(chat("").unwrap().output_beside(), 0);
}

#[test]
fn the_lifetime_of_a_cache_is_found_however_it_is_written() {
    for name in ["ttl", "\\u0074tl", "tt\\u006c", "t\\u0074\\u006C"] {
        let body = format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{{"type":"text","text":"x","cache_control":{{"type":"ephemeral","{name}":"1h"}}}}]}}]}}"#
        );
        let request = parse(Endpoint::Messages, &body).unwrap();
        assert!(request.prompt_meters().contains(Meter::CacheWrite1hTokens), "{name}");
    }
}

#[test]
fn pictures_have_variants_with_prices_of_their_own() {
    let names = |members: &str| {
        let body = format!(r#"{{"model":"dall-e-3","prompt":"a cat"{members}}}"#);
        parse(Endpoint::ImageGenerations, &body).unwrap().variant_names("dall-e-3")
    };
    assert_eq!(names(""), Vec::<String>::new());
    assert_eq!(names(r#","size":"auto","quality":null"#), Vec::<String>::new());
    assert_eq!(
        names(r#","size":"1024x1792","quality":"hd""#),
        ["hd/1024-x-1792/dall-e-3", "1024-x-1792/dall-e-3", "hd/dall-e-3"]
    );
    let posing = r#"{"model":"m","prompt":"x","size":"low/1024x1024"}"#;
    assert!(parse(Endpoint::ImageGenerations, posing).is_err(), "a size that poses as another price");
}

#[test]
fn what_pictures_and_speech_can_use_is_known_before() {
    let image = parse(Endpoint::ImageGenerations, r#"{"n":3,"model":"gpt-image-1","prompt":"a cat"}"#).unwrap();
    assert_eq!(image.beside_tokens().get(Meter::Images), 3);
    assert_eq!((image.generations(), image.output_most()), (3, Some(16_384)));
    assert!(image.answer_meters().contains(Meter::ImageOutputTokens));

    let speech = parse(Endpoint::AudioSpeech, r#"{"model":"tts-1","input":"h\u00e9llo","voice":"alloy"}"#).unwrap();
    assert_eq!(speech.beside_tokens().get(Meter::InputCharacters), 5, "characters, not bytes");
    assert_eq!(speech.output_most(), Some(80));
    assert_eq!(speech.usage_by_request(), Some(speech.beside_tokens()));
    assert_eq!(image.usage_by_request(), None);
}

#[test]
fn a_transcript_is_bounded_by_the_size_of_its_file() {
    let body = form("whisper-1", "response_format", "verbose_json");
    let request = parse_form(&body).unwrap();
    assert_eq!(request.model(), "whisper-1");
    assert_eq!(request.beside_tokens().get(Meter::AudioInputSeconds), 20);
    assert!(request.prompt_meters().contains(Meter::AudioInputTokens));
    assert_eq!(request.count_prompt_tokens("whisper-1"), request.prompt().tokens_max(0));
    let streamed = parse_form(&form("m", "stream", "true")).unwrap();
    assert_eq!(streamed.delivery(), Delivery::Streamed);
    let edits = Edits { model: Some("longer-model"), output_bound: Some(5), ..Edits::default() };
    assert_eq!(request.rewritten(&edits), form("longer-model", "response_format", "verbose_json"));
    for (field, value) in [("response_format", "text"), ("response_format", "srt"), ("stream", "maybe"), ("url", "x")] {
        let error = parse_form(&form("m", field, value)).unwrap_err();
        assert_eq!(&*error.field, field);
    }
}

/// A form with a file of 10,000 bytes.
fn form(model: &str, field: &str, value: &str) -> Bytes {
    let part =
        |head: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{head}\r\n\r\n{value}\r\n");
    let file = part("file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg", &"x".repeat(10_000));
    format!("{}{file}{}--b--\r\n", part("model\"", model), part(&format!("{field}\""), value)).into()
}

fn parse_form(body: &Bytes) -> Result<LlmRequest, BadBody> {
    LlmRequest::parse(Endpoint::AudioTranscriptions, "multipart/form-data; boundary=b", body.clone())
}
