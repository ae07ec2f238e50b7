//! JSON Merge Patch (RFC 7396).

use crate::json::Value;
use std::collections::BTreeMap;

/// Applies a merge patch as in RFC 7396 §2. The result is no deeper than the deeper of the two.
pub fn merge(target: Value, patch: Value) -> Value {
    let Value::Object(changes) = patch else { return patch };
    let mut members = match target {
        Value::Object(members) => members,
        _ => BTreeMap::new(),
    };
    for (name, change) in changes {
        if matches!(change, Value::Null) {
            members.remove(&name);
        } else {
            let old = members.remove(&name).unwrap_or(Value::Null);
            members.insert(name, merge(old, change));
        }
    }
    Value::Object(members)
}
