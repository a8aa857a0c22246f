//! Installs what tests drive Tollgate with, in the versions that `requirements.txt` and `package.json`
//! name, once, with the ordinary clients of their registries, into the target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A virtual environment of Python with what the list at `wanted` names.
pub(super) fn from_pip(name: &str, wanted: &Path) -> PathBuf {
    let folder = folder(name);
    once(&folder, wanted, || {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder), "Debian: apt-get install python3-venv");
        let pip = folder.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "-r"]).arg(wanted), "pip has to reach its registry");
    });
    folder
}

/// A folder with the packages of Node.js that the `package.json` at `wanted` names.
pub(super) fn from_npm(name: &str, wanted: &Path) -> PathBuf {
    let folder = folder(name);
    once(&folder, wanted, || {
        fs::copy(wanted, folder.join("package.json")).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder);
        run(&mut npm, "Debian: apt-get install nodejs npm; npm has to reach its registry");
    });
    folder
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("installed").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Does `install` unless it was done for the same wanted versions before.
fn once(folder: &Path, wanted: &Path, install: impl FnOnce()) {
    // Another test run may install the same at the same time.
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let mark = folder.join("installed");
    let wanted = fs::read_to_string(wanted).unwrap();
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return;
    }
    install();
    fs::write(mark, wanted).unwrap();
}

fn run(command: &mut Command, hint: &str) {
    match command.output() {
        Ok(output) if output.status.success() => (),
        Ok(output) => panic!("{command:?}: {}\n{hint}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("{command:?} cannot be run ({error}). {hint}"),
    }
}
