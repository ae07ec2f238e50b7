//! What a recommendation costs: alone (limit 1 ms), with flips (3 ms), with the next question
//! (10 ms), for a full sheet, one with the core questions only, and an empty one.

use std::hint::black_box;

use assay_advice::{Engine, Model, SEED};
use assay_micro::{measured, sheets};
use criterion::{Criterion, criterion_group, criterion_main};

fn advice(c: &mut Criterion) {
    let engine = Engine::new(Model::builtin().clone(), measured(), SEED);
    for (name, answers) in sheets(engine.model()) {
        let mut group = c.benchmark_group(name);
        group.bench_function("recommendation", |b| {
            b.iter(|| engine.recommend(black_box(&answers)));
        });
        group.bench_function("with flips", |b| {
            b.iter(|| engine.recommend_with_flips(black_box(&answers)));
        });
        group.bench_function("with flips and next question", |b| {
            b.iter(|| engine.score(black_box(&answers)));
        });
        group.finish();
    }
    c.bench_function("making an engine", |b| {
        b.iter(|| Engine::new(Model::builtin().clone(), measured(), black_box(SEED)));
    });
}

criterion_group!(benches, advice);
criterion_main!(benches);
