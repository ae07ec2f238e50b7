//! What every store must do, whatever it keeps records in.

use std::sync::Arc;

use assay_records::advice::{Choice, Model};
use assay_records::{Amendment, Outcome, Standing, amend, content_hash};
use assay_store::{
    Facts, Filter, Fluency, NewRecord, Revisited, Store, StoreError, Summary, question_bits,
};

use crate::{id, text};

/// Runs every rule, each on an empty store. `make` gives one, and what must outlive it.
pub(crate) async fn run<P>(make: impl AsyncFn() -> (Arc<dyn Store>, P)) {
    let (store, _place) = make().await;
    what_is_kept_comes_back(&*store).await;
    let (store, _place) = make().await;
    numbers_from_elsewhere(&*store).await;
    let (store, _place) = make().await;
    two_writers(&*store).await;
    let (store, _place) = make().await;
    refusals(&*store).await;
    let (store, _place) = make().await;
    filters(&*store).await;
    let (store, _place) = make().await;
    search(&*store).await;
    let (store, _place) = make().await;
    facts(&*store).await;
    let (store, _place) = make().await;
    superseded(&*store).await;
    let (store, _place) = make().await;
    revisions(&*store).await;
    let (store, _place) = make().await;
    several(&*store).await;
    let (store, _place) = make().await;
    several_new_ones(&*store).await;
    let (store, _place) = make().await;
    many_at_once(&store).await;
}

async fn put(store: &dyn Store, number: u128, title: &str, more: &str) {
    store.create(title, id(number), text(id(number), title, more)).await.unwrap();
}

async fn several_new_ones(store: &dyn Store) {
    put(store, 1, "One", "").await;
    let new = |name: &str, number: u128, title: &str| NewRecord {
        name: name.to_owned(),
        id: id(number),
        text: text(id(number), title, ""),
    };
    let broken = NewRecord { text: "title = 7".to_owned(), ..new("Broken", 3, "Broken") };
    let all = vec![
        new("Two", 2, "Two"),
        broken,
        new("One again", 1, "One again"),
        new("0009-nine.toml", 4, "Nine"),
        new("0009-other.toml", 5, "Other"),
        new("Two again", 2, "Two again"),
    ];
    let outcomes = store.create_all(all).await.unwrap();
    let told: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(stored) => stored.file_name.clone(),
            Err(StoreError::Invalid { .. }) => "invalid".to_owned(),
            Err(StoreError::IdTaken(_)) => "taken".to_owned(),
            Err(error) => error.to_string(),
        })
        .collect();
    let expected =
        ["0002-two.toml", "invalid", "taken", "0009-nine.toml", "0010-other.toml", "taken"];
    assert_eq!(told, expected);
    assert_eq!(store.list(&Filter::default()).await.unwrap().total, 4);
    for stored in outcomes.into_iter().flatten() {
        assert_eq!(store.get(stored.id).await.unwrap(), stored);
        assert_eq!(store.revisions(stored.id).await.unwrap().list.len(), 1);
    }
    assert!(store.create_all(Vec::new()).await.unwrap().is_empty());
}

async fn what_is_kept_comes_back(store: &dyn Store) {
    store.ready().await.unwrap();
    assert_eq!(store.list(&Filter::default()).await.unwrap().total, 0);
    let titles =
        ["Plain", "🎉", "../../etc/passwd", "a/b\\c", "CON", "\"'''", "ÿ\u{202e}", "x.toml"];
    for (number, title) in (1..).zip(titles) {
        let text = text(id(number), title, "");
        let stored = store.create(title, id(number), text.clone()).await.unwrap();
        assert_eq!(u128::from(stored.number), number);
        assert_eq!((&stored.text, &stored.record.title), (&text, &title.to_owned()));
        assert_eq!(stored.hash, content_hash(&text));
        assert!(stored.file_name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)));
        assert_eq!(store.get(id(number)).await.unwrap(), stored);
    }
    let page = store.list(&Filter::default()).await.unwrap();
    assert_eq!(page.total, titles.len() as u64);
    let listed: Vec<&str> = page.items.iter().rev().map(|item| item.title.as_str()).collect();
    assert_eq!(listed, titles);
    assert!(store.bad_files().await.unwrap().is_empty());
}

async fn numbers_from_elsewhere(store: &dyn Store) {
    let mut names = Vec::new();
    for (number, name) in
        (1..).zip(["0041-from-there.toml", "Here", "0041-twin.toml", "0007-a.toml"])
    {
        let stored = store.create(name, id(number), text(id(number), "Title", "")).await.unwrap();
        assert_eq!(store.get(id(number)).await.unwrap(), stored);
        names.push(stored.file_name);
    }
    assert_eq!(names, ["0041-from-there.toml", "0042-here.toml", "0043-twin.toml", "0007-a.toml"]);
}

async fn two_writers(store: &dyn Store) {
    put(store, 1, "Mine", "").await;
    let read = store.get(id(1)).await.unwrap();
    let change = |title: &str| {
        amend(&read.text, Model::builtin(), &[Amendment::Title(title.to_owned())]).unwrap()
    };
    let first = store.update(id(1), &read.hash, change("First")).await.unwrap();
    assert_eq!(first.record.title, "First");
    match store.update(id(1), &read.hash, change("Second")).await {
        Err(StoreError::Conflict { theirs, yours }) => {
            assert_eq!(*theirs, first);
            assert_eq!(yours, change("Second"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.get(id(1)).await.unwrap(), first, "the loser changed nothing");
    let again = store.update(id(1), &first.hash, change("Second")).await.unwrap();
    assert_eq!(again.record.title, "Second");
    assert_eq!((again.number, &again.file_name), (first.number, &first.file_name));
}

async fn refusals(store: &dyn Store) {
    assert!(matches!(store.get(id(9)).await, Err(StoreError::NotFound(_))));
    let update = store.update(id(9), "", text(id(9), "a", "")).await;
    assert!(matches!(update, Err(StoreError::NotFound(_))));
    let broken = store.create("a", id(1), "status = 1".to_owned()).await;
    assert!(matches!(broken, Err(StoreError::Invalid { problems }) if problems.len() >= 4));
    let other = store.create("a", id(1), text(id(2), "a", "")).await;
    assert!(matches!(other, Err(StoreError::Invalid { .. })));
    put(store, 1, "a", "").await;
    let twice = store.create("b", id(1), text(id(1), "b", "")).await;
    assert!(matches!(twice, Err(StoreError::IdTaken(_))), "{twice:?}");
    let stored = store.get(id(1)).await.unwrap();
    let jump = stored.text.replace("\"draft\"", "\"rejected\"");
    let jumped = store.update(id(1), &stored.hash, jump).await;
    assert!(
        matches!(&jumped, Err(StoreError::Invalid { problems }) if problems[0].field == "status"),
        "{jumped:?}"
    );
    assert_eq!(store.get(id(1)).await.unwrap(), stored);
    assert_eq!(store.list(&Filter::default()).await.unwrap().total, 1);
}

async fn filters(store: &dyn Store) {
    let go = "[choice]\noption = \"go\"";
    put(
        store,
        1,
        "One",
        &format!("team = \"red\"\ntags = [\"a\", \"b\", \"c\", \"d\", \"e\"]\n{go}"),
    )
    .await;
    put(store, 2, "Two", "team = \"red\"\ntags = [\"a\"]\nreview_by = 2026-06-01").await;
    put(store, 3, "Three", "team = \"blue\"\nreview_by = 2027-06-01").await;
    put(store, 4, "Example", "tags = [\"assay\"]\nreview_by = 2026-01-01").await;
    let count = async |filter: Filter| {
        let page = store.list(&filter).await.unwrap();
        assert_eq!(page.items.len() as u64, page.total);
        page.total
    };
    let all = Filter::default();
    assert_eq!(count(Filter { team: Some("red".to_owned()), ..all.clone() }).await, 2);
    assert_eq!(count(Filter { tag: Some("b".to_owned()), ..all.clone() }).await, 1);
    assert_eq!(count(Filter { option: Some(Choice::Go), ..all.clone() }).await, 1);
    assert_eq!(count(Filter { status: Some(Standing::Draft), ..all.clone() }).await, 4);
    assert_eq!(count(Filter { status: Some(Standing::Accepted), ..all.clone() }).await, 0);
    assert_eq!(count(Filter { overridden: Some(true), ..all.clone() }).await, 0);
    assert_eq!(count(Filter { overridden: Some(false), ..all.clone() }).await, 4);
    let due = |day: &str| Filter { due: Some(day.parse().unwrap()), ..Filter::default() };
    assert_eq!(count(due("2026-05-31")).await, 0, "an example is never due");
    assert_eq!(count(due("2026-06-01")).await, 1);
    assert_eq!(count(due("2027-06-01")).await, 2);
    for item in store.list(&all).await.unwrap().items {
        let today = "2026-06-01".parse().unwrap();
        assert_eq!(item.is_due(today), item.title == "Two", "the page and the query agree");
        assert_eq!(item.is_example(), item.title == "Example");
    }
    let red = store.list(&Filter { team: Some("red".to_owned()), ..all.clone() }).await.unwrap();
    let facet = |facets: &[assay_store::Facet]| -> Vec<(String, u64)> {
        facets.iter().map(|facet| (facet.value.clone(), facet.count)).collect()
    };
    let of = |value: &str, count| (value.to_owned(), count);
    assert_eq!(facet(&red.facets.teams), [of("red", 2), of("blue", 1)]);
    assert_eq!(
        facet(&red.facets.tags),
        [of("a", 2), of("b", 1), of("c", 1), of("d", 1), of("e", 1)]
    );
    assert_eq!(facet(&red.facets.options), [of("go", 1)]);
    assert_eq!(facet(&red.facets.statuses), [of("draft", 2)]);
    let second = Filter { page: 2, per_page: 3, ..all.clone() };
    let page = store.list(&second).await.unwrap();
    assert_eq!((page.total, page.items.len()), (4, 1));
    assert_eq!(page.items[0].title, "One");
    let beyond = Filter { page: u32::MAX, per_page: u32::MAX, ..all };
    assert!(store.list(&beyond).await.unwrap().items.is_empty());
}

/// Advice for Rust that left two questions open.
const ADVICE: &str = r#"[advice]
recommended = "rust"
verdict = "lean"
rust_in_core = 0.9
go_at_edge = 0.1
unknown = ["go_fluency", "cores"]
draws = 1
seed = 1
model = { id = "backend", version = "1", digest = "sha256:0" }
options = { rust = { value = 1, first_share = 1 }, go = { value = 0, first_share = 0 }, hybrid = { value = 0, first_share = 0 } }
reasons = [{ criterion = "tail", contribution = 0.1, text = "It is.", evidence = "run-b/json" }]
"#;

async fn facts(store: &dyn Store) {
    let tags = "tags = [\"t1\", \"t2\", \"t3\", \"t4\", \"t5\"]";
    put(store, 1, "Plain", &format!("team = \"red\"\nreview_by = 2027-05-01\n{tags}")).await;
    let chosen = "[choice]\noption = \"go\"\noverride_reason = \"We know it.\"";
    let fired = "[[event]]\nat = 2026-11-22T10:00:00Z\nby = \"a\"\nkind = \"trigger_fired\"\ntrigger = \"t\"";
    let kept = "[[event]]\nat = 2026-11-23T10:00:00Z\nby = \"a\"\nkind = \"revisited\"\noutcome = \"amend\"";
    let figure = "[[evidence]]\nrun = \"run-a\"\nmetric = \"p99_ms\"";
    let answers = "[answers]\nowners = 4\nrust_fluency = \"few\"";
    let all = [chosen, answers, ADVICE, figure, fired, kept].join("\n");
    put(store, 2, "Full", &format!("decided = 2026-10-05\nsupersedes = [\"{}\"]\n{all}", id(1)))
        .await;
    put(store, 3, "Example", "tags = [\"assay\"]\n[choice]\noption = \"rust\"").await;
    for status in ["proposed", "accepted"] {
        let read = store.get(id(2)).await.unwrap();
        let from = format!("status = \"{}\"", read.record.status.id());
        let text = read.text.replace(&from, &format!("status = \"{status}\""));
        store.update(id(2), &read.hash, text).await.unwrap();
    }
    let mut lines = Vec::new();
    store
        .each(&Filter { per_page: 1, ..Filter::default() }, &mut |it| lines.push(Arc::clone(it)))
        .await
        .unwrap();
    let titles: Vec<&str> = lines.iter().map(|line| line.title.as_str()).collect();
    assert_eq!(titles, ["Example", "Full", "Plain"], "all of them, in the order of the list");
    let full = &lines[1];
    let bits = |ids: &[&str]| question_bits(Model::builtin(), ids.iter().copied());
    let expected = Facts {
        day: "2026-10-05".parse().unwrap(),
        owners: Some(4.0),
        go_fluency: None,
        rust_fluency: Some(Fluency::Few),
        unknown: bits(&["go_fluency", "cores"]),
        outcome: Some(Outcome::Amend),
        ever_fired: true,
        runs: ["run-a", "run-b"].map(Arc::from).into(),
    };
    assert_eq!((&full.facts, full.overridden), (&expected, true));
    assert_eq!((&full.supersedes[..], full.is_decided()), (&[id(1)][..], true));
    assert_eq!(lines[2].review_by, Some("2027-05-01".parse().unwrap()));
    assert_eq!(lines[2].facts.day, "2026-11-21".parse().unwrap(), "undecided: when it was written");
    let mut runs = store.runs().await.unwrap();
    runs.sort();
    assert_eq!(runs, ["run-a", "run-b"].map(Arc::from));
    for (filter, fits) in filters_by_facts(&bits) {
        let page = store.list(&filter).await.unwrap();
        let titles: Vec<&str> = page.items.iter().map(|line| line.title.as_str()).collect();
        assert_eq!(titles, fits, "{filter:?}");
        let told: Vec<&Arc<Summary>> =
            lines.iter().filter(|line| filter.lets_through(line)).collect();
        assert_eq!(
            told,
            page.items.iter().collect::<Vec<_>>(),
            "the line tells the same: {filter:?}"
        );
    }
}

fn filters_by_facts(bits: &dyn Fn(&[&str]) -> u64) -> Vec<(Filter, &'static [&'static str])> {
    let all = Filter::default();
    let day = |day: &str| Some(day.parse().unwrap());
    let runs = |names: &[&str]| Some(names.iter().copied().map(Arc::from).collect());
    vec![
        (all.clone(), &["Example", "Full", "Plain"]),
        (Filter { decided: true, ..all.clone() }, &["Full", "Plain"]),
        (Filter { team: Some(String::new()), ..all.clone() }, &["Example", "Full"]),
        (Filter { team: Some("red".to_owned()), ..all.clone() }, &["Plain"]),
        (Filter { team: Some("blue".to_owned()), ..all.clone() }, &[]),
        (Filter { tag: Some("t5".to_owned()), ..all.clone() }, &["Plain"]),
        (Filter { tag: Some("t6".to_owned()), ..all.clone() }, &[]),
        (Filter { overridden: Some(true), ..all.clone() }, &["Full"]),
        (Filter { overridden: Some(false), ..all.clone() }, &["Example", "Plain"]),
        (Filter { due: day("2027-04-30"), ..all.clone() }, &[]),
        (Filter { due: day("2027-05-01"), ..all.clone() }, &[]),
        (Filter { to: day("2026-10-04"), ..all.clone() }, &[]),
        (Filter { from: day("2026-10-06"), ..all.clone() }, &["Example", "Plain"]),
        (Filter { from: day("2026-10-05"), to: day("2026-11-20"), ..all.clone() }, &["Full"]),
        (Filter { revisited: Some(Revisited::Yes), ..all.clone() }, &["Full"]),
        (Filter { revisited: Some(Revisited::No), ..all.clone() }, &["Example", "Plain"]),
        (Filter { revisited: Some(Revisited::To(Outcome::Amend)), ..all.clone() }, &["Full"]),
        (Filter { revisited: Some(Revisited::To(Outcome::Keep)), ..all.clone() }, &[]),
        (Filter { fired: Some(true), ..all.clone() }, &["Full"]),
        (Filter { fired: Some(false), ..all.clone() }, &["Example", "Plain"]),
        (Filter { unknown: bits(&["cores", "owners"]), ..all.clone() }, &["Full"]),
        (Filter { unknown: bits(&["owners"]), ..all.clone() }, &[]),
        (Filter { runs: runs(&["run-b", "x"]), ..all.clone() }, &["Full"]),
        (Filter { runs: runs(&["run"]), ..all.clone() }, &[]),
        (Filter { runs: runs(&[]), ..all.clone() }, &[]),
        (Filter { examples: Some(true), ..all.clone() }, &["Example"]),
        (Filter { examples: Some(false), ..all }, &["Full", "Plain"]),
    ]
}

async fn search(store: &dyn Store) {
    let body = "[rationale]\ncontext = \"Sessions expire; the gateway checks them\"";
    put(store, 1, "Language for the session store", body).await;
    put(store, 2, "Gateway language", "team = \"Zürich\"").await;
    put(store, 3, "🎉 party", "").await;
    let titles = async |q: &str| -> Vec<String> {
        let filter = Filter { q: Some(q.to_owned()), ..Filter::default() };
        let page = store.list(&filter).await.unwrap();
        page.items.into_iter().map(|item| item.title.clone()).collect()
    };
    assert_eq!(titles("gateway").await, ["Gateway language", "Language for the session store"]);
    assert_eq!(titles("language sess").await, ["Language for the session store"]);
    assert_eq!(titles("zurich").await, ["Gateway language"]);
    assert_eq!(titles("🎉").await, ["🎉 party"]);
    assert_eq!(titles("draft").await.len(), 3);
    assert_eq!(titles("language expire sess").await, ["Language for the session store"]);
    assert!(titles("gateway nothing").await.is_empty());
    assert_eq!(titles("  ").await.len(), 3);
    for hostile in
        ["\"", "a\" OR \"b", "NEAR(a b)", "-x", "title:x", "*", "a*b^", "\0", "'; --", "(", "%"]
    {
        titles(hostile).await;
    }
    titles(&"word ".repeat(5000)).await;
    assert!(titles("nothing").await.is_empty());
    // What was searched for before is found as it is by now.
    put(store, 4, "Another gateway", "").await;
    let read = store.get(id(2)).await.unwrap();
    let renamed = read.text.replace("Gateway language", "Language of the proxy");
    store.update(id(2), &read.hash, renamed).await.unwrap();
    assert_eq!(titles("gateway").await, ["Another gateway", "Language for the session store"]);
    assert_eq!(titles("zurich").await, ["Language of the proxy"]);
    assert_eq!(titles("draft").await.len(), 4);
}

async fn superseded(store: &dyn Store) {
    put(store, 1, "Old", "").await;
    put(store, 2, "New", &format!("supersedes = [\"{}\"]\n[choice]\noption = \"go\"", id(1))).await;
    let standing = async || store.get(id(1)).await.unwrap().standing();
    assert_eq!(standing().await, Standing::Draft, "only an accepted record supersedes");
    for status in ["proposed", "accepted"] {
        let read = store.get(id(2)).await.unwrap();
        let from = read.record.status.id();
        let text = read.text.replace(&format!("\"{from}\""), &format!("\"{status}\""));
        store.update(id(2), &read.hash, text).await.unwrap();
    }
    assert_eq!(standing().await, Standing::Superseded);
    let old = store.get(id(1)).await.unwrap();
    assert_eq!(old.superseded_by[0].title, "New");
    let filter = Filter { status: Some(Standing::Superseded), ..Filter::default() };
    assert_eq!(store.list(&filter).await.unwrap().items[0].title, "Old");
}

async fn revisions(store: &dyn Store) {
    put(store, 1, "One", "").await;
    put(store, 2, "Other", "").await;
    let mut texts = vec![store.get(id(1)).await.unwrap().text];
    let long = "Long ".repeat(30);
    // The same text again is no revision, an earlier one is.
    for title in ["Two", "Two", long.trim(), "One"] {
        let read = store.get(id(1)).await.unwrap();
        let new = amend(&read.text, Model::builtin(), &[Amendment::Title(title.to_owned())]);
        let kept = store.update(id(1), &read.hash, new.unwrap()).await.unwrap();
        if kept.text != read.text {
            texts.insert(0, kept.text);
        }
    }
    let refused = store.update(id(1), "another hash", texts[1].clone()).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    let found = store.revisions(id(1)).await.unwrap();
    let listed: Vec<&String> = found.list.iter().map(|revision| &revision.text).collect();
    assert_eq!(listed, texts.iter().collect::<Vec<_>>(), "every text, the newest first");
    assert!(found.list.iter().all(|revision| revision.hash == content_hash(&revision.text)));
    assert!(found.list.is_sorted_by_key(|revision| std::cmp::Reverse(revision.at)));
    assert!(!found.known.is_empty(), "where they come from is said");
    assert_eq!(store.revisions(id(2)).await.unwrap().list.len(), 1, "nobody else's");
    assert!(matches!(store.revisions(id(9)).await, Err(StoreError::NotFound(_))));
}

async fn several(store: &dyn Store) {
    let original = "[original]\nformat = \"madr2\"\nfile = \"docs/0007-a.md\"\ntext = \"# A\\n\"";
    put(store, 1, "One", original).await;
    put(store, 2, "Two", &format!("supersedes = [\"{}\"]", id(1))).await;
    put(store, 3, "Three", "").await;
    let read = store.read(&[id(3), id(9), id(1)]).await.unwrap();
    assert_eq!(read, [store.get(id(3)).await.unwrap(), store.get(id(1)).await.unwrap()]);
    assert!(store.read(&[]).await.unwrap().is_empty());
    let mut kept = store.kept().await.unwrap();
    kept.sort_by_key(|kept| kept.number);
    let known: Vec<_> = kept.iter().map(|kept| (kept.id, kept.number, &kept.imported)).collect();
    let imported = Some(("docs/0007-a.md".to_owned(), content_hash("# A\n")));
    assert_eq!(known, [(id(1), 1, &imported), (id(2), 2, &None), (id(3), 3, &None)]);
    assert_eq!(kept[2].hash, read[0].hash);
    store.settled().await.unwrap();
    assert_eq!(store.reading(), None);
}

async fn many_at_once(store: &Arc<dyn Store>) {
    let tasks: Vec<_> = (1..=20)
        .map(|number| {
            let store = Arc::clone(store);
            tokio::spawn(async move { put(&*store, number, "Same title", "").await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let page = store.list(&Filter::default()).await.unwrap();
    let mut numbers: Vec<u32> = page.items.iter().map(|item| item.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>(), "every number once");
}
