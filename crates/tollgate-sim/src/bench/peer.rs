//! Who is measured: how it is started, where it answers, and with whose keys it is asked.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tollgate::config::SettlementMode;

use super::child::{Children, Group};
use super::usage::{self, Usage};
use crate::proxy::Threading;

/// How long a peer may take to accept connections.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Where nginx lies when it is not in the search path: Debian keeps it from ordinary users.
const NGINX: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// A service that forwards to the sandbox, or the sandbox itself.
///
/// In every text, `{port}` stands for a free port that is chosen at each start, `{upstream}` for host and
/// port of the sandbox and `{dir}` for a folder of the peer's own.
#[derive(Debug, Clone)]
pub struct Peer {
    pub name: String,
    /// Nothing for the sandbox without a proxy.
    pub launch: Option<Launch>,
    /// The part before the path, `http://127.0.0.1:{port}`.
    pub url: String,
    /// A file with header lines of which each request carries one, in turn. It is read once the peer
    /// accepts connections, so the peer may write it.
    pub headers_file: Option<String>,
}

/// How a peer is started. It is ready when it accepts TCP connections.
#[derive(Debug, Clone)]
pub struct Launch {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Files to write before starting: path and content.
    pub files: Vec<(String, String)>,
}

/// A peer that accepts connections. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    group: Option<Group>,
    url: String,
    headers_file: Option<PathBuf>,
    log: PathBuf,
}

impl Peer {
    /// The sandbox, reached without any proxy.
    #[must_use]
    pub fn direct() -> Self {
        Self { name: "direct".to_owned(), launch: None, url: "http://{upstream}".to_owned(), headers_file: None }
    }

    /// The sandbox as a process; `bench` is this program.
    #[must_use]
    pub fn sandbox(bench: &Path) -> Self {
        let args = ["sandbox", "--attached", "--listen", "127.0.0.1:{port}"];
        Self::on_port("sandbox", bench.to_owned(), &args, Vec::new())
    }

    /// The bare proxy; `bench` is this program.
    #[must_use]
    pub fn bare(bench: &Path, threading: Threading) -> Self {
        let (name, threading) = match threading {
            Threading::WorkStealing => ("bare hyper, work stealing", "work-stealing"),
            Threading::PerCore => ("bare hyper, thread per core", "per-core"),
        };
        let listen = ["--listen", "127.0.0.1:{port}", "--upstream", "{upstream}"];
        let args = [&["proxy", "--attached", "--threading", threading], listen.as_slice()].concat();
        Self::on_port(name, bench.to_owned(), &args, Vec::new())
    }

    /// Tollgate with everything on; `bench` is this program.
    #[must_use]
    pub fn tollgate(bench: &Path, settlement: SettlementMode) -> Self {
        let (name, settlement) = match settlement {
            SettlementMode::Strict => ("Tollgate, strict", "strict"),
            SettlementMode::Relaxed => ("Tollgate, relaxed", "relaxed"),
        };
        let listen = ["--listen", "127.0.0.1:{port}", "--upstream", "{upstream}", "--dir", "{dir}"];
        let args = [&["gateway", "--attached", "--settlement", settlement], listen.as_slice()].concat();
        let peer = Self::on_port(name, bench.to_owned(), &args, Vec::new());
        Self { headers_file: Some("{dir}/keys".to_owned()), ..peer }
    }

    /// nginx, if it is installed.
    #[must_use]
    pub fn nginx() -> Option<Self> {
        let installed = |program: &&str| Command::new(program).arg("-v").output().is_ok();
        let program = NGINX.into_iter().find(installed)?;
        let config = ("{dir}/nginx.conf".to_owned(), include_str!("nginx.conf").to_owned());
        let args = ["-e", "{dir}/error.log", "-p", "{dir}", "-c", "{dir}/nginx.conf"];
        Some(Self::on_port("nginx", program.into(), &args, vec![config]))
    }

    /// A peer from the command line: `NAME=COMMAND;URL` or `NAME=COMMAND;URL;HEADERS_FILE`. The command is
    /// run by `sh`; begin its last part with `exec` to keep the shell out of the figures.
    pub fn parse(text: &str) -> Result<Self> {
        const EXPECTED: &str = "expected NAME=COMMAND;http://127.0.0.1:{port} and perhaps ;HEADERS_FILE";
        let (name, rest) = text.split_once('=').context(EXPECTED)?;
        let (command, rest) = rest.rsplit_once(";http://").context(EXPECTED)?;
        let (authority, headers_file) = match rest.split_once(';') {
            Some((authority, file)) => (authority, Some(file.trim().to_owned())),
            None => (rest, None),
        };
        let authority = authority.trim().trim_end_matches('/');
        ensure!(![name, command, authority].contains(&"") && !authority.contains('/'), EXPECTED);
        let args = vec!["-c".to_owned(), command.to_owned()];
        Ok(Self {
            name: name.to_owned(),
            launch: Some(Launch { program: "sh".into(), args, files: Vec::new() }),
            url: format!("http://{authority}"),
            headers_file,
        })
    }

    fn on_port(name: &str, program: PathBuf, args: &[&str], files: Vec<(String, String)>) -> Self {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Self {
            name: name.to_owned(),
            launch: Some(Launch { program, args, files }),
            url: "http://127.0.0.1:{port}".to_owned(),
            headers_file: None,
        }
    }

    /// Starts the peer in front of `upstream` and waits until it accepts connections. Its files go below
    /// `dir`.
    pub fn start(&self, children: &Children, upstream: Option<&Running>, dir: &Path) -> Result<Running> {
        let dir = dir.join(self.name.replace(|sign: char| !sign.is_ascii_alphanumeric(), "-"));
        fs::create_dir_all(&dir)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
        let upstream = upstream.map_or("", Running::authority);
        let filled = |text: &str| {
            let dir = dir.to_string_lossy();
            text.replace("{port}", &port).replace("{upstream}", upstream).replace("{dir}", &dir)
        };

        let log = dir.join("log");
        let group = match &self.launch {
            None => None,
            Some(launch) => {
                for (path, content) in &launch.files {
                    fs::write(filled(path), filled(content))?;
                }
                let (out, err) = (File::create(&log)?, File::options().append(true).open(&log)?);
                let mut command = Command::new(&launch.program);
                command.args(launch.args.iter().map(|arg| filled(arg))).stdout(out).stderr(err);
                Some(children.start(&mut command).with_context(|| format!("cannot start {command:?}"))?)
            }
        };
        let headers_file = self.headers_file.as_deref().map(|path| PathBuf::from(filled(path)));
        let mut running = Running { group, url: filled(&self.url), headers_file, log };
        running.wait_until_ready().with_context(|| format!("{} did not start", self.name))?;
        Ok(running)
    }
}

impl Running {
    fn wait_until_ready(&mut self) -> Result<()> {
        let started_at = Instant::now();
        while TcpStream::connect(self.authority()).is_err() {
            if let Some(status) = self.group.as_mut().and_then(|group| group.ended().transpose()) {
                bail!("it ended with {}: {}", status?, self.log());
            }
            ensure!(started_at.elapsed() < READY_WITHIN, "nobody listens at {}: {}", self.url, self.log());
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The part of its URL before the path.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The header lines that requests take in turn.
    pub fn headers(&self) -> Result<Vec<String>> {
        let Some(path) = &self.headers_file else { return Ok(Vec::new()) };
        let lines = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// What it uses at this moment; nothing if it has no process of its own.
    pub fn usage(&self) -> Result<Option<Usage>> {
        self.group.as_ref().map(|group| usage::of_group(group.id())).transpose()
    }

    /// What it has written to its standard output and error.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_can_be_given_in_words() {
        let peer = Peer::parse("strict=cd {dir}; exec gate --port {port};http://127.0.0.1:{port}/;{dir}/keys").unwrap();
        let launch = peer.launch.unwrap();
        assert_eq!((peer.name.as_str(), peer.url.as_str()), ("strict", "http://127.0.0.1:{port}"));
        assert_eq!(launch.args, ["-c", "cd {dir}; exec gate --port {port}"]);
        assert_eq!(peer.headers_file.as_deref(), Some("{dir}/keys"));

        let peer = Peer::parse("relaxed=gate;http://127.0.0.1:4020").unwrap();
        assert_eq!((peer.url.as_str(), peer.headers_file), ("http://127.0.0.1:4020", None));
        for wrong in ["gate", "a=gate", "a=gate;https://x", "=gate;http://x", "a=;http://x", "a=gate;http://x/path"] {
            assert!(Peer::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_peer_that_ends_at_once_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let peer = Peer::parse("broken=echo no such file >&2; exit 3;http://127.0.0.1:{port}").unwrap();
        let error = peer.start(&Children::new(), None, dir.path()).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("broken did not start") && error.contains("no such file"), "{error}");
    }
}
