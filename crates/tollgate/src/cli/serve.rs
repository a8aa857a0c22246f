//! `tollgate serve`.

use std::path::Path;
use std::process::ExitCode;

use tracing::{error, info};

use super::ProcessEnvironment;
use super::signal::Signals;
use crate::config::Config;
use crate::control::Exhibits;
use crate::serve::{Foundation, Node};

/// Mistakes in the configuration; they are in the log.
const BAD_CONFIG: u8 = 2;

pub(super) fn run(path: &Path) -> ExitCode {
    super::start_logging("info");
    let Some(config) = read(path) else { return ExitCode::from(BAD_CONFIG) };
    super::block_on(async {
        match start(config).await {
            Ok(node) => {
                let mut signals = Signals::listen();
                while signals.next_reload().await {
                    reload(&node, path).await;
                }
                node.stop().await;
                ExitCode::SUCCESS
            }
            Err(error) => {
                error!("cannot start: {error:#}");
                ExitCode::FAILURE
            }
        }
    })
}

async fn start(config: Config) -> anyhow::Result<Node> {
    Foundation::lay(config).await?.serve(|_| Exhibits::default()).await
}

fn read(path: &Path) -> Option<Config> {
    match Config::read(path, &ProcessEnvironment) {
        Ok(config) => Some(config),
        Err(errors) => {
            for error in errors {
                error!("{error}");
            }
            None
        }
    }
}

async fn reload(node: &Node, path: &Path) {
    let Some(config) = read(path) else {
        error!("The configuration was not reloaded; the one before stays in force");
        return;
    };
    match node.reload(&config).await {
        Ok(()) => info!("The configuration was reloaded"),
        Err(error) => error!("The configuration was not reloaded; the one before stays in force: {error:#}"),
    }
}
