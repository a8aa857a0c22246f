//! Transfers: the only thing that changes a balance.

use std::fmt;
use std::str::FromStr;

use crate::id::TransferId;
use crate::money::Currency;
use crate::time::Timestamp;

use super::LedgerAccount;

/// Moves an amount from the debited to the credited ledger account. Immutable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Chosen by whoever makes it, so that a repetition is recognised.
    pub id: TransferId,
    /// What it is for.
    pub kind: TransferKind,
    /// The account that is debited.
    pub debit: LedgerAccount,
    /// The account that is credited.
    pub credit: LedgerAccount,
    /// How much; always positive. Nano-units of a currency, or units of a meter.
    pub amount: i64,
    /// Of what.
    pub unit: Unit,
    /// When it was made.
    pub at: Timestamp,
    /// What it belongs to: a customer, a payment, an invoice, a request.
    pub reference: Box<str>,
}

/// What a transfer moves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Nano-units of a currency.
    Currency(Currency),
    /// Units of a quota's meters, by their name.
    Meter(Box<str>),
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Currency(currency) => currency.fmt(f),
            Self::Meter(name) => f.write_str(name),
        }
    }
}

/// A text that is no unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a currency code or the name of a meter")]
pub struct InvalidUnit;

impl FromStr for Unit {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        match text.parse() {
            Ok(currency) => Ok(Self::Currency(currency)),
            Err(_) if !text.is_empty() => Ok(Self::Meter(text.into())),
            Err(_) => Err(InvalidUnit),
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What a transfer is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TransferKind { $($(#[$doc])* $variant,)* }

        impl TransferKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stored name.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
        }
    };
}

kinds! {
    /// A customer paid in advance.
    TopUp = "top_up";
    /// Credit was given.
    GrantGiven = "grant";
    /// Credit was taken back.
    GrantVoided = "grant_voided";
    /// Credit expired.
    Expiry = "expiry";
    /// Use was paid from a grant.
    Usage = "usage";
    /// Use went on account.
    UsageOnAccount = "usage_on_account";
    /// Use went beyond a prepaid hold.
    Loss = "loss";
    /// Use counted against a quota.
    QuotaUsed = "quota_used";
    /// Use on account was claimed by an invoice.
    Invoiced = "invoiced";
    /// A subscription or single purchase was charged.
    Charge = "charge";
    /// A customer paid what was owed.
    Payment = "payment";
}

impl FromStr for TransferKind {
    type Err = InvalidUnit;

    fn from_str(name: &str) -> Result<Self, InvalidUnit> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name).ok_or(InvalidUnit)
    }
}

impl Transfer {
    /// The bytes that the hash chain covers: every field, each ended by a newline, which none of them
    /// can contain.
    #[must_use]
    pub fn canonical(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.id,
            self.kind.name(),
            self.debit,
            self.credit,
            self.amount,
            self.unit,
            self.at.unix_micros(),
            self.reference.replace('\n', " "),
        )
    }
}
