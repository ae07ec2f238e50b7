//! `conformance SERVICE ADDR [--against ADDR [--seed N]]`: checks a running service against its
//! contract, and against a twin.

use anyhow::{Context, Result, bail};
use conformance::cache_server::{self, Subject};
use conformance::{
    Check, analytics_api, differential, differential_documents, fastjson_api, gateway,
};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: conformance fastjson-api ADDR [--against ADDR [--seed N]]
       conformance cache-server ADDR [--against ADDR [--seed N]]   (a twin or a Redis 7.0)
       conformance cache-server ADDR --brief   (the conversations only, some seconds)
       conformance analytics-api ADDR [--against ADDR [--seed N]]   (on empty folders; with DuckDB in python3)
       conformance analytics-api ADDR --brief   (what waits for no timeout)
       conformance analytics-files BINARY [--against BINARY]   (starts and kills the twin itself)
       conformance gateway BINARY   (starts the gateway and its upstreams itself)
       conformance gateway BINARY --against BINARY [--seed N]   (shaped requests to both)
       conformance token-service BINARY   (the same for the service that checks its tokens)
       conformance split GATEWAY TOKEN-SERVICE   (the two together)
       conformance redis ADDR   (checks the checks)";
const SEED: u64 = 1;
const ORDERS: usize = 2_000;
const COMMANDS: usize = 50_000;
const SHAPES: usize = 10_000;
const DOCUMENT_REQUESTS: usize = 4_000;
const ANALYTICS_REQUESTS: usize = 4_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(checks) => report(&checks),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[&str]) -> Result<Vec<Check>> {
    match arguments {
        ["fastjson-api", address] => Ok(fastjson_api::run(resolve(address)?)),
        ["fastjson-api", address, "--against", twin] => against(address, twin, SEED),
        ["fastjson-api", address, "--against", twin, "--seed", seed] => {
            against(address, twin, seed.parse().context("--seed takes a whole number")?)
        }
        ["cache-server", address] => Ok(cache_server::run(resolve(address)?, Subject::Twin)),
        ["cache-server", address, "--brief"] => {
            Ok(cache_server::brief(resolve(address)?, Subject::Twin))
        }
        ["cache-server", address, "--against", twin] => caches(address, twin, SEED),
        ["cache-server", address, "--against", twin, "--seed", seed] => {
            caches(address, twin, seed.parse().context("--seed takes a whole number")?)
        }
        ["analytics-api", address] => Ok(analytics(resolve(address)?, analytics_api::run)),
        ["analytics-api", address, "--brief"] => {
            Ok(analytics(resolve(address)?, analytics_api::brief))
        }
        ["analytics-api", address, "--against", twin] => analytics_twins(address, twin, SEED),
        ["analytics-api", address, "--against", twin, "--seed", seed] => {
            analytics_twins(address, twin, seed.parse().context("--seed takes a whole number")?)
        }
        ["analytics-files", binary] => Ok(analytics_api::stored(Path::new(binary))),
        ["analytics-files", binary, "--against", other] => {
            let (binary, other) = (Path::new(binary), Path::new(other));
            let mut checks = analytics_api::stored(binary);
            checks.push(analytics_api::exchange(binary, other));
            Ok(checks)
        }
        ["gateway", binary] => Ok(gateway::run(Path::new(binary))),
        ["gateway", binary, "--against", twin] => Ok(gateways(binary, twin, SEED)),
        ["gateway", binary, "--against", twin, "--seed", seed] => {
            Ok(gateways(binary, twin, seed.parse().context("--seed takes a whole number")?))
        }
        ["token-service", binary] => Ok(gateway::run_token_service(Path::new(binary))),
        ["split", edge, checker] => Ok(gateway::run_split(Path::new(edge), Path::new(checker))),
        ["redis", address] => Ok(cache_server::run(resolve(address)?, Subject::Redis)),
        _ => bail!("{USAGE}"),
    }
}

fn against(address: &str, twin: &str, seed: u64) -> Result<Vec<Check>> {
    let (address, twin) = (resolve(address)?, resolve(twin)?);
    let mut checks = fastjson_api::run(address);
    checks.push(differential::run(address, twin, seed, ORDERS));
    checks.push(differential_documents::run(address, twin, seed, DOCUMENT_REQUESTS));
    Ok(checks)
}

fn gateways(binary: &str, twin: &str, seed: u64) -> Vec<Check> {
    vec![gateway::run_differential(Path::new(binary), Path::new(twin), seed, SHAPES)]
}

fn caches(address: &str, twin: &str, seed: u64) -> Result<Vec<Check>> {
    let (address, twin) = (resolve(address)?, resolve(twin)?);
    let mut checks = cache_server::run(address, Subject::Twin);
    let subject = Subject::of(twin)?;
    checks.push(cache_server::differential::run(address, twin, subject, seed, COMMANDS));
    Ok(checks)
}

fn analytics(
    address: SocketAddr,
    run: fn(SocketAddr, Option<&mut analytics_api::Oracle>) -> Vec<Check>,
) -> Vec<Check> {
    let oracle = analytics_api::Oracle::start(Path::new("python3"));
    if let Err(error) = &oracle {
        eprintln!("without DuckDB as a judge: {error:#}");
    }
    run(address, oracle.ok().as_mut())
}

fn analytics_twins(address: &str, twin: &str, seed: u64) -> Result<Vec<Check>> {
    let (address, twin) = (resolve(address)?, resolve(twin)?);
    let mut checks = analytics(address, analytics_api::run);
    // The other twin too, so that both have seen the same names of tags, which are limited.
    checks.extend(analytics(twin, analytics_api::run));
    checks.push(analytics_api::differential::run(address, twin, seed, ANALYTICS_REQUESTS));
    Ok(checks)
}

fn resolve(address: &str) -> Result<SocketAddr> {
    let mut addresses =
        address.to_socket_addrs().with_context(|| format!("{address} is not an address"))?;
    addresses.next().with_context(|| format!("{address} is unknown"))
}

fn report(checks: &[Check]) -> ExitCode {
    let mut failed = 0;
    for check in checks {
        match &check.outcome {
            Ok(()) => println!("ok      {}", check.name),
            Err(error) => {
                failed += 1;
                println!("FAILED  {}: {error:#}", check.name);
            }
        }
    }
    println!("{} checks, {failed} failed", checks.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
