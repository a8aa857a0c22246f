//! A place where Tollgate runs: a folder, a configuration, and the sandbox as the upstream.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tollgate::sandbox::Sandbox;
use tollgate::system::SystemClock;

use super::{Admin, Node};

const CONFIG: &str = include_str!("tollgate.toml");
const TOKEN: &str = "token-of-the-tests";

/// A place where Tollgate runs. Everything in it is gone when it is dropped.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) sandbox: Sandbox,
}

impl Site {
    /// A place with a database in its folder.
    pub(crate) fn new() -> Self {
        Self::selling(CONFIG)
    }

    /// A place with a database in its folder, and what `config` sells: its `{sandbox}` and `{store}` are filled in.
    pub(crate) fn selling(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let url = format!("sqlite:{}", folder.path().join("tollgate.db").display());
        Self::in_folder(folder, &url, config)
    }

    /// A place with the database at `url`.
    pub(crate) fn with_store(url: &str) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder can be made"), url, CONFIG)
    }

    fn in_folder(folder: TempDir, store: &str, config: &str) -> Self {
        let clock: Arc<SystemClock> = Arc::default();
        let free = "127.0.0.1:0".parse().expect("an address");
        let sandbox = Sandbox::start(free, clock).expect("the sandbox can listen");
        let text = config.replace("{sandbox}", &format!("http://{}", sandbox.addr())).replace("{store}", store);
        let site = Self { folder, sandbox };
        site.write(&text);
        site
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("tollgate.toml")
    }

    /// Replaces the configuration.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.config(), text).expect("the folder can be written");
    }

    /// Replaces a part of the configuration; it must be there.
    pub(crate) fn replace(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).expect("it was written");
        assert!(text.contains(from), "the configuration has no {from:?}");
        self.write(&text.replace(from, to));
    }

    /// Adds tables to the configuration.
    pub(crate) fn add(&self, text: &str) {
        let before = fs::read_to_string(self.config()).expect("it was written");
        self.write(&format!("{before}\n{text}"));
    }

    /// A listener that is the upstream instead of the sandbox.
    pub(crate) async fn played_upstream(&self) -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        self.replace(&self.sandbox.addr().to_string(), &address.to_string());
        listener
    }

    /// Starts Tollgate here.
    pub(crate) async fn start(&self) -> (Node, Admin) {
        let node = Node::serve(&self.config()).await;
        let admin = Self::admin(&node);
        (node, admin)
    }

    /// The administrator of `node`, which runs with the configuration of a site.
    pub(crate) fn admin(node: &Node) -> Admin {
        Admin::new(node.control, TOKEN)
    }
}
