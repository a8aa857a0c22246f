//! Open invoices as far as access depends on them. Lines, tax, numbers in series and pages are the
//! billing crate's business.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use tollgate_core::id::{CustomerId, InvoiceId};
use tollgate_core::ledger::template;
use tollgate_core::standing::OpenInvoice;

use crate::customers::check_label;
use crate::definition::{Amount, At, CurrencyCode, CustomerIdText, InvoiceIdText, Text};
use crate::grants::check_amount;
use crate::row::Columns as _;
use crate::{Change, Store, StoreError};

/// An invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InvoiceRow {
    /// Its id.
    pub id: InvoiceIdText,
    /// The number printed on it.
    pub number: String,
    /// Whose.
    pub customer: CustomerIdText,
    /// What it is for, in words.
    pub purpose: String,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: CurrencyCode,
    /// What became of it.
    pub status: InvoiceStatus,
    /// When it is to be paid.
    pub due_at: At,
    /// When access stops if it is not.
    pub blocks_at: At,
}

/// What became of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// It is to be paid.
    Open,
    /// It was paid.
    Paid,
    /// It was withdrawn.
    Void,
}

impl InvoiceStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
        }
    }
}

/// What a new invoice is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvoice {
    /// What it is for, in words.
    pub purpose: String,
    /// How much.
    pub amount: Amount,
    /// When it is to be paid; now if absent.
    #[serde(default)]
    pub due_at: Option<At>,
    /// Days after that in which access continues.
    #[serde(default)]
    pub grace_days: u16,
}

impl NewInvoice {
    /// Whether it can be made. Whoever takes money for it asks before.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub fn check(&self) -> Result<(), StoreError> {
        check_label("purpose", &self.purpose)?;
        check_amount("amount", self.amount.0)
    }
}

fn from_row(row: &AnyRow) -> Result<InvoiceRow, StoreError> {
    Ok(InvoiceRow {
        id: Text(row.parsed("id")?),
        number: row.text("number")?,
        customer: Text(row.parsed("customer_id")?),
        purpose: row.text("purpose")?,
        amount: Text(row.nanos("amount")?),
        currency: Text(row.parsed("currency")?),
        status: match row.text("status")?.as_str() {
            "paid" => InvoiceStatus::Paid,
            "void" => InvoiceStatus::Void,
            _ => InvoiceStatus::Open,
        },
        due_at: Text(row.at("due_at")?),
        blocks_at: Text(row.at("blocks_at")?),
    })
}

/// The open invoices of a customer, the one due first comes first.
pub(crate) async fn open(connection: &mut AnyConnection, customer: CustomerId) -> Result<Vec<OpenInvoice>, StoreError> {
    const LIST: &str = "
        SELECT id, number, customer_id, purpose, amount, currency, status, due_at, blocks_at FROM invoices
         WHERE customer_id = $1 AND status = 'open' ORDER BY due_at, id";
    let rows = sqlx::query(LIST).bind(customer.to_string()).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let invoice = from_row(row)?;
            Ok(OpenInvoice {
                id: invoice.id.0,
                number: invoice.number.into(),
                amount: invoice.amount.0,
                due_at: invoice.due_at.0,
                blocks_at: invoice.blocks_at.0,
            })
        })
        .collect()
}

impl Store {
    /// The invoices of a customer, newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn invoices(&self, customer: CustomerId) -> Result<Vec<InvoiceRow>, StoreError> {
        const LIST: &str = "
            SELECT id, number, customer_id, purpose, amount, currency, status, due_at, blocks_at FROM invoices
             WHERE customer_id = $1 ORDER BY created_at DESC, id DESC";
        let rows = sqlx::query(LIST).bind(customer.to_string()).fetch_all(&self.db.pool).await?;
        rows.iter().map(from_row).collect()
    }
}

impl Change {
    /// Makes an invoice that is to be paid. Its number is the next one of the year: numbers have no
    /// gaps, because they are taken within the transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a customer, [`StoreError::Invalid`] naming the field.
    pub async fn create_invoice(&mut self, customer: CustomerId, new: &NewInvoice) -> Result<InvoiceRow, StoreError> {
        const INSERT: &str = "
            INSERT INTO invoices (id, number, customer_id, purpose, amount, currency, status, due_at, blocks_at,
                                  created_at)
            VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $8, $9)";
        new.check()?;
        let owner = self.read_customer(customer).await?;
        let due_at = new.due_at.map_or(self.now, |at| at.0);
        let grace = Duration::from_secs(u64::from(new.grace_days) * 86_400);
        let invoice = InvoiceRow {
            id: Text(self.store.mint()),
            number: self.next_invoice_number().await?,
            customer: Text(customer),
            purpose: new.purpose.clone(),
            amount: new.amount,
            currency: owner.currency,
            status: InvoiceStatus::Open,
            due_at: Text(due_at),
            blocks_at: Text(due_at + grace),
        };
        sqlx::query(INSERT)
            .bind(invoice.id.0.to_string())
            .bind(&invoice.number)
            .bind(customer.to_string())
            .bind(&invoice.purpose)
            .bind(invoice.amount.0.get())
            .bind(invoice.currency.0.to_string())
            .bind(due_at.unix_micros())
            .bind(invoice.blocks_at.0.unix_micros())
            .bind(self.now.unix_micros())
            .execute(self.connection())
            .await?;
        let reference = invoice.id.0.to_string();
        let entry = template::Entry { id: self.store.mint(), at: self.now, reference: &reference };
        self.post(&[template::charge(&entry, customer, invoice.amount.0, invoice.currency.0)]).await?;
        self.touched.customers.push(customer);
        self.audit("invoice.create", &reference, None::<&()>, Some(&invoice)).await?;
        Ok(invoice)
    }

    async fn next_invoice_number(&mut self) -> Result<String, StoreError> {
        const NEXT: &str = "
            INSERT INTO settings (name, value) VALUES ($1, '1')
            ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT)
            RETURNING value";
        let year = self.now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).year();
        let row = sqlx::query(NEXT).bind(format!("invoice_number.{year}")).fetch_one(self.connection()).await?;
        let number: i64 = row.parsed("value")?;
        Ok(format!("INV-{year}-{number:04}"))
    }

    /// Pays an open invoice with money that came through `provider`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such an invoice, [`StoreError::Conflict`] if it is not open.
    pub async fn pay_invoice(
        &mut self,
        customer: CustomerId,
        id: InvoiceId,
        provider: &str,
    ) -> Result<InvoiceRow, StoreError> {
        let invoice = self.close_invoice(customer, id, InvoiceStatus::Paid).await?;
        let reference = id.to_string();
        let entry = template::Entry { id: self.store.mint(), at: self.now, reference: &reference };
        self.post(&[template::payment(&entry, provider, customer, invoice.amount.0, invoice.currency.0)]).await?;
        Ok(invoice)
    }

    async fn close_invoice(
        &mut self,
        customer: CustomerId,
        id: InvoiceId,
        status: InvoiceStatus,
    ) -> Result<InvoiceRow, StoreError> {
        const READ: &str = "
            SELECT id, number, customer_id, purpose, amount, currency, status, due_at, blocks_at FROM invoices
             WHERE id = $1 AND customer_id = $2";
        const UPDATE: &str = "UPDATE invoices SET status = $2, closed_at = $3 WHERE id = $1 AND status = 'open'";
        let row =
            sqlx::query(READ).bind(id.to_string()).bind(customer.to_string()).fetch_optional(self.connection()).await?;
        let before = from_row(&row.ok_or_else(|| StoreError::not_found("invoice", id))?)?;
        let now = self.now.unix_micros();
        let updated =
            sqlx::query(UPDATE).bind(id.to_string()).bind(status.name()).bind(now).execute(self.connection()).await?;
        if updated.rows_affected() == 0 {
            return Err(StoreError::Conflict(format!("invoice {} is {}", before.number, before.status.name())));
        }
        let after = InvoiceRow { status, ..before.clone() };
        self.touched.customers.push(customer);
        self.audit("invoice.close", &id.to_string(), Some(&before), Some(&after)).await?;
        Ok(after)
    }
}
