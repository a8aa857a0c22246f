//! Tollgate as it is measured: everything on, in front of the sandbox.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, anyhow};
use tollgate::config::{Config, SettlementMode};
use tollgate::control::Exhibits;
use tollgate::serve::Foundation;
use tollgate_core::money::{Currency, Nanos};
use tollgate_store::Store;
use tollgate_store::api_key::Mode;
use tollgate_store::customers::NewCustomer;
use tollgate_store::definition::Text;
use tollgate_store::grants::{NewGrant, Origin};
use tollgate_store::keys::{KeyPolicy, NewApiKey};
use tollgate_store::subscriptions::NewSubscription;

const CONFIG: &str = include_str!("gateway.toml");

/// Serves at `listen` in front of `upstream`, with `customers` who can pay for everything. Their header
/// lines are written to `dir/keys`.
pub fn run(
    listen: SocketAddr,
    upstream: SocketAddr,
    dir: &Path,
    settlement: SettlementMode,
    customers: usize,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let text = CONFIG.replace("{dir}", &dir.to_string_lossy()).replace("{upstream}", &upstream.to_string());
        let mut config = Config::parse("gateway.toml", &text, &std::collections::HashMap::new())
            .map_err(|errors| anyhow!("{errors:?}"))?;
        config.gateway.address = listen;
        config.gateway.settlement = settlement;
        for left_over in ["bench.db", "bench.db-wal", "bench.db-shm", "bench.db-settlements"] {
            let _ = fs::remove_file(dir.join(left_over));
        }
        config.control.address = SocketAddr::from(([127, 0, 0, 1], 0));
        let foundation = Foundation::lay(config).await?;
        let keys = fill(foundation.store(), customers).await?;
        let lines: Vec<String> = keys.iter().map(|key| format!("authorization: Bearer {key}")).collect();
        fs::write(dir.join("keys"), lines.join("\n"))?;
        let _node = foundation.serve(|_| Exhibits::default()).await?;
        std::future::pending().await
    })
}

/// Makes customers with a key, a plan and money.
pub async fn fill(store: &Store, customers: usize) -> Result<Vec<String>> {
    let mut change = store.change("bench").await?;
    let mut keys = Vec::with_capacity(customers);
    for number in 0..customers {
        let name = format!("Customer {number}");
        let currency = Text(Currency::USD);
        let new = NewCustomer { name, email: String::new(), currency, time_zone: "UTC".to_owned() };
        let customer = change.create_customer(&new).await?.id.0;
        let application = change.create_application(customer, "main", &[]).await?.id.0;
        let new = NewApiKey { name: "main".to_owned(), policy: KeyPolicy::default(), expires_at: None };
        keys.push(change.create_key(application, Mode::Live, &new).await?.1);
        let plan = "bench".to_owned();
        let new = NewSubscription { plan, plan_version: None, add_ons: Vec::new(), state: None, anchor_at: None };
        change.subscribe(customer, &new).await?;
        let new = NewGrant {
            amount: Text(Nanos::units(100_000)),
            priority: 50,
            scope: Vec::new(),
            effective_at: None,
            expires_at: None,
            note: String::new(),
        };
        change.add_grant(customer, Origin::Paid { provider: "manual" }, &new).await?;
    }
    change.commit().await?;
    Ok(keys)
}
