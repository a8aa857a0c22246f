//! Customers and their applications.

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use tollgate_core::catalogue::CapScope;
use tollgate_core::id::{ApplicationId, CustomerId};
use tollgate_core::money::Currency;
use tollgate_core::time::Timestamp;

use crate::definition::{
    Amount, ApplicationIdText, At, CapDefinition, CurrencyCode, CustomerIdText, Text, caps_to_core,
};
use crate::grants::check_debt;
use crate::row::{Columns as _, to_json};
use crate::{Change, Store, StoreError};

/// A customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Customer {
    /// Its id.
    pub id: CustomerIdText,
    /// The name on invoices.
    pub name: String,
    /// Where notices go.
    pub email: String,
    /// What the wallet and invoices are in.
    pub currency: CurrencyCode,
    /// The IANA name of the zone in which days and months begin.
    pub time_zone: String,
    /// Whether it was closed.
    pub status: CustomerStatus,
    /// The review that stops everything, if there is one.
    pub frozen: Option<Frozen>,
    /// Spend caps over everything.
    pub caps: Vec<CapDefinition>,
    /// What must be paid of a minimum by a day.
    pub commitment: Option<CommitmentDue>,
    /// When the payment provider last declined an authorization.
    pub verification_declined_at: Option<At>,
    /// Sandbox only: behave as if this had failed.
    pub simulated_fault: Option<SimulatedFault>,
    /// When it was created.
    pub created_at: At,
}

/// Whether a customer is a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomerStatus {
    /// Yes.
    Active,
    /// Not any more.
    Closed,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Frozen {
    /// The case number that caller and support share.
    pub case: String,
    /// The rule that fired, or what the operator wrote. Never shown to the customer.
    pub why: String,
    /// Since when.
    pub since: At,
    /// When a person has looked at it, probably.
    pub expected_by: Option<At>,
}

/// The open minimum of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitmentDue {
    /// The minimum.
    pub minimum: Amount,
    /// What was paid of it.
    pub paid: Amount,
    /// When the rest is due.
    pub due_at: At,
}

/// A fault that a sandbox customer simulates, so that programs can be tested against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SimulatedFault {
    /// The customer's records cannot be read.
    StoreUnavailable,
}

/// What a new customer is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    /// The name on invoices.
    pub name: String,
    /// Where notices go.
    #[serde(default)]
    pub email: String,
    /// What the wallet and invoices are in.
    #[serde(default = "dollars")]
    pub currency: CurrencyCode,
    /// The IANA name of the zone in which days and months begin.
    #[serde(default = "utc")]
    pub time_zone: String,
}

const fn dollars() -> CurrencyCode {
    Text(Currency::USD)
}
fn utc() -> String {
    "UTC".to_owned()
}

/// What changes about a customer; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerPatch {
    /// The name on invoices.
    pub name: Option<String>,
    /// Where notices go.
    pub email: Option<String>,
    /// Where days and months begin.
    pub time_zone: Option<String>,
    /// Closed or not.
    pub status: Option<CustomerStatus>,
    /// Spend caps over everything; replaces all.
    pub caps: Option<Vec<CapDefinition>>,
    /// The open minimum; `null` within removes it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub commitment: Option<Option<CommitmentDue>>,
    /// Sandbox only.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub simulated_fault: Option<Option<SimulatedFault>>,
}

/// Tells an absent field from one that is `null`.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Option<Option<T>>, s: S) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(s)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(d).map(Some)
    }
}

/// An application: a customer's program, owner of keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Application {
    /// Its id.
    pub id: ApplicationIdText,
    /// Whose it is.
    pub customer: CustomerIdText,
    /// Its name.
    pub name: String,
    /// Spend caps over its keys together.
    pub caps: Vec<CapDefinition>,
    /// When it was created.
    pub created_at: At,
}

const READ: &str = "
    SELECT id, name, email, currency, time_zone, status, frozen, caps, commitment, verification_declined_at,
           simulated_fault, created_at
      FROM customers WHERE id = $1";
const LIST: &str = "
    SELECT id, name, email, currency, time_zone, status, frozen, caps, commitment, verification_declined_at,
           simulated_fault, created_at
      FROM customers
     WHERE id > $1 AND ($2 = '' OR id = $2 OR lower(name) LIKE $3 OR lower(email) LIKE $3)
     ORDER BY id LIMIT $4";

const READ_APPLICATION: &str = "SELECT id, customer_id, name, caps, created_at FROM applications WHERE id = $1";

fn customer_from_row(row: &AnyRow) -> Result<Customer, StoreError> {
    let fault = row.text_or_null("simulated_fault")?;
    Ok(Customer {
        id: Text(row.parsed("id")?),
        name: row.text("name")?,
        email: row.text("email")?,
        currency: Text(row.parsed("currency")?),
        time_zone: row.text("time_zone")?,
        status: match row.text("status")?.as_str() {
            "closed" => CustomerStatus::Closed,
            _ => CustomerStatus::Active,
        },
        frozen: row.json_or_null("frozen")?,
        caps: row.json("caps")?,
        commitment: row.json_or_null("commitment")?,
        verification_declined_at: row.at_or_null("verification_declined_at")?.map(Text),
        simulated_fault: fault.map(|_| SimulatedFault::StoreUnavailable),
        created_at: Text(row.at("created_at")?),
    })
}

fn application_from_row(row: &AnyRow) -> Result<Application, StoreError> {
    Ok(Application {
        id: Text(row.parsed("id")?),
        customer: Text(row.parsed("customer_id")?),
        name: row.text("name")?,
        caps: row.json("caps")?,
        created_at: Text(row.at("created_at")?),
    })
}

/// A name that people read: not empty, not endless, no control characters.
pub(crate) fn check_label(field: &str, text: &str) -> Result<(), StoreError> {
    if text.trim().is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err(StoreError::invalid(field, "1 to 200 characters without control characters"));
    }
    Ok(())
}

fn check_zone(name: &str) -> Result<(), StoreError> {
    match jiff::tz::TimeZone::get(name) {
        Ok(_) => Ok(()),
        Err(_) => Err(StoreError::invalid("time_zone", "an IANA time zone such as Europe/Berlin")),
    }
}

fn check_email(email: &str) -> Result<(), StoreError> {
    let plausible = email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
    let clean = email.len() <= 254 && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if email.is_empty() || (plausible && clean) {
        return Ok(());
    }
    Err(StoreError::invalid("email", "an e-mail address such as billing@example.com"))
}

impl Store {
    /// The customer `id`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn customer(&self, id: CustomerId) -> Result<Customer, StoreError> {
        let row = sqlx::query(READ).bind(id.to_string()).fetch_optional(&self.db.pool).await?;
        customer_from_row(&row.ok_or_else(|| StoreError::not_found("customer", id))?)
    }

    /// Customers by id, after `after`; of those whose name or e-mail contains `search` if given.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn customers(&self, search: &str, after: &str, limit: i64) -> Result<Vec<Customer>, StoreError> {
        let pattern = format!("%{}%", search.to_lowercase().replace(['%', '_', '\\'], " "));
        let rows =
            sqlx::query(LIST).bind(after).bind(search).bind(pattern).bind(limit).fetch_all(&self.db.pool).await?;
        rows.iter().map(customer_from_row).collect()
    }

    /// The applications of a customer, oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn applications(&self, customer: CustomerId) -> Result<Vec<Application>, StoreError> {
        const LIST: &str = "
            SELECT id, customer_id, name, caps, created_at FROM applications WHERE customer_id = $1 ORDER BY id";
        let rows = sqlx::query(LIST).bind(customer.to_string()).fetch_all(&self.db.pool).await?;
        rows.iter().map(application_from_row).collect()
    }

    /// The application `id`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn application(&self, id: ApplicationId) -> Result<Application, StoreError> {
        let row = sqlx::query(READ_APPLICATION).bind(id.to_string()).fetch_optional(&self.db.pool).await?;
        application_from_row(&row.ok_or_else(|| StoreError::not_found("application", id))?)
    }
}

impl Change {
    /// Creates a customer.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the field.
    pub async fn create_customer(&mut self, new: &NewCustomer) -> Result<Customer, StoreError> {
        const INSERT: &str = "
            INSERT INTO customers (id, name, email, currency, time_zone, status, caps, created_at)
            VALUES ($1, $2, $3, $4, $5, 'active', '[]', $6)";
        check_label("name", &new.name)?;
        check_email(&new.email)?;
        check_zone(&new.time_zone)?;
        let customer = Customer {
            id: Text(self.store.mint()),
            name: new.name.clone(),
            email: new.email.clone(),
            currency: new.currency,
            time_zone: new.time_zone.clone(),
            status: CustomerStatus::Active,
            frozen: None,
            caps: Vec::new(),
            commitment: None,
            verification_declined_at: None,
            simulated_fault: None,
            created_at: Text(self.now),
        };
        sqlx::query(INSERT)
            .bind(customer.id.0.to_string())
            .bind(&customer.name)
            .bind(&customer.email)
            .bind(customer.currency.0.to_string())
            .bind(&customer.time_zone)
            .bind(self.now.unix_micros())
            .execute(self.connection())
            .await?;
        self.touched.customers.push(customer.id.0);
        self.audit("customer.create", &customer.id.0.to_string(), None::<&()>, Some(&customer)).await?;
        Ok(customer)
    }

    /// The customer `id` as this change sees it.
    pub(crate) async fn read_customer(&mut self, id: CustomerId) -> Result<Customer, StoreError> {
        let row = sqlx::query(READ).bind(id.to_string()).fetch_optional(self.connection()).await?;
        customer_from_row(&row.ok_or_else(|| StoreError::not_found("customer", id))?)
    }

    /// Changes a customer.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Invalid`] naming the field.
    pub async fn update_customer(&mut self, id: CustomerId, patch: &CustomerPatch) -> Result<Customer, StoreError> {
        let before = self.read_customer(id).await?;
        let mut after = before.clone();
        if let Some(name) = &patch.name {
            check_label("name", name)?;
            after.name.clone_from(name);
        }
        if let Some(email) = &patch.email {
            check_email(email)?;
            after.email.clone_from(email);
        }
        if let Some(zone) = &patch.time_zone {
            check_zone(zone)?;
            after.time_zone.clone_from(zone);
        }
        if let Some(caps) = &patch.caps {
            caps_to_core(CapScope::Customer, caps)?;
            after.caps.clone_from(caps);
        }
        if let Some(Some(due)) = &patch.commitment {
            check_debt("commitment.minimum", due.minimum.0)?;
            check_debt("commitment.paid", due.paid.0)?;
        }
        after.status = patch.status.unwrap_or(after.status);
        after.commitment = patch.commitment.unwrap_or(after.commitment);
        after.simulated_fault = patch.simulated_fault.unwrap_or(after.simulated_fault);
        self.write_customer("customer.update", &before, &after).await?;
        Ok(after)
    }

    /// Puts a customer under review.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn freeze_customer(&mut self, id: CustomerId, frozen: Option<Frozen>) -> Result<Customer, StoreError> {
        let before = self.read_customer(id).await?;
        let action = if frozen.is_some() { "customer.freeze" } else { "customer.unfreeze" };
        let after = Customer { frozen, ..before.clone() };
        self.write_customer(action, &before, &after).await?;
        Ok(after)
    }

    /// Remembers that the payment provider declined an authorization, or that one worked again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or if the database does not answer.
    pub async fn set_verification_declined(
        &mut self,
        id: CustomerId,
        declined_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let before = self.read_customer(id).await?;
        let after = Customer { verification_declined_at: declined_at.map(Text), ..before.clone() };
        self.write_customer("customer.verification", &before, &after).await
    }

    pub(crate) async fn write_customer(
        &mut self,
        action: &str,
        before: &Customer,
        after: &Customer,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "
            UPDATE customers SET name = $2, email = $3, time_zone = $4, status = $5, frozen = $6, caps = $7,
                   commitment = $8, verification_declined_at = $9, simulated_fault = $10
             WHERE id = $1";
        let status = match after.status {
            CustomerStatus::Active => "active",
            CustomerStatus::Closed => "closed",
        };
        sqlx::query(UPDATE)
            .bind(after.id.0.to_string())
            .bind(&after.name)
            .bind(&after.email)
            .bind(&after.time_zone)
            .bind(status)
            .bind(after.frozen.as_ref().map(to_json).transpose()?)
            .bind(to_json(&after.caps)?)
            .bind(after.commitment.as_ref().map(to_json).transpose()?)
            .bind(after.verification_declined_at.map(|at| at.0.unix_micros()))
            .bind(after.simulated_fault.map(|_| "store_unavailable"))
            .execute(self.connection())
            .await?;
        self.touched.customers.push(after.id.0);
        self.audit(action, &after.id.0.to_string(), Some(before), Some(after)).await
    }

    /// Creates an application.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a customer, [`StoreError::Invalid`] naming the field.
    pub async fn create_application(
        &mut self,
        customer: CustomerId,
        name: &str,
        caps: &[CapDefinition],
    ) -> Result<Application, StoreError> {
        const INSERT: &str =
            "INSERT INTO applications (id, customer_id, name, caps, created_at) VALUES ($1, $2, $3, $4, $5)";
        check_label("name", name)?;
        self.read_customer(customer).await?;
        let application = Application {
            id: Text(self.store.mint()),
            customer: Text(customer),
            name: name.to_owned(),
            caps: caps.to_vec(),
            created_at: Text(self.now),
        };
        caps_to_core(CapScope::Application(application.id.0), caps)?;
        sqlx::query(INSERT)
            .bind(application.id.0.to_string())
            .bind(customer.to_string())
            .bind(name)
            .bind(to_json(&application.caps)?)
            .bind(self.now.unix_micros())
            .execute(self.connection())
            .await?;
        self.touched.customers.push(customer);
        self.audit("application.create", &application.id.0.to_string(), None::<&()>, Some(&application)).await?;
        Ok(application)
    }

    /// Replaces the spend caps of an application.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Invalid`] naming the field.
    pub async fn set_application_caps(
        &mut self,
        id: ApplicationId,
        caps: &[CapDefinition],
    ) -> Result<Application, StoreError> {
        const UPDATE: &str = "UPDATE applications SET caps = $2 WHERE id = $1";
        let row = sqlx::query(READ_APPLICATION).bind(id.to_string()).fetch_optional(self.connection()).await?;
        let before = application_from_row(&row.ok_or_else(|| StoreError::not_found("application", id))?)?;
        caps_to_core(CapScope::Application(id), caps)?;
        let after = Application { caps: caps.to_vec(), ..before.clone() };
        sqlx::query(UPDATE).bind(id.to_string()).bind(to_json(&after.caps)?).execute(self.connection()).await?;
        self.touched.customers.push(before.customer.0);
        self.audit("application.update", &id.to_string(), Some(&before), Some(&after)).await?;
        Ok(after)
    }
}
