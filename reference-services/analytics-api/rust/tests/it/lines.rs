//! The line parser: the quick way and the complete one agree, and no bytes make them panic.

use analytics_api::ingest::body;
use analytics_api::ingest::line::{Event, read_any, read_plain};
use analytics_api::limits::TS_MS_MAX;
use proptest::prelude::*;

const LINE: &str =
    r#"{"ts":1763715600123,"key":"api.latency","value":-12.5,"tags":{"region":"eu","h":"a1"}}"#;

/// Whatever the quick way takes, the complete one takes as the same event.
fn agree(line: &str) {
    let mut event = Event::default();
    if read_plain(line, &mut event).is_some() {
        assert_eq!(read_any(line).as_ref(), Ok(&event), "{line}");
    }
}

#[test]
fn a_usual_line_goes_the_quick_way() {
    let mut event = Event::default();
    read_plain(LINE, &mut event).unwrap();
    assert_eq!(
        (event.ts_ms, event.key.as_ref(), event.value),
        (1_763_715_600_123, "api.latency", -12.5)
    );
    assert_eq!(event.tags.len(), 2);
    agree(LINE);
}

#[test]
fn every_truncation_and_every_changed_byte_agree() {
    for end in 0..LINE.len() {
        agree(&LINE[..end]);
    }
    for at in 0..LINE.len() {
        for byte in 0..128 {
            let mut bytes = LINE.as_bytes().to_vec();
            bytes[at] = byte;
            agree(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[test]
fn a_body_in_pieces_is_read_as_one() {
    // More than a megabyte, so that several cores take part.
    let lines: Vec<String> = (0..40_000)
        .map(|n| match n % 1_000 {
            999 => "nonsense".to_owned(),
            _ => format!(
                r#"{{"ts":{n},"key":"k{}","value":{n},"tags":{{"t{}":"v"}}}}"#,
                n % 7,
                n % 3
            ),
        })
        .collect();
    let parsed = body::read(lines.join("\n").as_bytes(), &(0..=TS_MS_MAX));
    assert_eq!(parsed.batch.rows(), 39_960);
    assert_eq!(parsed.rejected_total(), 40);
    let reported: Vec<u64> = parsed.rejections.iter().map(|it| it.line).collect();
    assert_eq!(reported, (1..=40).map(|n| n * 1_000).collect::<Vec<u64>>());
    let batch = parsed.batch;
    for (row, n) in (0..40_000_u32).filter(|n| n % 1_000 != 999).enumerate() {
        assert_eq!(batch.times_ms[row], i64::from(n));
        assert_eq!(batch.key_table.get(batch.keys[row]), format!("k{}", n % 7));
        for tag in &batch.tags {
            assert_eq!(tag.places[row] > 0, tag.name == format!("t{}", n % 3));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn numbers_are_read_as_doubles_are(text in "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?") {
        let line = format!(r#"{{"ts":1,"key":"k","value":{text}}}"#);
        agree(&line);
        let exact: f64 = text.parse().unwrap();
        if let Ok(event) = read_any(&line) {
            prop_assert_eq!(event.value, exact);
            prop_assert!(event.value.to_bits() != (-0.0_f64).to_bits());
        } else {
            prop_assert!(exact.abs() > 1e290);
        }
    }

    #[test]
    fn lines_of_json_like_texts_agree(line in r#"\{("(ts|key|value|tags|x)" ?: ?("[a-z\\"]{0,3}"|-?[0-9]{1,20}|\{("a":"b",?){0,9}\}|null),? ?){0,5}\}?"#) {
        agree(&line);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let parsed = body::read(&bytes, &(0..=TS_MS_MAX));
        prop_assert!(parsed.batch.rows() as u64 + parsed.rejected_total() <= bytes.len() as u64);
    }
}
