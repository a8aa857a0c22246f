//! What judging a request costs: decide, hold and settle, for customers chosen at random.
//!
//! The groups differ in nothing but the number of customers, so what grows between them is the time that
//! memory takes.

mod crowd;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use crowd::Crowd;

fn decide_hold_settle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide + hold + settle");
    for customers in [1_000, 10_000, 100_000] {
        let mut crowd = Crowd::new(customers);
        group.bench_function(BenchmarkId::new("random of customers", customers), |bencher| {
            bencher.iter(|| crowd.serve_anybody());
        });
    }
    group.finish();
}

criterion_group!(benches, decide_hold_settle);
criterion_main!(benches);
