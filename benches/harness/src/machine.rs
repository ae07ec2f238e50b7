//! What the kernel says about the machine.

use std::fs;

use assay_evidence::{Machine, Pinning};

const UNKNOWN: &str = "unknown";

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The first value of a `/proc` file's `label : value` lines.
fn field(text: &str, label: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(label))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The machine as a run records it; `cores` are those this process may use.
pub(crate) fn machine(cores: &[u32], server_core: u32) -> Machine {
    let unknown = || UNKNOWN.to_owned();
    let cpuinfo = read("/proc/cpuinfo").unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown);
    let governor = format!("/sys/devices/system/cpu/cpu{server_core}/cpufreq/scaling_governor");
    let memory_kib: u64 = read("/proc/meminfo")
        .and_then(|text| field(&text, "MemTotal")?.strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or(0);
    Machine {
        cpu: field(&cpuinfo, "model name").unwrap_or_else(unknown),
        cores: u32::try_from(cores.len()).unwrap_or(u32::MAX),
        memory_mb: memory_kib * 1024 / 1_000_000,
        kernel: format!("Linux {release}"),
        governor: read(&governor).unwrap_or_else(unknown),
        virtualisation: virtualisation(&cpuinfo),
        clock: read("/sys/devices/system/clocksource/clocksource0/current_clocksource")
            .unwrap_or_else(unknown),
    }
}

fn virtualisation(cpuinfo: &str) -> String {
    let flags = field(cpuinfo, "flags").unwrap_or_default();
    if !flags.split_whitespace().any(|flag| flag == "hypervisor") {
        return "none seen".into();
    }
    read("/sys/class/dmi/id/product_name")
        .or_else(|| read("/sys/hypervisor/type"))
        .unwrap_or_else(|| "a virtual machine".into())
}

/// The first core for the service and, for the generator, the last that is no thread of the same
/// physical core, if there is one. None with fewer than two cores.
pub(crate) fn pinning(cores: &[u32]) -> Option<Pinning> {
    let (server_core, others) = cores.split_first()?;
    let siblings =
        read(&format!("/sys/devices/system/cpu/cpu{server_core}/topology/thread_siblings_list"))
            .map(|list| parse_list(&list))
            .unwrap_or_default();
    let apart = others.iter().rev().find(|core| !siblings.contains(core));
    let generator_core = *apart.or(others.last())?;
    Some(Pinning { server_core: *server_core, generator_core, same_physical_core: apart.is_none() })
}

/// The numbers of `0-2,5`.
fn parse_list(list: &str) -> Vec<u32> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<u32>> {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        Some(low.trim().parse().ok()?..=high.trim().parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// A name for the machine that says what it is rather than whose: from model and core count.
pub(crate) fn name(machine: &Machine) -> String {
    format!("{} {} cores", machine.cpu, machine.cores)
}

/// A text as part of a folder's name: lower-case letters and digits joined by single dashes.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(40);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_become_plain_folder_names() {
        assert_eq!(slug("AMD EPYC 2 cores"), "amd-epyc-2-cores");
        assert_eq!(slug("../../Böse Kiste/"), "b-se-kiste");
        assert_eq!(slug("…"), "");
    }

    #[test]
    fn core_lists_are_read() {
        assert_eq!(parse_list("0-2,5"), [0, 1, 2, 5]);
        assert!(parse_list("").is_empty());
    }

    #[test]
    fn one_core_is_too_few() {
        assert_eq!(pinning(&[0]), None);
        assert!(pinning(&[0, 1]).is_some_and(|pinning| pinning.generator_core == 1));
    }
}
