//! What the system tells about itself and its processes. Everything may be missing.

use std::fs;

/// The processors this process may use, in order.
pub(crate) fn cores() -> Vec<usize> {
    affinity::cores()
}

/// Keeps this process on one processor; false where that is not possible.
pub(crate) fn pin(core: usize) -> bool {
    affinity::pin(core)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod affinity {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn cores() -> Vec<usize> {
        let Ok(set) = sched_getaffinity(None) else {
            return Vec::new();
        };
        (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect()
    }

    pub(super) fn pin(core: usize) -> bool {
        let mut set = CpuSet::new();
        set.set(core);
        sched_setaffinity(None, &set).is_ok()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod affinity {
    pub(super) fn cores() -> Vec<usize> {
        (0..std::thread::available_parallelism().map_or(1, usize::from)).collect()
    }

    pub(super) fn pin(_: usize) -> bool {
        false
    }
}

/// Processor time of all threads of a process in nanoseconds, user and system, from the scheduler's accounts; from the coarser
/// clock ticks where these are not kept.
pub(crate) fn cpu_nanos(pid: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let times = threads.filter_map(|thread| {
        let accounts = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        accounts.split_whitespace().next()?.parse::<u64>().ok()
    });
    match times.sum() {
        0 => cpu_ticks(pid).map(|ticks| ticks * 10_000_000),
        nanos => Some(nanos),
    }
}

fn cpu_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

/// Resident memory of a process that no file backs, in bytes.
pub(crate) fn anonymous_bytes(pid: u32) -> Option<u64> {
    kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Anonymous:")
}

/// The most that was ever resident, in bytes.
pub(crate) fn peak_bytes(pid: u32) -> Option<u64> {
    kilobytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

fn kilobytes(file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// How many descriptors a process may open.
pub(crate) fn descriptor_limit() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find(|line| line.starts_with("Max open files"))?.split_whitespace().nth(3)?.parse().ok()
}

/// The machine in a line.
pub(crate) fn machine() -> String {
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
        Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    let kernel = kernel.as_deref().map_or("", str::trim).split('-').next().unwrap_or_default().to_owned();
    let memory = kilobytes("/proc/meminfo", "MemTotal:").map_or(String::new(), |bytes| format!(", {} GiB", bytes >> 30));
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let plural = if cores().len() == 1 { "" } else { "s" };
    format!("{model}, {} processor{plural}{memory}, {} {kernel}", cores().len(), std::env::consts::OS)
}

/// The day, from the system's clock.
pub(crate) fn today() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // Howard Hinnant's civil_from_days.
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// The first line of the output of a program, if it can be run.
pub(crate) fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned();
    output.status.success().then_some(text)
}
