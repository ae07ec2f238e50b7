//! A database as a store, on a real PostgreSQL.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use assay_records::advice::{Choice, Model};
use assay_records::{Amendment, Standing, amend};
use assay_store::{Filter, PostgresStore, Store, StoreError};
use tokio::task::JoinSet;

use crate::{Place, cluster::Cluster, conformance, id, skip, text, within};

const SOON: Duration = Duration::from_secs(1);
const AFTER_A_RESTART: Duration = Duration::from_secs(20);

/// The shared PostgreSQL, or word that there is none.
pub(crate) fn shared(test: &str) -> Option<&'static Cluster> {
    let cluster = Cluster::shared();
    if cluster.is_none() {
        skip(test, "PostgreSQL is not installed");
    }
    cluster
}

pub(crate) async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(url, Arc::new(Model::builtin().clone())).await.unwrap()
}

async fn refusal(url: &str) -> String {
    let opened = PostgresStore::open(url, Arc::new(Model::builtin().clone())).await;
    opened.err().unwrap().to_string()
}

fn retitled(text: &str, title: &str) -> String {
    amend(text, Model::builtin(), &[Amendment::Title(title.to_owned())]).unwrap()
}

#[tokio::test]
async fn a_database_keeps_the_rules_of_a_store() {
    let Some(cluster) = shared("a_database_keeps_the_rules_of_a_store") else { return };
    conformance::run(async || {
        let store: Arc<dyn Store> = Arc::new(open(&cluster.url(&cluster.database(""))).await);
        (store, ())
    })
    .await;
}

#[tokio::test]
async fn both_stores_give_the_same_lists() {
    let Some(cluster) = shared("both_stores_give_the_same_lists") else { return };
    let place = Place::new();
    let folder = place.open().await;
    let database = open(&cluster.url(&cluster.database(""))).await;
    for number in 1..=48_u128 {
        let of = |list: &'static [&'static str]| list[number as usize % list.len()];
        let title =
            format!("{} {}", of(&["Cache", "Zürich", "ÅNGSTRÖM", "a_b.c", "Ünder"]), number);
        let mut more = String::new();
        for line in [
            of(&["", "team = \"Red\"", "team = \"red\"", "team = \"éclair\""]),
            of(&[
                "",
                "tags = [\"a\"]",
                "tags = [\"b\", \"a\"]",
                "tags = [\"assay\"]",
                "tags = [\"B\"]",
            ]),
            of(&["", "review_by = 2026-06-01", "review_by = 2027-01-01"]),
            of(&["", "service = \"session-gateway\""]),
        ] {
            more += &format!("{line}\n");
        }
        if number % 6 == 0 {
            more += &format!("supersedes = [\"{}\"]\n", id(number - 1));
        }
        more += of(&["", "[choice]\noption = \"go\"", "[choice]\noption = \"rust\""]);
        let mut text = text(id(number), &title, &more);
        if more.contains("[choice]") {
            text = text.replace("\"draft\"", &format!("\"{}\"", of(&["draft", "accepted"])));
        }
        folder.create(&title, id(number), text.clone()).await.unwrap();
        database.create(&title, id(number), text).await.unwrap();
    }
    let mut filters = vec![Filter::default()];
    let texts = |list: &[&str]| list.iter().map(|it| Some((*it).to_owned())).collect::<Vec<_>>();
    for q in texts(&["zurich", "ANGSTROM", "cach", "session gate", "nothing", "_", "46"]) {
        filters.push(Filter { q, ..Filter::default() });
    }
    for team in texts(&["red", "Red", "a\0b"]) {
        for tag in texts(&["a", "B"]).into_iter().chain([None]) {
            filters.push(Filter { team: team.clone(), tag, ..Filter::default() });
        }
    }
    for status in [Standing::Draft, Standing::Accepted, Standing::Superseded] {
        for option in [None, Some(Choice::Go)] {
            filters.push(Filter { status: Some(status), option, ..Filter::default() });
        }
    }
    for due in ["2026-06-01", "2027-01-01"] {
        filters.push(Filter { due: due.parse().ok(), per_page: 7, page: 2, ..Filter::default() });
    }
    let mut found = 0;
    for filter in filters {
        let mut ours = database.list(&filter).await.unwrap();
        let mut theirs = folder.list(&filter).await.unwrap();
        if filter.q.is_some() {
            // Each weighs its matches its own way.
            ours.items.sort_by_key(|item| item.number);
            theirs.items.sort_by_key(|item| item.number);
        }
        assert_eq!(ours, theirs, "{filter:?}");
        found += ours.total;
    }
    assert!(found > 100, "the filters found {found}");
    for number in [5, 6, 17] {
        let (ours, theirs) = (database.get(id(number)).await, folder.get(id(number)).await);
        assert_eq!(ours.unwrap(), theirs.unwrap());
    }
}

#[tokio::test]
async fn texts_are_kept_to_the_byte() {
    let Some(cluster) = shared("texts_are_kept_to_the_byte") else { return };
    let name = cluster.database("");
    let store = open(&cluster.url(&name)).await;
    let odd = text(
        id(1),
        "Odd \\ ' \" 🎉 \u{202e}",
        "x = \"\"\"\r\n\t\u{7f}\"\"\" # \u{fffd}  \r\n\r\n  ",
    );
    let odd = match odd.strip_suffix('\n') {
        Some(odd) => odd.replace('\u{7f}', "\u{a0}"),
        None => odd,
    };
    let kept = store.create("odd", id(1), odd.clone()).await.unwrap();
    assert_eq!(kept.text.as_bytes(), odd.as_bytes());
    let hex: String = odd.bytes().map(|byte| format!("{byte:02x}")).collect();
    let sql = "SELECT encode(convert_to(text, 'UTF8'), 'hex') FROM record";
    assert_eq!(cluster.tell(&format!("sql {name} {sql}")).replace('\n', ""), hex);
}

#[tokio::test]
async fn starts_at_once_make_the_tables_once() {
    let Some(cluster) = shared("starts_at_once_make_the_tables_once") else { return };
    let name = cluster.database("");
    let mut starts = JoinSet::new();
    for number in 1..=8 {
        let url = cluster.url(&name);
        starts.spawn(async move {
            let store = open(&url).await;
            store.create("a", id(number), text(id(number), "a", "")).await.unwrap().number
        });
    }
    let mut numbers = starts.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    let once =
        "SELECT count(*) = count(DISTINCT version) AND bool_and(success) FROM _sqlx_migrations";
    assert_eq!(cluster.tell(&format!("sql {name} {once}")), "t");
}

#[tokio::test]
async fn another_copy_sees_changes_at_once_and_hears_of_them() {
    let Some(cluster) = shared("another_copy_sees_changes_at_once_and_hears_of_them") else {
        return;
    };
    let url = cluster.url(&cluster.database(""));
    let (ours, theirs) = (open(&url).await, open(&url).await);
    let mut heard = theirs.changes();
    // It is listening once it has counted for the first time.
    tokio::time::timeout(AFTER_A_RESTART, heard.wait_for(|count| *count > 0))
        .await
        .unwrap()
        .unwrap();
    heard.mark_unchanged();
    let stored = ours.create("a", id(1), text(id(1), "a", "")).await.unwrap();
    assert_eq!(theirs.get(id(1)).await.unwrap(), stored);
    tokio::time::timeout(SOON, heard.changed()).await.expect("within a second").unwrap();
    heard.mark_unchanged();
    ours.update(id(1), &stored.hash, retitled(&stored.text, "b")).await.unwrap();
    assert_eq!(theirs.list(&Filter::default()).await.unwrap().items[0].title, "b");
    tokio::time::timeout(SOON, heard.changed()).await.expect("within a second").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_beside_writers_holds_everything_acknowledged() {
    let test = "a_list_beside_writers_holds_everything_acknowledged";
    let Some(cluster) = shared(test) else { return };
    let store = Arc::new(open(&cluster.url(&cluster.database(""))).await);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
        readers.spawn(async move {
            let mut before = 0;
            while before < 200 {
                before = acknowledged.load(Ordering::SeqCst);
                let listed = store.list(&Filter::default()).await.unwrap().total;
                assert!(listed >= before, "{listed} of {before} records are listed");
            }
        });
    }
    for number in 1..=200 {
        store.create("Some", id(number), text(id(number), "Some", "")).await.unwrap();
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    while let Some(read) = readers.join_next().await {
        read.unwrap();
    }
}

#[tokio::test]
async fn a_database_set_back_is_read_anew() {
    let Some(cluster) = shared("a_database_set_back_is_read_anew") else { return };
    let name = cluster.database("");
    let store = open(&cluster.url(&name)).await;
    let create = async |number: u128, title: &str| {
        store.create(title, id(number), text(id(number), title, "")).await.unwrap();
    };
    let found = async |q: Option<&str>| {
        let filter = Filter { q: q.map(str::to_owned), ..Filter::default() };
        let page = store.list(&filter).await.unwrap();
        page.items.iter().map(|item| item.title.clone()).collect::<Vec<_>>()
    };
    create(1, "Kept").await;
    create(2, "Gateway").await;
    assert_eq!(found(Some("gateway")).await, ["Gateway"]);
    // As a backup from before the second record would: its place is given out again.
    for sql in [
        "DELETE FROM record WHERE number = 2",
        "ALTER TABLE record ALTER COLUMN place RESTART WITH 2",
    ] {
        assert_eq!(cluster.tell(&format!("sql {name} {sql}")), "");
    }
    assert_eq!(found(None).await, ["Kept"]);
    create(3, "Another plan").await;
    assert_eq!(found(None).await, ["Another plan", "Kept"]);
    assert!(found(Some("gateway")).await.is_empty(), "what an earlier state held is forgotten");
}

#[tokio::test]
async fn of_two_copies_that_write_one_record_one_is_told() {
    let Some(cluster) = shared("of_two_copies_that_write_one_record_one_is_told") else { return };
    let url = cluster.url(&cluster.database(""));
    let copies = [Arc::new(open(&url).await), Arc::new(open(&url).await)];
    let mut now = copies[0].create("a", id(1), text(id(1), "a", "")).await.unwrap();
    for round in 0..10 {
        let mut writers = JoinSet::new();
        for (writer, copy) in copies.iter().enumerate().chain(copies.iter().enumerate()) {
            let (copy, hash) = (Arc::clone(copy), now.hash.clone());
            let new = retitled(&now.text, &format!("{round} {writer} {}", writers.len()));
            writers.spawn(async move { copy.update(id(1), &hash, new).await });
        }
        let (kept, refused): (Vec<_>, Vec<_>) =
            writers.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(kept.len(), 1, "{kept:?} {refused:?}");
        now = kept.into_iter().next().unwrap().unwrap();
        for refusal in refused {
            let Err(StoreError::Conflict { theirs, .. }) = refusal else { panic!("{refusal:?}") };
            assert_eq!(*theirs, now, "the loser sees what won");
        }
    }
    assert_eq!(copies[1].revisions(id(1)).await.unwrap().list.len(), 11);
}

/// The database is killed while four tasks write, and comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_loses_nothing_acknowledged() {
    let Some(cluster) = Cluster::start() else {
        return skip("a_database_that_crashes", "PostgreSQL is not installed");
    };
    let url = cluster.url(&cluster.database(""));
    let store = Arc::new(open(&url).await);
    let mut heard = store.changes();
    let mut writers = JoinSet::new();
    for writer in 1..=4_u128 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let mut acknowledged = BTreeMap::new();
            for number in 0.. {
                let id = id(writer * 1_000_000 + number);
                match store.create("a", id, text(id, "a", "")).await {
                    Ok(stored) => acknowledged.insert(id, stored.text.clone()),
                    Err(error) => return (acknowledged, error),
                };
                let stored = store.get(id).await;
                let Ok(stored) = stored else { return (acknowledged, stored.unwrap_err()) };
                match store.update(id, &stored.hash, retitled(&stored.text, "b")).await {
                    Ok(stored) => acknowledged.insert(id, stored.text.clone()),
                    Err(error) => return (acknowledged, error),
                };
            }
            unreachable!()
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    cluster.tell("stop");
    let mut acknowledged = BTreeMap::new();
    for (texts, error) in writers.join_all().await {
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        acknowledged.extend(texts);
    }
    assert!(acknowledged.len() > 4, "{}", acknowledged.len());
    let unready = store.ready().await;
    assert!(matches!(unready, Err(StoreError::Unreachable { .. })), "{unready:?}");
    let before = *heard.borrow_and_update();
    cluster.tell("start");
    within(AFTER_A_RESTART, async || store.ready().await.is_ok()).await;
    for (id, text) in &acknowledged {
        let kept = store.get(*id).await.unwrap();
        let after = retitled(text, "b");
        assert!(kept.text == *text || kept.text == after, "{id} lost what was acknowledged");
    }
    let page = store.list(&Filter { per_page: 1000, ..Filter::default() }).await.unwrap();
    assert!(page.total <= acknowledged.len() as u64 + 4, "one unanswered write for each writer");
    // It hears again of what others do.
    let again = heard.wait_for(|count| *count > before);
    tokio::time::timeout(AFTER_A_RESTART, again).await.expect("it listens again").unwrap();
    store.create("after", id(1), text(id(1), "after", "")).await.unwrap();
}

#[tokio::test]
async fn addresses_that_cannot_be_used_are_said_without_their_password() {
    for (url, says) in [
        ("mysql://assay:hunter2@db/assay", "does not begin with postgres://"),
        ("hunter2", "does not begin with postgres://"),
        ("postgres://assay:hun/ter2@db/assay", "must be percent-encoded"),
        ("postgres://assay:hun#ter2@db/assay", "must be percent-encoded"),
        ("postgres://assay:hunter2@db:port/assay", "port"),
        ("postgres://assay@db/assay?pasword=hunter2", "a parameter that is none of"),
    ] {
        let said = refusal(url).await;
        assert!(said.contains(says) && said.contains("postgres://USER@HOST"), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("ter2"), "{said}");
    }
    let Some(cluster) = shared("addresses_that_cannot_be_used") else { return };
    let name = cluster.database("");
    open(&cluster.tcp_url(&name, "the%20password")).await.ready().await.unwrap();
    for (url, says) in [
        (cluster.tcp_url(&name, "hunter2"), "password authentication failed"),
        (cluster.url("nowhere"), "database \"nowhere\" does not exist"),
        (cluster.url(&cluster.database("-E SQL_ASCII -T template0")), "ENCODING 'UTF8'"),
        (cluster.url(&name).replace("host=", "host=/nowhere"), "cannot be reached"),
        ("postgres://assay:hunter2@127.0.0.1:1/assay".to_owned(), "cannot be reached"),
    ] {
        let said = refusal(&url).await;
        assert!(said.contains(says) && said.contains(" as assay"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn tables_that_are_not_ours_are_left_alone() {
    let Some(cluster) = shared("tables_that_are_not_ours_are_left_alone") else { return };
    let sql = |name: &str, statement: &str| cluster.tell(&format!("sql {name} {statement}"));
    let name = cluster.database("");
    drop(open(&cluster.url(&name)).await);
    sql(&name, "INSERT INTO _sqlx_migrations VALUES (9000, 'later', now(), true, '', 0)");
    let said = refusal(&cluster.url(&name)).await;
    assert!(said.contains("a newer assay") && said.contains("9000"), "{said}");
    sql(&name, "DELETE FROM _sqlx_migrations WHERE version = 9000");
    sql(&name, "UPDATE _sqlx_migrations SET checksum = 'other'");
    let said = refusal(&cluster.url(&name)).await;
    assert!(said.contains("give assay a database of its own"), "{said}");
    let name = cluster.database("");
    sql(&name, "CREATE TABLE record (theirs int)");
    let said = refusal(&cluster.url(&name)).await;
    assert!(said.contains("relation \"record\" already exists"), "{said}");
}

#[tokio::test]
async fn a_text_spoilt_by_hand_is_told_of_and_hides_no_other() {
    let Some(cluster) = shared("a_text_spoilt_by_hand") else { return };
    let name = cluster.database("");
    let store = open(&cluster.url(&name)).await;
    for number in [1, 2] {
        store.create("a", id(number), text(id(number), "a", "")).await.unwrap();
    }
    let spoil = format!("UPDATE record SET text = 'spoilt' WHERE id = '{}'", id(1));
    cluster.tell(&format!("sql {name} {spoil}"));
    let got = store.get(id(1)).await;
    assert!(matches!(&got, Err(StoreError::Damaged(bad)) if bad.text.is_some()), "{got:?}");
    let update = store.update(id(1), "", text(id(1), "b", "")).await;
    assert!(matches!(update, Err(StoreError::Damaged(_))), "{update:?}");
    assert_eq!(store.get(id(2)).await.unwrap().number, 2);
    assert_eq!(store.list(&Filter::default()).await.unwrap().total, 2);
}

#[tokio::test]
async fn what_goes_to_a_database_is_enciphered_for_the_one_that_was_meant() {
    let test = "what_goes_to_a_database_is_enciphered";
    let Some(cluster) = shared(test) else { return };
    let certificate = cluster.tell("certificate");
    if certificate.is_empty() {
        return skip(test, "openssl is not installed");
    }
    let name = cluster.database("");
    let url = |host: &str, root: &str| {
        let url = cluster.tcp_url(&name, "the%20password").replace("127.0.0.1", host);
        format!("{url}?sslmode=verify-full&sslrootcert={root}")
    };
    let store = open(&url("127.0.0.1", &certificate)).await;
    store.create("one", id(1), text(id(1), "one", "")).await.unwrap();
    let enciphered = format!(
        "sql {name} SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity \
                              USING (pid) WHERE application_name = 'assay' AND datname = '{name}'"
    );
    assert_eq!(cluster.tell(&enciphered), "t");
    // A certificate for another name, and one that nobody vouches for.
    let said = refusal(&url("localhost", &certificate)).await;
    assert!(said.contains("certificate"), "{said}");
    let said = refusal(&url("127.0.0.1", "/etc/ssl/certs/ca-certificates.crt")).await;
    assert!(said.contains("certificate"), "{said}");
}

#[tokio::test]
async fn a_database_whose_disk_is_full_loses_nothing() {
    let Some(cluster) = shared("a_database_whose_disk_is_full_loses_nothing") else { return };
    let name = cluster.database("");
    let store = open(&cluster.url(&name)).await;
    let kept = store.create("kept", id(1), text(id(1), "kept", "")).await.unwrap();
    let sql = |statement: &str| {
        let said = cluster.tell(&format!("sql {name} {statement}"));
        assert!(said.is_empty(), "{said}");
    };
    // What the database says when it cannot make a table longer.
    sql("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$");
    sql("CREATE TRIGGER full_disk BEFORE INSERT ON revision EXECUTE FUNCTION full_disk()");
    let changed = retitled(&kept.text, "changed");
    let refused = store.update(id(1), &kept.hash, changed.clone()).await;
    assert!(matches!(refused, Err(StoreError::DiskFull { .. })), "{refused:?}");
    assert_eq!(store.get(id(1)).await.unwrap().text, kept.text, "nothing is half written");
    store.ready().await.unwrap();
    sql("DROP TRIGGER full_disk ON revision");
    assert_eq!(store.update(id(1), &kept.hash, changed.clone()).await.unwrap().text, changed);
}
