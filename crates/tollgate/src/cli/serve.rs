//! `tollgate serve`.

use std::path::Path;
use std::process::ExitCode;

use tracing::error;

use super::signal::until_told_to_stop;
use super::{BAD_CONFIG, ProcessEnvironment};
use crate::config::Config;
use crate::serve::Node;

pub(super) fn run(path: &Path) -> ExitCode {
    super::start_logging("info");
    let config = match Config::read(path, &ProcessEnvironment) {
        Ok(config) => config,
        Err(errors) => {
            for error in errors {
                error!("{error}");
            }
            return ExitCode::from(BAD_CONFIG);
        }
    };
    super::block_on(async {
        match Node::start(&config).await {
            Ok(node) => {
                until_told_to_stop().await;
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
