//! Values that are written as text: amounts, rates, instants, meters.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use tollgate_core::id::{
    ApplicationId, CustomerId, GrantId, InvoiceId, KeyId, PaymentId, PaymentMethodId, RequestId, SubscriptionId,
};
use tollgate_core::meter::{Meter, MeterSet};
use tollgate_core::money::{Currency, Factor, Nanos, Rate};
use tollgate_core::time::Timestamp;

/// A `T` that is written as its text. A number in its place is refused: `0.1` is not exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<T>(pub T);

// Names without angle brackets: the OpenAPI derive takes them as they are.

/// A decimal amount in text.
pub type Amount = Text<Nanos>;
/// A price per unit in text.
pub type UnitPrice = Text<Rate>;
/// A multiplier in text.
pub type Multiplier = Text<Factor>;
/// A currency code.
pub type CurrencyCode = Text<Currency>;
/// An RFC 3339 instant.
pub type At = Text<Timestamp>;
/// `cus_...`
pub type CustomerIdText = Text<CustomerId>;
/// `app_...`
pub type ApplicationIdText = Text<ApplicationId>;
/// `key_...`
pub type KeyIdText = Text<KeyId>;
/// `sub_...`
pub type SubscriptionIdText = Text<SubscriptionId>;
/// `inv_...`
pub type InvoiceIdText = Text<InvoiceId>;
/// `grn_...`
pub type GrantIdText = Text<GrantId>;
/// `pm_...`
pub type PaymentMethodIdText = Text<PaymentMethodId>;
/// `pay_...`
pub type PaymentIdText = Text<PaymentId>;
/// `req_...`
pub type RequestIdText = Text<RequestId>;

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T> Deserialize<'de> for Text<T>
where
    T: FromStr,
    T::Err: Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText<T>(std::marker::PhantomData<T>);
        impl<T> Visitor<'_> for OfText<T>
        where
            T: FromStr,
            T::Err: Display,
        {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes, for example \"12.50\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                text.parse().map_err(|error| E::custom(format!("{text:?}: {error}")))
            }
        }
        deserializer.deserialize_str(OfText(std::marker::PhantomData)).map(Text)
    }
}

impl<T> utoipa::PartialSchema for Text<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::Object::with_type(utoipa::openapi::schema::Type::String).into()
    }
}

impl<T> utoipa::ToSchema for Text<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }
}

/// One or several meters: `"calls"`, `"tokens"` for all token meters, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum MeterNames {
    /// One meter, or `tokens`.
    One(String),
    /// Several, added up.
    Several(Vec<String>),
}

impl MeterNames {
    /// The set they name.
    ///
    /// # Errors
    /// A sentence that says which names there are.
    pub fn to_core(&self) -> Result<MeterSet, String> {
        let names = match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        };
        let mut set = MeterSet::EMPTY;
        for name in names {
            match name.as_str() {
                "tokens" => set = MeterSet::TOKENS.iter().fold(set, MeterSet::with),
                name => set = set.with(name.parse::<Meter>().map_err(|error| error.to_string())?),
            }
        }
        if set.is_empty() { Err("at least one meter".to_owned()) } else { Ok(set) }
    }
}
