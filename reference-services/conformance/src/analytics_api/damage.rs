//! Torn tails, damaged files, other versions, folders in use, full disks.

use super::api::Api;
use super::event::{Event, lines};
use super::expect::{refusal, status};
use super::folder::{BatchId, Block, HEADER_BYTES, crc32c, frame, header, read_folder, write_file};
use super::stored::{Test, start, stop};
use super::year;
use crate::process::Service;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("damage: a torn tail is cut and reported, wherever it is torn", torn),
    ("damage: garbage at the end is cut and reported", garbage),
    ("damage: a newest log that was never whole is made anew", unborn),
    ("damage: a damaged segment is refused, whichever byte it is", segment),
    ("damage: a log damaged before its end is refused", middle),
    ("damage: another version is refused, and said", version),
    ("damage: checksums that are right do not make blocks right", blocks),
    ("damage: a folder in use is refused", in_use),
    ("damage: a full disk refuses batches and nothing else", full_disk),
    ("damage: after an fsync that failed batches are refused, and nothing else", fsync_fails),
    ("damage: a port in use is named, options may be at their limits", arguments),
];

const START_TIMEOUT: Duration = Duration::from_secs(15);
const BATCHES: usize = 4;
const EVENTS: usize = 3;

fn batch(n: usize) -> Block {
    let event = |m: usize| {
        let tags: &[(&str, &str)] = if m == 0 { &[] } else { &[("region", "eu")] };
        Event::new(year(2025) + (n * 10 + m) as i64, &format!("key{m}"), m as f64, tags)
    };
    let events: Vec<Event> = (0..EVENTS).map(event).collect();
    Block { ids: vec![BatchId::new(&format!("id{n}"), &lines(&events))], events }
}

/// A log of some batches, a frame each, as the newest of a folder.
fn log(folder: &Path) -> Result<PathBuf> {
    let frames: Vec<Vec<Block>> = (0..BATCHES).map(|n| vec![batch(n)]).collect();
    write_file(folder, 1, false, &frames)
}

/// Starts on the folder, and wants so many batches and so many bytes cut.
fn expect_cut(binary: &Path, folder: &Path, batches: usize, cut: usize) -> Result<()> {
    let service = start(binary, folder, &[])?;
    let mut api = Api::open(service.address)?;
    let there = api.count(year(2025), year(2026))?;
    ensure!(there == (batches * EVENTS) as u64, "{there} events are there");
    let reported = api.metric("analytics_log_cut_bytes")?;
    ensure!(reported == cut as f64, "analytics_log_cut_bytes is {reported}, not {cut}");
    // The batch that was lost is no duplicate, and goes where the tail was.
    let Block { events, .. } = batch(batches);
    let response = api.post(&lines(&events), Some(&format!("id{batches}")))?;
    status(&response, 200)?;
    ensure!(response.json()?.get("duplicate") == Some(&json!(false)), "a lost batch is remembered");
    service.kill()?;
    let files = read_folder(folder)?;
    let frames: usize = files.iter().map(|file| file.frames.len()).sum();
    ensure!(frames == batches + 1, "{frames} frames are in the folder");
    Ok(())
}

/// Does something for each of some places, two at a time.
fn in_pairs(places: &[usize], test: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let (left, right) = places.split_at(places.len() / 2);
    let part = |places: &[usize]| places.iter().try_for_each(|place| test(*place));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| part(right));
        part(left)?;
        other.join().map_err(|_| anyhow::anyhow!("a check broke off"))?
    })
}

fn torn(binary: &Path) -> Result<()> {
    let original = tempfile::tempdir()?;
    let whole = fs::read(log(original.path())?)?;
    let last = read_folder(original.path())?;
    let last = last.iter().flat_map(|file| &file.frames).next_back().context("no frame")?;
    let (at, end) = (last.at, last.at + last.bytes);
    ensure!(end == whole.len(), "the check itself is wrong");
    let places: Vec<usize> = (at + 1..end).collect();
    in_pairs(&places, |length| {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("0000000000000001.log");
        fs::write(&path, whole.get(..length).context("a length")?)?;
        expect_cut(binary, folder.path(), BATCHES - 1, length - at)
            .with_context(|| format!("torn at byte {length} of {end}"))?;
        // A byte of the last frame is something else. Where it is its length, the frame may seem
        // to reach beyond the end, or end early; either way nothing good follows.
        let mut damaged = whole.clone();
        *damaged.get_mut(length).context("a place")? ^= 0x55;
        fs::write(&path, damaged)?;
        expect_cut(binary, folder.path(), BATCHES - 1, end - at)
            .with_context(|| format!("byte {length} of {end} is damaged"))
    })
}

fn garbage(binary: &Path) -> Result<()> {
    for tail in
        [&[0_u8; 1][..], &[0; 4096], &[0xFF; 100], b"EVENTLOG", &[1, 0, 0, 0, 0, 0, 0, 0, 0]]
    {
        let folder = tempfile::tempdir()?;
        let path = log(folder.path())?;
        let whole = fs::read(&path)?;
        fs::write(&path, [&whole, tail].concat())?;
        expect_cut(binary, folder.path(), BATCHES, tail.len())
            .with_context(|| format!("{} bytes of garbage", tail.len()))?;
    }
    Ok(())
}

fn unborn(binary: &Path) -> Result<()> {
    let good = header(b"EVENTLOG", 1, 2);
    let mut wrong = good.clone();
    wrong.reverse();
    let short = |bytes| good.iter().take(bytes).copied().collect::<Vec<u8>>();
    let heads = [
        short(0),
        short(1),
        short(HEADER_BYTES - 1),
        short(HEADER_BYTES),
        vec![0; HEADER_BYTES],
        wrong,
    ];
    for head in heads {
        let folder = tempfile::tempdir()?;
        log(folder.path())?;
        fs::write(folder.path().join("0000000000000002.log"), &head)?;
        let service = start(binary, folder.path(), &[])?;
        let mut api = Api::open(service.address)?;
        let there = api.count(year(2025), year(2026))?;
        ensure!(there == (BATCHES * EVENTS) as u64, "{there} events are there");
        api.ingest(&[Event::new(year(2025), "more", 1.0, &[])])?;
        stop(service)?;
        read_folder(folder.path()).with_context(|| format!("after a head of {}", head.len()))?;
    }
    Ok(())
}

/// Starts on a folder that cannot be used, and gives what is said about it.
fn refusal_to_start(binary: &Path, folder: &Path) -> Result<String> {
    let mut child = Command::new(binary)
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let since = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if since.elapsed() > START_TIMEOUT {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("it starts");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut said = String::new();
    child.stderr.take().context("no stderr")?.read_to_string(&mut said)?;
    ensure!(status.code() == Some(1), "it ends with {status}: {said}");
    Ok(said)
}

fn expect_named(said: &str, path: &Path) -> Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
    ensure!(said.contains(name), "{name} is not named: {said}");
    Ok(())
}

fn segment(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let block = Block { events: batch(0).events, ids: batch(0).ids };
    let path = write_file(folder.path(), 1, true, &[vec![block]])?;
    let whole = fs::read(&path)?;
    let places: Vec<usize> = (0..whole.len()).step_by(3).chain([whole.len() - 1]).collect();
    in_pairs(&places, |place| {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("0000000000000001.seg");
        let mut damaged = whole.clone();
        *damaged.get_mut(place).context("a place")? ^= 1;
        fs::write(&path, damaged)?;
        let said = refusal_to_start(binary, folder.path());
        let said = said.with_context(|| format!("byte {place} of a segment is damaged"))?;
        expect_named(&said, &path)
    })?;
    for wrong in
        [whole.get(..whole.len() - 1).unwrap_or_default(), &[&whole[..], b"x"].concat(), b""]
    {
        fs::write(&path, wrong)?;
        let said = refusal_to_start(binary, folder.path());
        expect_named(&said.with_context(|| format!("a segment of {} bytes", wrong.len()))?, &path)?;
    }
    Ok(())
}

fn middle(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = log(folder.path())?;
    let files = read_folder(folder.path())?;
    let frames: Vec<usize> =
        files.iter().flat_map(|file| &file.frames).map(|frame| frame.at).collect();
    let whole = fs::read(&path)?;
    // The checksum of the second frame, its first block, its last byte; the header.
    let (second, third) = (frames.get(1).context("no frame")?, frames.get(2).context("no frame")?);
    for place in [second + 4, second + 8, third - 1, 0, 8, 12, 20] {
        let mut damaged = whole.clone();
        *damaged.get_mut(place).context("a place")? ^= 1;
        fs::write(&path, damaged)?;
        let said = refusal_to_start(binary, folder.path());
        expect_named(&said.with_context(|| format!("byte {place} of a log is damaged"))?, &path)?;
    }
    // In a log that is not the newest a torn tail cannot be a crash.
    fs::write(&path, whole.get(..whole.len() - 1).context("a length")?)?;
    write_file(folder.path(), 2, false, &[vec![batch(9)]])?;
    expect_named(&refusal_to_start(binary, folder.path())?, &path)
}

fn version(binary: &Path) -> Result<()> {
    let block = write_block(&batch(0))?;
    for (kind, name) in
        [(b"EVENTSEG", "0000000000000001.seg"), (b"EVENTLOG", "0000000000000001.log")]
    {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(name);
        fs::write(&path, [header(kind, 2, 1), frame(&block)].concat())?;
        let said = refusal_to_start(binary, folder.path())?;
        expect_named(&said, &path)?;
        ensure!(said.contains("version 2, this program reads version 1"), "it says {said}");
        // Another number than that in the name, and the other kind of file.
        for head in [header(kind, 1, 2), header(b"EVENTXXX", 1, 1)] {
            fs::write(&path, [head, frame(&block)].concat())?;
            expect_named(&refusal_to_start(binary, folder.path())?, &path)?;
        }
    }
    Ok(())
}

/// A block as it stands in a frame, its length before it.
fn write_block(block: &Block) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let path = write_file(folder.path(), 1, true, &[vec![block.clone()]])?;
    Ok(fs::read(path)?.get(HEADER_BYTES + 8..).context("a block")?.to_vec())
}

/// Every byte of a block is made extreme under a checksum that is right: the service must refuse
/// or read it, without falling over or asking for memory that the file does not have.
fn blocks(binary: &Path) -> Result<()> {
    let block = write_block(&batch(0))?;
    ensure!(crc32c(&block) != 0, "the check itself is wrong");
    let places: Vec<usize> = (0..block.len()).step_by(2).collect();
    in_pairs(&places, |place| {
        let folder = tempfile::tempdir()?;
        let mut wrong = block.clone();
        *wrong.get_mut(place).context("a place")? = 0xFF;
        let file = [header(b"EVENTSEG", 1, 1), frame(&wrong)].concat();
        fs::write(folder.path().join("0000000000000001.seg"), file)?;
        let context = || format!("byte {place} of a block is ff");
        match refusal_or_start(binary, folder.path()).with_context(context)? {
            Some(said) => {
                expect_named(&said, Path::new("0000000000000001.seg")).with_context(context)
            }
            None => Ok(()),
        }
    })
}

/// What is said about a folder that is refused, or nothing about one that is served.
fn refusal_or_start(binary: &Path, folder: &Path) -> Result<Option<String>> {
    match start(binary, folder, &[]) {
        Ok(service) => {
            let mut api = Api::open(service.address)?;
            let all = json!({"from": 0, "to": 253_402_300_799_999_i64, "group_by": ["key", "tags.region"],
                "aggregates": ["count", "p50", "distinct(tags.region)"]});
            status(&api.ask(&all)?, 200)?;
            Ok(None)
        }
        Err(_) => refusal_to_start(binary, folder).map(Some),
    }
}

fn in_use(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = start(binary, folder.path(), &[])?;
    let said = refusal_to_start(binary, folder.path())?;
    ensure!(said.contains("is in use"), "it says {said}");
    service.kill()?;
    stop(start(binary, folder.path(), &[])?)?;
    let file = folder.path().join("a file");
    fs::write(&file, b"")?;
    expect_named(&refusal_to_start(binary, &file)?, &file)
}

/// A small file system of its own, gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mount = ["-t", "tmpfs", "-o", "size=3m", "tmpfs"];
        let output = Command::new("mount").args(mount).arg(folder.path()).output()?;
        ensure!(output.status.success(), "mount: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, since a service may still be ending.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

/// Says what is not checked here; with `ASSAY_REQUIRE=all` that is a failure.
fn skip(what: &str) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the checks' own switch, not a setting")]
    let required = std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all");
    ensure!(!required, "skipped: {what}, and ASSAY_REQUIRE=all");
    println!("skipped: {what}");
    Ok(())
}

fn full_disk(binary: &Path) -> Result<()> {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(error) => return skip(&format!("a full disk, because none can be mounted: {error:#}")),
    };
    let (folder, filler) = (disk.0.path().join("data"), disk.0.path().join("filler"));
    fs::write(&filler, vec![1; 1_000_000])?;
    let service = start(binary, &folder, &[])?;
    let mut api = Api::open(service.address)?;
    let batch = |n: usize| {
        let event = |m: usize| {
            Event::new(
                year(2026) + m as i64,
                &format!("key{}", m * n),
                n as f64 + m as f64 / 7.0,
                &[],
            )
        };
        lines(&(0..2_000).map(event).collect::<Vec<_>>())
    };
    let mut taken = 0;
    let refused = loop {
        let response = api.post(&batch(taken), Some(&format!("disk{taken}")))?;
        if response.status != 200 {
            break response;
        }
        taken += 1;
        ensure!(taken < 500, "2 MB took {taken} batches of 2,000 events");
    };
    refusal(&refused, 507, "store-full", &json!({"limit": "disk"}))?;
    ensure!(taken > 5, "only {taken} batches went into 2 MB");
    for _ in 0..3 {
        let there = api.count(year(2026), year(2027))?;
        ensure!(there == taken as u64 * 2_000, "{there} events of {taken} batches are seen");
        let again = api.post(&batch(taken), Some(&format!("disk{taken}")))?;
        refusal(&again, 507, "store-full", &json!({"limit": "disk"}))?;
    }
    // Room, and it is taken, under the same id.
    fs::remove_file(&filler)?;
    let again = api.post(&batch(taken), Some(&format!("disk{taken}")))?;
    status(&again, 200)?;
    ensure!(again.json()?.get("duplicate") == Some(&json!(false)), "a refused batch is remembered");
    service.kill()?;
    let service = start(binary, &folder, &[])?;
    let mut api = Api::open(service.address)?;
    let there = api.count(year(2026), year(2027))?;
    ensure!(there == (taken as u64 + 1) * 2_000, "{there} events after a restart");
    let cut = api.metric("analytics_log_cut_bytes")?;
    ensure!(cut == 0.0, "{cut} bytes of a refused batch were left in the log");
    stop(service)
}

/// With strace, which makes the system calls of a process fail.
fn fsync_fails(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let send = |service: &Service, n: usize| -> Result<_> {
        let Block { events, .. } = batch(n);
        Api::open(service.address)?.post(&lines(&events), Some(&format!("id{n}")))
    };
    let service = start(binary, folder.path(), &[])?;
    status(&send(&service, 0)?, 200)?;
    stop(service)?;
    let log = folder.path().join("0000000000000001.log");
    let names = [folder.path(), &log, binary].map(|path| path.to_str().context("a name"));
    let [data, log, binary_name] = names;
    let (data, log, binary_name) = (data?, log?, binary_name?);
    let inject = ["-D", "-f", "-qq", "-o", "/dev/null", "-P", log];
    let calls = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"];
    let traced = Command::new("strace").args(["-o", "/dev/null"]).args(calls).arg("true").output();
    if !traced.is_ok_and(|output| output.status.success()) {
        return skip("an fsync that fails, because there is no strace, or it may not trace");
    }
    let own = [binary_name, "--listen", "127.0.0.1:0", "--data", data];
    let service = Service::start_silenced_as("strace", &[&inject[..], &calls, &own].concat())?;
    for n in [1, 1, 2] {
        refusal(&send(&service, n)?, 503, "log-failed", &json!({}))?;
    }
    let mut api = Api::open(service.address)?;
    let there = api.count(year(2025), year(2026))?;
    ensure!(there == EVENTS as u64, "{there} events are seen, not those of the first batch");
    status(&api.get("/v1/series")?, 200)?;
    service.kill()?;
    // After a restart, whether the batch was there or not, it is there once.
    let service = start(binary, folder.path(), &[])?;
    for n in [0, 1, 2] {
        status(&send(&service, n)?, 200)?;
    }
    let there = Api::open(service.address)?.count(year(2025), year(2026))?;
    ensure!(there == 3 * EVENTS as u64, "{there} events are there, not {}", 3 * EVENTS);
    stop(service)
}

fn arguments(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_str().context("a name")?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let output = Command::new(binary).args(["--listen", &address, "--data", data]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1) && said.contains(&address), "a port in use: {said}");
    let options = ["--retention", "0", "--sync", "never", "--max-pending-bytes=1099511627776"];
    stop(start(binary, folder.path(), &options)?)
}
