//! Approvals: which applications may use an API that asks for one.

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use tollgate_core::id::ApplicationId;

use crate::definition::{ApplicationIdText, At, Text};
use crate::row::Columns as _;
use crate::{Change, Store, StoreError};

/// A request for access and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApprovalRequest {
    /// Who asks.
    pub application: ApplicationIdText,
    /// For which API.
    pub api: String,
    /// What became of it.
    pub status: ApprovalStatus,
    /// What the asker wrote.
    pub note: String,
    /// When it was asked.
    pub requested_at: At,
    /// When it was decided.
    pub decided_at: Option<At>,
}

/// What became of a request for access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Nothing yet.
    Pending,
    /// Access is given.
    Approved,
    /// Access is denied.
    Rejected,
}

impl ApprovalStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

fn from_row(row: &AnyRow) -> Result<ApprovalRequest, StoreError> {
    Ok(ApprovalRequest {
        application: Text(row.parsed("application_id")?),
        api: row.text("api")?,
        status: match row.text("status")?.as_str() {
            "approved" => ApprovalStatus::Approved,
            "rejected" => ApprovalStatus::Rejected,
            _ => ApprovalStatus::Pending,
        },
        note: row.text("note")?,
        requested_at: Text(row.at("requested_at")?),
        decided_at: row.at_or_null("decided_at")?.map(Text),
    })
}

impl Store {
    /// Requests for access, oldest first; of one status if given.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn approvals(&self, status: Option<ApprovalStatus>) -> Result<Vec<ApprovalRequest>, StoreError> {
        const LIST: &str = "
            SELECT application_id, api, status, note, requested_at, decided_at FROM approvals
             WHERE $1 = '' OR status = $1 ORDER BY requested_at, application_id, api";
        let status = status.map_or("", ApprovalStatus::name);
        let rows = sqlx::query(LIST).bind(status).fetch_all(&self.db.pool).await?;
        rows.iter().map(from_row).collect()
    }

    /// The APIs for which an application is approved.
    pub(crate) async fn approved_apis(&self, application: ApplicationId) -> Result<Vec<String>, StoreError> {
        const LIST: &str = "SELECT api FROM approvals WHERE application_id = $1 AND status = 'approved'";
        let rows = sqlx::query(LIST).bind(application.to_string()).fetch_all(&self.db.pool).await?;
        rows.iter().map(|row| row.text("api")).collect()
    }
}

impl Change {
    /// Asks for access. Asking again changes the note of a request that is open or was rejected.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] without such an application, or if it is approved already.
    pub async fn request_access(
        &mut self,
        application: ApplicationId,
        api: &str,
        note: &str,
    ) -> Result<(), StoreError> {
        const UPSERT: &str = "
            INSERT INTO approvals (application_id, api, status, note, requested_at) VALUES ($1, $2, 'pending', $3, $4)
            ON CONFLICT (application_id, api) DO UPDATE
               SET status = 'pending', note = excluded.note, requested_at = excluded.requested_at
             WHERE approvals.status <> 'approved'";
        let note: String = note.chars().filter(|c| !c.is_control()).take(1_000).collect();
        let result = sqlx::query(UPSERT)
            .bind(application.to_string())
            .bind(api)
            .bind(&note)
            .bind(self.now.unix_micros())
            .execute(self.connection())
            .await?;
        if result.rows_affected() == 0 {
            return Err(StoreError::Conflict(format!("access to {api} is approved already")));
        }
        self.audit("approval.request", &format!("{application} {api}"), None::<&()>, Some(&note)).await
    }

    /// Approves or rejects access, whether it was asked for or not.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] without such an application.
    pub async fn decide_access(
        &mut self,
        application: ApplicationId,
        api: &str,
        status: ApprovalStatus,
        decided_by: &str,
    ) -> Result<(), StoreError> {
        const UPSERT: &str = "
            INSERT INTO approvals (application_id, api, status, note, requested_at, decided_at, decided_by)
            VALUES ($1, $2, $3, '', $4, $4, $5)
            ON CONFLICT (application_id, api) DO UPDATE
               SET status = excluded.status, decided_at = excluded.decided_at, decided_by = excluded.decided_by";
        const KEYS: &str = "SELECT public_id FROM api_keys WHERE application_id = $1";
        sqlx::query(UPSERT)
            .bind(application.to_string())
            .bind(api)
            .bind(status.name())
            .bind(self.now.unix_micros())
            .bind(decided_by)
            .execute(self.connection())
            .await?;
        for row in sqlx::query(KEYS).bind(application.to_string()).fetch_all(self.connection()).await? {
            self.touched.keys.push(row.text("public_id")?);
        }
        self.audit("approval.decide", &format!("{application} {api}"), None::<&()>, Some(&status)).await
    }
}
