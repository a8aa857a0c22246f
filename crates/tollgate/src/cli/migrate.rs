//! `tollgate migrate`.

use std::process::ExitCode;

use tollgate_store::Store;

use super::failure::{Failure, exit_code};
use super::{ConfigFile, ProcessEnvironment};
use crate::config::Config;
use crate::serve::store_options;

pub(super) fn run(file: &ConfigFile) -> ExitCode {
    super::block_on(async { exit_code(migrate(file).await) })
}

async fn migrate(file: &ConfigFile) -> Result<(), Failure> {
    let config = Config::read(&file.config, &ProcessEnvironment)?;
    let done = Store::migrate(store_options(&config.store.url)).await?;
    let text = match (done.from, done.to) {
        (0, to) => format!("The database was empty; its schema has version {to} now."),
        (from, to) if from == to => format!("The schema has version {to} already; nothing was changed."),
        (from, to) => format!("The schema was migrated from version {from} to version {to}."),
    };
    super::say(&text);
    Ok(())
}
