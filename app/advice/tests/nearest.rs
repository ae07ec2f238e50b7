//! The nearest decided cases: the distance by hand, who may be near, and what is said of them.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

#[expect(dead_code, reason = "other tests share more of it")]
mod support;

use assay_advice::{
    Answers, Case, Choice, Model, Near, Usage, nearest, nearest_precedents, precedent_cases,
    precedents,
};
use proptest::prelude::*;
use support::engine;

fn answers(lines: &str) -> Answers {
    support::answers(Model::builtin(), lines)
}

fn case(id: &str, option: &str, lines: &str) -> Case {
    let text = format!("id = \"{id}\"\noption = \"{option}\"\n[answers]\n{lines}");
    Case::parse(Model::builtin(), &text).expect("a good case")
}

fn ids<'a>(near: &'a [Near<'a>]) -> Vec<(&'a str, bool)> {
    near.iter().map(|near| (near.case.id.as_str(), near.otherwise)).collect()
}

const SIX: &str = "failure_consequence = \"serious\"\nuntrusted_input = \"some\"\n\
                   go_fluency = \"most\"\nworkload = \"cache\"\npaved_road = \"go\"\n\
                   first_production = \"weeks\"\n";

#[test]
fn the_distance_is_the_mean_over_groups() {
    let theirs = "failure_consequence = \"catastrophic\"\nuntrusted_input = \"some\"\n\
                  go_fluency = \"few\"\nworkload = \"gateway\"\npaved_road = \"unknown\"\n\
                  first_production = \"later\"\nembedding = \"must\"\n";
    let cases = [case("a", "rust", theirs)];
    let found = nearest(Model::builtin(), &answers(SIX), None, &cases);
    let near = found.near.first().expect("a near case");
    // Risk (.5 + 0)/2, team .5, performance 1, delivery 1, and operations: half a difference for
    // the paved road, none for two empty lists each, /3. Embedding was not answered.
    let apart = (0.25 + 0.5 + 1.0 + 1.0 + 0.5 / 3.0) / 5.0;
    assert!((near.similarity - (1.0 - apart)).abs() < 1e-12, "{}", near.similarity);
    assert_eq!((near.overlap, found.answered), (5, 6));
    let differ: Vec<_> = near.differs.iter().map(|d| (d.question.as_str(), d.distance)).collect();
    let expected = [
        ("workload", 1.0),
        ("first_production", 1.0),
        ("go_fluency", 0.5),
        ("failure_consequence", 0.5),
    ];
    assert_eq!(differ, expected, "what weighs most first; what is not known does not differ");
    let risk = near.differs.last().expect("a difference");
    assert_eq!((risk.theirs.as_str(), risk.yours.as_str()), ("Be a disaster", "Do real damage"));
    assert_eq!(risk.label, "What is the worst a plausible bug could do?");
}

#[test]
fn numbers_and_lists_are_compared_by_their_own_measure() {
    let with = |more: &str| format!("{SIX}{more}");
    let apart = |yours: &str, theirs: &str, group: f64| {
        let cases = [case("a", "go", &with(theirs))];
        let found = nearest(Model::builtin(), &answers(&with(yours)), None, &cases);
        let near = found.near.first().expect("a near case");
        (1.0 - near.similarity) * 5.0 * group
    };
    let close = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value}");
    // Two decades of six, beside the workload in its group.
    close(apart("peak_rps = 100\n", "peak_rps = 10000\n", 2.0), 2.0 / 6.0);
    close(apart("peak_rps = 0.001\n", "peak_rps = 100000000\n", 2.0), 1.0);
    // Jaccard: one shared of three; the group holds the paved road and two lists.
    let (yours, theirs) = ("[\"safety\", \"latency\"]", "[\"safety\", \"people\"]");
    let list = |items: &str| format!("priorities = {items}\n");
    close(apart(&list(yours), &list(theirs), 3.0), 2.0 / 3.0);
    close(apart("", &list(theirs), 3.0), 1.0);
    close(apart("", "constraints = [\"no_rust\"]\n", 3.0), 1.0);
    close(apart("constraints = []\n", "", 3.0), 0.0);
}

#[test]
fn too_little_in_common_is_not_near() {
    let find = |yours: &str, theirs: &str| {
        let cases = [case("a", "go", theirs)];
        nearest(Model::builtin(), &answers(yours), None, &cases).near.len()
    };
    let four: String = SIX.lines().take(4).map(|line| format!("{line}\n")).collect();
    assert_eq!(find(&four, &four), 0, "five questions at least");
    assert_eq!(find(SIX, &four), 0);
    assert_eq!(find(SIX, SIX), 1);
    let more = "invariants = \"some\"\nrust_fluency = \"few\"\nowners = 4\n";
    assert_eq!(find(&format!("{SIX}{more}tail_latency = \"tight\"\n"), SIX), 1, "6 of 10");
    let eleven = format!("{SIX}{more}tail_latency = \"tight\"\nembedding = \"none\"\n");
    assert_eq!(find(&eleven, SIX), 0, "6 of 11 is under 60%");
    // An empty list answers nothing.
    let lists = "priorities = []\nconstraints = []\n";
    assert_eq!(find(&format!("{four}{lists}"), &format!("{four}{lists}")), 0);
    let found = nearest(Model::builtin(), &Answers::default(), Some(Choice::Go), precedent_cases());
    assert_eq!((found.near.len(), found.than), (0, None));
}

#[test]
fn three_are_shown_and_the_nearest_that_chose_otherwise() {
    let far = SIX.replace("\"weeks\"", "\"later\"");
    let farther = far.replace("\"cache\"", "\"gateway\"");
    let cases = [
        case("d", "hybrid", &farther),
        case("e", "rust", &farther),
        case("a", "go", SIX),
        case("b", "go", SIX),
        case("c", "go", &far),
    ];
    let find = |recommended| nearest(Model::builtin(), &answers(SIX), recommended, &cases);
    let found = find(Some(Choice::Go));
    assert_eq!(ids(&found.near), [("a", false), ("b", false), ("c", false), ("d", true)]);
    assert_eq!(found.than, Some(Choice::Go));
    let found = find(Some(Choice::Rust));
    assert_eq!(ids(&found.near), [("a", true), ("b", false), ("c", false)]);
    let found = find(None);
    assert_eq!(found.than, Some(Choice::Go), "what most of the three chose");
    assert_eq!(ids(&found.near), [("a", false), ("b", false), ("c", false), ("d", true)]);

    let all_differ = [case("a", "hybrid", SIX), case("b", "rust", &far), case("c", "go", &farther)];
    let found = nearest(Model::builtin(), &answers(SIX), None, &all_differ);
    assert_eq!(found.than, Some(Choice::Hybrid), "the nearest decides");
    assert_eq!(ids(&found.near), [("a", false), ("b", true), ("c", false)]);
    let apart = all_differ.map(|case| Case { usage: Usage::NotAService, ..case });
    let found = nearest(Model::builtin(), &answers(SIX), None, &apart);
    assert_eq!(found.near.len(), 0, "only cases that count");
    let alike = [case("a", "go", SIX), case("b", "go", SIX)];
    let found = nearest(Model::builtin(), &answers(SIX), None, &alike);
    assert_eq!(ids(&found.near), [("a", false), ("b", false)], "nobody chose otherwise");
}

#[test]
fn every_precedent_is_nearest_to_its_own_answers() {
    for precedent in precedents().iter().filter(|precedent| precedent.usage == Usage::Core) {
        let cases = precedent_cases();
        let found = nearest(Model::builtin(), &precedent.answers, None, cases);
        let top = found.near.first().expect("itself");
        assert!((top.similarity - 1.0).abs() < 1e-12, "{}: {}", precedent.id, top.similarity);
        let own = found.near.iter().find(|near| near.case.id == precedent.id);
        assert!(own.is_some_and(|near| near.differs.is_empty()), "{}", precedent.id);
    }
}

#[test]
fn precedents_stand_beside_the_score_and_change_nothing_in_it() {
    let discord = precedents().iter().find(|p| p.id == "discord-readstates").expect("known");
    let mut with = engine().score_with_precedents(&discord.answers);
    assert_eq!(with.same_as.as_deref(), Some("discord-readstates"), "the same case");
    assert!(with.precedents.iter().all(|near| near.id != "discord-readstates"), "not near itself");
    assert!(with.precedents.is_sorted_by(|l, r| l.similarity >= r.similarity));
    assert!((3..=4).contains(&with.precedents.len()));
    with.precedents.clear();
    with.same_as = None;
    assert_eq!(with, engine().score(&discord.answers));
}

#[test]
fn the_same_answers_are_the_same_case() {
    let model = Model::builtin();
    // Apart cases too, and however an open question is written.
    for precedent in precedents() {
        let mut table = precedent.answers.to_table();
        table.retain(|_, value| value.as_str() != Some("unknown"));
        let sheet = Answers::from_table(model, &table).expect("good answers");
        let found = nearest_precedents(model, &sheet, None);
        assert_eq!(found.same.map(|case| case.id.as_str()), Some(precedent.id.as_str()));
        assert!(found.nearest.near.iter().all(|near| near.case.id != precedent.id));
        table.insert("owners".to_owned(), 17.into());
        let sheet = Answers::from_table(model, &table).expect("good answers");
        assert_eq!(nearest_precedents(model, &sheet, None).same, None, "{}", precedent.id);
    }
    assert_eq!(nearest_precedents(model, &Answers::default(), None).same, None);
}

proptest! {
    #[test]
    fn what_was_not_answered_moves_nothing(
        kept in prop::collection::vec(any::<bool>(), 28),
        at in 0..37_usize,
    ) {
        let mut core = precedents().iter().filter(|precedent| precedent.usage == Usage::Core);
        let precedent = core.nth(at).expect("a precedent");
        let mut table = precedent.answers.to_table();
        let mut keep = kept.into_iter();
        table.retain(|_, value| keep.next() == Some(true) || value.is_array());
        let sheet = Answers::from_table(Model::builtin(), &table).expect("good answers");
        let cases = precedent_cases();
        let found = nearest(Model::builtin(), &sheet, None, cases);
        for near in &found.near {
            prop_assert!((0.0..=1.0).contains(&near.similarity));
            prop_assert!(near.differs.iter().all(|d| table.contains_key(&d.question)));
            prop_assert!(near.overlap >= 5 && near.overlap * 10 >= found.answered * 6);
        }
        prop_assert!(found.near.iter().filter(|near| near.otherwise).count() <= 1);
        if found.answered >= 5 {
            prop_assert!((found.near.first().expect("itself").similarity - 1.0).abs() < 1e-12);
        }
        // The order in which the cases stand does not matter.
        let turned: Vec<Case> = cases.iter().rev().cloned().collect();
        let again = nearest(Model::builtin(), &sheet, None, &turned);
        prop_assert_eq!(ids(&again.near), ids(&found.near));
    }
}
