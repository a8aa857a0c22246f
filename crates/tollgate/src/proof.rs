//! A configuration proven: published and compiled as a reload does it, in a store that is thrown away.

use anyhow::Context as _;
use std::sync::Arc;

use tempfile::TempDir;
use tollgate_gateway::{Blueprint, SnapshotError};
use tollgate_store::Store;

use crate::config::{Config, ConfigError, StoreSettings};
use crate::serve::{open_store, setup};

/// What a configuration comes to.
pub struct Proof {
    /// The compiled catalogue.
    pub blueprint: Blueprint,
    /// What was published.
    pub store: Store,
    _folder: TempDir,
}

/// Why there is no proof.
#[derive(Debug)]
pub enum Unproven {
    /// The configuration is wrong in these places.
    Mistakes(Vec<ConfigError>),
    /// It could not be tried.
    Untried(anyhow::Error),
}

impl Proof {
    /// Proves `config`. The store that it names is not touched, and nothing listens.
    ///
    /// # Errors
    /// [`Unproven`].
    pub async fn of(config: &Config) -> Result<Self, Unproven> {
        let folder = tempfile::tempdir().context("cannot make a folder to try it in").map_err(Unproven::Untried)?;
        let url = format!("sqlite:{}", folder.path().join("proof.db").display());
        let own = Config { store: StoreSettings { url, ..config.store.clone() }, ..config.clone() };
        let store = open_store(&own, &Arc::default()).await.map_err(Unproven::Untried)?;
        let untried = |error| Unproven::Untried(anyhow::Error::new(error).context("it could not be published"));
        config.declared.publish(&store).await.map_err(untried)?;
        let control_url = config.control_url(config.control.address);
        match Blueprint::read(&store, setup(config, control_url)).await {
            Ok(blueprint) => Ok(Self { blueprint, store, _folder: folder }),
            Err(SnapshotError::Flawed(flaws)) => {
                let mut mistakes: Vec<_> = flaws.iter().map(|flaw| config.places.locate(flaw)).collect();
                mistakes.sort_by_key(|mistake| mistake.line);
                Err(Unproven::Mistakes(mistakes))
            }
            Err(error) => Err(Unproven::Untried(error.into())),
        }
    }
}
