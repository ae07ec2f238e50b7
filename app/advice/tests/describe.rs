//! The model laid out as tables, for people to read.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]

use assay_advice::{
    AnswerValue, Answers, Choice, CriterionKind, Engine, Measurements, Model, SEED,
};

/// Answers that put every factor of a grid's row in its state; numbers stand in the bin.
fn sheet(model: &Model, grid: &assay_advice::Grid, row: &assay_advice::GridRow) -> Answers {
    let mut answers = Answers::default();
    let mut held: Vec<(String, Vec<String>)> = Vec::new();
    for (factor, state) in grid.factors.iter().zip(&row.states) {
        let name = &factor.states[*state];
        let set = |answers: &Answers, value| answers.with(model, &factor.question, value);
        match &factor.holds {
            Some(answer) => {
                let at = held.iter().position(|(id, _)| *id == factor.question);
                let at = at.unwrap_or_else(|| {
                    held.push((factor.question.clone(), Vec::new()));
                    held.len() - 1
                });
                if name == "yes" {
                    held[at].1.push(answer.clone());
                }
            }
            None if factor.question == "owners" => {
                let value = match name.as_str() {
                    "few" => 2.0,
                    "several" => 6.0,
                    _ => 20.0,
                };
                answers =
                    set(&answers, AnswerValue::Number { value, must: false }).expect("owners");
            }
            None => answers = set(&answers, AnswerValue::One(name)).expect("an answer"),
        }
    }
    for (id, values) in held {
        answers = answers.with(model, &id, AnswerValue::Many(&values)).expect("a list");
    }
    answers
}

#[test]
fn the_tables_say_what_the_engine_reckons_with() {
    let model = Model::builtin();
    let engine = Engine::new(model.clone(), Measurements::default(), SEED);
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let (mut checked, mut largest) = (0, 0);
    for criterion in model.criteria() {
        let told = |answers: &Answers| {
            let details = engine.explain(answers);
            details.into_iter().find(|detail| detail.id == criterion.id).expect("the criterion")
        };
        if let Some(grid) = criterion.values(model) {
            for row in &grid.rows {
                let detail = told(&sheet(model, &grid, row));
                // What counts for nothing offers nothing either.
                if detail.swing == 0.0 {
                    continue;
                }
                let values = Choice::ALL.map(|choice| detail.values.get(choice).expect("judged"));
                assert!(
                    values.iter().zip(&row.numbers).all(|(a, b)| close(*a, *b)),
                    "{}: {values:?} {row:?}",
                    criterion.id
                );
                checked += 1;
            }
        }
        let swings = criterion.swings(model);
        assert_eq!(swings.len(), if criterion.kind == CriterionKind::Economy { 2 } else { 1 });
        let greatest = swings
            .iter()
            .map(|grid| grid.rows.iter().map(|row| row.numbers[0]).fold(0.0, f64::max));
        assert!(close(greatest.sum(), criterion.greatest_swing()), "{}", criterion.id);
        for row in &swings[0].rows {
            largest = largest.max(swings[0].rows.len());
            if !criterion.kind.is_measured() {
                let detail = told(&sheet(model, &swings[0], row));
                assert!(close(detail.swing, row.numbers[0]), "{}: {row:?}", criterion.id);
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked}");
    assert!(largest <= 72, "a table of {largest} rows is not read");
}

#[test]
fn a_number_stands_before_its_unit_in_the_singular_or_plural() {
    for (number, unit, told) in [
        (1.0, "engineers", "1 engineer"),
        (2.0, "engineers", "2 engineers"),
        (1.0, "requests/s", "1 request/s"),
        (1.0, "ms", "1 ms"),
        (11_574_074.0, "requests/s", "11,574,074 requests/s"),
        (1250.25, "ms", "1250.25 ms"),
        (0.5, "", "0.5"),
    ] {
        assert_eq!(assay_advice::quantity(number, unit), told);
    }
}

#[test]
fn a_knock_out_tells_its_conditions() {
    let model = Model::builtin();
    let of = |id: &str| {
        let found = model.knockouts().iter().find(|knockout| knockout.id == id);
        found.expect(id).conditions(model)
    };
    assert_eq!(of("no_gc"), [("constraints", "no_gc".to_owned())]);
    let mut weeks = of("no_time_for_rust");
    weeks.sort();
    let expected = [("first_production", "weeks".to_owned()), ("rust_fluency", "none".to_owned())];
    assert_eq!(weeks, expected);
}
