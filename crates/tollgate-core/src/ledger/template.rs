//! The transfers that the business makes. Nothing else moves value.

use crate::id::{CustomerId, GrantId, TransferId};
use crate::money::{Currency, Nanos};
use crate::time::Timestamp;

use super::{LedgerAccount, Transfer, TransferKind, Unit};

/// When and under which id a transfer is made, and what it belongs to.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The id.
    pub id: TransferId,
    /// When.
    pub at: Timestamp,
    /// What it belongs to.
    pub reference: &'a str,
}

fn money(
    entry: &Entry<'_>,
    kind: TransferKind,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: Nanos,
    currency: Currency,
) -> Transfer {
    Transfer {
        id: entry.id,
        kind,
        debit,
        credit,
        amount: amount.get(),
        unit: Unit::Currency(currency),
        at: entry.at,
        reference: entry.reference.into(),
    }
}

/// A customer paid in advance through `provider`.
#[must_use]
pub fn top_up(entry: &Entry<'_>, provider: &str, grant: GrantId, amount: Nanos, currency: Currency) -> Transfer {
    let cash = LedgerAccount::Cash(provider.into());
    money(entry, TransferKind::TopUp, cash, LedgerAccount::Grant(grant), amount, currency)
}

/// Credit was given.
#[must_use]
pub fn give(entry: &Entry<'_>, grant: GrantId, amount: Nanos, currency: Currency) -> Transfer {
    let grant = LedgerAccount::Grant(grant);
    money(entry, TransferKind::GrantGiven, LedgerAccount::Promotions, grant, amount, currency)
}

/// What is left of a grant was taken back.
#[must_use]
pub fn void(entry: &Entry<'_>, grant: GrantId, amount: Nanos, currency: Currency) -> Transfer {
    let grant = LedgerAccount::Grant(grant);
    money(entry, TransferKind::GrantVoided, grant, LedgerAccount::Adjustments, amount, currency)
}

/// What was left of a grant expired.
#[must_use]
pub fn expire(entry: &Entry<'_>, grant: GrantId, amount: Nanos, currency: Currency) -> Transfer {
    let grant = LedgerAccount::Grant(grant);
    money(entry, TransferKind::Expiry, grant, LedgerAccount::Breakage, amount, currency)
}

/// Use was paid from a grant.
#[must_use]
pub fn usage(entry: &Entry<'_>, grant: GrantId, amount: Nanos, currency: Currency) -> Transfer {
    let grant = LedgerAccount::Grant(grant);
    money(entry, TransferKind::Usage, grant, LedgerAccount::UsageRevenue, amount, currency)
}

/// Use went on account.
#[must_use]
pub fn usage_on_account(entry: &Entry<'_>, customer: CustomerId, amount: Nanos, currency: Currency) -> Transfer {
    let owed = LedgerAccount::Accrued(customer);
    money(entry, TransferKind::UsageOnAccount, owed, LedgerAccount::UsageRevenue, amount, currency)
}

/// Use went beyond a prepaid hold; the operator bears it.
#[must_use]
pub fn loss(entry: &Entry<'_>, amount: Nanos, currency: Currency) -> Transfer {
    money(entry, TransferKind::Loss, LedgerAccount::OperatorLoss, LedgerAccount::UsageRevenue, amount, currency)
}

/// A subscription or single purchase was charged.
#[must_use]
pub fn charge(entry: &Entry<'_>, customer: CustomerId, amount: Nanos, currency: Currency) -> Transfer {
    let owed = LedgerAccount::Receivable(customer);
    money(entry, TransferKind::Charge, owed, LedgerAccount::PlanRevenue, amount, currency)
}

/// An invoice claims what was used on account.
#[must_use]
pub fn invoice_usage(entry: &Entry<'_>, customer: CustomerId, amount: Nanos, currency: Currency) -> Transfer {
    let (owed, used) = (LedgerAccount::Receivable(customer), LedgerAccount::Accrued(customer));
    money(entry, TransferKind::Invoiced, owed, used, amount, currency)
}

/// A customer paid what was owed through `provider`.
#[must_use]
pub fn payment(entry: &Entry<'_>, provider: &str, customer: CustomerId, amount: Nanos, currency: Currency) -> Transfer {
    let (cash, owed) = (LedgerAccount::Cash(provider.into()), LedgerAccount::Receivable(customer));
    money(entry, TransferKind::Payment, cash, owed, amount, currency)
}

/// Use counted against a quota.
#[must_use]
pub fn quota_used(
    entry: &Entry<'_>,
    customer: CustomerId,
    quota: &str,
    period_start: Timestamp,
    quantity: i64,
    meter: &str,
) -> Transfer {
    Transfer {
        id: entry.id,
        kind: TransferKind::QuotaUsed,
        debit: LedgerAccount::Quota { customer, quota: quota.into(), period_start },
        credit: LedgerAccount::Consumed,
        amount: quantity,
        unit: Unit::Meter(meter.into()),
        at: entry.at,
        reference: entry.reference.into(),
    }
}
