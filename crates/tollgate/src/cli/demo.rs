//! `tollgate demo`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use tracing::error;

use super::signal::Signals;
use crate::demo::{self, Demo};

/// How to run the demo.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where its data is kept; the folder is made anew.
    #[arg(long, default_value = "tollgate-demo")]
    data: PathBuf,
    /// Where the gateway listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4020")]
    gateway: SocketAddr,
    /// Where the control plane listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4021")]
    control: SocketAddr,
    /// Use this database instead of one in the data folder. It must be empty.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Print one line of JSON when ready, instead of the tour.
    #[arg(long)]
    json: bool,
    /// Print the configuration of the demo and exit.
    #[arg(long)]
    print_config: bool,
}

pub(super) fn run(args: Args) -> ExitCode {
    if args.print_config {
        super::say(demo::CONFIG);
        return ExitCode::SUCCESS;
    }
    super::start_logging("warn");
    let options = demo::Options { data: args.data, gateway: args.gateway, control: args.control, store: args.store };
    super::block_on(async {
        let demo = match Demo::start(&options).await {
            Ok(demo) => demo,
            Err(error) => {
                error!("cannot start the demo: {error:#}");
                return ExitCode::FAILURE;
            }
        };
        let text = match args.json {
            true => serde_json::to_string(demo.facts()).unwrap_or_default(),
            false => demo::tour(demo.facts()),
        };
        super::say(&text);
        Signals::listen().until_stop().await;
        demo.stop().await;
        ExitCode::SUCCESS
    })
}
