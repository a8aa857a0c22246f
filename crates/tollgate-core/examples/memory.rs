//! How much memory a customer takes who has been served and is idle now.
//!
//! Kept as the gateway's directory keeps them, a shared standing behind a lock for each. The map from ids
//! is the gateway's own and not counted.

#[path = "../benches/decide/crowd.rs"]
mod crowd;

use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};

use crowd::Crowd;

const CUSTOMERS: usize = 100_000;

fn main() -> io::Result<()> {
    let before = resident_bytes()?;
    let mut crowd = Crowd::new(CUSTOMERS);
    let created = resident_bytes()? - before;
    for number in 0..CUSTOMERS {
        black_box(crowd.serve(number));
    }
    black_box(crowd.serve_anybody());
    let served = resident_bytes()? - before;
    let each = |bytes: usize| bytes / CUSTOMERS;
    writeln!(io::stdout(), "{} bytes per customer read, {} per customer served", each(created), each(served))
}

/// Memory of this process that is in use (proc(5), `statm`; pages of 4 KiB).
fn resident_bytes() -> io::Result<usize> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.map(|pages| pages * 4_096).ok_or_else(|| io::Error::other("statm has no resident pages"))
}
