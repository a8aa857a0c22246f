//! The catalogue: plans, add-ons, prices and APIs in versions. Publishing makes a new version; what was
//! sold stays as it was.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tollgate_store::catalogue::{Item, Versioned};
use tollgate_store::definition::{AddOnDefinition, ApiDefinition, PlanDefinition, PriceDefinition};
use tollgate_store::{Store, StoreError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::masking::{masked, unmasked};
use super::{Answer, Asked, Deed, Failures, Named, Nothing, Page, Part, Problem, Sent, Stop};
use crate::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    OpenApiRouter::new().merge(plans::routes()).merge(add_ons::routes()).merge(prices::routes()).merge(apis::routes())
}

/// A definition in a version.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
struct Edition<T> {
    /// Counts from 1.
    version: u32,
    /// The definition.
    definition: T,
    /// Why the gateway cannot use it, and stays with the catalogue before.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// An item that was taken off the catalogue.
#[derive(Serialize, utoipa::ToSchema)]
struct Retired {
    /// Which.
    key: String,
}

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichVersion {
    /// Which; the newest if absent.
    #[param(value_type = Option<u32>)]
    version: Option<tollgate_store::definition::Text<u32>>,
}

/// What is special about a kind of item.
trait Catalogued: Item + Clone {
    /// As it may be shown.
    fn shown(self) -> Self {
        self
    }

    /// As it is to be published, given what was sent.
    async fn sent(self, _: &Store) -> Result<Self, Stop> {
        Ok(self)
    }

    /// An error if something needs it.
    async fn can_go(_: &Store, _: &str) -> Result<(), Stop> {
        Ok(())
    }
}

impl Catalogued for PlanDefinition {}
impl Catalogued for AddOnDefinition {}

impl Catalogued for PriceDefinition {
    async fn can_go(store: &Store, key: &str) -> Result<(), Stop> {
        for api in store.published::<ApiDefinition>().await? {
            for route in &api.definition.routes {
                if [&route.price, &route.pay_per_request].into_iter().flatten().any(|price| price == key) {
                    let route = format!("{}.{}", api.definition.key, route.key);
                    return Err(Problem::conflict(format!("route {route} costs this price")).into());
                }
            }
        }
        Ok(())
    }
}

impl Catalogued for ApiDefinition {
    fn shown(self) -> Self {
        masked(self)
    }

    async fn sent(self, store: &Store) -> Result<Self, Stop> {
        let newest = match store.item::<Self>(&self.key, None).await {
            Ok(newest) => Some(newest.definition),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let prices = store.published::<PriceDefinition>().await?;
        for (index, route) in self.routes.iter().enumerate() {
            for (member, key) in [("price", &route.price), ("pay_per_request", &route.pay_per_request)] {
                if let Some(key) = key
                    && !prices.iter().any(|price| price.definition.key == *key)
                {
                    let expected = format!("a published price, and {key:?} is none");
                    return Err(Problem::invalid(format!("route[{index}].{member}"), expected).into());
                }
            }
        }
        Ok(unmasked(self, newest.as_ref())?)
    }
}

fn edition<T: Catalogued>(versioned: Versioned<T>) -> Edition<T> {
    Edition { version: versioned.version, definition: versioned.definition.shown(), warning: None }
}

async fn publish<T: Catalogued>(web: &Web, sent: Sent<T>) -> Answer {
    let definition = sent.value.sent(web.store()).await?;
    let mut deed = Deed::begin(web, sent.once).await?;
    let published = edition(deed.change().publish(&definition).await?);
    let answer = deed.created(&published).await?;
    // It is stored either way; whoever published it must hear that the gateway cannot use it.
    match web.gate().reload().await {
        Ok(()) => Ok(answer),
        Err(warning) => {
            let published = Edition { warning: Some(warning), ..published };
            Ok((StatusCode::CREATED, axum::Json(published)).into_response())
        }
    }
}

async fn list<T: Catalogued>(web: &Web, part: &Part) -> Result<Page<Edition<T>>, Problem> {
    let editions = web.store().published::<T>().await?.into_iter().map(edition).collect();
    Page::cut(editions, part, |edition: &Edition<T>| edition.definition.key().to_owned())
}

async fn read<T: Catalogued>(web: &Web, key: &str, which: &WhichVersion) -> Result<axum::Json<Edition<T>>, Problem> {
    let version = which.version.map(|version| version.0);
    if version == Some(0) {
        return Err(Problem::invalid("version", "a number from 1"));
    }
    Ok(axum::Json(edition(web.store().item(key, version).await?)))
}

async fn retire<T: Catalogued>(web: &Web, key: String, sent: Sent<Nothing>) -> Answer {
    T::can_go(web.store(), &key).await?;
    let mut deed = Deed::begin(web, sent.once).await?;
    deed.change().retire::<T>(&key).await?;
    deed.done(&Retired { key }).await
}

/// The four operations of a kind of item: only names differ.
macro_rules! operations {
    ($module:ident, $definition:ty, $kind:literal, $all:literal, $one:literal,
     $publish:ident, $list:ident, $read:ident, $retire:ident) => {
        mod $module {
            use super::*;

            pub(super) fn routes() -> OpenApiRouter<Web> {
                OpenApiRouter::new().routes(routes!($publish, $list)).routes(routes!($read, $retire))
            }

            #[utoipa::path(
                post, summary = concat!("Publish ", $kind, " as a new version, unless it equals the newest one."), path = $all, tag = "catalogue", request_body = $definition,
                params(("Idempotency-Key" = Option<String>, Header, description = "A name for what is intended; it happens once.")),
                responses((status = 201, description = "The version that is published.", body = Edition<$definition>), Failures)
            )]
            async fn $publish(State(web): State<Web>, sent: Sent<$definition>) -> Answer {
                publish(&web, sent).await
            }

            #[utoipa::path(
                get, summary = "List the newest version of every published item, by key.", path = $all, tag = "catalogue", params(Part),
                responses((status = 200, description = "A page of them.", body = Page<Edition<$definition>>), Failures)
            )]
            async fn $list(
                State(web): State<Web>,
                Asked(part): Asked<Part>,
            ) -> Result<Page<Edition<$definition>>, Problem> {
                list(&web, &part).await
            }

            #[utoipa::path(
                get, summary = concat!("Read ", $kind, " in a version."), path = $one, tag = "catalogue",
                params(("key" = String, Path, description = "Its key."), WhichVersion),
                responses((status = 200, description = "The version.", body = Edition<$definition>), Failures)
            )]
            async fn $read(
                State(web): State<Web>,
                Named(key): Named<String>,
                Asked(which): Asked<WhichVersion>,
            ) -> Result<axum::Json<Edition<$definition>>, Problem> {
                read(&web, &key, &which).await
            }

            #[utoipa::path(
                delete, summary = concat!("Take ", $kind, " off the catalogue. Who bought it keeps it."), path = $one, tag = "catalogue", params(("key" = String, Path, description = "Its key.")),
                responses((status = 200, description = "It is not sold any more.", body = Retired), Failures)
            )]
            async fn $retire(State(web): State<Web>, Named(key): Named<String>, sent: Sent<Nothing>) -> Answer {
                retire::<$definition>(&web, key, sent).await
            }
        }
    };
}

operations!(
    plans,
    PlanDefinition,
    "a plan",
    "/plans",
    "/plans/{key}",
    publish_plan,
    list_plans,
    read_plan,
    retire_plan
);
operations!(
    add_ons,
    AddOnDefinition,
    "an add-on",
    "/add-ons",
    "/add-ons/{key}",
    publish_add_on,
    list_add_ons,
    read_add_on,
    retire_add_on
);
operations!(
    prices,
    PriceDefinition,
    "a price",
    "/prices",
    "/prices/{key}",
    publish_price,
    list_prices,
    read_price,
    retire_price
);
operations!(apis, ApiDefinition, "an API", "/apis", "/apis/{key}", publish_api, list_apis, read_api, retire_api);
