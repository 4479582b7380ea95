//! Exact diameter, reading included, against blocked brute force on the same cores in the same run.
//!
//! `cargo bench --bench diameter` multiplies all blocks (minutes); `-- --quick` a stated fraction of them and scales up.
//! Rows are read from files in the page cache. CIFAR-10 and MNIST come from `../shared/data` when it is there, else smooth
//! random fields of the same shape stand for them.

#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ncsn_data::{Options, Pixels};
use ncsn_diameter::{Entry, Error, Rows, brute_force, diameter};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Repetitions whose median is printed.
const REPETITIONS: usize = 7;

/// Largest squared distances that brute force in integers found.
const KNOWN: [(&str, &str); 2] = [("CIFAR-10 (JPEG) train u8", "183826808"), ("MNIST train u8", "18518557")];

/// Rows of a block of the baseline: with 3072 columns two blocks of singles fill the shared cache.
const BLOCK: usize = 1024;

/// One in so many pairs of blocks is multiplied with `--quick`.
const QUICK: usize = 16;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Rows of little-endian numbers in a file.
struct FileRows {
    file: File,
    count: usize,
    dim: usize,
}

impl FileRows {
    fn open(path: &Path, dim: usize, entry_bytes: usize) -> io::Result<Self> {
        let file = File::open(path)?;
        let count = file.metadata()?.len() as usize / (dim * entry_bytes);
        Ok(Self { file, count, dim })
    }
}

impl Rows<u8> for FileRows {
    fn len(&self) -> usize {
        self.count
    }
    fn dim(&self) -> usize {
        self.dim
    }
    fn read(&self, first: usize, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, (first * self.dim) as u64)
    }
}

impl Rows<f32> for FileRows {
    fn len(&self) -> usize {
        self.count
    }
    fn dim(&self) -> usize {
        self.dim
    }
    fn read(&self, first: usize, buffer: &mut [f32]) -> io::Result<()> {
        let mut bytes = [0; 16 << 10];
        let mut offset = (first * self.dim * 4) as u64;
        for part in buffer.chunks_mut(bytes.len() / 4) {
            let bytes = &mut bytes[..4 * part.len()];
            self.file.read_exact_at(bytes, offset)?;
            offset += bytes.len() as u64;
            for (entry, bytes) in part.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *entry = f32::from_le_bytes(*bytes);
            }
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let folder = tempfile::tempdir()?;
    let [cifar, standardised, mnist, noise] =
        ["cifar", "standardised", "mnist", "noise"].map(|name| folder.path().join(name));
    let cifar_source = write_cifar(&cifar, &standardised)?;
    let mnist_source = write_mnist(&mnist)?;
    write_noise(&noise, 8_000 * 3_072)?;

    let mut table = [
        line::<u8>(&format!("{cifar_source} u8"), &FileRows::open(&cifar, 3_072, 1)?)?,
        line::<u8>(&format!("{mnist_source} u8"), &FileRows::open(&mnist, 784, 1)?)?,
        line::<f32>(&format!("{cifar_source} standardised f32"), &FileRows::open(&standardised, 3_072, 4)?)?,
        line::<u8>("uniform noise u8", &FileRows::open(&noise, 3_072, 1)?)?,
    ];
    let peak = peak_memory()?;
    let (singles, share) = (if quick { QUICK } else { 1 }, if quick { "estimated from 1/16" } else { "all" });
    table[0].baseline = matrix_products::<u8>(&FileRows::open(&cifar, 3_072, 1)?, singles)?;
    table[1].baseline = matrix_products::<u8>(&FileRows::open(&mnist, 784, 1)?, singles)?;
    table[2].baseline = matrix_products::<f32>(&FileRows::open(&standardised, 3_072, 4)?, singles)?;
    let noise = FileRows::open(&noise, 3_072, 1)?;
    table[3].baseline = timed(3, || Ok(brute_force::<u8>(&noise, |_| ())?.squared))?.1;

    println!(
        "{} threads; single-precision brute force: {share} of the block pairs",
        rayon::current_num_threads()
    );
    for (name, known) in KNOWN {
        if let Some(line) = table.iter().find(|line| line.name == name) {
            let verdict = if line.squared == known { "found" } else { "not found" };
            println!("known squared diameter of {name}: {known}, {verdict}");
        }
    }
    println!("peak memory before the baselines: {peak}");
    println!("cpu: seconds of all processors together, the ratio to read on a busy machine");
    println!(
        "{:<36} {:>6} {:>5} {:>10} {:>9} {:>9} {:>15} {:>9} {:>10} {:>7} {:>7}  {:<9} baseline",
        "data",
        "rows",
        "dim",
        "squared",
        "evaluated",
        "s",
        "least..most",
        "cpu s",
        "baseline s",
        "ratio",
        "cpu",
        "method"
    );
    for (index, line) in table.iter().enumerate() {
        let kind = if index == 3 { "exact integer blocks" } else { "f32 matrix products" };
        line.print(kind);
    }
    Ok(())
}

/// One line of the table.
struct Line {
    name: String,
    shape: (usize, usize),
    squared: String,
    seconds: Seconds,
    evaluated: u64,
    method: String,
    baseline: Seconds,
}

impl Line {
    fn print(&self, kind: &str) {
        println!(
            "{:<36} {:>6} {:>5} {:>10} {:>9} {:>9.4} {:>15} {:>9.4} {:>10.2} {:>7.1} {:>7.1}  {:<9} {kind}",
            self.name,
            self.shape.0,
            self.shape.1,
            self.squared,
            self.evaluated,
            self.seconds.wall,
            self.seconds.range.map(|seconds| format!("{seconds:.4}")).join(".."),
            self.seconds.processor,
            self.baseline.wall,
            self.baseline.wall / self.seconds.wall,
            self.baseline.processor / self.seconds.processor,
            self.method
        );
    }
}

fn line<E: Entry>(name: &str, rows: &FileRows) -> Result<Line>
where
    FileRows: Rows<E>,
    E::Squared: std::fmt::Debug,
{
    let (found, seconds) = timed(REPETITIONS, || diameter(rows, |_| ()))?;
    let squared = format!("{:?}", found.squared);
    Ok(Line {
        name: name.to_owned(),
        shape: (found.count, found.dim),
        squared: squared.split(['.', ',']).next().unwrap_or_default().replace("Interval { lo: ", ""),
        seconds,
        evaluated: found.pairs_evaluated,
        method: format!("{:?}", found.method),
        baseline: Seconds { wall: f64::NAN, range: [f64::NAN; 2], processor: f64::NAN },
    })
}

/// Seconds on the clock (median, and from least to most) and of all processors together (mean).
#[derive(Clone, Copy)]
struct Seconds {
    wall: f64,
    range: [f64; 2],
    processor: f64,
}

/// The last result and the time of one repetition.
fn timed<T>(
    repetitions: usize,
    mut run: impl FnMut() -> std::result::Result<T, Error>,
) -> Result<(T, Seconds)> {
    let mut seconds = Vec::new();
    let mut last = None;
    let before = processor_seconds()?;
    for _ in 0..repetitions {
        let start = Instant::now();
        last = Some(black_box(run()?));
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let processor = (processor_seconds()? - before) / repetitions as f64;
    let range = [seconds[0], seconds[repetitions - 1]];
    Ok((last.ok_or("no repetition")?, Seconds { wall: seconds[repetitions / 2], range, processor }))
}

/// Time for the largest entry of |x|² + |y|² − 2 x·y over one in `stride` pairs of blocks (each pair once), times
/// `stride`: what brute force by matrix products costs with all rows in memory as singles.
fn matrix_products<E: Entry + Into<f32>>(rows: &FileRows, stride: usize) -> Result<Seconds>
where
    FileRows: Rows<E>,
{
    let (count, dim) = (rows.count, rows.dim);
    let (start, processor) = (Instant::now(), processor_seconds()?);
    let mut data = Array2::<f32>::zeros((count, dim));
    let mut buffer = vec![E::default(); dim];
    for (index, mut row) in data.rows_mut().into_iter().enumerate() {
        rows.read(index, &mut buffer)?;
        row.iter_mut().zip(&buffer).for_each(|(single, &entry)| *single = entry.into());
    }
    let norms: Vec<f32> = data.rows().into_iter().map(|row| row.dot(&row)).collect();
    let prepared = (start.elapsed().as_secs_f64(), processor_seconds()? - processor);
    let starts = || (0..count).step_by(BLOCK);
    let pairs: Vec<(usize, usize)> =
        starts().flat_map(|i| starts().filter(move |&j| j >= i).map(move |j| (i, j))).collect();
    let chosen: Vec<(usize, usize)> = pairs.iter().copied().step_by(stride).collect();
    let (start, processor) = (Instant::now(), processor_seconds()?);
    let largest = chosen
        .par_iter()
        .map_init(
            || Array2::<f32>::zeros((BLOCK, BLOCK)),
            |products, &(i, j)| {
                let ends = (count.min(i + BLOCK), count.min(j + BLOCK));
                let mut products = products.slice_mut(s![..ends.0 - i, ..ends.1 - j]);
                let (a, b) = (data.slice(s![i..ends.0, ..]), data.slice(s![j..ends.1, ..]));
                general_mat_mul(-2.0, &a, &b.t(), 0.0, &mut products);
                let mut largest = 0.0_f32;
                for (row, a) in products.rows().into_iter().zip(&norms[i..]) {
                    for (product, b) in row.iter().zip(&norms[j..]) {
                        let square = a + b + product;
                        largest = if square > largest { square } else { largest };
                    }
                }
                largest
            },
        )
        .reduce(|| 0.0, f32::max);
    black_box(largest);
    let scale = pairs.len() as f64 / chosen.len() as f64;
    let wall = prepared.0 + scale * start.elapsed().as_secs_f64();
    let processor = prepared.1 + scale * (processor_seconds()? - processor);
    Ok(Seconds { wall, range: [wall; 2], processor })
}

/// User and system time of all threads so far, from the kernel's count of hundredths of a second.
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The second field is the name in parentheses; user and system time are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum();
    Ok(ticks as f64 / 100.0)
}

/// Largest resident set so far, as the kernel reports it.
fn peak_memory() -> Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().to_owned())
}

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    path.exists().then_some(path)
}

/// Writes the images, and again with mean 0 and variance 1 each; returns what they are.
fn write_cifar(plain: &Path, standardised: &Path) -> Result<&'static str> {
    let (mut plain, mut singles) =
        (BufWriter::new(File::create(plain)?), BufWriter::new(File::create(standardised)?));
    let mut write = |pixels: &[u8]| -> io::Result<()> {
        plain.write_all(pixels)?;
        let count = pixels.len() as f64;
        let mean = pixels.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
        let variance = pixels.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
        // As tf.image.per_image_standardization: constant images must not be divided by 0.
        let deviation = variance.sqrt().max(1.0 / count.sqrt());
        pixels
            .iter()
            .try_for_each(|&x| singles.write_all(&(((f64::from(x) - mean) / deviation) as f32).to_le_bytes()))
    };
    let Some(archive) = shared("cifar10-jpeg/train.tar.gz") else {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        (0..50_000).try_for_each(|_| write(&smooth_field(32, 3, &mut rng)))?;
        return Ok("smooth fields 32x32x3");
    };
    each_image(&archive, write)?;
    Ok("CIFAR-10 (JPEG) train")
}

fn write_mnist(path: &Path) -> Result<&'static str> {
    let mut out = BufWriter::new(File::create(path)?);
    let Some(images) = shared("mnist/train-images-idx3-ubyte.gz") else {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        (0..60_000).try_for_each(|_| out.write_all(&smooth_field(28, 1, &mut rng)))?;
        return Ok("smooth fields 28x28");
    };
    each_image(&images, |pixels| out.write_all(pixels))?;
    Ok("MNIST train")
}

/// Decodes the images of a data set.
fn each_image(path: &Path, mut write: impl FnMut(&[u8]) -> io::Result<()>) -> Result<()> {
    let data = ncsn_data::open(path, &Options::default(), &|_, _| ())?;
    let Pixels::Bytes(rows) = &data.rows else { return Err("pixels that are not bytes".into()) };
    let mut pixels = vec![0; rows.dim()];
    for row in 0..rows.len() {
        rows.read(row, &mut pixels)?;
        write(&pixels)?;
    }
    Ok(())
}

fn write_noise(path: &Path, bytes: usize) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let noise: Vec<u8> = (0..bytes).map(|_| rng.random()).collect();
    Ok(std::fs::write(path, noise)?)
}

/// A few waves in each channel, their power falling with the square of the frequency.
fn smooth_field(side: usize, channels: usize, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(side * side * channels);
    for _ in 0..channels {
        let waves: Vec<[f32; 4]> = (0..6)
            .map(|_| {
                let [fx, fy] = [(); 2].map(|()| rng.random_range(0..4) as f32);
                let amplitude = rng.random_range(0.0..80.0) / (1.0 + fx * fx + fy * fy);
                [fx, fy, rng.random_range(0.0..std::f32::consts::TAU), amplitude]
            })
            .collect();
        for pixel in 0..side * side {
            let [x, y] = [pixel % side, pixel / side].map(|x| std::f32::consts::TAU * x as f32 / side as f32);
            let sum: f32 = waves.iter().map(|[fx, fy, phase, a]| a * (fx * x + fy * y + phase).cos()).sum();
            pixels.push((128.0 + sum + rng.random_range(-4.0..4.0)) as u8);
        }
    }
    pixels
}
