//! `tollgate serve`.

use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing::error;

use super::ProcessEnvironment;
use crate::config::Config;
use crate::serve::Node;

/// Mistakes in the configuration.
const BAD_CONFIG: u8 = 2;

pub(super) fn run(path: &Path) -> ExitCode {
    start_logging();
    let config = match Config::read(path, &ProcessEnvironment) {
        Ok(config) => config,
        Err(errors) => {
            for error in errors {
                error!("{error}");
            }
            return ExitCode::from(BAD_CONFIG);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
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

/// Ends at SIGTERM or Ctrl-C.
async fn until_told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = interrupt => (),
            _ = terminate.recv() => (),
        },
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}

/// Log lines go to standard error; `TOLLGATE_LOG` chooses which.
fn start_logging() {
    use crate::config::Environment as _;
    let filter = ProcessEnvironment.get("TOLLGATE_LOG").unwrap_or_else(|| "info,sqlx=warn".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| "info".into());
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
