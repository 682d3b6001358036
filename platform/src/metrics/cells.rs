//! Counters and histograms.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How often something happened, by the values of its labels.
pub struct Counter {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    /// Guards the counts; held for one addition.
    cells: Mutex<BTreeMap<Vec<&'static str>, u64>>,
}

/// How large something was, by the value of at most one label.
pub struct Histogram {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    bounds: &'static [f64],
    /// Guards the cells; held for one observation.
    cells: Mutex<BTreeMap<&'static str, Cell>>,
}

#[derive(Clone)]
struct Cell {
    /// Observations up to each bound, and above the last.
    counts: Vec<u64>,
    sum: f64,
}

impl Counter {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, help, labels, cells: Mutex::new(BTreeMap::new()) }
    }

    /// It happened once more, with these values of its labels, in their order.
    pub fn add(&self, values: &[&'static str]) {
        debug_assert_eq!(values.len(), self.labels.len(), "{}", self.name);
        *lock(&self.cells).entry(values.to_vec()).or_default() += 1;
    }

    pub(super) fn render(&self, out: &mut String) {
        head(out, self.name, self.help, "counter");
        for (values, count) in &*lock(&self.cells) {
            let pairs = self.labels.iter().zip(values);
            let pairs: Vec<_> = pairs.map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            line(out, self.name, &pairs.join(","), count);
        }
    }
}

impl Histogram {
    pub(super) const fn new(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        bounds: &'static [f64],
    ) -> Self {
        Self { name, help, label, bounds, cells: Mutex::new(BTreeMap::new()) }
    }

    /// It was so large; `value` of the label is empty where there is none.
    pub fn observe(&self, value: &'static str, size: f64) {
        let mut cells = lock(&self.cells);
        let empty = || Cell { counts: vec![0; self.bounds.len() + 1], sum: 0.0 };
        let cell = cells.entry(value).or_insert_with(empty);
        cell.counts[self.bounds.partition_point(|bound| *bound < size)] += 1;
        cell.sum += size;
    }

    pub(super) fn render(&self, out: &mut String) {
        head(out, self.name, self.help, "histogram");
        for (value, cell) in &*lock(&self.cells) {
            let label = if self.label.is_empty() { String::new() } else { format!("{}=\"{value}\"", self.label) };
            let comma = if label.is_empty() { "" } else { "," };
            let mut below = 0;
            let bounds = self.bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            for (bound, count) in bounds.zip(&cell.counts) {
                below += count;
                line(out, &format!("{}_bucket", self.name), &format!("{label}{comma}le=\"{bound}\""), &below);
            }
            line(out, &format!("{}_sum", self.name), &label, &cell.sum);
            line(out, &format!("{}_count", self.name), &label, &below);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: &impl std::fmt::Display) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _ = writeln!(out, "{name}{labels} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b50_counters_and_histograms_are_written_as_prometheus_reads_them() {
        let counter = Counter::new("c_total", "C", &["a", "b"]);
        counter.add(&["x", "y"]);
        counter.add(&["x", "y"]);
        let histogram = Histogram::new("h_seconds", "H", "q", &[1.0, 2.5]);
        for size in [0.5, 1.0, 2.0, 9.0] {
            histogram.observe("z", size);
        }
        let mut out = String::new();
        counter.render(&mut out);
        histogram.render(&mut out);
        let expected = "# HELP c_total C\n# TYPE c_total counter\nc_total{a=\"x\",b=\"y\"} 2\n\
            # HELP h_seconds H\n# TYPE h_seconds histogram\nh_seconds_bucket{q=\"z\",le=\"1\"} 2\n\
            h_seconds_bucket{q=\"z\",le=\"2.5\"} 3\nh_seconds_bucket{q=\"z\",le=\"+Inf\"} 4\nh_seconds_sum{q=\"z\"} 12.5\n\
            h_seconds_count{q=\"z\"} 4\n";
        assert_eq!(out, expected);
    }
}
