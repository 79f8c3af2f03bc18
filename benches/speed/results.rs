//! What was measured.
//!
//! Input: samples by name. Output: a table of medians with ratios, and a JSON file. It judges nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::{Value, json};

/// Samples by name, in the order in which names came.
#[derive(Default)]
pub struct Results {
    names: Vec<(String, &'static str)>,
    samples: BTreeMap<String, Vec<f64>>,
}

/// Quotients that say something: what, over what.
const RATIOS: [(&str, &str, &str); 7] = [
    ("heddle's rate over the raw loop's, cold", "raw: cold", "heddle: cold, until the last object"),
    ("the same with the report", "raw: cold", "heddle: cold, whole process"),
    ("kubectl's time over heddle's, cold", "kubectl: cold", "heddle: cold, until the last object"),
    ("the same with the report", "kubectl: cold", "heddle: cold, whole process"),
    ("`kubectl diff` over `heddle plan`, nothing changed", "kubectl: diff", "heddle: plan"),
    ("`kubectl diff` over `heddle run --once`, nothing changed", "kubectl: diff", "heddle: run --once"),
    ("kubectl's rate over the raw loop's, cold", "raw: cold", "kubectl: cold"),
];

impl Results {
    /// Takes a sample in.
    pub fn add(&mut self, name: &str, unit: &'static str, value: f64) {
        println!("  {name}: {value:.3} {unit}");
        if !self.samples.contains_key(name) {
            self.names.push((name.to_owned(), unit));
        }
        self.samples.entry(name.to_owned()).or_default().push(value);
    }

    fn median(&self, name: &str) -> Option<f64> {
        let mut sorted = self.samples.get(name)?.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        Some(if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) })
    }

    /// Quotients within each round, so that a busy moment counts for both; the median of them.
    fn ratio(&self, over: &str, under: &str) -> Option<f64> {
        let (over, under) = (self.samples.get(over)?, self.samples.get(under)?);
        let mut quotients: Vec<f64> = over.iter().zip(under).map(|(over, under)| over / under).collect();
        quotients.sort_by(f64::total_cmp);
        quotients.get(quotients.len() / 2).copied()
    }

    /// Prints the table.
    pub fn print(&self) {
        println!("\n| what | median | least | most | samples |\n|---|---|---|---|---|");
        for (name, unit) in &self.names {
            let samples = &self.samples[name];
            let median = self.median(name).unwrap_or_default();
            let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
            let most = samples.iter().copied().fold(0.0, f64::max);
            println!("| {name} | {median:.3} {unit} | {least:.3} | {most:.3} | {} |", samples.len());
        }
        println!("\n| ratio | median of the rounds |\n|---|---|");
        for (name, over, under) in RATIOS {
            if let Some(ratio) = self.ratio(over, under) {
                println!("| {name} | {ratio:.2} |");
            }
        }
    }

    /// Writes the JSON file.
    pub fn write(&self) -> ExitCode {
        let one = |(name, unit): &(String, &str)| json!({"name": name, "unit": unit, "median": self.median(name), "samples": self.samples[name]});
        let ratios: Vec<Value> = RATIOS
            .iter()
            .filter_map(|(name, over, under)| {
                Some(json!({"name": name, "over": over, "under": under, "median": self.ratio(over, under)?}))
            })
            .collect();
        let document = json!({
            "machine": machine(),
            "measured": self.names.iter().map(one).collect::<Vec<_>>(),
            "ratios": ratios,
        });
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder").join("bench");
        let file = folder.join("speed.json");
        let text = serde_json::to_string_pretty(&document).expect("plain values") + "\n";
        match std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, text)) {
            Ok(()) => {
                println!("\nwritten to {}", file.display());
                ExitCode::SUCCESS
            }
            Err(error) => {
                println!("\n{} could not be written: {error}", file.display());
                ExitCode::FAILURE
            }
        }
    }
}

/// Processors, memory, load: what a number means nothing without.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kib = read("/proc/meminfo").split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    let load = read("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let kernel = Command::new("uname").arg("-srm").output().map(|output| output.stdout).unwrap_or_default();
    let kernel = String::from_utf8_lossy(&kernel).trim().to_owned();
    format!("{cores} cores, {} GiB, load {load}, {kernel}", kib.unwrap_or_default() / 1_048_576)
}
