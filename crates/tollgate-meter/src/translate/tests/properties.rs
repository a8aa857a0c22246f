use proptest::prelude::*;

use super::*;

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(&Format::ALL[..])
}

/// Some bytes of a document, replaced.
fn mutated(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    for (place, byte) in changes {
        let at = place.index(bytes.len());
        bytes[at] = *byte;
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(&b"{}[]\",:0-n\\"[..])];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 0..6)
}

proptest! {
    #[test]
    fn a_stream_cut_anywhere_says_the_same(
        from in format(),
        to in format(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        changes in changes(),
    ) {
        let stream = mutated(file("streams", from, "sse"), &changes);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let frames: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(streamed(from, to, facts(), &frames), streamed(from, to, facts(), &[&stream]));
    }

    #[test]
    fn no_bytes_make_translation_panic(from in format(), to in format(), changes in changes(), status in 400_u16..600) {
        let request = mutated(file("requests", from, "json"), &changes);
        if let Ok(translated) = translate_request(from, to, &request, &facts()) {
            prop_assert!(serde_json::from_slice::<Value>(&translated.body).is_ok());
        }
        let answer = mutated(file("answers", from, "json"), &changes);
        if let Ok(translated) = translate_answer(from, to, &answer, &facts(), Some(&used())) {
            prop_assert!(serde_json::from_slice::<Value>(&translated).is_ok());
        }
        let error = mutated(file("errors", from, "json"), &changes);
        prop_assert!(serde_json::from_slice::<Value>(&translate_error(to, status, &error)).is_ok());
    }

    #[test]
    fn what_a_format_can_say_comes_back_unchanged(conversation in conversation(), through in format()) {
        let chat = request(CHAT, CHAT, &conversation);
        let there = translate_request(CHAT, through, conversation.as_bytes(), &facts()).unwrap();
        let back = translate_request(through, CHAT, &there.body, &facts()).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Value>(&back.body).unwrap(), chat);
    }

    #[test]
    fn any_text_arrives_as_it_was(from in format(), to in format(), text in "\\PC{1,40}|[\\x00-\\x7f]{1,20}") {
        let events = [reply::Event::Text(text.clone().into()), reply::Event::Stop(Stop::Done)];
        let said = write(from, events);
        let there = translate_answer(from, to, &said, &facts(), None).unwrap();
        let back = translate_answer(to, CHAT, &there, &facts(), None).unwrap();
        let back: Value = serde_json::from_slice(&back).unwrap();
        prop_assert_eq!(back["choices"][0]["message"]["content"].as_str(), Some(&*text));
    }
}

/// An answer in `format` that says these events.
fn write<'e>(format: Format, events: impl IntoIterator<Item = reply::Event<'e>>) -> Vec<u8> {
    let mut sequence = Sequence::new("id");
    let mut reply = Reply::default();
    for event in events {
        sequence.take(event, &mut |piece| reply.add(piece)).unwrap();
    }
    let end = End { stop: &Stop::Done, called: sequence.called(), usage: None };
    match format {
        Format::OpenAiChat => chat::write_answer(&reply, "m", &facts(), &end),
        Format::OpenAiResponses => responses::write_answer(&reply, "m", &facts(), &end),
        Format::AnthropicMessages => messages::write_answer(&reply, "m", &facts(), &end),
        Format::Gemini => gemini::write_answer(&reply, "m", &facts(), &end),
    }
    .unwrap()
}

/// Requests of chat completions that every format can express: instructions in front, then turns of the
/// user, each answered by words or by calls with their results.
fn conversation() -> impl Strategy<Value = String> {
    let text = "[a-z\"\\\\\n é]{1,8}[a-z]";
    let turn = (text, text, prop::collection::vec("[a-z]{1,6}", 0..3));
    let numbers = (prop::option::of(0_u8..10), prop::option::of(1_u64..900));
    (prop::option::of(text), prop::collection::vec(turn, 1..4), numbers).prop_map(|(system, turns, (tenths, bound))| {
        let mut messages = Vec::new();
        messages.extend(system.map(|text| serde_json::json!({"role": "system", "content": text})));
        for (turn, (asked, answered, calls)) in turns.iter().enumerate() {
            messages.push(serde_json::json!({"role": "user", "content": asked}));
            if calls.is_empty() {
                messages.push(serde_json::json!({"role": "assistant", "content": answered}));
                continue;
            }
            let id = |at: usize| format!("call_{turn}_{at}");
            let made: Vec<Value> = calls.iter().enumerate().map(|(at, name)| {
                let arguments = serde_json::json!({"text": name}).to_string();
                serde_json::json!({"id": id(at), "type": "function", "function": {"name": name, "arguments": arguments}})
            }).collect();
            messages.push(serde_json::json!({"role": "assistant", "content": answered, "tool_calls": made}));
            for at in 0..calls.len() {
                messages.push(serde_json::json!({"role": "tool", "tool_call_id": id(at), "content": answered}));
            }
        }
        let mut body = serde_json::json!({"messages": messages});
        if let Some(tenths) = tenths {
            body["temperature"] = serde_json::from_str(&format!("0.{tenths}")).unwrap();
        }
        if let Some(bound) = bound {
            body["max_completion_tokens"] = bound.into();
        }
        body.to_string()
    })
}
