//! Published and derived numbers that the arithmetic must reproduce.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use assay_advice::{
    Acceptability, Answers, Choice, Comparison, Engine, FlipKind, Measurements, Model, SEED,
    acceptability, gower, importance_factor, importance_thresholds,
};
use rand::{Rng as _, SeedableRng as _, rngs::ChaCha8Rng};
use support::{answers, judged, measurements, twin};

const DRAWS: u32 = 40_000;

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0
}

/// Uniform on the simplex: normalised exponential draws.
fn simplex(rng: &mut ChaCha8Rng, weights: &mut [f64]) {
    weights.iter_mut().for_each(|weight| *weight = -libm::log(uniform(rng)));
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
}

fn normal(rng: &mut ChaCha8Rng, mean: f64, sd: f64) -> f64 {
    let (radius, angle) = (uniform(rng), uniform(rng));
    mean + sd * libm::sqrt(-2.0 * libm::log(radius)) * libm::cos(std::f64::consts::TAU * angle)
}

fn fixed(values: &[&[f64]]) -> Acceptability {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let flat: Vec<f64> = values.concat();
    acceptability(values.len(), values[0].len(), DRAWS, |_, weights, into| {
        simplex(&mut rng, weights);
        into.copy_from_slice(&flat);
    })
}

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} ± {tolerance}");
}

const IDENTITY: [&[f64]; 3] = [&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0], &[0.0, 0.0, 1.0]];

#[test]
fn identity_values_share_the_first_rank() {
    let found = fixed(&IDENTITY);
    found.ranks.iter().for_each(|ranks| close(ranks[0], 1.0 / 3.0, 0.02));
    let central = found.central_weights[0].clone().unwrap();
    for (found, expected) in central.iter().zip([11.0 / 18.0, 7.0 / 36.0, 7.0 / 36.0]) {
        close(*found, expected, 0.02);
    }
}

#[test]
fn a_compromise_wins_more_the_better_it_is() {
    for (c, share) in [(0.4, 1.0 / 25.0), (0.5, 0.25), (0.6, 13.0 / 25.0)] {
        let compromise: &[f64] = &[c, c, c];
        let found = fixed(&[IDENTITY[0], IDENTITY[1], IDENTITY[2], compromise]);
        close(found.ranks[3][0], share, 0.02);
    }
}

#[test]
fn pairwise_wins_match_the_exact_formula() {
    let exact = |d: &[f64]| -> f64 {
        let product = |i: usize| {
            let others = d.iter().enumerate().filter(|(j, _)| *j != i);
            others.map(|(_, dj)| d[i] / (d[i] - dj)).product::<f64>()
        };
        (0..d.len()).filter(|i| d[*i] > 0.0).map(product).sum()
    };
    let cases: [(&[f64], f64); 4] = [
        (&[0.3, -0.1, -0.2], 9.0 / 20.0),
        (&[0.4, 0.1, -0.3], 19.0 / 28.0),
        (&[0.5, 0.2, -0.1, -0.6], 103.0 / 198.0),
        (&[-0.1, 0.3, -0.4, 0.2, 0.05], 643.0 / 1134.0),
    ];
    for (d, share) in cases {
        close(exact(d), share, 1e-9);
        let zero = vec![0.0; d.len()];
        close(fixed(&[d, &zero]).ranks[0][0], share, 0.02);
    }
    // Ordered weights: replace each difference by the mean of those up to it.
    let d = cases[3].0;
    let means: Vec<f64> = (1..=d.len()).map(|k| d[..k].iter().sum::<f64>() / k as f64).collect();
    close(exact(&means), 84.0 / 253.0, 1e-9);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let found = acceptability(2, d.len(), DRAWS, |_, weights, values| {
        simplex(&mut rng, weights);
        weights.sort_by(|l, r| r.total_cmp(l));
        values[..d.len()].copy_from_slice(d);
        values[d.len()..].fill(0.0);
    });
    close(found.ranks[0][0], 84.0 / 253.0, 0.02);
}

#[test]
fn ordered_weights_average_to_the_rank_order_centroid() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let found = acceptability(1, 4, DRAWS, |_, weights, values| {
        simplex(&mut rng, weights);
        weights.sort_by(|l, r| r.total_cmp(l));
        values.fill(1.0);
    });
    let centroid = [25.0 / 48.0, 13.0 / 48.0, 7.0 / 48.0, 1.0 / 16.0];
    for (found, expected) in found.central_weights[0].clone().unwrap().iter().zip(centroid) {
        close(*found, expected, 0.02);
    }
}

#[test]
fn the_draws_suffice_for_one_percent() {
    let single = libm::ceil(1.96 * 1.96 * 0.25 / (0.01 * 0.01));
    close(single, 9_604.0, 0.0);
    // Bonferroni for three shares: z = 2.394.
    let jointly = 2.393_979_8 * 2.393_979_8 * 0.25 / (0.01 * 0.01);
    close(jointly, 14_328.0, 1.0);
    assert!(f64::from(assay_advice::DRAWS) > jointly);
}

/// JSMAA's benefit–risk example.
#[test]
fn four_drugs() {
    let efficacy = [(0.0, 0.0), (0.086, 0.056), (0.095, 0.044), (0.113, 0.048)];
    let harms: [[(f64, f64); 4]; 5] = [
        [(11.7, 2.5), (9.2, 1.86), (15.4, 2.65), (5.5, 2.32)],
        [(7.2, 1.45), (10.6, 1.58), (7.5, 1.48), (15.7, 4.44)],
        [(16.6, 3.27), (21.2, 5.15), (20.2, 3.78), (12.8, 2.45)],
        [(13.7, 1.89), (14.3, 2.93), (15.0, 3.21), (11.2, 3.98)],
        [(18.6, 1.79), (18.3, 3.7), (19.5, 2.6), (31.0, 1.68)],
    ];
    let range = |figures: &[(f64, f64)], exponential: bool| {
        let end = |sign: f64, (mean, sd): (f64, f64)| {
            let end = mean + sign * 1.96 * sd;
            if exponential { libm::exp(end) } else { end }
        };
        let low = figures.iter().map(|f| end(-1.0, *f)).fold(f64::INFINITY, f64::min);
        let high = figures.iter().map(|f| end(1.0, *f)).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let found = acceptability(4, 6, DRAWS, |_, weights, values| {
        simplex(&mut rng, weights);
        for drug in 0..4 {
            let (low, high) = range(&efficacy, true);
            let drawn = libm::exp(normal(&mut rng, efficacy[drug].0, efficacy[drug].1));
            values[drug * 6] = (drawn - low) / (high - low);
            for (harm, figures) in harms.iter().enumerate() {
                let (low, high) = range(figures, false);
                let drawn = normal(&mut rng, figures[drug].0, figures[drug].1);
                values[drug * 6 + harm + 1] = (high - drawn) / (high - low);
            }
        }
    });
    let ranks = [
        [0.194, 0.282, 0.300, 0.223],
        [0.255, 0.293, 0.267, 0.185],
        [0.169, 0.243, 0.286, 0.302],
        [0.382, 0.182, 0.147, 0.289],
    ];
    for (found, expected) in found.ranks.iter().flatten().zip(ranks.iter().flatten()) {
        close(*found, *expected, 0.02);
    }
    for (found, expected) in found.confidence.iter().zip([0.485, 0.444, 0.346, 0.730]) {
        close(found.unwrap(), expected, 0.03);
    }
}

#[test]
fn importance_in_closed_form() {
    let swings = [0.4, 0.3, 0.2, 0.1];
    let differences = [0.5, -0.3, 0.2, -0.4];
    let factors = importance_thresholds(&swings, &differences);
    close(factors[0].unwrap(), 0.45, 1e-9);
    close(factors[1].unwrap(), 2.222, 1e-3);
    assert_eq!(factors[2], None);
    close(factors[3].unwrap(), 3.75, 1e-9);
    let parts: Vec<f64> = swings.iter().zip(differences).map(|(s, d)| s * d).collect();
    close(importance_factor(&parts).unwrap(), 1.35873, 1e-5);
}

#[test]
fn importance_flips_of_an_engine() {
    let model = Model::parse(&judged(&[
        (40.0, 0.75, 0.25, 0.0),
        (30.0, 0.2, 0.5, 0.0),
        (20.0, 0.5, 0.3, 0.0),
        (10.0, 0.1, 0.5, 0.0),
    ]))
    .unwrap();
    let score = Engine::new(model, Measurements::default(), SEED).score(&Answers::default());
    close(score.options.rust.value - score.options.go.value, 0.11, 1e-12);
    close(score.importance_factor.unwrap(), 1.35873, 1e-5);
    let flips: Vec<_> = score
        .flips
        .iter()
        .map(|flip| (flip.kind, flip.changes[0].id.as_str(), flip.changes[0].to.number().unwrap()))
        .collect();
    let importance = FlipKind::Importance;
    assert_eq!(
        flips,
        [(importance, "c0", 18.0), (importance, "c1", 66.7), (importance, "c3", 37.5)]
    );
    let texts: Vec<&str> = score.flips.iter().map(|flip| flip.text.as_str()).collect();
    assert_eq!(texts[0], "If \u{201c}C0\u{201d} counted 0.45 times as much: too close to call.");
}

/// Rust p99 3 ms, Go 6 ms, swing 60, Go ahead by 20 points elsewhere.
fn headroom_model() -> Engine {
    let text = r#"
id = "t"
version = "1"
[[group]]
id = "g"
name = "G"
[[question]]
id = "workload"
group = "g"
label = "Workload"
short = "the workload"
answers = [
    { value = "json_api", label = "JSON", help = "", phrase = "it is JSON" },
    { value = "other", label = "Other", help = "", phrase = "it is not JSON" },
]
[[question]]
id = "p99_ms"
group = "g"
label = "p99"
short = "the p99 limit"
number = { min = 0.001, max = 3600000, unit = "ms", must = true, phrase = "p99 stays below {n}" }
[[criterion]]
id = "feasibility"
name = "Feasibility"
group = "g"
kind = "headroom"
swing = 60
[[criterion]]
id = "elsewhere"
name = "Elsewhere"
group = "g"
swing = 40
value = { rust = 0.25, go = 0.75, hybrid = 0 }
"#;
    let figures = measurements(twin(0.1, 1.0, 3.0), twin(0.1, 1.0, 6.0));
    Engine::new(Model::parse(text).unwrap(), figures, SEED)
}

#[test]
fn a_number_flips_where_the_equation_says() {
    let engine = headroom_model();
    let score = engine.score(&answers(engine.model(), "workload = \"json_api\"\np99_ms = 12\n"));
    let performance = score.reasons.iter().find(|r| r.criterion == "feasibility").unwrap();
    assert_eq!(performance.contribution, 0.0, "from 12 ms up performance decides nothing");
    let first = |p99: f64| {
        let lines = format!("workload = \"json_api\"\np99_ms = {p99}\n");
        let options = engine.recommend(&answers(engine.model(), &lines)).options;
        options.rust.value > options.go.value
    };
    let threshold = 6.0 * libm::cbrt(4.0);
    close(threshold, 9.524, 1e-3);
    assert!(first(threshold - 1e-6));
    assert!(!first(threshold + 1e-6));
    // The advice for Go is lost before that, and Rust's begins after it.
    let numbers = score.flips.iter().filter(|flip| flip.kind == FlipKind::Number);
    let told: Vec<_> = numbers.map(|flip| (flip.recommended, &flip.changes[0])).collect();
    assert!(told.len() == 2, "{:?}", score.flips);
    let lost = told.iter().find(|(option, _)| *option != Some(Choice::Rust)).unwrap().1;
    let rust = told.iter().find(|(option, _)| *option == Some(Choice::Rust)).unwrap().1;
    assert!(lost.to.number().unwrap() > threshold && rust.to.number().unwrap() < threshold);
}

#[test]
fn spotis_rows() {
    let rows = [
        ([10.5, -3.1, 1.7], 0.8011),
        ([-4.7, 0.0, 3.4], 0.6295),
        ([8.1, 0.3, 1.3], 0.6937),
        ([3.2, 7.3, -5.3], 0.2509),
    ];
    let value = |row: [f64; 3]| {
        let [a, b, c] = row;
        [(a + 5.0) / 17.0, (10.0 - b) / 16.0, (c + 8.0) / 13.0]
    };
    // Three rows at a time, through the engine's own sum over fixed anchors.
    for rows in rows.windows(3) {
        let [x, y, z] = [value(rows[0].0), value(rows[1].0), value(rows[2].0)];
        let criteria: Vec<_> = [20.0, 30.0, 50.0]
            .into_iter()
            .enumerate()
            .map(|(at, swing)| (swing, x[at], y[at], z[at]))
            .collect();
        let model = Model::parse(&judged(&criteria)).unwrap();
        let options = Engine::new(model, Measurements::default(), SEED)
            .recommend(&Answers::default())
            .options;
        close(options.rust.value, rows[0].1, 5e-4);
        close(options.go.value, rows[1].1, 5e-4);
        close(options.hybrid.value, rows[2].1, 5e-4);
    }
}

#[test]
fn belton_and_gear_reverse_only_under_normalisation() {
    let sum_normalised = |rows: &[[f64; 3]]| -> Vec<f64> {
        let total = |criterion: usize| rows.iter().map(|row| row[criterion]).sum::<f64>();
        rows.iter().map(|row| (0..3).map(|c| row[c] / total(c) / 3.0).sum()).collect()
    };
    let (a, b, c) = ([1.0, 9.0, 8.0], [9.0, 1.0, 9.0], [1.0, 1.0, 1.0]);
    for (found, expected) in sum_normalised(&[a, b, c]).iter().zip([0.451, 0.470, 0.079]) {
        close(*found, expected, 1e-3);
    }
    let copied = sum_normalised(&[a, b, c, b]);
    for (found, expected) in copied.iter().zip([0.365, 0.289, 0.057, 0.289]) {
        close(*found, expected, 1e-3);
    }
    // On fixed anchors the third option may be anything: the others' values stay bit for bit.
    let values = |third: [f64; 3]| {
        let criteria: Vec<_> =
            (0..3).map(|at| (10.0, a[at] / 9.0, b[at] / 9.0, third[at] / 9.0)).collect();
        let model = Model::parse(&judged(&criteria)).unwrap();
        let options = Engine::new(model, Measurements::default(), SEED)
            .recommend(&Answers::default())
            .options;
        (options.rust.value, options.go.value)
    };
    assert_eq!(values(c), values(b));
}

#[test]
fn gower_distances() {
    let distances: Vec<_> = [
        Comparison::Ordinal { left: 0.0, right: 2.0, range: 2.0 },
        Comparison::Nominal("x", "x"),
        Comparison::Number(1.0, libm::exp10(1.8)),
        Comparison::Missing,
    ]
    .iter()
    .map(|comparison| (1.0, comparison.distance()))
    .collect();
    close(gower(&distances, None).unwrap(), 1.3 / 3.0, 1e-9);
    close(gower(&distances, Some(0.5)).unwrap(), 1.8 / 4.0, 1e-9);
    assert_eq!(gower(&[(1.0, None), (1.0, None)], None), None);
    let list = |items: &[&str]| items.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>();
    let jaccard = Comparison::List(&list(&["a", "b"]), &list(&["b", "c"])).distance();
    close(jaccard.unwrap(), 2.0 / 3.0, 1e-12);
}
