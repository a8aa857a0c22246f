//! `tollgate openapi`.

use std::process::ExitCode;

use super::failure::{Failure, exit_code};

pub(super) fn run() -> ExitCode {
    let text = serde_json::to_string_pretty(&tollgate_web::openapi());
    exit_code(text.map(|text| super::say(&text)).map_err(|error| Failure::Refused(error.to_string())))
}
