//! The price book's rows, in versions.

use crate::definition::ModelPriceDefinition;
use crate::row::{Columns as _, to_json};
use crate::{Change, Store, StoreError};

/// What an import changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct PriceChanges {
    /// Models that had no price before.
    pub added: u64,
    /// Models whose price is another one.
    pub changed: u64,
    /// Models whose price is the same.
    pub unchanged: u64,
}

impl Store {
    /// The newest price of every model, by model.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn model_prices(&self) -> Result<Vec<(String, ModelPriceDefinition)>, StoreError> {
        const LIST: &str = "
            SELECT p.model, p.definition FROM model_prices p
             WHERE p.version = (SELECT max(l.version) FROM model_prices l WHERE l.model = p.model)
             ORDER BY p.model";
        let rows = sqlx::query(LIST).fetch_all(&self.db.pool).await?;
        rows.iter().map(|row| Ok((row.text("model")?, row.json("definition")?))).collect()
    }
}

impl Change {
    /// Sets prices of models. A price that is the same makes no new version.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_model_prices(
        &mut self,
        prices: &[(String, ModelPriceDefinition)],
    ) -> Result<PriceChanges, StoreError> {
        const NEWEST: &str = "
            SELECT version, definition FROM model_prices WHERE model = $1 ORDER BY version DESC LIMIT 1";
        const INSERT: &str =
            "INSERT INTO model_prices (model, version, definition, created_at) VALUES ($1, $2, $3, $4)";
        let mut changes = PriceChanges::default();
        for (model, definition) in prices {
            let row = sqlx::query(NEWEST).bind(model).fetch_optional(self.connection()).await?;
            let version = match row {
                None => {
                    changes.added += 1;
                    1
                }
                Some(row) if row.json::<ModelPriceDefinition>("definition")? == *definition => {
                    changes.unchanged += 1;
                    continue;
                }
                Some(row) => {
                    changes.changed += 1;
                    row.int("version")? + 1
                }
            };
            let now = self.now.unix_micros();
            sqlx::query(INSERT)
                .bind(model)
                .bind(version)
                .bind(to_json(definition)?)
                .bind(now)
                .execute(self.connection())
                .await?;
        }
        if changes.added + changes.changed > 0 {
            self.touched.catalogue = true;
            self.audit("prices.set", "price_book", None::<&()>, Some(&changes)).await?;
        }
        Ok(changes)
    }
}
