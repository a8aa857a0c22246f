//! The bench itself, from the command line to the table.

use std::process::Command;

use serde_json::Value;

/// Runs the bench for a moment and returns whether it succeeded, what it printed and what it wrote.
fn bench(arguments: &[&str]) -> (bool, String, Value) {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let json = dir.path().join("bench.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["--rounds", "1", "--seconds", "0.05", "--json"]).arg(&json).args(arguments);
    let output = command.output().expect("the bench was built for this test");
    let written = std::fs::read(&json).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said, written)
}

#[test]
fn peers_are_measured_side_by_side() {
    let program = env!("CARGO_BIN_EXE_bench");
    let command = format!("echo 'x-api-key: one' >{{dir}}/keys; exec {program} proxy --threading per-core");
    let peer = format!(
        "mine={command} --listen 127.0.0.1:{{port}} --upstream {{upstream}};http://127.0.0.1:{{port}};{{dir}}/keys"
    );
    let (success, said, written) = bench(&["--only", "bare", "--only", "mine", "--peer", &peer]);
    assert!(success, "{said}");
    assert!(said.contains("| | bare hyper, work stealing | bare hyper, thread per core | mine |"), "{said}");
    for median in written["medians"].as_array().unwrap() {
        assert_eq!(median["figures"]["failed"], 0.0, "{said}");
        for figure in ["rest.per_second", "open_500.p99_ms", "streams_64.first_byte_p50_ms", "memory.peak_mb"] {
            assert!(median["figures"][figure].as_f64().unwrap() > 0.0, "{figure}: {said}");
        }
    }
}

#[test]
fn a_peer_that_does_not_serve_is_an_error() {
    let program = env!("CARGO_BIN_EXE_bench");
    let lost =
        format!("lost=exec {program} proxy --threading per-core --listen 127.0.0.1:{{port}} --upstream 127.0.0.1:1");
    let (success, said, _) = bench(&["--only", "lost", "--peer", &(lost + ";http://127.0.0.1:{port}")]);
    assert!(!success && said.contains("could not measure lost") && said.contains("502"), "{said}");
}
