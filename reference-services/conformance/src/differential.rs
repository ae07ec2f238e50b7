//! The same random requests to both twins: whatever the contract leaves unsaid, they must answer
//! alike.

use crate::Check;
use crate::fastjson_api::without_details;
use crate::http::{Connection, Response, post_quote};
use crate::orders::{damaged, valid};
use crate::random::Random;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Sends `orders` seeded orders, most of them damaged, to two twins of fastjson-api and compares
/// statuses and bodies, free text aside.
pub fn run(one: SocketAddr, other: SocketAddr, seed: u64, orders: usize) -> Check {
    let name = format!("{orders} random orders of seed {seed} are answered alike");
    Check::new(name, compare_all(one, other, seed, orders))
}

fn compare_all(
    one_address: SocketAddr,
    other_address: SocketAddr,
    seed: u64,
    orders: usize,
) -> Result<()> {
    let mut random = Random::new(seed);
    let mut one = Connection::open(one_address)?;
    let mut other = Connection::open(other_address)?;
    let mut statuses = BTreeMap::new();
    for n in 0..orders {
        let order = valid(&mut random);
        let body = damaged(&order, &mut random);
        let request = post_quote(&body);
        let context = || format!("order {n}: {}", String::from_utf8_lossy(&body));
        let left = one.send(&request).and_then(|()| one.receive());
        let left = left.context("the first twin").with_context(context)?;
        let right = other.send(&request).and_then(|()| other.receive());
        let right = right.context("the second twin").with_context(context)?;
        compare(&left, &right).with_context(context)?;
        // Too large a body costs the connection, in both.
        if left.header("connection") == Some("close") {
            one = Connection::open(one_address)?;
            other = Connection::open(other_address)?;
        }
        *statuses.entry(left.status).or_insert(0_usize) += 1;
    }
    // A generator that no longer reaches an outcome would let everything pass.
    for status in [200, 400, 422] {
        ensure!(statuses.contains_key(&status), "no order led to {status}: {statuses:?}");
    }
    Ok(())
}

fn compare(left: &Response, right: &Response) -> Result<()> {
    ensure!(left.status == right.status, "status {} and {}", left.status, right.status);
    for header in ["content-type", "connection"] {
        let (a, b) = (left.header(header), right.header(header));
        ensure!(a == b, "{header} {a:?} and {b:?}");
    }
    let (left, right) = (without_details(left.json()?), without_details(right.json()?));
    ensure!(left == right, "{} and {}", left.0, right.0);
    Ok(())
}
