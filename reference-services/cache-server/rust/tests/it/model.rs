//! Random commands against a model that is a map.

use crate::connection::{Client, START_MS, server};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MEMORY_BYTES: u64 = 64 << 20;

#[derive(Clone, Debug)]
enum Step {
    Set(u8, Vec<u8>),
    SetFor(u8, Vec<u8>, u64),
    SetIfFree(u8, Vec<u8>),
    SetKeepingTime(u8, Vec<u8>),
    Get(u8),
    GetDel(u8),
    Append(u8, Vec<u8>),
    SetRange(u8, usize, Vec<u8>),
    Incr(u8, i64),
    Del(u8, u8),
    Expire(u8, u64),
    Persist(u8),
    TimeLeft(u8),
    Rename(u8, u8),
    Copy(u8, u8),
    SetField(u8, u8, Vec<u8>),
    GetField(u8, u8),
    DelField(u8, u8),
    FieldCount(u8),
    Select(u8),
    SwapDb(u8, u8),
    FlushDb,
    Count,
    Wait(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    String(Vec<u8>),
    Hash(BTreeMap<u8, Vec<u8>>),
}

#[derive(Default)]
struct Model {
    databases: [BTreeMap<u8, (Value, Option<u64>)>; 3],
    db: usize,
    now_ms: u64,
}

fn bulk(bytes: &[u8]) -> String {
    format!("${}\r\n{}\r\n", bytes.len(), String::from_utf8_lossy(bytes))
}

fn integer(value: impl std::fmt::Display) -> String {
    format!(":{value}\r\n")
}

const OK: &str = "+OK\r\n";
const NULL: &str = "$-1\r\n";
const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

impl Model {
    fn get(&mut self, key: u8) -> Option<&mut (Value, Option<u64>)> {
        let (now_ms, keys) = (self.now_ms, &mut self.databases[self.db]);
        if keys.get(&key).is_some_and(|(_, at)| at.is_some_and(|at| at <= now_ms)) {
            keys.remove(&key);
        }
        keys.get_mut(&key)
    }

    fn set(&mut self, key: u8, value: Value, expires_ms: Option<u64>) {
        self.databases[self.db].insert(key, (value, expires_ms));
    }

    fn string(&mut self, key: u8) -> Result<Option<Vec<u8>>, String> {
        match self.get(key) {
            None => Ok(None),
            Some((Value::String(bytes), _)) => Ok(Some(bytes.clone())),
            Some(_) => Err(WRONG_TYPE.to_owned()),
        }
    }

    fn fields(&mut self, key: u8) -> Result<Option<&mut BTreeMap<u8, Vec<u8>>>, String> {
        match self.get(key) {
            None => Ok(None),
            Some((Value::Hash(fields), _)) => Ok(Some(fields)),
            Some(_) => Err(WRONG_TYPE.to_owned()),
        }
    }

    fn expiry(&mut self, key: u8) -> Option<u64> {
        self.get(key).and_then(|(_, at)| *at)
    }

    /// What the step answers.
    fn run(&mut self, step: &Step) -> Result<String, String> {
        let now_ms = self.now_ms;
        Ok(match step {
            Step::Set(key, value) => {
                self.set(*key, Value::String(value.clone()), None);
                OK.to_owned()
            }
            Step::SetFor(key, value, ms) => {
                self.set(*key, Value::String(value.clone()), Some(now_ms + ms));
                OK.to_owned()
            }
            Step::SetIfFree(key, value) => {
                let free = self.get(*key).is_none();
                if free {
                    self.set(*key, Value::String(value.clone()), None);
                }
                integer(u8::from(free))
            }
            Step::SetKeepingTime(key, value) => {
                let expires_ms = self.expiry(*key);
                self.set(*key, Value::String(value.clone()), expires_ms);
                OK.to_owned()
            }
            Step::Get(key) => self.string(*key)?.map_or(NULL.to_owned(), |value| bulk(&value)),
            Step::GetDel(key) => {
                let value = self.string(*key)?;
                self.databases[self.db].remove(key);
                value.map_or(NULL.to_owned(), |value| bulk(&value))
            }
            Step::Append(key, added) => {
                let mut value = self.string(*key)?.unwrap_or_default();
                let expires_ms = self.expiry(*key);
                value.extend_from_slice(added);
                let length = value.len();
                self.set(*key, Value::String(value), expires_ms);
                integer(length)
            }
            Step::SetRange(key, offset, new) => {
                let mut value = self.string(*key)?.unwrap_or_default();
                let expires_ms = self.expiry(*key);
                if !new.is_empty() {
                    let end = offset + new.len();
                    value.resize(value.len().max(end), 0);
                    value[*offset..end].copy_from_slice(new);
                    self.set(*key, Value::String(value.clone()), expires_ms);
                }
                integer(value.len())
            }
            Step::Incr(key, by) => {
                let old = self.string(*key)?.unwrap_or(b"0".to_vec());
                let expires_ms = self.expiry(*key);
                let old = String::from_utf8_lossy(&old).into_owned();
                let number = old.parse::<i64>().ok().filter(|number| number.to_string() == old);
                let Some(number) = number else {
                    return Err("-ERR value is not an integer or out of range\r\n".to_owned());
                };
                let new = number + by;
                self.set(*key, Value::String(new.to_string().into_bytes()), expires_ms);
                integer(new)
            }
            Step::Del(first, second) => {
                let mut removed = 0;
                for key in [first, second] {
                    removed += u8::from(self.get(*key).is_some());
                    self.databases[self.db].remove(key);
                }
                integer(removed)
            }
            Step::Expire(key, ms) => match self.get(*key) {
                None => integer(0),
                Some((_, at)) => {
                    *at = Some(now_ms + ms);
                    integer(1)
                }
            },
            Step::Persist(key) => match self.get(*key) {
                Some((_, at @ Some(_))) => {
                    *at = None;
                    integer(1)
                }
                _ => integer(0),
            },
            Step::TimeLeft(key) => match self.get(*key) {
                None => integer(-2),
                Some((_, None)) => integer(-1),
                Some((_, Some(at))) => integer(*at - now_ms),
            },
            Step::Rename(from, to) => match self.get(*from).cloned() {
                None => return Err("-ERR no such key\r\n".to_owned()),
                Some(entry) => {
                    self.databases[self.db].remove(from);
                    self.databases[self.db].insert(*to, entry);
                    OK.to_owned()
                }
            },
            Step::Copy(from, to) if from == to => {
                return Err("-ERR source and destination objects are the same\r\n".to_owned());
            }
            Step::Copy(from, to) => {
                let copy = self.get(*from).cloned();
                let taken = self.get(*to).is_some();
                match copy {
                    Some(entry) if !taken => {
                        self.databases[self.db].insert(*to, entry);
                        integer(1)
                    }
                    _ => integer(0),
                }
            }
            Step::SetField(key, field, value) => {
                let new = match self.fields(*key)? {
                    Some(fields) => fields.insert(*field, value.clone()).is_none(),
                    None => {
                        let fields = BTreeMap::from([(*field, value.clone())]);
                        self.set(*key, Value::Hash(fields), None);
                        true
                    }
                };
                integer(u8::from(new))
            }
            Step::GetField(key, field) => {
                let value = self.fields(*key)?.and_then(|fields| fields.get(field));
                value.map_or(NULL.to_owned(), |value| bulk(value))
            }
            Step::DelField(key, field) => {
                let (removed, empty) = match self.fields(*key)? {
                    None => (false, false),
                    Some(fields) => (fields.remove(field).is_some(), fields.is_empty()),
                };
                if empty {
                    self.databases[self.db].remove(key);
                }
                integer(u8::from(removed))
            }
            Step::FieldCount(key) => integer(self.fields(*key)?.map_or(0, |fields| fields.len())),
            Step::Select(db) => {
                self.db = usize::from(*db);
                OK.to_owned()
            }
            Step::SwapDb(first, second) => {
                self.databases.swap(usize::from(*first), usize::from(*second));
                OK.to_owned()
            }
            Step::FlushDb => {
                self.databases[self.db].clear();
                OK.to_owned()
            }
            Step::Count => {
                for key in 0..KEYS {
                    let _ = self.get(key);
                }
                integer(self.databases[self.db].len())
            }
            Step::Wait(ms) => {
                self.now_ms += ms;
                String::new()
            }
        })
    }
}

const KEYS: u8 = 6;

/// A key whose length differs much: the longest go where large values go.
fn key_bytes(key: u8) -> Vec<u8> {
    vec![b'a' + key; if key == 5 { 3_000 } else { usize::from(key) * 7 }]
}

fn field_bytes(field: u8) -> Vec<u8> {
    format!("field-{field}").into_bytes()
}

fn send(client: &mut Client<'_>, step: &Step) -> String {
    let key = |key: &u8| key_bytes(*key);
    let text = |value: &dyn ToString| value.to_string().into_bytes();
    let args: Vec<Vec<u8>> = match step {
        Step::Set(k, v) => vec![b"SET".to_vec(), key(k), v.clone()],
        Step::SetFor(k, v, ms) => {
            vec![b"SET".to_vec(), key(k), v.clone(), b"PX".to_vec(), text(ms)]
        }
        Step::SetIfFree(k, v) => vec![b"SETNX".to_vec(), key(k), v.clone()],
        Step::SetKeepingTime(k, v) => vec![b"SET".to_vec(), key(k), v.clone(), b"KEEPTTL".to_vec()],
        Step::Get(k) => vec![b"GET".to_vec(), key(k)],
        Step::GetDel(k) => vec![b"GETDEL".to_vec(), key(k)],
        Step::Append(k, v) => vec![b"APPEND".to_vec(), key(k), v.clone()],
        Step::SetRange(k, at, v) => vec![b"SETRANGE".to_vec(), key(k), text(at), v.clone()],
        Step::Incr(k, by) => vec![b"INCRBY".to_vec(), key(k), text(by)],
        Step::Del(k, other) => vec![b"DEL".to_vec(), key(k), key(other)],
        Step::Expire(k, ms) => vec![b"PEXPIRE".to_vec(), key(k), text(ms)],
        Step::Persist(k) => vec![b"PERSIST".to_vec(), key(k)],
        Step::TimeLeft(k) => vec![b"PTTL".to_vec(), key(k)],
        Step::Rename(k, to) => vec![b"RENAME".to_vec(), key(k), key(to)],
        Step::Copy(k, to) => vec![b"COPY".to_vec(), key(k), key(to)],
        Step::SetField(k, f, v) => vec![b"HSET".to_vec(), key(k), field_bytes(*f), v.clone()],
        Step::GetField(k, f) => vec![b"HGET".to_vec(), key(k), field_bytes(*f)],
        Step::DelField(k, f) => vec![b"HDEL".to_vec(), key(k), field_bytes(*f)],
        Step::FieldCount(k) => vec![b"HLEN".to_vec(), key(k)],
        Step::Select(db) => vec![b"SELECT".to_vec(), text(db)],
        Step::SwapDb(a, b) => vec![b"SWAPDB".to_vec(), text(a), text(b)],
        Step::FlushDb => vec![b"FLUSHDB".to_vec()],
        Step::Count => vec![b"DBSIZE".to_vec()],
        Step::Wait(_) => return String::new(),
    };
    client.send(&args.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(b'0'..=b'z', 0..90),
        (-20_i64..20).prop_map(|number| number.to_string().into_bytes()),
        (0_usize..20_000).prop_map(|length| vec![b'v'; length]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0_u8..KEYS;
    let field = || prop_oneof![0_u8..4, 0_u8..=255];
    prop_oneof![
        3 => (key(), value()).prop_map(|(k, v)| Step::Set(k, v)),
        2 => (key(), value(), 1_u64..500).prop_map(|(k, v, ms)| Step::SetFor(k, v, ms)),
        1 => (key(), value()).prop_map(|(k, v)| Step::SetIfFree(k, v)),
        1 => (key(), value()).prop_map(|(k, v)| Step::SetKeepingTime(k, v)),
        3 => key().prop_map(Step::Get),
        1 => key().prop_map(Step::GetDel),
        2 => (key(), value()).prop_map(|(k, v)| Step::Append(k, v)),
        1 => (key(), 0_usize..9_000, value()).prop_map(|(k, at, v)| Step::SetRange(k, at, v)),
        1 => (key(), -5_i64..5).prop_map(|(k, by)| Step::Incr(k, by)),
        1 => (key(), key()).prop_map(|(k, other)| Step::Del(k, other)),
        2 => (key(), 1_u64..500).prop_map(|(k, ms)| Step::Expire(k, ms)),
        1 => key().prop_map(Step::Persist),
        1 => key().prop_map(Step::TimeLeft),
        1 => (key(), key()).prop_map(|(k, to)| Step::Rename(k, to)),
        1 => (key(), key()).prop_map(|(k, to)| Step::Copy(k, to)),
        4 => (key(), field(), value()).prop_map(|(k, f, v)| Step::SetField(k, f, v)),
        1 => (key(), field()).prop_map(|(k, f)| Step::GetField(k, f)),
        2 => (key(), field()).prop_map(|(k, f)| Step::DelField(k, f)),
        1 => key().prop_map(Step::FieldCount),
        1 => (0_u8..3).prop_map(Step::Select),
        1 => (0_u8..3, 0_u8..3).prop_map(|(a, b)| Step::SwapDb(a, b)),
        1 => Just(Step::FlushDb),
        2 => Just(Step::Count),
        2 => (1_u64..300).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn random_commands_answer_like_a_map(steps in prop::collection::vec(step(), 0..150)) {
        let (server, clock) = server(MEMORY_BYTES);
        let mut client = Client::new(&server);
        let mut model = Model { now_ms: START_MS, ..Model::default() };
        for (number, step) in steps.iter().enumerate() {
            if let Step::Wait(ms) = step {
                clock.advance_ms(*ms);
            }
            if matches!(step, Step::Count) {
                // DBSIZE counts what has expired and was not removed.
                while client.processor.expire(0, 1, 1_000) {}
            }
            let expected = model.run(step).unwrap_or_else(|error| error);
            let answered = send(&mut client, step);
            prop_assert_eq!(&answered, &expected, "step {} {:?}", number, step);
        }
        client.words("FLUSHALL");
        prop_assert_eq!(server.store.budget.bytes_used(), 0);
    }
}
