//! The whole judgement of a large push beside Polars' bare read of the same file and beside DuckDB with rules that a person wrote
//! for it, as CPU time and as ratios.
//!
//! `cargo bench --workspace --bench scan -- [RECORDS]` (two million if not said). Each runs three times and the least counts: the
//! load of the machine moves walls more than CPU time, and ratios less than either. DuckDB is the machine's own, as a program or
//! as Python's module; a machine without it says that it was not measured.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark speaks to whoever runs it")]

use std::{collections::BTreeMap, fs::File, path::Path, process::Command};

use holdpoint_analyzer::{Baseline, Push, Settings, analyze};
use holdpoint_review::ObjectVersion;
use jiff::Timestamp;
use polars::prelude::*;

/// What a person would ask of each of these orders.
const RULES: [&str; 12] = [
    "customer not between 0 and 199",
    "qty not between 0 and 11",
    "amount not between 0 and 25",
    "price not between 0 and 2000",
    "lat not between 35 and 45",
    "lon not between -82 and -66",
    "country not in ('US', 'DE', 'FR', 'GB')",
    "status not in ('new', 'paid', 'shipped', 'done')",
    "not regexp_matches(sku, '^SKU-[0-9]{6}$')",
    "not regexp_matches(email, '^[^@]+@[^@]+[.][a-z]+$')",
    "email is null",
    "ts not between timestamp '2023-11-14' and timestamp '2023-12-15'",
];

/// The ways in which a machine may have DuckDB: what is run, before the query.
const DUCKDB: [&[&str]; 2] =
    [&["duckdb", "-c"], &["python3", "-c", "import duckdb, sys; duckdb.sql(sys.argv[1]).fetchall()"]];

fn main() {
    let records = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(2_000_000);
    let folder = tempfile::tempdir().unwrap();
    let (parquet, csv) = (folder.path().join("push.parquet"), folder.path().join("push.csv"));
    let mut push = orders(records);
    ParquetWriter::new(File::create(&parquet).unwrap()).with_row_group_size(Some(250_000)).finish(&mut push).unwrap();
    CsvWriter::new(File::create(&csv).unwrap()).finish(&mut push).unwrap();
    drop(push);

    let bare = least(|| bare_read(&parquet));
    println!("{records} records of 12 columns; CPU seconds, and times a bare read of the Parquet file");
    let tell = |name: &str, seconds: f64| println!("{name:32}{seconds:8.2}{:8.2}", seconds / bare);
    tell("bare read of Parquet", bare);
    tell("judgement of Parquet", least(|| judge(&parquet, records)));
    tell("judgement of CSV", least(|| judge(&csv, records)));
    let Some(duckdb) = DUCKDB.into_iter().find(|duckdb| query(duckdb, "select 1").is_ok()) else {
        println!("DuckDB was not measured: there is neither a program `duckdb` nor a module of Python's");
        return;
    };
    tell("DuckDB's start", least(|| query(duckdb, "select 1").unwrap()));
    tell("DuckDB's rules on Parquet", least(|| query(duckdb, &rules_on(&parquet)).unwrap()));
    tell("DuckDB's rules on CSV", least(|| query(duckdb, &rules_on(&csv)).unwrap()));
}

/// Has DuckDB answer, or says what it complains of.
fn query(duckdb: &[&str], sql: &str) -> Result<(), String> {
    let output = Command::new(duckdb[0]).args(&duckdb[1..]).arg(sql).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// How many records break each rule, and how many any.
fn rules_on(file: &Path) -> String {
    let counts = RULES.map(|rule| format!("count(*) filter ({rule})")).join(", ");
    let any = RULES.map(|rule| format!("coalesce({rule}, false)")).join(" or ");
    format!("select {counts}, count(*) filter ({any}) from '{}'", file.display())
}

fn bare_read(file: &Path) {
    let frame = ParquetReader::new(File::open(file).unwrap()).finish().unwrap();
    assert!(frame.height() > 0 && frame.null_count().width() == frame.width());
}

fn judge(file: &Path, records: usize) {
    let source = ObjectVersion {
        bucket: "bench".to_owned(),
        key: file.to_string_lossy().into_owned(),
        version_id: "1".to_owned(),
    };
    let push = Push {
        source,
        dataset: "orders".to_owned(),
        customer: "acme".to_owned(),
        delivered_at: Timestamp::UNIX_EPOCH,
        tags: BTreeMap::new(),
    };
    let analysis = analyze(file, &push, &Baseline::default(), &Settings::default()).unwrap();
    assert_eq!(analysis.report.records, records as u64);
}

/// The least CPU time of three runs, in seconds.
fn least(run: impl Fn()) -> f64 {
    let runs = (0..3).map(|_| {
        let before = cpu_seconds();
        run();
        cpu_seconds() - before
    });
    runs.fold(f64::INFINITY, f64::min)
}

/// User and system time so far of this process and of those it waited for. The kernel counts it in ticks, a hundred a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux says how much time a process took");
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks = after_name.split_whitespace().skip(11).take(4).map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// Orders with a counter, measures of several shapes, categories, a code and an address that some lack.
fn orders(records: usize) -> DataFrame {
    let mut state = 0_u64;
    let mut share = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from((state >> 33) as u32) / f64::from(1_u32 << 31)
    };
    let mut each = |of: &dyn Fn(f64) -> f64| (0..records).map(|_| of(share())).collect::<Vec<f64>>();
    let rounded = |number: f64, scale: f64| (number * scale).round() / scale;
    let real = [
        ("amount", each(&|share| rounded((3.0 + (share + 0.01).ln()).exp(), 100.0))),
        ("price", each(&|share| rounded(-40.0 * (1.0 - share).ln(), 100.0))),
        ("lat", each(&|share| rounded(35.0 + 10.0 * share, 100_000.0))),
        ("lon", each(&|share| rounded(-82.0 + 16.0 * share, 100_000.0))),
    ];
    #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
    let mut whole = |most: f64| each(&|share| share * most).into_iter().map(|number| number as i64).collect::<Vec<_>>();
    let ids: Vec<i64> = (0..).take(records).collect();
    let times: Vec<i64> = whole(2_592_000.0).into_iter().map(|second| (1_700_000_000 + second) * 1_000_000).collect();
    let named = |names: &[&'static str], places: Vec<i64>| -> Vec<&'static str> {
        places.into_iter().map(|place| names[usize::try_from(place).unwrap()]).collect()
    };
    let email = |number: i64| (number % 40 != 0).then(|| format!("u{number}@ex.com"));
    let mut columns = vec![
        Series::new("order_id".into(), ids).into_column(),
        Series::new("customer".into(), whole(200.0)).into_column(),
        Series::new("qty".into(), whole(12.0)).into_column(),
        Series::new("ts".into(), times).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap().into_column(),
        Series::new("country".into(), named(&["US", "DE", "FR", "GB"], whole(4.0))).into_column(),
        Series::new("status".into(), named(&["new", "paid", "shipped", "done"], whole(4.0))).into_column(),
        Series::new("sku".into(), whole(50_000.0).iter().map(|sku| format!("SKU-{sku:06}")).collect::<Vec<_>>())
            .into_column(),
        Series::new("email".into(), whole(2_000_000.0).into_iter().map(email).collect::<Vec<_>>()).into_column(),
    ];
    columns.extend(real.map(|(name, numbers)| Series::new(name.into(), numbers).into_column()));
    DataFrame::new(records, columns).unwrap()
}
