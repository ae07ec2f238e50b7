//! Atomicity, as other clients see it. What one client sees is in `vectors/cache/transactions.txt`.

use super::resp::{Connection, Reply};
use super::{Subject, Test};
use anyhow::{Context, Result, anyhow, ensure};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("atomicity: MSET and MGET of many keys", mset),
    ("atomicity: EXEC, to MGET and to another EXEC", exec),
    ("atomicity: RENAME leaves exactly one key", rename),
    ("atomicity: WATCH makes increments from many clients add up", watched_increments),
    ("atomicity: INCR from many clients adds up", increments),
    ("atomicity: SWAPDB to a transaction", swap),
    ("atomicity: SETBIT of what a bit is already is no change for WATCH", same_bit),
];

const ROUNDS: usize = 2_000;
/// So many that they do not all fall to one thread of the service.
const KEYS: usize = 16;

/// Runs `write` again and again while `read` is called `ROUNDS` times.
fn meanwhile(
    address: SocketAddr,
    mut write: impl FnMut(&mut Connection, usize) -> Result<()> + Send,
    mut read: impl FnMut(&mut Connection) -> Result<()>,
) -> Result<()> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = Connection::open(address)?;
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                write(&mut connection, round)?;
                round += 1;
            }
            ensure!(round > 10, "only {round} rounds of writing");
            Ok(())
        });
        let mut connection = Connection::open(address)?;
        let outcome = (0..ROUNDS).try_for_each(|_| read(&mut connection));
        done.store(true, Ordering::Relaxed);
        writer.join().map_err(|_| anyhow!("the writer broke off"))?.context("the writer")?;
        outcome
    })
}

fn mset_command(value: usize) -> Vec<String> {
    let mut command = vec!["MSET".to_owned()];
    command.extend((0..KEYS).flat_map(|key| [format!("k{key}"), value.to_string()]));
    command
}

fn mget_command() -> Vec<String> {
    let mut command = vec!["MGET".to_owned()];
    command.extend((0..KEYS).map(|key| format!("k{key}")));
    command
}

fn ensure_all_equal(replies: &Reply) -> Result<()> {
    let items = replies.items()?;
    let first = items.first();
    ensure!(items.iter().all(|item| Some(item) == first), "half of a change is seen: {replies}");
    Ok(())
}

fn mset(address: SocketAddr, _: Subject) -> Result<()> {
    let mget = mget_command();
    meanwhile(
        address,
        |connection, round| connection.call(&mset_command(round)).map(drop),
        |connection| ensure_all_equal(&connection.call(&mget)?),
    )
}

fn exec(address: SocketAddr, _: Subject) -> Result<()> {
    let mut transaction = vec![vec!["MULTI".to_owned()]];
    transaction.extend((0..KEYS).map(|key| vec!["INCR".to_owned(), format!("k{key}")]));
    transaction.push(vec!["EXEC".to_owned()]);
    let mut reading = vec![vec!["MULTI".to_owned()]];
    reading.extend((0..KEYS).map(|key| vec!["GET".to_owned(), format!("k{key}")]));
    reading.push(vec!["EXEC".to_owned()]);
    let mget = mget_command();
    meanwhile(
        address,
        |connection, _| connection.pipeline(&transaction).map(drop),
        |connection| {
            ensure_all_equal(&connection.call(&mget)?)?;
            let replies = connection.pipeline(&reading)?;
            ensure_all_equal(replies.last().context("no reply")?)
        },
    )
}

fn rename(address: SocketAddr, _: Subject) -> Result<()> {
    Connection::open(address)?.expect("SET k0 v", &Reply::ok())?;
    let exists: Vec<String> =
        ["EXISTS".to_owned()].into_iter().chain((0..KEYS).map(|key| format!("k{key}"))).collect();
    meanwhile(
        address,
        |connection, round| {
            let command = format!("RENAME k{} k{}", round % KEYS, (round + 1) % KEYS);
            connection.expect(&command, &Reply::ok())
        },
        |connection| {
            let found = connection.call(&exists)?;
            ensure!(found == Reply::Integer(1), "{found} keys are there");
            Ok(())
        },
    )
}

/// Runs `work` on four connections at once.
fn at_once(address: SocketAddr, work: impl Fn(&mut Connection) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| work(&mut Connection::open(address)?))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow!("a client broke off"))?)
    })
}

fn watched_increments(address: SocketAddr, _: Subject) -> Result<()> {
    const EACH: usize = 250;
    at_once(address, |connection| {
        let mut done = 0;
        while done < EACH {
            connection.expect("WATCH counter", &Reply::ok())?;
            let value: i64 = match connection.words("GET counter")? {
                Reply::NullBulk => 0,
                other => other.text()?.parse()?,
            };
            connection.expect("MULTI", &Reply::ok())?;
            connection.words(&format!("SET counter {}", value + 1))?;
            match connection.words("EXEC")? {
                Reply::NullArray => {}
                Reply::Array(_) => done += 1,
                other => anyhow::bail!("EXEC is answered {other}"),
            }
        }
        Ok(())
    })?;
    Connection::open(address)?.expect("GET counter", &Reply::bulk(b"1000"))
}

fn increments(address: SocketAddr, _: Subject) -> Result<()> {
    at_once(address, |connection| {
        let pair = [vec!["INCR", "counter"], vec!["HINCRBY", "h", "f", "2"]];
        let commands: Vec<Vec<&str>> = pair.iter().cycle().take(5_000).cloned().collect();
        connection.pipeline(&commands).map(drop)
    })?;
    let mut connection = Connection::open(address)?;
    connection.expect("GET counter", &Reply::bulk(b"10000"))?;
    connection.expect("HGET h f", &Reply::bulk(b"20000"))
}

fn same_bit(address: SocketAddr, _: Subject) -> Result<()> {
    let mut watcher = Connection::open(address)?;
    let mut writer = Connection::open(address)?;
    // A string within others, and one with an allocation of its own.
    let long = "a".repeat(100_000);
    for value in ["a", &long] {
        // An "a" is 0110 0001.
        for (command, before, changes) in [
            ("SETBIT k 0 0", 0, false),
            ("SETBIT k 1 1", 1, false),
            ("SETBIT k 1 0", 1, true),
            ("SETBIT k 0 1", 0, true),
            ("SETBIT k 800000 0", 0, true),
            ("SETBIT missing 0 0", 0, true),
        ] {
            writer.expect("FLUSHALL", &Reply::ok())?;
            writer.call(&["SET", "k", value])?;
            watcher.expect("WATCH k missing", &Reply::ok())?;
            writer.expect(command, &Reply::Integer(before))?;
            watcher.expect("MULTI", &Reply::ok())?;
            watcher.words("PING")?;
            let aborted = watcher.words("EXEC")? == Reply::NullArray;
            ensure!(aborted == changes, "after {command}, EXEC was aborted: {aborted}");
        }
        writer.expect("STRLEN k", &Reply::Integer(value.len().try_into()?))?;
    }
    Ok(())
}

fn swap(address: SocketAddr, _: Subject) -> Result<()> {
    let mut setup = Connection::open(address)?;
    setup.call(&mset_command(0))?;
    setup.expect("SELECT 1", &Reply::ok())?;
    setup.call(&mset_command(1))?;
    let mget = mget_command();
    meanwhile(
        address,
        |connection, _| connection.expect("SWAPDB 0 1", &Reply::ok()),
        |connection| ensure_all_equal(&connection.call(&mget)?),
    )
}
