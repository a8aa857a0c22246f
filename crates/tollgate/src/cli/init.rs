//! `tollgate init`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tollgate_core::id::Ids as _;

use super::failure::{Failure, exit_code};
use crate::system::RandomIds;

/// What is written, with `{admin_token}` for a fresh one.
const TEMPLATE: &str = include_str!("init.toml");

/// Only its owner may read the file: the admin token is in it.
const OWNER_ONLY: u32 = 0o600;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where it is written.
    #[arg(long, value_name = "FILE", default_value = "tollgate.toml")]
    path: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    exit_code(write(args).map(|()| super::say(&next(&args.path))))
}

fn write(args: &Args) -> Result<(), Failure> {
    let text = TEMPLATE.replace("{admin_token}", &format!("{:032x}", RandomIds.random()));
    let mut options = OpenOptions::new();
    options.write(true).mode(OWNER_ONLY);
    match args.force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let written = options.open(&args.path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let path = args.path.display();
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Failure::Refused(format!("{path} is there already; --force writes over it"))
            }
            _ => Failure::Refused(format!("{path} cannot be written: {error}")),
        }
    })
}

fn next(path: &Path) -> String {
    let shown = path.display();
    let config = match path == Path::new("tollgate.toml") {
        true => String::new(),
        false => format!(" --config {shown}"),
    };
    format!(
        "Wrote {shown}, with an admin token of its own. Next:\n\n  \
         tollgate check{config}\n  tollgate serve{config}\n  tollgate customer create{config} \"Acme\"\n"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::Config;
    use crate::proof::Proof;

    fn configuration(text: &str) -> Config {
        let environment = HashMap::from([("OPENAI_API_KEY".to_owned(), "sk-1".to_owned())]);
        let text = text.replace("{admin_token}", "0123456789abcdef");
        Config::parse("tollgate.toml", &text, &environment).unwrap()
    }

    #[tokio::test]
    async fn what_is_written_can_be_served() {
        let proof = Proof::of(&configuration(TEMPLATE)).await.unwrap();
        assert!(proof.store.plan("payg", None).await.is_ok());
    }

    #[tokio::test]
    async fn so_can_the_language_model_without_its_comment_signs() {
        let (before, rest) = TEMPLATE.split_once("# price_book = \"shipped\"\n").unwrap();
        let (commented, after) = rest.split_once("\n\n").unwrap();
        let model: String =
            commented.lines().map(|line| line.trim_start_matches(['#', ' ']).to_owned() + "\n").collect();
        let text = format!("price_book = \"shipped\"\n{before}{model}\n{after}");
        let proof = Proof::of(&configuration(&text)).await.unwrap();
        assert!(proof.blueprint.is_priced("openai", "gpt-4o-mini"));
    }
}
