//! The bytes of a request, prepared once.

use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail, ensure};

use super::Load;

/// A request of which only the rotating header differs from one to the next.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) addr: SocketAddr,
    /// From the request line to the last fixed header.
    head: Vec<u8>,
    /// With their line ends.
    rotating: Vec<Vec<u8>>,
    /// The empty line and the body.
    rest: Vec<u8>,
}

impl Template {
    pub(super) fn new(load: &Load) -> Result<Self> {
        let (authority, path) = split(&load.url)?;
        let addr = authority.to_socket_addrs().with_context(|| format!("cannot resolve {authority}"))?;
        let addr = addr.into_iter().next().with_context(|| format!("{authority} has no address"))?;

        let mut head = Vec::new();
        write!(head, "{} {path} HTTP/1.1\r\nhost: {authority}\r\n", load.method)?;
        if !load.body.is_empty() {
            write!(head, "content-length: {}\r\n", load.body.len())?;
        }
        for line in &load.headers {
            head.extend(terminated(line)?);
        }
        let rotating = load.rotating_headers.iter().map(|line| terminated(line)).collect::<Result<_>>()?;
        let rest = [b"\r\n", load.body.as_slice()].concat();
        Ok(Self { addr, head, rotating, rest })
    }

    /// Puts the request with this number into `bytes`.
    pub(super) fn fill(&self, bytes: &mut Vec<u8>, number: usize) {
        bytes.clear();
        bytes.extend_from_slice(&self.head);
        if let Some(turn) = number.checked_rem(self.rotating.len()) {
            bytes.extend_from_slice(&self.rotating[turn]);
        }
        bytes.extend_from_slice(&self.rest);
    }
}

/// Authority and path of a URL.
fn split(url: &str) -> Result<(&str, &str)> {
    let Some(rest) = url.strip_prefix("http://") else { bail!("expected a URL that begins with http://, got {url}") };
    Ok(match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    })
}

fn terminated(line: &str) -> Result<Vec<u8>> {
    let name = line.split_once(':').map(|(name, _)| name);
    ensure!(name.is_some_and(|name| !name.is_empty()), "expected a header line such as `name: value`, got {line:?}");
    ensure!(!line.contains(['\r', '\n']), "a header line cannot contain a line end: {line:?}");
    Ok([line.as_bytes(), b"\r\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(template: &Template, number: usize) -> String {
        let mut bytes = Vec::new();
        template.fill(&mut bytes, number);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn requests_take_the_rotating_headers_in_turn() {
        let mut load = Load::post("http://127.0.0.1:80/a?b", "{}");
        load.rotating_headers = vec!["x-api-key: one".to_owned(), "x-api-key: two".to_owned()];
        let template = Template::new(&load).unwrap();
        let with = |key| {
            format!(
                "POST /a?b HTTP/1.1\r\nhost: 127.0.0.1:80\r\ncontent-length: 2\r\ncontent-type: application/json\r\nx-api-key: {key}\r\n\r\n{{}}"
            )
        };
        assert_eq!(text(&template, 4), with("one"));
        assert_eq!(text(&template, 5), with("two"));
    }

    #[test]
    fn a_url_without_a_path_asks_for_the_root() {
        let template = Template::new(&Load::get("http://127.0.0.1:80")).unwrap();
        assert_eq!(text(&template, 0), "GET / HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\r\n");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert!(Template::new(&Load::get("https://127.0.0.1/")).is_err());
        for line in ["no colon", ": no name", "two: lines\r\nat: once"] {
            let load = Load { headers: vec![line.to_owned()], ..Load::get("http://127.0.0.1:80/") };
            assert!(Template::new(&load).is_err(), "{line}");
        }
    }
}
