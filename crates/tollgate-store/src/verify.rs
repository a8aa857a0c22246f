//! Verifying everything that is written down: hash chains, balances, and that the ledger moved exactly
//! what the settlement log says.

use serde::Serialize;

use crate::{Store, StoreError, audit, ledger, settlement};

/// What was looked at, and everything that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Report {
    /// Transfers whose chain and balances are right.
    pub transfers: i64,
    /// Settlement groups whose chain is right and whose sums the ledger moved.
    pub settlement_groups: i64,
    /// Audit entries whose chain is right.
    pub audit_entries: i64,
    /// Everything that is wrong, a sentence each.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Store {
    /// Recomputes every balance from transfers, follows every hash chain, and compares the ledger with the
    /// settlement log. Reads only, in one snapshot; a running Tollgate is not disturbed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn verify(&self) -> Result<Report, StoreError> {
        // One snapshot: what is folded meanwhile must not look like a difference.
        let begin = self.db.pick("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let mut tx = self.db.pool.begin_with(begin).await?;
        let mut report = Report::default();
        match ledger::verify(&mut tx).await? {
            Ok(transfers) => report.transfers = transfers,
            Err(problems) => report.problems.extend(problems),
        }
        match settlement::verify(&mut tx).await? {
            Ok(groups) => report.settlement_groups = groups,
            Err(problems) => report.problems.extend(problems),
        }
        match audit::verify(&mut tx).await? {
            Ok(entries) => report.audit_entries = entries,
            Err(problem) => report.problems.push(problem),
        }
        Ok(report)
    }
}
