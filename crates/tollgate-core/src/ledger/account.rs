//! The chart of ledger accounts.

use std::fmt;
use std::str::FromStr;

use crate::id::{CustomerId, GrantId};
use crate::time::Timestamp;

/// A place where value rests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// Money that came in or went out through a payment provider: `cash:simulator`.
    Cash(Box<str>),
    /// Credit that was given: what promotions cost the operator.
    Promotions,
    /// One wallet grant: what is owed to the customer in service.
    Grant(GrantId),
    /// What a customer used on account and no invoice claims yet.
    Accrued(CustomerId),
    /// What a customer owes by invoice.
    Receivable(CustomerId),
    /// Earned by use.
    UsageRevenue,
    /// Earned by subscriptions and single purchases.
    PlanRevenue,
    /// Use that nobody pays for: beyond a prepaid hold.
    OperatorLoss,
    /// Credit that expired unused.
    Breakage,
    /// Fractions of the minor unit.
    Rounding,
    /// Corrections by the operator.
    Adjustments,
    /// Use of one quota in one period, in units of a meter.
    Quota {
        /// Whose.
        customer: CustomerId,
        /// Which.
        quota: Box<str>,
        /// The period, by its start.
        period_start: Timestamp,
    },
    /// Where used quota goes.
    Consumed,
}

/// The side on which an account normally has its balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Debits minus credits: what one has.
    Debit,
    /// Credits minus debits: what one owes or earned.
    Credit,
}

impl LedgerAccount {
    /// The side on which its balance is positive.
    #[must_use]
    pub const fn side(&self) -> Side {
        match self {
            Self::Cash(_)
            | Self::Promotions
            | Self::Accrued(_)
            | Self::Receivable(_)
            | Self::OperatorLoss
            | Self::Rounding
            | Self::Adjustments
            | Self::Quota { .. } => Side::Debit,
            Self::Grant(_) | Self::UsageRevenue | Self::PlanRevenue | Self::Breakage | Self::Consumed => Side::Credit,
        }
    }

    /// Whether its balance must never fall below zero.
    #[must_use]
    pub const fn is_bounded(&self) -> bool {
        matches!(self, Self::Grant(_))
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cash(provider) => write!(f, "cash:{provider}"),
            Self::Promotions => f.write_str("promotions"),
            Self::Grant(id) => write!(f, "grant:{id}"),
            Self::Accrued(customer) => write!(f, "accrued:{customer}"),
            Self::Receivable(customer) => write!(f, "receivable:{customer}"),
            Self::UsageRevenue => f.write_str("revenue:usage"),
            Self::PlanRevenue => f.write_str("revenue:plan"),
            Self::OperatorLoss => f.write_str("operator_loss"),
            Self::Breakage => f.write_str("breakage"),
            Self::Rounding => f.write_str("rounding"),
            Self::Adjustments => f.write_str("adjustments"),
            Self::Quota { customer, quota, period_start } => {
                write!(f, "quota:{customer}:{quota}:{}", period_start.unix_micros())
            }
            Self::Consumed => f.write_str("consumed"),
        }
    }
}

/// A text that names no ledger account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such ledger account")]
pub struct InvalidAccount;

impl FromStr for LedgerAccount {
    type Err = InvalidAccount;

    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        let (head, rest) = text.split_once(':').unwrap_or((text, ""));
        Ok(match (head, rest) {
            ("cash", provider) if !provider.is_empty() => Self::Cash(provider.into()),
            ("promotions", "") => Self::Promotions,
            ("grant", id) => Self::Grant(id.parse().map_err(|_| InvalidAccount)?),
            ("accrued", customer) => Self::Accrued(customer.parse().map_err(|_| InvalidAccount)?),
            ("receivable", customer) => Self::Receivable(customer.parse().map_err(|_| InvalidAccount)?),
            ("revenue", "usage") => Self::UsageRevenue,
            ("revenue", "plan") => Self::PlanRevenue,
            ("operator_loss", "") => Self::OperatorLoss,
            ("breakage", "") => Self::Breakage,
            ("rounding", "") => Self::Rounding,
            ("adjustments", "") => Self::Adjustments,
            ("consumed", "") => Self::Consumed,
            ("quota", rest) => {
                let (customer, rest) = rest.split_once(':').ok_or(InvalidAccount)?;
                let (quota, start) = rest.rsplit_once(':').ok_or(InvalidAccount)?;
                Self::Quota {
                    customer: customer.parse().map_err(|_| InvalidAccount)?,
                    quota: quota.into(),
                    period_start: Timestamp::from_unix_micros(start.parse().map_err(|_| InvalidAccount)?),
                }
            }
            _ => return Err(InvalidAccount),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_survives_its_text() {
        let customer = CustomerId::from_bits(77);
        let accounts = [
            LedgerAccount::Cash("simulator".into()),
            LedgerAccount::Promotions,
            LedgerAccount::Grant(GrantId::from_bits(9)),
            LedgerAccount::Accrued(customer),
            LedgerAccount::Receivable(customer),
            LedgerAccount::UsageRevenue,
            LedgerAccount::PlanRevenue,
            LedgerAccount::OperatorLoss,
            LedgerAccount::Breakage,
            LedgerAccount::Rounding,
            LedgerAccount::Adjustments,
            LedgerAccount::Consumed,
            LedgerAccount::Quota {
                customer,
                quota: "calls-month".into(),
                period_start: Timestamp::from_unix_seconds(-5),
            },
        ];
        for account in accounts {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        for text in ["", "cash", "cash:", "grant:cus_1", "quota:x", "revenue:other"] {
            assert_eq!(text.parse::<LedgerAccount>(), Err(InvalidAccount), "{text}");
        }
    }
}
