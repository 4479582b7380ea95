//! Inner loops, compiled once for every instruction set named and chosen at run time.
//!
//! They are `for` loops on purpose: a closure inside such a function has its instruction set, the iterator adaptor that
//! calls it has not, and code is never inlined from the richer set into the poorer one.
//!
//! AVX-512 is not among the sets: compiled for it, the search of MNIST takes 13 times as
//! long (1.9 s against 0.14 s, on a Xeon of 2.5 GHz).

#![expect(
    clippy::needless_range_loop,
    reason = "an iterator over partial sums takes their address and keeps them in memory"
)]

use std::ops::Range;

use multiversion::multiversion;
use multiversion::target::target_cfg_f;

/// Columns whose squared differences, at most 255² each, surely sum to less than 2³¹.
const U8_CHUNK: usize = 32_768;

/// Partial sums kept side by side in [`f32_squared_distance`] and [`f64_squared_distance`].
pub(crate) const LANES: usize = 16;

/// Σ (a − b)², exact.
#[multiversion(targets("x86_64+avx2+fma"))]
pub(crate) fn u8_squared_distance(a: &[u8], b: &[u8]) -> u64 {
    let mut total = 0_u64;
    for (a, b) in a.chunks(U8_CHUNK).zip(b.chunks(U8_CHUNK)) {
        let mut sum = 0_i32;
        for (&x, &y) in a.iter().zip(b) {
            let difference = i16::from(x) - i16::from(y);
            sum += i32::from(difference) * i32::from(difference);
        }
        total += u64::from(sum.unsigned_abs());
    }
    total
}

/// sum + a·b, in one rounding where there is an instruction for it; elsewhere `mul_add` would be a call.
macro_rules! add_product {
    ($sum:expr, $a:expr, $b:expr) => {
        if target_cfg_f!(target_feature = "fma") { $a.mul_add($b, $sum) } else { $sum + $a * $b }
    };
}

/// Rows whose bounds [`bounds`] computes at once, and rows that each is paired with: the sums just fit into the registers.
pub(crate) const BAND_ROWS: usize = 6;
pub(crate) const TILE_ROWS: usize = 16;

/// `bounds[row][other] = band[last][row] + tile[last][other] + Σ_n band[n][row]·tile[n][other]` over the `terms` n;
/// returns whether any of them is at least `threshold`.
///
/// # Accuracy
/// γ_(n+2)·Σ|terms| for n products, u = 2⁻²⁴, whether or not multiplications and additions are fused.
///
/// # Speed
/// The arguments are one slice for each side on purpose: with the radii in a reference of their own the sums leave the
/// registers, and the search of MNIST takes four times as long (0.44 s of processor time against 0.11 s).
#[multiversion(targets("x86_64+avx2+fma"))]
pub(crate) fn bounds(
    band: &[[f32; BAND_ROWS]],
    tile: &[[f32; TILE_ROWS]],
    terms: Range<usize>,
    threshold: f32,
    bounds: &mut [[f32; TILE_ROWS]; BAND_ROWS],
) -> bool {
    let last = band.len() - 1;
    let mut parts = [[0.0_f32; TILE_ROWS]; BAND_ROWS];
    for row in 0..BAND_ROWS {
        for other in 0..TILE_ROWS {
            parts[row][other] = band[last][row] + tile[last][other];
        }
    }
    for (factors, others) in band[terms.start..terms.end].iter().zip(&tile[terms.start..terms.end]) {
        for row in 0..BAND_ROWS {
            for other in 0..TILE_ROWS {
                parts[row][other] = add_product!(parts[row][other], factors[row], others[other]);
            }
        }
    }
    let mut counts = [0_u32; TILE_ROWS];
    for row in 0..BAND_ROWS {
        for other in 0..TILE_ROWS {
            counts[other] += u32::from(parts[row][other] >= threshold);
        }
    }
    *bounds = parts;
    let mut count = 0;
    for other in counts {
        count += other;
    }
    count > 0
}

/// Columns of a tile of [`add_products`].
pub(crate) const TILE: usize = 64;

/// Rows that [`add_products`] takes at once, and directions: their sums just fit into the registers.
pub(crate) const STRIP: usize = 3;
pub(crate) const DIRECTIONS: usize = 24;

/// Columns of [`DIRECTIONS`] directions: `[column][direction]`.
pub(crate) type DirectionTile = [[f32; DIRECTIONS]; TILE];

/// Adds the inner products of [`STRIP`] rows with the directions over one tile of columns to `sums[row][direction]`.
///
/// # Accuracy
/// Each product is summed in singles within the tile, in doubles beyond: the error is at most γ_TILE·Σ|terms|, u =
/// 2⁻²⁴, whether or not multiplications and additions are fused.
#[multiversion(targets("x86_64+avx2+fma"))]
pub(crate) fn add_products(
    rows: &[[f32; TILE]; STRIP],
    directions: &DirectionTile,
    sums: &mut [[f64; DIRECTIONS]; STRIP],
) {
    let mut parts = [[0.0_f32; DIRECTIONS]; STRIP];
    for column in 0..TILE {
        let direction = directions[column];
        for row in 0..STRIP {
            let entry = rows[row][column];
            for lane in 0..DIRECTIONS {
                parts[row][lane] = add_product!(parts[row][lane], entry, direction[lane]);
            }
        }
    }
    for row in 0..STRIP {
        for lane in 0..DIRECTIONS {
            sums[row][lane] += f64::from(parts[row][lane]);
        }
    }
}

/// (row − centre)·scale, exact when `scale` is a power of two.
#[multiversion(targets("x86_64+avx2+fma"))]
pub(crate) fn u8_centred(row: &[u8], centre: &[u8], scale: f64, out: &mut [f32]) {
    let scale = scale as f32;
    for ((&entry, &centre), out) in row.iter().zip(centre).zip(out) {
        *out = f32::from(i16::from(entry) - i16::from(centre)) * scale;
    }
}

macro_rules! float_centred {
    ($name:ident, $float:ty) => {
        /// (row − centre)·scale with two roundings, one to a double and one to a single.
        #[multiversion(targets("x86_64+avx2+fma"))]
        pub(crate) fn $name(row: &[$float], centre: &[$float], scale: f64, out: &mut [f32]) {
            for ((&entry, &centre), out) in row.iter().zip(centre).zip(out) {
                *out = ((f64::from(entry) - f64::from(centre)) * scale) as f32;
            }
        }
    };
}
float_centred!(f32_centred, f32);
float_centred!(f64_centred, f64);

macro_rules! float_squared_distance {
    ($name:ident, $float:ty) => {
        /// Σ (a − b)² in doubles: each term passes through at most ⌈dim/LANES⌉ + LANES + 3 roundings.
        #[multiversion(targets("x86_64+avx2+fma"))]
        pub(crate) fn $name(a: &[$float], b: &[$float]) -> f64 {
            let mut lanes = [0.0_f64; LANES];
            let (a_chunks, a_rest) = a.as_chunks::<LANES>();
            let (b_chunks, b_rest) = b.as_chunks::<LANES>();
            for (x, y) in a_chunks.iter().zip(b_chunks) {
                for lane in 0..LANES {
                    let difference = f64::from(x[lane]) - f64::from(y[lane]);
                    lanes[lane] += difference * difference;
                }
            }
            for (lane, (&x, &y)) in a_rest.iter().zip(b_rest).enumerate() {
                let difference = f64::from(x) - f64::from(y);
                lanes[lane] += difference * difference;
            }
            let mut total = 0.0;
            for lane in lanes {
                total += lane;
            }
            total
        }
    };
}
float_squared_distance!(f32_squared_distance, f32);
float_squared_distance!(f64_squared_distance, f64);
