//! The rounds: load, kill, start again, audit.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::audit::Books;
use super::client::{Client, text};
use super::load::{Load, TopUp};
use super::node::Node;
use super::site::{Customer, Site, customer};
use super::{Chance, Figures, Options};

/// Who buys. Several connections share a customer, so that they contend for its wallet.
const CUSTOMERS: usize = 4;

/// What everybody begins with; some will run out of it.
const OPENING_CENTS: u64 = 5;

/// The process is killed between these moments after the load began.
const KILL_AFTER_MS: (u64, u64) = (40, 600);

/// Runs the rounds. What does not hold is in [`Figures::wrong`]; it ends with the first round that has any.
///
/// # Errors
/// If the rounds cannot be run: the binary does not start, a request fails without a kill.
pub async fn run(options: &Options) -> Result<Figures> {
    let site = Site::open(options)?;
    let mut chance = Chance(options.seed);
    let (mut books, mut figures) = (Books::default(), Figures::default());
    let mut node = site.start()?.serving()?;
    let mut admin = Client::connect(node.control).await?;
    let mut customers = Vec::new();
    for place in 0..CUSTOMERS {
        customers.push(customer(&mut admin).await?);
        let name = format!("opening-{place}");
        books.top_ups.push(TopUp { customer: place, name, cents: OPENING_CENTS, grant: None });
    }
    acknowledge(&mut books.top_ups, &mut admin, &customers).await?;

    for round in 0..options.kills {
        let clock = admin.admin("GET", "/clock", None, None).await?;
        let since = text(&clock, "now")?.to_owned();
        let load = Load::begin(&node, &customers, options.connections, round, &mut chance);
        let (least, most) = KILL_AFTER_MS;
        tokio::time::sleep(Duration::from_millis(least + chance.below(most - least))).await;
        let seen = load.end_with(&mut node).await.with_context(|| format!("seed {}, round {round}", options.seed))?;
        figures.kills += 1;

        node = start_again(&site, &mut chance, &mut figures)?;
        admin = Client::connect(node.control).await?;
        let mut top_ups = seen.top_ups;
        figures.top_ups_repeated += top_ups.iter().filter(|top_up| top_up.grant.is_none()).count() as u64;
        // Also those that were acknowledged: repeated, they must not happen again.
        acknowledge(&mut top_ups, &mut admin, &customers).await?;
        books.top_ups.append(&mut top_ups);
        books.audit(&mut admin, &customers, &since, &seen.seen).await?;
        if !books.wrong.is_empty() {
            books.wrong.insert(0, format!("seed {}, round {round}", options.seed));
            break;
        }
    }
    orderly_restart(&site, node, &mut books, &customers).await?;
    Ok(figures.with(books))
}

/// Starts the binary on what the killed one left; one time in four it is killed while it recovers.
fn start_again(site: &Site, chance: &mut Chance, figures: &mut Figures) -> Result<Node> {
    while chance.below(4) == 0 {
        let starting = site.start()?;
        std::thread::sleep(Duration::from_millis(chance.below(150)));
        starting.kill();
        figures.kills_at_start += 1;
    }
    let node = site.start()?.serving()?;
    figures.restarts.push(node.start_time);
    Ok(node)
}

/// Sends every top-up under its name.
async fn acknowledge(top_ups: &mut [TopUp], admin: &mut Client, customers: &[Customer]) -> Result<()> {
    for top_up in top_ups {
        top_up.acknowledge(admin, customers).await?;
    }
    Ok(())
}

/// At last it is stopped in order, and the books are audited once more: nothing may have changed.
async fn orderly_restart(site: &Site, node: Node, books: &mut Books, customers: &[Customer]) -> Result<()> {
    node.stop()?;
    let node = site.start()?.serving()?;
    let mut admin = Client::connect(node.control).await?;
    let never = "2999-01-01T00:00:00Z";
    books.audit(&mut admin, customers, never, &[]).await?;
    node.stop()
}

impl Figures {
    fn with(self, books: Books) -> Self {
        Self {
            completed: books.completed,
            refused: books.refused,
            billed: books.billed,
            billed_without_completion: books.billed_without_completion,
            unbilled: books.unbilled,
            twice: books.twice,
            top_ups: books.top_ups.iter().filter(|top_up| top_up.grant.is_some()).count() as u64,
            wrong: books.wrong,
            ..self
        }
    }
}
