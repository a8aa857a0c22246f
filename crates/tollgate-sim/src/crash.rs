//! Kills the real binary in the middle of everything, again and again, and audits what it wrote down.
//!
//! One round: clients on many connections send requests and an administrator tops wallets up, the process
//! is killed at a random moment with SIGKILL, started again on the same data (and sometimes killed while
//! it starts), and then the books are compared with what the clients have seen. A client counts an answer
//! only once it is complete. What must hold:
//!
//! - every complete answer has exactly one row in the call log, with the cost that the client was told;
//! - what is left of a wallet is what was topped up less the cost of every row;
//! - a top-up that was acknowledged, or repeated under its name until it was, happened once;
//! - the ledger verifies and nothing is held.
//!
//! Reading order: `round`, `load`, `audit`; `site`, `node` and `client` are what they stand on.

mod audit;
mod client;
mod figures;
mod load;
mod node;
mod round;
mod site;

use std::path::PathBuf;

pub use figures::Figures;
pub use round::run;

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The binary.
    pub binary: PathBuf,
    /// How often it is killed.
    pub kills: u32,
    /// Where the moments and the requests follow from.
    pub seed: u64,
    /// The database; one in a folder of its own if absent. It must be empty.
    pub store: Option<String>,
    /// Connections that clients keep busy.
    pub connections: usize,
}

/// Numbers that follow from a seed (SplitMix64).
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    /// The next number below `bound`, which is not zero.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
