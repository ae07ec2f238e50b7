//! JSON Patch (RFC 6902).

use crate::json::{DEPTH_MAX, Members, Value, to_bytes};
use crate::pointer::{Pointer, index};
use std::sync::Arc;

/// The most operations in one patch.
pub const OPERATIONS_MAX: usize = 1_000;
/// The most bytes that one patch copies, in the served form. Without it, copies of copies would
/// grow without bound.
pub const COPIED_BYTES_MAX: usize = 256 * 1024;

/// A list of operations, each checked for its form.
#[derive(Debug)]
pub struct Patch(Vec<Operation>);

#[derive(Debug)]
enum Operation {
    Add { path: Pointer, value: Value },
    Remove { path: Pointer },
    Replace { path: Pointer, value: Value },
    Move { from: Pointer, path: Pointer },
    Copy { from: Pointer, path: Pointer },
    Test { path: Pointer, value: Value },
}

/// Why JSON is not a patch.
#[derive(Debug, PartialEq, Eq)]
pub enum Invalid {
    /// More than [`OPERATIONS_MAX`].
    TooMany,
    /// A fault in the patch.
    At {
        /// Where in the patch, as a JSON Pointer.
        pointer: String,
        /// What is wrong.
        detail: &'static str,
    },
}

/// Why a patch does not apply.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The operation's number, from 0.
    pub operation: usize,
    /// What went wrong there.
    pub reason: Reason,
}

/// What went wrong in an operation.
#[derive(Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no such place; the pointer as it was written.
    NoPlace(String),
    /// The value there is another.
    TestFailed(String),
    /// `depth` or `copied-bytes`.
    Limit(&'static str),
}

impl Patch {
    /// Reads a patch.
    ///
    /// # Errors
    /// With the first fault, operations in order.
    pub fn from_value(value: Value) -> Result<Self, Invalid> {
        let Value::Array(items) = value else {
            return Err(fault(String::new(), "a patch is an array of operations"));
        };
        if items.len() > OPERATIONS_MAX {
            return Err(Invalid::TooMany);
        }
        let read = |(n, item)| Operation::from_value(n, item);
        Arc::unwrap_or_clone(items)
            .into_iter()
            .enumerate()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Applies all operations, or none: the document is the caller's copy.
    ///
    /// # Errors
    /// With the first operation that fails.
    pub fn apply(&self, mut document: Value) -> Result<Value, Failure> {
        let mut copied = 0;
        for (operation, step) in self.0.iter().enumerate() {
            step.apply(&mut document, &mut copied)
                .map_err(|reason| Failure { operation, reason })?;
        }
        Ok(document)
    }
}

fn fault(pointer: String, detail: &'static str) -> Invalid {
    Invalid::At { pointer, detail }
}

impl Operation {
    fn from_value(n: usize, item: Value) -> Result<Self, Invalid> {
        let Value::Object(members) = item else {
            return Err(fault(format!("/{n}"), "an operation is an object"));
        };
        let mut members = Arc::unwrap_or_clone(members);
        let op = match members.remove("op") {
            Some(Value::String(op)) => op,
            Some(_) => return Err(fault(format!("/{n}/op"), "op is a string")),
            None => return Err(fault(format!("/{n}"), "op is missing")),
        };
        if !["add", "remove", "replace", "move", "copy", "test"].contains(&&*op) {
            let detail = "op is add, remove, replace, move, copy or test";
            return Err(fault(format!("/{n}/op"), detail));
        }
        let path = take_pointer(&mut members, n, "path")?;
        let value = |mut members: Members| {
            members.remove("value").ok_or_else(|| fault(format!("/{n}"), "value is missing"))
        };
        Ok(match &*op {
            "add" => Self::Add { path, value: value(members)? },
            "replace" => Self::Replace { path, value: value(members)? },
            "test" => Self::Test { path, value: value(members)? },
            "remove" => Self::Remove { path },
            "copy" => Self::Copy { from: take_pointer(&mut members, n, "from")?, path },
            _ => {
                let from = take_pointer(&mut members, n, "from")?;
                if from.is_proper_prefix_of(&path) {
                    let detail = "a value cannot move into itself";
                    return Err(fault(format!("/{n}/from"), detail));
                }
                Self::Move { from, path }
            }
        })
    }

    fn apply(&self, document: &mut Value, copied: &mut usize) -> Result<(), Reason> {
        match self {
            Self::Add { path, value } => {
                check_depth(path, value)?;
                add(document, path, value.clone())
            }
            Self::Remove { path } => take(document, path).map(drop).ok_or_else(|| no_place(path)),
            Self::Replace { path, value } => {
                check_depth(path, value)?;
                let place = path.find_mut(document).ok_or_else(|| no_place(path))?;
                *place = value.clone();
                Ok(())
            }
            Self::Move { from, path } => {
                check_depth(path, from.find(document).ok_or_else(|| no_place(from))?)?;
                if from.tokens() == path.tokens() {
                    return Ok(());
                }
                let value = take(document, from).ok_or_else(|| no_place(from))?;
                add(document, path, value)
            }
            Self::Copy { from, path } => {
                let value = from.find(document).ok_or_else(|| no_place(from))?;
                *copied += to_bytes(value).len();
                if *copied > COPIED_BYTES_MAX {
                    return Err(Reason::Limit("copied-bytes"));
                }
                check_depth(path, value)?;
                let value = value.clone();
                add(document, path, value)
            }
            Self::Test { path, value } => {
                let found = path.find(document).ok_or_else(|| no_place(path))?;
                if found == value { Ok(()) } else { Err(Reason::TestFailed(path.as_str().into())) }
            }
        }
    }
}

fn take_pointer(members: &mut Members, n: usize, name: &str) -> Result<Pointer, Invalid> {
    let Some(value) = members.remove(name) else {
        let detail = if name == "path" { "path is missing" } else { "from is missing" };
        return Err(fault(format!("/{n}"), detail));
    };
    let pointer = match value {
        Value::String(text) => Pointer::parse(&text),
        _ => None,
    };
    pointer.ok_or_else(|| fault(format!("/{n}/{name}"), "this is a JSON Pointer in a string"))
}

fn no_place(pointer: &Pointer) -> Reason {
    Reason::NoPlace(pointer.as_str().to_owned())
}

/// Before a value is put anywhere, so that no tree is ever deeper than the limit.
fn check_depth(path: &Pointer, value: &Value) -> Result<(), Reason> {
    let fits = path.tokens().len() + value.depth() <= DEPTH_MAX;
    if fits { Ok(()) } else { Err(Reason::Limit("depth")) }
}

fn add(document: &mut Value, path: &Pointer, value: Value) -> Result<(), Reason> {
    if path.tokens().is_empty() {
        *document = value;
        return Ok(());
    }
    match path.find_parent(document) {
        Some((Value::Object(members), name)) => {
            Arc::make_mut(members).insert(name.into(), value);
            Ok(())
        }
        Some((Value::Array(items), token)) => {
            let place = if token == "-" { Some(items.len()) } else { index(token) };
            let place = place.filter(|place| *place <= items.len());
            Arc::make_mut(items).insert(place.ok_or_else(|| no_place(path))?, value);
            Ok(())
        }
        _ => Err(no_place(path)),
    }
}

/// Takes a value out. The whole document cannot be: nothing would be left to keep.
fn take(document: &mut Value, path: &Pointer) -> Option<Value> {
    match path.find_parent(document)? {
        (Value::Object(members), name) => Arc::make_mut(members).remove(name),
        (Value::Array(items), token) => {
            let place = index(token).filter(|place| *place < items.len())?;
            Some(Arc::make_mut(items).remove(place))
        }
        _ => None,
    }
}
