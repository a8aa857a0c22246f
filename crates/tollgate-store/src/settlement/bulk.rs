//! Many rows in one statement: a JSON array of arrays is the one parameter.
//!
//! SQLite and PostgreSQL unpack it differently; the two texts stand side by side.

use std::sync::LazyLock;

use sqlx::{AnyConnection, AssertSqlSafe};
use tollgate_core::meter::Meter;

use crate::StoreError;
use crate::db::Db;
use crate::engine::Engine;

/// A statement that takes rows.
pub(super) struct Bulk {
    sqlite: String,
    postgres: String,
}

/// The type of a column.
#[derive(Clone, Copy)]
enum Column {
    Int,
    Text,
}

impl Bulk {
    /// `INSERT INTO table (columns)`, followed by `then` for rows that exist.
    fn insert(table: &str, columns: &[(&str, Column)], then: &str) -> Self {
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let sqlite = select(columns, |place, _| format!("value ->> {place}"));
        let postgres = select(columns, |place, column| match column {
            Column::Int => format!("CAST(value ->> {place} AS BIGINT)"),
            Column::Text => format!("value ->> {place}"),
        });
        // `WHERE true` tells SQLite's parser that ON CONFLICT is no join condition.
        Self {
            sqlite: format!("INSERT INTO {table} ({names}) SELECT {sqlite} FROM json_each($1) WHERE true {then}"),
            postgres: format!(
                "INSERT INTO {table} ({names}) SELECT {postgres} FROM jsonb_array_elements(CAST($1 AS jsonb)) WHERE true {then}"
            ),
        }
    }

    /// Runs it for `rows`.
    pub(super) async fn run<R: serde::Serialize>(
        &self,
        db: &Db,
        connection: &mut AnyConnection,
        rows: &[R],
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let text = match db.engine {
            Engine::Sqlite => self.sqlite.as_str(),
            Engine::Postgres => self.postgres.as_str(),
        };
        let json = crate::row::to_json(&rows)?;
        sqlx::query(AssertSqlSafe(text)).bind(json).execute(connection).await?;
        Ok(())
    }
}

fn select(columns: &[(&str, Column)], one: impl Fn(usize, Column) -> String) -> String {
    columns.iter().enumerate().map(|(place, (_, column))| one(place, *column)).collect::<Vec<_>>().join(", ")
}

use Column::{Int, Text};

pub(super) static TRANSFERS: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = [
        ("chain", Text),
        ("seq", Int),
        ("id", Text),
        ("kind", Text),
        ("debit", Text),
        ("credit", Text),
        ("amount", Int),
        ("unit", Text),
        ("at", Int),
        ("reference", Text),
        ("hash", Text),
    ];
    Bulk::insert("transfers", &columns, "")
});

pub(super) static BALANCES: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = [("account", Text), ("unit", Text), ("debits", Int), ("credits", Int)];
    let then = "ON CONFLICT (account, unit) DO UPDATE
        SET debits = balances.debits + excluded.debits, credits = balances.credits + excluded.credits";
    Bulk::insert("balances", &columns, then)
});

pub(super) static COUNTERS: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = [
        ("customer_id", Text),
        ("name", Text),
        ("period_start", Int),
        ("quantity", Int),
        ("charged_nanos", Int),
        ("charged_picos", Int),
    ];
    let then = "ON CONFLICT (customer_id, name, period_start) DO UPDATE
        SET quantity = counters.quantity + excluded.quantity,
            charged_nanos = counters.charged_nanos + excluded.charged_nanos,
            charged_picos = counters.charged_picos + excluded.charged_picos";
    Bulk::insert("counters", &columns, then)
});

pub(super) static THRESHOLDS: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = [("customer_id", Text), ("quota", Text), ("period_start", Int), ("stage", Int), ("crossed_at", Int)];
    Bulk::insert("thresholds", &columns, "ON CONFLICT DO NOTHING")
});

pub(super) static ROLLUPS: LazyLock<Bulk> = LazyLock::new(|| {
    let mut columns = vec![
        ("hour", Int),
        ("customer_id", Text),
        ("application_id", Text),
        ("key_id", Text),
        ("route", Text),
        ("model", Text),
        ("outcome", Text),
        ("currency", Text),
    ];
    let sums: Vec<&str> =
        ["requests", "cost", "loss"].into_iter().chain(Meter::ALL.iter().map(|meter| meter.name())).collect();
    columns.extend(sums.iter().map(|name| (*name, Int)));
    let updates: Vec<String> = sums.iter().map(|name| format!("{name} = rollups.{name} + excluded.{name}")).collect();
    let then = format!(
        "ON CONFLICT (customer_id, hour, application_id, key_id, route, model, outcome, currency) DO UPDATE SET {}",
        updates.join(", ")
    );
    Bulk::insert("rollups", &columns, &then)
});
