//! What stands in the way of a start is said in a sentence; what gets in the way later is never given away.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tollgate_core::money::Nanos;

use super::harness::{Admin, Buyer, Call, Ended, Node, Process, Site, in_time, until};

const BINARY: &str = env!("CARGO_BIN_EXE_tollgate");

async fn fails(site: &Site) -> Ended {
    let mut command = Command::new(BINARY);
    Process::start(command.args(["serve", "--config"]).arg(site.config())).ended().await
}

/// Has failed with `code`, and said all of `words`.
fn said(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}", ended.log);
    for word in words {
        assert!(ended.log.contains(word), "{word:?} is missing: {}", ended.log);
    }
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typing_mistake_is_named_with_its_line() {
    let mistakes: [(&str, &str, &[&str]); 6] = [
        ("shutdown_seconds = 20", "shutdown_second = 20", &["tollgate.toml:6", "shutdown_second", "expected"]),
        ("cores = 2", "cores = \"two\"", &["tollgate.toml:5", "invalid type"]),
        (
            "admin_token = \"token-of-the-tests\"",
            "admin_token = \"short\"",
            &["tollgate.toml:10", "at least 16 characters"],
        ),
        (
            "per_call = \"0.01\"",
            "per_call = \"-0.01\"",
            &["tollgate.toml:15", "per_call: expected an amount of 0 or more"],
        ),
        ("currency = \"USD\"", "currency = \"dollars\"", &["tollgate.toml:", "currency code of three capital letters"]),
        ("[[price]]", "[[prise]]", &["tollgate.toml:15", "prise", "expected"]),
    ];
    for (from, to, words) in mistakes {
        let site = Site::new();
        site.replace(from, to);
        said(&fails(&site).await, 2, words);
        assert!(!site.folder().join("tollgate.db").exists(), "nothing is touched before the configuration is right");
    }
    let site = Site::new();
    fs::remove_file(site.config()).unwrap();
    said(&fails(&site).await, 2, &["cannot be read", "tollgate.toml"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let gateway = "address = \"127.0.0.1:0\"\ncores";
    let control = "address = \"127.0.0.1:0\"\nadmin_token";
    for (from, rest) in [(gateway, "cores"), (control, "admin_token")] {
        let site = Site::new();
        site.replace(from, &format!("address = \"{address}\"\n{rest}"));
        said(&fails(&site).await, 1, &["cannot listen on", &address]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_tollgate_on_the_same_file_does_not_start() {
    let site = Site::new();
    let (_node, _) = site.start().await;
    said(&fails(&site).await, 1, &["another Tollgate is using", "tollgate.db", "stop it first"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_not_served_from() {
    let site = Site::new();
    fs::write(site.folder().join("tollgate.db"), "this is a diary, and no database\n".repeat(500)).unwrap();
    said(&fails(&site).await, 1, &["the database is damaged"]);

    // One page of many is overwritten: found when it is read, at the latest by the ledger check.
    let site = Site::new();
    let (node, admin) = site.start().await;
    let buyer = admin.buyer("generated", "5.00").await;
    for _ in 0..20 {
        assert_eq!(Call::get("/rest/echo").key(&buyer.key).send(node.gateway).await.status, 200);
    }
    assert_eq!(node.stop().await.code, Some(0));
    let path = site.folder().join("tollgate.db");
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4_096;
    for page in 2..pages {
        bytes[page * 4_096..page * 4_096 + 1_024].fill(0xAA);
    }
    fs::write(&path, &bytes).unwrap();
    said(&fails(&site).await, 1, &["the database is damaged"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_written_is_not_served_from() {
    let site = Site::new();
    fs::create_dir(site.folder().join("tollgate.db")).unwrap();
    said(&fails(&site).await, 1, &["the database is read-only"]);

    let site = Site::new();
    site.replace("sqlite:", "sqlite:/no/such/folder");
    said(&fails(&site).await, 1, &["store.url", "existing folder"]);

    // Root may write everywhere but on what is mounted for reading only.
    let site = Site::new();
    let disk = site.folder().join("disk");
    fs::create_dir(&disk).unwrap();
    move_database(&site, &disk);
    let script = format!(
        "mount -t tmpfs -o ro tmpfs {} && exec {BINARY} serve --config {}",
        disk.display(),
        site.config().display()
    );
    said(&Process::start(&mut unshared(&script)).ended().await, 1, &["the database is read-only"]);
}

/// `script` in a place of its own, where it may mount.
fn unshared(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script]);
    command
}

fn move_database(site: &Site, disk: &Path) {
    let before = format!("sqlite:{}", site.folder().join("tollgate.db").display());
    site.replace(&before, &format!("sqlite:{}", disk.join("tollgate.db").display()));
}

/// A full disk: paid requests are refused and never served unbilled; once there is room they are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_the_selling_and_nothing_is_given_away() {
    let site = Site::new();
    let disk = site.folder().join("disk");
    fs::create_dir(&disk).unwrap();
    move_database(&site, &disk);
    let (path, config) = (disk.display(), site.config());
    let script = format!("mount -t tmpfs -o size=3m tmpfs {path} && exec {BINARY} serve --config {}", config.display());
    let node = Node::starting(&mut unshared(&script)).await;
    let admin = Site::admin(&node);
    let buyer = admin.buyer("generated", "100.00").await;
    let mut served = Vec::new();
    for _ in 0..5 {
        let answer = call(&buyer).send(node.gateway).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        served.push(answer.id());
    }

    // The disk as the process sees it: only it is inside of the mount.
    let filler = format!("/proc/{}/root{}/filler", node.process.id(), disk.display());
    let filler = Path::new(&filler);
    fill(filler);
    let waiting = loop {
        let mut asked = tokio::spawn({
            let (call, gateway) = (call(&buyer), node.gateway);
            async move { call.send(gateway).await }
        });
        tokio::select! {
            answer = &mut asked => {
                let answer = answer.unwrap();
                assert_eq!(answer.status, 200, "{}", answer.text());
                served.push(answer.id());
            }
            () = not_ready(&admin) => break asked,
        }
        // What was free within the files may be used up, and what was freed is filled again.
        fill(filler);
    };
    let reached = site.sandbox.journal().requests("/rest/echo");
    assert_eq!(reached, u64::try_from(served.len() + 1).unwrap(), "one request found the disk full");
    for _ in 0..3 {
        let answer = call(&buyer).send(node.gateway).await;
        assert_eq!((answer.status, answer.reason().as_str()), (503, "billing_unavailable"), "{}", answer.text());
    }
    assert_eq!(site.sandbox.journal().requests("/rest/echo"), reached, "what cannot be billed is not forwarded");

    fs::remove_file(filler).unwrap();
    let again = until("requests are served again", || async {
        let answer = call(&buyer).send(node.gateway).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    served.push(again.id());
    let late = in_time("the answer that waited", waiting).await.unwrap();
    assert_eq!(late.status, 200, "it is paid for, so it is given: {}", late.text());
    served.push(late.id());
    books_agree(&admin, &buyer, &served).await;
    assert_eq!(node.stop().await.code, Some(0));
}

/// Ends when settlements are not committed any more.
async fn not_ready(admin: &Admin) {
    until("the node is not ready", || async {
        let answer = Call::get("/readyz").send(admin.address()).await;
        (answer.status == 503).then_some(())
    })
    .await;
}

fn call(buyer: &Buyer) -> Call {
    // A long path makes the log grow.
    Call::get(&format!("/rest/echo?{}", "x".repeat(200))).key(&buyer.key)
}

/// Writes until there is no room left.
fn fill(filler: &Path) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(filler).unwrap();
    for size in [64 * 1024, 4 * 1024, 512, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// What was served is billed, once; what was refused is not; the ledger says the same.
async fn books_agree(admin: &Admin, buyer: &Buyer, served: &[String]) {
    let calls = admin.calls(buyer).await;
    let cent = Nanos::new(10_000_000);
    for id in served {
        let rows: Vec<&Value> = calls.iter().filter(|call| call["id"] == **id).collect();
        assert_eq!(rows.len(), 1, "{id}: {rows:?}");
        assert_eq!((&rows[0]["status"], &rows[0]["cost"]), (&200.into(), &"0.01".into()), "{id}");
    }
    let billed = calls.iter().filter(|call| call["cost"] != "0.00").count();
    let spent: Nanos = std::iter::repeat_n(cent, billed).sum();
    assert_eq!(admin.booked(buyer).await, Nanos::units(100).saturating_minus(spent));
    admin.at_rest(buyer).await;
    admin.ledger_is_sound().await;
    assert_eq!(billed, served.len(), "what was served was billed, and nothing else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_leaves_a_database_with_customers_alone() {
    let site = Site::new();
    let (node, admin) = site.start().await;
    admin.buyer("five", "5.00").await;
    node.stop().await;

    let store = format!("sqlite:{}", site.folder().join("tollgate.db").display());
    let mut command = Command::new(BINARY);
    command.args(["demo", "--json", "--gateway", "127.0.0.1:0", "--control", "127.0.0.1:0", "--store", &store]);
    let demo = Process::start(command.arg("--data").arg(site.folder().join("demo"))).ended().await;
    said(&demo, 1, &["cannot start the demo", "holds customers already; use an empty one"]);

    let (_node, admin) = site.start().await;
    let plans = admin.get("/plans").await.to_string();
    assert!(plans.contains("\"five\"") && !plans.contains("\"business\""), "nothing was published: {plans}");
}
