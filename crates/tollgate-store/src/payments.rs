//! Payment methods on file and payments that were tried. No card data: what the payment provider calls
//! them, and what may be shown.

use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use tollgate_core::id::{CustomerId, PaymentId};
use tollgate_core::standing::PaymentMethod;
use tollgate_core::time::Timestamp;

use crate::definition::{Amount, At, CurrencyCode, CustomerIdText, PaymentIdText, PaymentMethodIdText, Text};
use crate::row::Columns as _;
use crate::{Change, Store, StoreError};

/// A payment method on file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PaymentMethodRow {
    /// Its id.
    pub id: PaymentMethodIdText,
    /// Whose.
    pub customer: CustomerIdText,
    /// The payment provider that keeps it.
    pub provider: String,
    /// What the payment provider calls it.
    pub provider_reference: String,
    /// `visa`, `sepa_debit`, ...
    pub brand: String,
    /// Its last four digits.
    pub last4: String,
    /// The last year in which it is valid.
    pub expires_year: Option<i16>,
    /// The last month in which it is valid.
    pub expires_month: Option<i8>,
}

/// What a new payment method is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPaymentMethod {
    /// The payment provider that keeps it.
    pub provider: String,
    /// What the payment provider calls it.
    pub provider_reference: String,
    /// `visa`, `sepa_debit`, ...
    pub brand: String,
    /// Its last four digits.
    pub last4: String,
    /// The last year in which it is valid.
    #[serde(default)]
    pub expires_year: Option<i16>,
    /// The last month in which it is valid.
    #[serde(default)]
    pub expires_month: Option<i8>,
}

/// A payment that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PaymentRow {
    /// Its id.
    pub id: PaymentIdText,
    /// Whose.
    pub customer: CustomerIdText,
    /// The payment provider.
    pub provider: String,
    /// What the payment provider calls it.
    pub provider_reference: String,
    /// What it was for.
    pub purpose: String,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: CurrencyCode,
    /// `succeeded` or `declined`.
    pub status: PaymentStatus,
    /// Why it was declined.
    pub decline_code: Option<String>,
    /// When.
    pub created_at: At,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The money came.
    Succeeded,
    /// It did not.
    Declined,
}

/// The first instant at which a card of this last month is not valid any more, in UTC.
#[must_use]
pub fn expires_at(year: i16, month: i8) -> Option<Timestamp> {
    let last = jiff::civil::Date::new(year, month, 1).ok()?.last_of_month();
    let first_after = last.tomorrow().ok()?.at(0, 0, 0, 0);
    Some(jiff::tz::TimeZone::UTC.to_timestamp(first_after).ok()?.into())
}

fn method_from_row(row: &AnyRow) -> Result<PaymentMethodRow, StoreError> {
    Ok(PaymentMethodRow {
        id: Text(row.parsed("id")?),
        customer: Text(row.parsed("customer_id")?),
        provider: row.text("provider")?,
        provider_reference: row.text("provider_reference")?,
        brand: row.text("brand")?,
        last4: row.text("last4")?,
        expires_year: row.int_or_null("expires_year")?.and_then(|year| i16::try_from(year).ok()),
        expires_month: row.int_or_null("expires_month")?.and_then(|month| i8::try_from(month).ok()),
    })
}

fn payment_from_row(row: &AnyRow) -> Result<PaymentRow, StoreError> {
    Ok(PaymentRow {
        id: Text(row.parsed("id")?),
        customer: Text(row.parsed("customer_id")?),
        provider: row.text("provider")?,
        provider_reference: row.text("provider_reference")?,
        purpose: row.text("purpose")?,
        amount: Text(row.nanos("amount")?),
        currency: Text(row.parsed("currency")?),
        status: match row.text("status")?.as_str() {
            "succeeded" => PaymentStatus::Succeeded,
            _ => PaymentStatus::Declined,
        },
        decline_code: row.text_or_null("decline_code")?,
        created_at: Text(row.at("created_at")?),
    })
}

impl PaymentMethodRow {
    /// The payment method as decisions see it.
    #[must_use]
    pub fn to_core(&self) -> PaymentMethod {
        let expires = self.expires_year.zip(self.expires_month);
        PaymentMethod {
            brand: self.brand.as_str().into(),
            last4: self.last4.as_str().into(),
            expires,
            expires_at: expires.and_then(|(year, month)| expires_at(year, month)),
        }
    }
}

/// The payment method that is charged: the one put on file last.
pub(crate) async fn newest(
    connection: &mut AnyConnection,
    customer: CustomerId,
) -> Result<Option<PaymentMethodRow>, StoreError> {
    const READ: &str = "
        SELECT id, customer_id, provider, provider_reference, brand, last4, expires_year, expires_month
          FROM payment_methods WHERE customer_id = $1 AND removed_at IS NULL
         ORDER BY created_at DESC, id DESC LIMIT 1";
    let row = sqlx::query(READ).bind(customer.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(method_from_row).transpose()
}

impl Store {
    /// The payment methods of a customer; the one that is charged comes first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn payment_methods(&self, customer: CustomerId) -> Result<Vec<PaymentMethodRow>, StoreError> {
        const LIST: &str = "
            SELECT id, customer_id, provider, provider_reference, brand, last4, expires_year, expires_month
              FROM payment_methods WHERE customer_id = $1 AND removed_at IS NULL
             ORDER BY created_at DESC, id DESC";
        let rows = sqlx::query(LIST).bind(customer.to_string()).fetch_all(&self.db.pool).await?;
        rows.iter().map(method_from_row).collect()
    }

    /// The payments of a customer, newest first; those before payment `before` if given.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn payments(
        &self,
        customer: CustomerId,
        before: Option<PaymentId>,
        limit: i64,
    ) -> Result<Vec<PaymentRow>, StoreError> {
        const LIST: &str = "
            SELECT id, customer_id, provider, provider_reference, purpose, amount, currency, status, decline_code,
                   created_at
              FROM payments WHERE customer_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3";
        let before = before.map_or_else(String::new, |id| id.to_string());
        let rows =
            sqlx::query(LIST).bind(customer.to_string()).bind(before).bind(limit).fetch_all(&self.db.pool).await?;
        rows.iter().map(payment_from_row).collect()
    }
}

impl Change {
    /// Puts a payment method on file. It is the one that is charged from now on; an earlier one is
    /// removed, and an authorization that was declined is forgotten.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a customer, [`StoreError::Invalid`] naming the field.
    pub async fn add_payment_method(
        &mut self,
        customer: CustomerId,
        new: &NewPaymentMethod,
    ) -> Result<PaymentMethodRow, StoreError> {
        const REMOVE: &str = "UPDATE payment_methods SET removed_at = $2 WHERE customer_id = $1 AND removed_at IS NULL";
        const INSERT: &str = "
            INSERT INTO payment_methods (id, customer_id, provider, provider_reference, brand, last4, expires_year,
                                         expires_month, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let digits = new.last4.len() == 4 && new.last4.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(StoreError::invalid("last4", "the last four digits, and never more of the number"));
        }
        match (new.expires_year, new.expires_month) {
            (None, None) => (),
            (Some(year), Some(month)) if expires_at(year, month).is_some() => (),
            _ => return Err(StoreError::invalid("expires_month", "a month of 1 to 12 with its year")),
        }
        let owner = self.read_customer(customer).await?;
        let row = PaymentMethodRow {
            id: Text(self.store.mint()),
            customer: Text(customer),
            provider: new.provider.clone(),
            provider_reference: new.provider_reference.clone(),
            brand: new.brand.clone(),
            last4: new.last4.clone(),
            expires_year: new.expires_year,
            expires_month: new.expires_month,
        };
        let now = self.now.unix_micros();
        sqlx::query(REMOVE).bind(customer.to_string()).bind(now).execute(self.connection()).await?;
        sqlx::query(INSERT)
            .bind(row.id.0.to_string())
            .bind(customer.to_string())
            .bind(&row.provider)
            .bind(&row.provider_reference)
            .bind(&row.brand)
            .bind(&row.last4)
            .bind(row.expires_year.map(i64::from))
            .bind(row.expires_month.map(i64::from))
            .bind(now)
            .execute(self.connection())
            .await?;
        self.touched.customers.push(customer);
        self.audit("payment_method.add", &row.id.0.to_string(), None::<&()>, Some(&row)).await?;
        if owner.verification_declined_at.is_some() {
            self.set_verification_declined(customer, None).await?;
        }
        Ok(row)
    }

    /// Writes down a payment that was tried.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is booked already: the change must not happen a second time.
    pub async fn record_payment(&mut self, payment: &PaymentRow) -> Result<(), StoreError> {
        const INSERT: &str = "
            INSERT INTO payments (id, customer_id, provider, provider_reference, purpose, amount, currency, status,
                                  decline_code, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (provider, provider_reference) WHERE provider_reference <> '' DO NOTHING";
        let status = match payment.status {
            PaymentStatus::Succeeded => "succeeded",
            PaymentStatus::Declined => "declined",
        };
        let written = sqlx::query(INSERT)
            .bind(payment.id.0.to_string())
            .bind(payment.customer.0.to_string())
            .bind(&payment.provider)
            .bind(&payment.provider_reference)
            .bind(&payment.purpose)
            .bind(payment.amount.0.get())
            .bind(payment.currency.0.to_string())
            .bind(status)
            .bind(&payment.decline_code)
            .bind(payment.created_at.0.unix_micros())
            .execute(self.connection())
            .await?;
        if written.rows_affected() == 0 {
            let PaymentRow { provider, provider_reference, .. } = payment;
            return Err(StoreError::Conflict(format!("payment {provider_reference} of {provider} is booked already")));
        }
        self.audit("payment.record", &payment.id.0.to_string(), None::<&()>, Some(payment)).await
    }
}
