//! Streams that end early: what is owed is what the plan says, nothing stays held, and the books agree.

use serde_json::{Value, json};
use tollgate_core::money::Nanos;
use tollgate_meter::tokens::{self, Encoding};

use super::harness::{Admin, Buyer, Call, Chance, Connection, Node, Site, until};

/// How many streams are cut, for each plan.
const STREAMS: u64 = 60;

/// What a token costs in `tollgate.toml`, in nano-units.
const INPUT_NANOS: i64 = 150;
const OUTPUT_NANOS: i64 = 600;

/// One stream that the caller left.
struct CutStream {
    id: String,
    prompt: String,
    /// The content that the caller has seen.
    seen: String,
    call: Call,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_owes_what_was_generated_if_the_plan_says_so() {
    cut_streams("generated", 0x5eed_0001).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_owes_what_was_received_if_the_plan_says_so() {
    cut_streams("received", 0x5eed_0002).await;
}

/// What ends a stream for the caller comes before the end of the body that carried it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_follow_one_another_use_the_same_connection_to_the_upstream() {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    let body = json!({
        "model": "sandbox-small", "messages": [{ "role": "user", "content": "Go on." }], "stream": true,
    });
    // Always the same core, which has connections of its own.
    let mut connection = Connection::open(node.gateway).await;
    let before = site.sandbox.journal().connections();
    for _ in 0..20 {
        let answer = connection.send(&Call::post("/v1/chat/completions", &body).key(&buyer.key)).await;
        assert_eq!((answer.status, answer.is_whole), (200, true));
    }
    let opened = site.sandbox.journal().connections() - before;
    // The end may arrive a moment after the next stream has begun.
    assert!(opened <= 3, "{opened} connections for 20 streams");
}

async fn cut_streams(plan: &str, seed: u64) {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer(plan, "5.00").await;
    let mut chance = Chance(seed);
    let mut streams = Vec::new();
    for number in 0..STREAMS {
        streams.push(leave(&node, &buyer, &mut chance, number).await);
    }

    admin.at_rest(&buyer).await;
    let calls = until("every stream is in the log", || async {
        let calls = admin.calls(&buyer).await;
        (calls.len() == streams.len()).then_some(calls)
    })
    .await;
    let mut spent = Nanos::ZERO;
    for stream in &streams {
        let logged = calls.iter().find(|call| call["id"] == *stream.id);
        let logged = logged.unwrap_or_else(|| panic!("seed {seed:#x}: {} is not in the log", stream.id));
        owes_what_the_plan_says(&site, plan, stream, logged).await;
        spent = spent.saturating_plus(amount(&logged["cost"]));
    }
    assert_eq!(five_dollars().saturating_minus(spent), admin.balance(&buyer).await, "seed {seed:#x}");
    assert_eq!(admin.balance(&buyer).await, admin.booked(&buyer).await, "seed {seed:#x}");
    admin.ledger_is_sound().await;
}

/// Begins a stream and leaves it after some pieces.
async fn leave(node: &Node, buyer: &Buyer, chance: &mut Chance, number: u64) -> CutStream {
    let prompt =
        format!("Stream {number}: tell me about harbours. ").repeat(usize::try_from(chance.below(4)).unwrap() + 1);
    let model = ["sandbox-small", "sandbox-large", "sandbox-slow"][usize::try_from(chance.below(3)).unwrap()];
    let tokens = 5 + chance.below(40);
    let body = json!({
        "model": model, "messages": [{ "role": "user", "content": prompt }], "stream": true, "max_tokens": 400,
    });
    let call = Call::post("/v1/chat/completions", &body)
        .key(&buyer.key)
        .header("x-sandbox-chunks", &tokens.to_string())
        .header("x-sandbox-chunk-gap-ms", &chance.below(6).to_string());
    let mut open = call.open(node.gateway).await;
    assert_eq!(open.status(), 200);
    let mut received = Vec::new();
    // Sometimes before the first piece, sometimes after the last one.
    for _ in 0..chance.below(tokens + 4) {
        match open.piece().await {
            Some(piece) => received.extend_from_slice(&piece),
            None => break,
        }
    }
    CutStream { id: open.id(), prompt, seen: content(&received), call }
}

/// Whether the logged cost follows from the logged tokens, and those from the plan's rule.
async fn owes_what_the_plan_says(site: &Site, plan: &str, stream: &CutStream, logged: &Value) {
    let tokens = |meter: &str| logged["usage"].get(meter).and_then(Value::as_u64).unwrap_or(0);
    let (input, output) = (tokens("input_tokens"), tokens("output_tokens"));
    let nanos = i64::try_from(input).unwrap() * INPUT_NANOS + i64::try_from(output).unwrap() * OUTPUT_NANOS;
    assert_eq!(amount(&logged["cost"]), Nanos::new(nanos), "{logged}");
    assert_eq!(logged["loss"], "0.00", "{logged}");

    let (reported_input, reported_output, text) = whole_answer(site, stream).await;
    match (plan, logged["usage_source"].as_str().unwrap_or_default()) {
        // Read to its end: the upstream's own figures, to the token.
        (_, "reported") => assert_eq!((input, output), (reported_input, reported_output), "{logged}"),
        ("received", "counted") => {
            // The prompt counts as what was held for it, one token a byte at most; of the answer what passed.
            let bytes = u64::try_from(stream.prompt.len()).unwrap();
            assert!((1..=bytes + 32).contains(&input), "{logged}");
            let (least, most) = (tokens::count(&stream.seen, Encoding::O200k), tokens::count(&text, Encoding::O200k));
            assert!((least..=most).contains(&output), "{least} to {most} tokens: {logged}");
        }
        // Left before anything came.
        ("received", "") => assert_eq!((nanos, stream.seen.as_str()), (0, ""), "{logged}"),
        (_, source) => panic!("{source:?} on plan {plan}: {logged}"),
    }
}

/// The same stream, read to its end: the tokens that the upstream reports, and the text.
async fn whole_answer(site: &Site, stream: &CutStream) -> (u64, u64, String) {
    let mut body: Value = serde_json::from_slice(stream.call.sent_body()).unwrap();
    body["stream_options"] = json!({ "include_usage": true });
    let whole = stream.call.clone().body(body.to_string()).send(site.sandbox.addr()).await;
    let usage = chunks(&whole.body).into_iter().find_map(|chunk| chunk["usage"].as_object().cloned()).unwrap();
    let tokens = |member: &str| usage[member].as_u64().unwrap();
    (tokens("prompt_tokens"), tokens("completion_tokens"), content(&whole.body))
}

/// What the deltas of a stream say.
fn content(bytes: &[u8]) -> String {
    let said = |chunk: Value| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
    chunks(bytes).into_iter().filter_map(said).collect()
}

/// The chunks of a stream that came whole.
fn chunks(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(bytes);
    let data = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

fn amount(value: &Value) -> Nanos {
    value.as_str().unwrap().parse().unwrap()
}

fn five_dollars() -> Nanos {
    Nanos::units(5)
}

/// What a caller who stays gets is the upstream's stream, byte for byte, without the usage that only
/// Tollgate asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_stream_passes_byte_for_byte() {
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    for options in [json!(null), json!({ "include_usage": true })] {
        let body = json!({
            "model": "sandbox-large", "messages": [{ "role": "user", "content": "Who keeps the light?" }],
            "stream": true, "stream_options": options, "max_tokens": 300,
        });
        let call = Call::post("/v1/chat/completions", &body).header("x-sandbox-chunks", "120");
        let direct = call.send(site.sandbox.addr()).await;
        let through = call.key(&buyer.key).send(node.gateway).await;
        assert_eq!((direct.status, through.status), (200, 200));
        assert!(through.is_whole);
        assert_eq!(through.header("content-type"), direct.header("content-type"));
        assert_eq!(undated(&through.text()), undated(&direct.text()), "stream_options: {options}");
        let logged = admin.call(&through.id()).await;
        assert_eq!((&logged["usage_source"], &logged["streamed"]), (&json!("reported"), &json!(true)));
        assert!(amount(&logged["cost"]).is_positive());
        paid(&admin, &buyer).await;
    }
}

/// The text without its date, which is the only thing that differs between two answers.
fn undated(text: &str) -> String {
    let mut parts = text.split("\"created\":");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "\"created\":" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

async fn paid(admin: &Admin, buyer: &Buyer) {
    let costs: Nanos = admin.calls(buyer).await.iter().map(|call| amount(&call["cost"])).sum();
    assert_eq!(five_dollars().saturating_minus(costs), admin.booked(buyer).await);
}
