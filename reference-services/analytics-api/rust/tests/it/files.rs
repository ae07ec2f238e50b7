//! Files: what is written is read; no truncation and no changed bit is taken for something else.

use crate::{open, send};
use analytics_api::ingest::{Batch, body};
use analytics_api::limits::TS_MS_MAX;
use analytics_api::query::answer::answer;
use analytics_api::query::params::read_query;
use analytics_api::store::Store;
use analytics_api::store::ascending::Ascending;
use analytics_api::store::block::{BatchId, decode, encode_batch};
use analytics_api::store::file::{HEADER_BYTES, Kind, frame, header, read};
use proptest::prelude::*;

fn batch(text: &str) -> Batch {
    body::read(text.as_bytes(), &(0..=TS_MS_MAX)).batch
}

fn some_batches() -> Vec<Batch> {
    vec![
        batch(r#"{"ts":5,"key":"a","value":1}"#),
        batch(concat!(
            r#"{"ts":900000,"key":"b","value":-0.0,"tags":{"y":"é","x":"1"}}"#,
            "\n",
            r#"{"ts":5,"key":"a","value":1e290,"tags":{"x":"2"}}"#,
            "\n",
            r#"{"ts":253402300799999,"key":"b","value":0.1}"#,
        )),
        batch(r#"{"ts":7,"key":"c","value":2,"tags":{"x":"1"}}"#),
    ]
}

/// A log of those batches, a frame for each, and where its frames end.
fn log() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header(Kind::Log, 3).to_vec();
    let mut ends = vec![bytes.len()];
    for (nth, batch) in some_batches().iter().enumerate() {
        let id = BatchId { name: format!("id-{nth}"), body_bytes: 7, body_crc: 9 };
        bytes.extend(frame(&[&encode_batch(batch, Some(&id))]));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

/// Tags in the order of their names, as files have them.
fn by_name(mut batch: Batch) -> Batch {
    batch.tags.sort_by(|a, b| a.name.cmp(&b.name));
    batch
}

#[test]
fn a_log_is_read_as_it_was_written() {
    let (bytes, _) = log();
    let contents = read(&bytes, Kind::Log, 3, false).unwrap();
    let batches: Vec<Batch> = contents.blocks.iter().map(|(batch, _)| batch.clone()).collect();
    assert_eq!(batches, some_batches().into_iter().map(by_name).collect::<Vec<_>>());
    assert_eq!(contents.blocks[2].1[0].name, "id-2");
    assert_eq!((contents.good_bytes, contents.torn_bytes), (bytes.len() as u64, 0));
}

#[test]
fn a_log_cut_anywhere_gives_whole_frames_or_a_fault() {
    let (bytes, ends) = log();
    for cut in 0..bytes.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let strict = read(&bytes[..cut], Kind::Log, 3, false);
        assert_eq!(strict.is_ok(), ends.contains(&cut), "cut at {cut}");
        let torn = read(&bytes[..cut], Kind::Log, 3, true).unwrap();
        assert_eq!(torn.blocks.len(), whole.saturating_sub(1), "cut at {cut}");
        assert_eq!(torn.good_bytes + torn.torn_bytes, cut as u64);
    }
}

#[test]
fn a_changed_bit_is_never_taken_for_data() {
    let (bytes, _) = log();
    let good = read(&bytes, Kind::Log, 3, false).unwrap().blocks;
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&changed, Kind::Log, 3, false).is_err(), "bit {bit}");
        if let Ok(contents) = read(&changed, Kind::Log, 3, true) {
            assert!(contents.torn_bytes > 0, "bit {bit}");
            assert_eq!(contents.blocks[..], good[..contents.blocks.len()], "bit {bit}");
        }
    }
}

#[test]
fn damage_before_the_last_frame_is_no_torn_tail() {
    let (bytes, ends) = log();
    let mut changed = bytes.clone();
    changed[ends[1] + 20] ^= 1;
    let fault = read(&changed, Kind::Log, 3, true).unwrap_err();
    assert!(fault.to_string().starts_with(&format!("at byte {}: ", ends[1])), "{fault}");
}

#[test]
fn no_block_makes_the_reader_panic() {
    // Without the checksum in front of it: each changed byte, to each of some values.
    for batch in some_batches() {
        let block = encode_batch(&batch, None);
        for at in 0..block.len() {
            assert!(decode(&block[..at], 0).is_err(), "cut at {at}");
            for byte in [0, 1, 2, 3, 4, 8, 0x7f, 0x80, 0xff] {
                let mut changed = block.clone();
                changed[at] = byte;
                if let Ok((batch, _)) = decode(&changed, 0) {
                    let keys = batch.key_table.len() as u32;
                    assert!(batch.keys.iter().all(|key| *key < keys));
                    assert!(batch.times_ms.iter().all(|ms| (0..=TS_MS_MAX).contains(ms)));
                    assert!(batch.values.iter().all(|value| value.is_finite()));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_bytes_make_the_readers_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        splice in (0..300_usize, 0..20_usize),
    ) {
        // As a file, as a frame's blocks under a checksum that is right, and within a block.
        for kind in [Kind::Log, Kind::Segment] {
            for may_be_torn in [true, false] {
                let _ = read(&bytes, kind, 3, may_be_torn);
                let framed = [&header(kind, 3)[..], &frame(&[&bytes])].concat();
                let _ = read(&framed, kind, 3, may_be_torn);
            }
        }
        for batch in some_batches() {
            let mut block = encode_batch(&batch, None);
            let start = splice.0.min(block.len());
            let end = (start + splice.1).min(block.len());
            block.splice(start..end, bytes.iter().copied().take(splice.1));
            if let Ok((batch, _)) = decode(&block, 0) {
                let keys = batch.key_table.len() as u32;
                prop_assert!(batch.keys.iter().all(|key| *key < keys));
                prop_assert_eq!(batch.times_ms.len(), batch.rows());
            }
        }
    }

    #[test]
    fn rising_numbers_are_kept_and_found(
        steps in proptest::collection::vec((1..40_u32, 0..100_u8), 0..300),
        leap_percent in 0..20_u8,
    ) {
        let mut last = 0;
        let numbers: Vec<u32> = steps
            .iter()
            .map(|&(step, chance)| {
                last += if chance < leap_percent { step * 10_000 } else { step };
                last
            })
            .collect();
        let kept = Ascending::new(numbers.clone());
        prop_assert_eq!(kept.iter().collect::<Vec<_>>(), numbers.clone());
        prop_assert_eq!(kept.get(numbers.len()), None);
        for &number in &numbers {
            for number in number - 1..=number + 1 {
                prop_assert_eq!(kept.below(number), numbers.partition_point(|&it| it < number));
            }
        }
        prop_assert!(kept.memory_bytes() <= numbers.len() * 9 / 2 + 16);
    }
}

fn all(store: &Store) -> String {
    let query = "from=0&to=253402300799999&group_by=key,tags.x&aggregates=count,sum,p50,min,max";
    String::from_utf8(answer(store, &read_query(query).unwrap()).unwrap().body).unwrap()
}

fn lines(from: u32, to: u32) -> String {
    let line = |n: u32| {
        let (key, tag) = (n * 7 % 13, n % 5);
        format!(r#"{{"ts":{},"key":"k{key}","value":{n},"tags":{{"x":"{tag}"}}}}"#, n * 31 % 1_009)
    };
    (from..to).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_store_opens_as_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let store = open(folder.path(), 0, |_| {});
        for nth in 0..40 {
            assert!(!send(&store, &lines(nth * 50, nth * 50 + 50), Some(&format!("b{nth}"))));
        }
        assert!(send(&store, &lines(0, 50), Some("b0")));
        all(&store)
    };
    // A frame that a crash has cut.
    let path = folder.path().join("0000000000000001.log");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [whole.as_slice(), &[9, 0, 0, 0, 1]].concat()).unwrap();
    let store = open(folder.path(), 0, |_| {});
    assert_eq!(all(&store), before);
    let cut = store.cut().unwrap();
    assert_eq!((cut.bytes, cut.at), (5, whole.len() as u64));
    assert!(send(&store, &lines(0, 50), Some("b0")), "its name is remembered");
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert!(whole.len() as u64 > HEADER_BYTES);
}

#[test]
fn a_full_log_becomes_a_segment_that_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let store = open(folder.path(), 0, |settings| settings.sync = false);
        for nth in 0..12 {
            send(&store, &lines(nth * 100_000, (nth + 1) * 100_000), Some(&format!("b{nth}")));
        }
        let before = all(&store);
        let segment = folder.path().join("0000000000000001.seg");
        let log = folder.path().join("0000000000000001.log");
        for _ in 0..600 {
            if segment.exists() && !log.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!(store.files(), (1, 1));
        assert_eq!(all(&store), before);
        before
    };
    let store = open(folder.path(), 0, |_| {});
    assert_eq!(all(&store), before);
    assert!(send(&store, &lines(0, 100_000), Some("b0")), "its name is remembered");
}

#[test]
fn a_segment_goes_when_all_of_it_is_too_old() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = open(folder.path(), 5_000, |settings| settings.sync = false);
        for nth in 0..11 {
            send(&store, &lines(nth * 100_000, (nth + 1) * 100_000), None);
        }
        while store.files().0 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    let store = open(folder.path(), 1_000_000, |settings| settings.retention_ms = Some(500_000));
    assert!(all(&store).contains(r#""events":0"#), "nothing is seen from the start");
    for _ in 0..600 {
        if store.files().0 == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!((store.files().0, store.events()), (0, 0));
    assert!(!folder.path().join("0000000000000001.seg").exists());
}
