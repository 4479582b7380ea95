//! Nearest neighbours by bounds against a blocked product search, reading included, on the same cores in the same run.
//!
//! `cargo bench -p ncsn-trainer --bench neighbours`: 1,000 test images of CIFAR-10 from `../shared/data`, or the files
//! given after `--` (samples, data), among the training images; also among mirrored ones.

#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ncsn_data::Options;
use ncsn_trainer::dataset::Items;
use ncsn_trainer::evaluate::features::{self, Features};
use ncsn_trainer::evaluate::neighbours::{Nearest, Neighbour};
use ncsn_trainer::layout::Stated;
use ncsn_trainer::torch;
use tch::{Device, Kind, Tensor};

/// Samples, neighbours of each, items at a time, candidates of the baseline beside the neighbours.
const SAMPLES: usize = 1000;
const COUNT: usize = 8;
const BATCH: usize = 1024;
const SPARE: usize = 8;
/// Repetitions, by turns, of which the medians are printed.
const REPETITIONS: usize = 3;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
type Search = fn(&Items, &Items, bool) -> Result<Vec<Vec<Neighbour>>>;

fn main() -> Result<()> {
    ncsn_trainer::device::keep_memory();
    let given: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    let cifar = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/cifar10-jpeg");
    let [samples, data] = match &given[..] {
        [samples, data] => [samples.clone(), data.clone()],
        _ => [cifar.join("test.tar.gz"), cifar.join("train.tar.gz")],
    };
    let open = |path: &Path| features::open_items(path, &Options::default(), Stated::default(), None);
    let (samples, data) = (open(&samples)?.0, open(&data)?.0);
    println!(
        "{} of {} samples, {} items of {:?}, {} torch threads; {REPETITIONS} repetitions",
        SAMPLES.min(samples.len()),
        samples.len(),
        data.len(),
        data.shape(),
        tch::get_num_threads()
    );
    println!(
        "{:<10} {:>12} {:>12} {:>7} {:>7}  seconds, median [least, most]; cpu: ratio of processor time",
        "", "products", "bounds", "ratio", "cpu"
    );
    for flip in [false, true] {
        let searches: [Search; 2] = [products, bounds];
        let mut seconds = [vec![], vec![]];
        let mut found = [vec![], vec![]];
        let mut processor = [0.0, 0.0];
        for _ in 0..REPETITIONS {
            for (at, search) in searches.iter().enumerate() {
                let (start, before) = (Instant::now(), processor_seconds()?);
                found[at] = search(&samples, &data, flip)?;
                seconds[at].push(start.elapsed().as_secs_f64());
                processor[at] += processor_seconds()? - before;
            }
        }
        seconds.iter_mut().for_each(|seconds| seconds.sort_by(f64::total_cmp));
        let median = |at: usize| seconds[at][REPETITIONS / 2];
        println!(
            "{:<10} {:>12.3} {:>12.3} {:>7.1} {:>7.1}  {:.3?} {:.3?}",
            if flip { "mirrored" } else { "plain" },
            median(0),
            median(1),
            median(0) / median(1),
            processor[0] / processor[1],
            [seconds[0][0], seconds[0][REPETITIONS - 1]],
            [seconds[1][0], seconds[1][REPETITIONS - 1]]
        );
        println!("{:<10} {}", "", compared(&found[0], &found[1]));
    }
    Ok(())
}

/// User and system time of all threads so far, from the kernel's count of hundredths of a second.
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The second field is the name in parentheses; user and system time are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum();
    Ok(ticks as f64 / 100.0)
}

/// How two results differ: in distances by no more than rounding, in items where distances are equal.
fn compared(products: &[Vec<Neighbour>], bounds: &[Vec<Neighbour>]) -> String {
    let pairs = || products.iter().flatten().zip(bounds.iter().flatten());
    let apart = pairs().map(|(a, b)| (a.distance - b.distance).abs()).fold(0.0, f64::max);
    let others = pairs().filter(|(a, b)| (a.item, a.mirrored) != (b.item, b.mirrored)).count();
    format!("of {} neighbours {others} others, distances apart by {apart:.1e} at most", pairs().count())
}

fn bounds(samples: &Items, data: &Items, flip: bool) -> Result<Vec<Vec<Neighbour>>> {
    let features = Features::Pixels;
    let numbers: Vec<usize> = (0..SAMPLES.min(samples.len())).collect();
    let chosen = features::read(samples, &numbers, &features)?.items;
    let mirrored = flip.then(|| features.vectors(&chosen.flip([3]), Device::Cpu)).transpose()?;
    let plain = features.vectors(&chosen, Device::Cpu)?;
    let dim = data.shape().iter().product::<i64>() as usize;
    let mut nearest = Nearest::new(plain, mirrored, dim, COUNT, Device::Cpu)?;
    let batches = data.len().div_ceil(BATCH);
    for batch in 0..batches {
        // From everywhere among the data, which are sorted by class, as the command does.
        let numbers: Vec<usize> = (batch..data.len()).step_by(batches).collect();
        nearest.add(&features::read_vectors(data, &numbers, &features, Device::Cpu)?.0, &numbers, false)?;
    }
    Ok(nearest.finish())
}

/// The candidates of least ‖s‖² + ‖x‖² − 2 s·x in single precision, compared in double precision.
fn products(samples: &Items, data: &Items, flip: bool) -> Result<Vec<Vec<Neighbour>>> {
    let count = SAMPLES.min(samples.len());
    let read = |items: &Items, numbers: &[usize]| -> Result<Tensor> {
        Ok(features::read(items, numbers, &Features::Pixels)?.items)
    };
    let samples = read(samples, &(0..count).collect::<Vec<_>>())?.flatten(1, -1);
    let mut found = vec![Vec::new(); count];
    for first in (0..data.len()).step_by(BATCH) {
        let numbers: Vec<usize> = (first..data.len().min(first + BATCH)).collect();
        let images = read(data, &numbers)?;
        take(&mut found, &samples, &images.flatten(1, -1), first, false);
        if flip {
            take(&mut found, &samples, &images.flip([3]).flatten(1, -1), first, true);
        }
    }
    Ok(found)
}

fn take(found: &mut [Vec<Neighbour>], samples: &Tensor, items: &Tensor, first: usize, mirrored: bool) {
    let squares = |x: &Tensor| (x * x).sum_dim_intlist([1].as_slice(), false, Kind::Float);
    let rough =
        squares(samples).unsqueeze(1) + squares(items).unsqueeze(0) - samples.matmul(&items.tr()) * 2.0;
    let kept = (COUNT + SPARE).min(items.size()[0] as usize);
    let (least, nearest) = rough.topk(kept as i64, 1, false, true);
    let (least, nearest): (Vec<f32>, Vec<i64>) = (torch::values(&least), torch::values(&nearest));
    for (row, found) in found.iter_mut().enumerate() {
        // Only those that may be among the nearest: rounding of these sums is far below 0.01.
        let limit =
            found.get(COUNT - 1).map_or(f64::INFINITY, |last: &Neighbour| last.distance.powi(2) + 0.01);
        for (&least, &number) in least[row * kept..].iter().zip(&nearest[row * kept..]).take(kept) {
            if f64::from(least) <= limit {
                let rest = (items.get(number) - samples.get(row as i64)).to_kind(Kind::Double);
                let distance = rest.square().sum(Kind::Double).sqrt().double_value(&[]);
                found.push(Neighbour { item: first + number as usize, mirrored, distance });
            }
        }
        found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.item.cmp(&b.item)));
        let mut seen = HashSet::new();
        found.retain(|neighbour| seen.insert(neighbour.item));
        found.truncate(COUNT);
    }
}
