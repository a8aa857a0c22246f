//! The folder of a demo: made anew every time, and never somebody else's.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context as _, bail};

/// Marks a folder as one that the demo made and may make anew.
const MARK: &str = "made-by-tollgate-demo";

/// The lock of the database in the folder, held while a demo runs.
const LOCK: &str = "demo.db.lock";

/// Makes `path` an empty folder.
///
/// # Errors
/// If something is there that the demo did not make, or another demo runs there.
pub(super) fn make_anew(path: &Path) -> anyhow::Result<()> {
    match fs::read_dir(path) {
        Ok(mut entries) => {
            if !path.join(MARK).exists() && entries.next().is_some() {
                bail!("{} has files in it that the demo did not make; choose another folder", path.display());
            }
            let lock = fs::File::open(path.join(LOCK));
            if lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock))) {
                bail!("another demo runs in {}; stop it, or choose another folder with --data", path.display());
            }
            fs::remove_dir_all(path).with_context(|| format!("cannot empty {}", path.display()))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    fs::write(path.join(MARK), "The demo empties this folder when it starts.\n")
        .with_context(|| format!("cannot write into {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_folder_is_emptied() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("demo");
        make_anew(&folder).unwrap();
        fs::write(folder.join("demo.db"), "x").unwrap();
        make_anew(&folder).unwrap();
        assert!(!folder.join("demo.db").exists());

        fs::write(folder.join("demo.db"), "x").unwrap();
        let running = fs::File::create(folder.join(LOCK)).unwrap();
        running.try_lock().unwrap();
        assert!(make_anew(&folder).unwrap_err().to_string().contains("another demo runs"));
        assert!(folder.join("demo.db").exists(), "what runs keeps its data");

        let other = place.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("diary.txt"), "x").unwrap();
        assert!(make_anew(&other).unwrap_err().to_string().contains("did not make"));
        assert!(other.join("diary.txt").exists());
    }
}
