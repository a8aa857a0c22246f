//! The front door: what an HTTP/1 parser would let through and a gateway must not.
//!
//! Two programs that disagree on where a request ends are how requests are smuggled. hyper takes bare line
//! feeds, forgets a Content-Length beside a Transfer-Encoding, and merges duplicates (reliability
//! reference, section 6.1); none of it can be seen afterwards. So the bytes are looked at before hyper
//! reads them, with a framing of our own that is strict: what it refuses is answered with a 400, what it
//! passes is passed unchanged. HTTP/2 is recognised by its preface and left to its own parser.

mod framing;
mod pulse;
mod rejection;
mod socket;

pub(crate) use pulse::{Pulse, Reaper};
pub(crate) use socket::{FrontDoor, TunnelSwitch};
