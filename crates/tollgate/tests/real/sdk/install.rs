//! Installs the SDKs in the versions that `requirements.txt` and `package.json` name, once, with the
//! ordinary clients of their registries, into `target/sdk`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Installs the SDK if it is not there yet and returns how to run its program: the interpreter, the
/// script, and what follows the gateway's address.
pub(super) fn command(sdk: &str) -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sdk");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("sdk").join(sdk);
    fs::create_dir_all(&folder).unwrap();
    // Another test run may install the same at the same time.
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    match sdk {
        "python" => {
            let wanted = sources.join("requirements.txt");
            once(&folder, &wanted, || {
                run(Command::new("python3").args(["-m", "venv"]).arg(&folder), "Debian: apt-get install python3-venv");
                let pip = folder.join("bin/pip");
                run(Command::new(pip).args(["install", "--quiet", "-r"]).arg(&wanted), "pip has to reach its registry");
            });
            vec![text(folder.join("bin/python")), text(sources.join("openai_python.py"))]
        }
        _ => {
            let wanted = sources.join("package.json");
            once(&folder, &wanted, || {
                fs::copy(&wanted, folder.join("package.json")).unwrap();
                let mut npm = Command::new("npm");
                npm.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder);
                run(&mut npm, "Debian: apt-get install nodejs npm; npm has to reach its registry");
            });
            vec!["node".to_owned(), text(sources.join("openai_node.mjs")), text(folder)]
        }
    }
}

/// Does `install` unless it was done for the same wanted versions before.
fn once(folder: &Path, wanted: &Path, install: impl FnOnce()) {
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
