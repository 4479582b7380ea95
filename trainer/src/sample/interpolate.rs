//! Interpolation between samples: one start, and noise that turns from one image's into another's (Figs. 20–24).

use std::ops::Range;

use tch::{Device, Tensor};

use super::{Noise, Streams};
use crate::Error;

/// Start and noise of rows of images, each row leading from image 2k to image 2k + 1 of a seed for a pair k.
///
/// Sampled by Algorithm 1, the first image of a row is image 2k, as the seed gives it alone; the last is image 2k + 1,
/// from the start of image 2k: Appendix B.2 has one start for both.
///
/// # Arguments
/// * `pairs` — k of each row
/// * `count` — N, images between the ends
/// * `item` — shape of an item
/// * `sigma_max` — σ₁, see [`Streams::start`]
///
/// The start is `[pairs·(N + 2), …item]`, the same for all items of a row.
///
/// # Errors
/// Those of [`Streams::normal`].
///
/// # Source
/// Song & Ermon (2020), Appendix B.2.
pub fn rows(
    seed: u64,
    pairs: Range<u64>,
    count: i64,
    item: &[i64],
    sigma_max: f64,
    device: Device,
) -> Result<(Tensor, Noise), Error> {
    let rows = (pairs.end - pairs.start) as i64;
    let mut ends = Streams::new(seed, 2 * pairs.start..2 * pairs.end, item, device);
    // Both images' starts are drawn, one of them in vain, so that the noise is what sampling would draw after it.
    let starts = ends.start(sigma_max)?.view([&[rows, 2], item].concat().as_slice());
    let x = starts.select(1, 0).repeat_interleave_self_int(count + 2, 0, None);
    Ok((x, Noise::Between { ends, count }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_start_of_its_first_image() {
        let (x, _) = rows(3, 1..3, 1, &[2], 5.0, Device::Cpu).expect("a start");
        let first = Streams::new(3, [2], &[2], Device::Cpu).start(5.0).expect("a start").get(0);
        assert_eq!(x.size(), [6, 2]);
        assert!((0..3).all(|k| x.get(k) == first) && x.get(3) != first);
    }
}
