//! Decide, hold and settle so many times, for a tool that counts instructions.
//!
//!     valgrind --tool=callgrind --toggle-collect='*serve_anybody*' \
//!         target/release/examples/instructions 10000
//!
//! The tool's total divided by the number of cycles, printed here, is what one request costs.

#[path = "../benches/decide/crowd.rs"]
mod crowd;

use std::hint::black_box;
use std::io::{self, Write as _};

use crowd::Crowd;

fn main() -> io::Result<()> {
    let cycles: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let mut crowd = Crowd::new(1_000);
    for _ in 0..cycles {
        black_box(crowd.serve_anybody());
    }
    writeln!(io::stdout(), "{cycles} cycles of decide + hold + settle")
}
