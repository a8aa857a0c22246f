//! Where the binary runs: a folder, a configuration, customers, and an upstream that survives.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::json;
use tempfile::TempDir;
use tollgate::sandbox::Sandbox;
use tollgate::system::SystemClock;

use super::Options;
use super::client::{Client, text};
use super::node::Starting;

const CONFIG: &str = include_str!("tollgate.toml");

/// Where the binary runs.
pub(super) struct Site {
    binary: PathBuf,
    folder: TempDir,
    _sandbox: Sandbox,
}

/// A customer with a key.
#[derive(Debug, Clone)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) key: String,
}

impl Site {
    pub(super) fn open(options: &Options) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let clock: Arc<SystemClock> = Arc::default();
        let sandbox = Sandbox::start("127.0.0.1:0".parse()?, clock).context("cannot start the sandbox")?;
        let own = || format!("sqlite:{}", folder.path().join("tollgate.db").display());
        let store = options.store.clone().unwrap_or_else(own);
        let text = CONFIG.replace("{sandbox}", &format!("http://{}", sandbox.addr())).replace("{store}", &store);
        fs::write(folder.path().join("tollgate.toml"), text)?;
        Ok(Self { binary: options.binary.clone(), folder, _sandbox: sandbox })
    }

    /// Begins to start the binary on the data that is there.
    pub(super) fn start(&self) -> Result<Starting> {
        Starting::begin(&self.binary, &self.folder.path().join("tollgate.toml"))
    }
}

/// Makes a customer on the plan, with nothing in the wallet.
pub(super) async fn customer(admin: &mut Client) -> Result<Customer> {
    let customer = admin.admin("POST", "/customers", None, Some(json!({ "name": "Acme" }))).await?;
    let id = text(&customer, "id")?.to_owned();
    let path = format!("/customers/{id}/applications");
    let application = admin.admin("POST", &path, None, Some(json!({ "name": "main" }))).await?;
    let path = format!("/applications/{}/keys", text(&application, "id")?);
    let key = admin.admin("POST", &path, None, Some(json!({ "name": "main" }))).await?;
    let path = format!("/customers/{id}/subscriptions");
    admin.admin("POST", &path, None, Some(json!({ "plan": "load" }))).await?;
    Ok(Customer { id, key: text(&key, "text")?.to_owned() })
}
