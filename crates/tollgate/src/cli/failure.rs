//! Why a command fails, and what a script is told about it: the exit code.

use std::io::Write as _;
use std::process::ExitCode;

use tollgate_store::StoreError;

use crate::config::ConfigError;

/// What the exit codes mean; stands below the list of commands.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused or failed
  2  a mistake in the configuration or on the command line
  3  Tollgate or its database cannot be reached";

/// Why a command fails, in a sentence for whoever typed it.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was refused, or something is not as it should be.
    Refused(String),
    /// The configuration or the command line is wrong.
    Mistake(String),
    /// Nobody answers.
    Unreachable(String),
}

impl Failure {
    /// Tells it on standard error.
    pub(super) fn report(&self) -> ExitCode {
        let (code, text) = match self {
            Self::Refused(text) => (1, text),
            Self::Mistake(text) => (2, text),
            Self::Unreachable(text) => (3, text),
        };
        let mut lines = text.trim_end().lines();
        complain(&format!("error: {}", lines.next().unwrap_or_default()));
        lines.for_each(complain);
        ExitCode::from(code)
    }

    /// Mistakes in a configuration, one in a line.
    pub(super) fn mistakes(errors: &[ConfigError]) -> Self {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Self::Mistake(lines.join("\nerror: "))
    }
}

impl From<Vec<ConfigError>> for Failure {
    fn from(errors: Vec<ConfigError>) -> Self {
        Self::mistakes(&errors)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::Unavailable(_) => Self::Unreachable(text),
            StoreError::Invalid { .. } => Self::Mistake(text),
            StoreError::DiskFull
            | StoreError::ReadOnly
            | StoreError::Corrupt(_)
            | StoreError::InUse(_)
            | StoreError::NotFound { .. }
            | StoreError::Conflict(_)
            | StoreError::Schema(_) => Self::Refused(text),
        }
    }
}

/// The exit code of what was done; a failure is told on standard error.
pub(super) fn exit_code(done: Result<(), Failure>) -> ExitCode {
    done.map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}

/// Prints a line on standard error.
pub(super) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
