//! The generator against the sandbox.

use std::sync::Arc;

use tollgate::sandbox::Sandbox;

use super::*;
use crate::clock::Stopped;

/// Runs what `load` makes of the URL of a sandbox, and says how many requests arrived there.
fn against_sandbox(load: impl FnOnce(String) -> Load) -> (Report, u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _on_runtime = runtime.enter();
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), Arc::new(Stopped::IN_1970)).unwrap();
    let report = run(&load(format!("http://{}", sandbox.addr()))).unwrap();
    (report, sandbox.journal().requests(""))
}

#[test]
fn a_closed_loop_counts_every_request_that_arrives() {
    let (report, arrived) = against_sandbox(|base| Load {
        connections: 4,
        threads: 2,
        duration: Duration::from_millis(100),
        ..Load::get(base + "/rest/bytes/10")
    });
    assert!(report.answered > 10);
    assert_eq!((report.answered, report.failed()), (arrived, 0));
    assert_eq!(report.body_bytes, arrived * 10);
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let (report, arrived) = against_sandbox(|base| Load {
        pace: Pace::Open { per_second: 500.0 },
        duration: Duration::from_millis(200),
        ..Load::get(base + "/rest/bytes/10")
    });
    assert_eq!((arrived, report.answered, report.failed()), (99, 99, 0));
}

#[test]
fn an_open_loop_counts_the_wait_for_a_free_connection() {
    let (report, arrived) = against_sandbox(|base| Load {
        connections: 1,
        pace: Pace::Open { per_second: 100.0 },
        duration: Duration::from_millis(101),
        ..Load::get(base + "/rest/slow/50")
    });
    assert_eq!(arrived, 10);
    // Each request takes 50 ms and they come every 10 ms, so the last waits for 9 times 40 ms.
    assert!(report.latency.unwrap().max >= 9.0 * 40.0 + 50.0, "{report}");
}

#[test]
fn a_stream_is_timed_delta_by_delta() {
    let prompt = r#"{"model":"sandbox-small","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
    let (report, _) = against_sandbox(|base| {
        let mut load = Load::post(base + "/v1/chat/completions", prompt);
        load.headers.extend(["x-sandbox-chunks: 3".to_owned(), "x-sandbox-chunk-gap-ms: 80".to_owned()]);
        Load { connections: 1, duration: Duration::from_millis(1), timing: Timing::Stream, ..load }
    });
    assert_eq!((report.answered, report.failed()), (1, 0));
    let [first_byte, first_delta, gap, latency] =
        [report.first_byte, report.first_delta, report.gap, report.latency].map(Option::unwrap);
    assert!(first_byte.p50 < 80.0 && first_delta.p50 >= 80.0 && latency.p50 >= 240.0, "{report}");
    assert!((40.0..160.0).contains(&gap.p50), "{report}");
}

#[test]
fn failures_are_counted_by_cause() {
    let (report, arrived) = against_sandbox(|base| Load {
        connections: 1,
        duration: Duration::from_millis(20),
        ..Load::get(base + "/rest/cut/100")
    });
    assert_eq!((report.answered, report.failed()), (0, arrived));
    assert_eq!(report.errors.keys().collect::<Vec<_>>(), ["closed in the middle of an answer"]);

    let (report, arrived) =
        against_sandbox(|base| Load { duration: Duration::from_millis(20), ..Load::get(base + "/rest/status/402") });
    assert_eq!((report.statuses[&402], report.failed()), (arrived, arrived));
}

#[test]
fn a_peer_that_is_not_there_is_an_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(run(&Load::get(format!("http://{free}/"))).is_err());
}
