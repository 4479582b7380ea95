//! Which axes of stored items are channels, height and width.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Most channels that are told from heights and widths by their number alone.
const FEW: i64 = 4;

/// A shape for messages: `3 x 32 x 32`.
pub fn shape_text(shape: &[i64]) -> String {
    shape.iter().map(i64::to_string).collect::<Vec<_>>().join(" x ")
}

/// Order in which the values of an image lie in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Channels, height, width, as in torch.
    Chw,
    /// Height, width, channels, as in picture files.
    Hwc,
}

impl Layout {
    const fn axes(self) -> &'static str {
        match self {
            Self::Chw => "channels x height x width",
            Self::Hwc => "height x width x channels",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chw => "chw",
            Self::Hwc => "hwc",
        })
    }
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "chw" => Ok(Self::Chw),
            "hwc" => Ok(Self::Hwc),
            _ => Err(Error::setting("layout", text, "chw, hwc")),
        }
    }
}

/// Channels, height and width of an image, written `3,32,32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape(pub [i64; 3]);

impl FromStr for ImageShape {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let sides: Option<Vec<i64>> = text
            .split(',')
            .map(|side| side.trim().parse().ok().filter(|side| (1..=1 << 16).contains(side)))
            .collect();
        match sides.as_deref() {
            Some(&[channels, height, width]) => Ok(Self([channels, height, width])),
            _ => Err(Error::setting("shape", text, "C,H,W, each 1 to 65536")),
        }
    }
}

/// What is said of arrays that do not say it themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// Order of the values.
    pub layout: Option<Layout>,
    /// Shape of an item.
    pub shape: Option<ImageShape>,
}

/// The shape that items must have, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// `[channels, height, width]` or `[dim]`.
    pub shape: &'a [i64],
    /// Such as "the network takes".
    pub as_what: &'static str,
}

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}", shape_text(self.shape), self.as_what)
    }
}

/// How stored items are to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// Shape of an item as the network takes it: `[channels, height, width]` or `[dim]`.
    pub shape: Vec<i64>,
    /// Order of the stored values; means nothing for vectors.
    pub layout: Layout,
    /// A line where this was found rather than said.
    pub note: Option<String>,
}

/// Finds channels, height and width among the axes of stored items.
///
/// What is stated goes before the shape that is wanted, and that before the rule: of three axes, the only one of both ends that
/// is at most 4 is the channels'; two axes above 4 are an image of one channel; a single axis is a vector.
///
/// # Arguments
/// * `stored` — lengths of the axes
/// * `wanted` — shape that the items must have, where it is known
///
/// # Errors
/// What was found and what would do, for [`Error::Content`].
pub fn arrange(
    stored: &[i64],
    stated: Stated,
    wanted: Option<Wanted>,
) -> Result<Arrangement, (String, String)> {
    let found = || format!("items of {}", shape_text(stored));
    let told = |shape: &[i64], layout| match wanted {
        Some(wanted) if wanted.shape != shape => {
            Err((format!("{} taken as {}", found(), shape_text(shape)), wanted.to_string()))
        }
        _ => Ok(Arrangement { shape: shape.to_vec(), layout, note: None }),
    };
    if let Some(ImageShape(shape)) = stated.shape {
        let fits = |layout| match stored {
            &[_, _, _] => stored == in_order(shape, layout),
            _ => stored.iter().product::<i64>() == shape.iter().product::<i64>(),
        };
        let layouts = stated.layout.map_or(vec![Layout::Chw, Layout::Hwc], |layout| vec![layout]);
        return match layouts.into_iter().find(|&layout| fits(layout)) {
            Some(layout) => told(&shape, layout),
            None => Err((found(), format!("{}, as --shape says", shape_text(&shape)))),
        };
    }
    let as_image = |layout| match (stored, layout) {
        (&[channels, height, width], Layout::Chw) | (&[height, width, channels], Layout::Hwc) => {
            Some([channels, height, width])
        }
        (&[height, width], _) => Some([1, height, width]),
        _ => None,
    };
    if let Some(layout) = stated.layout {
        let image = as_image(layout).or(wanted.and_then(|Wanted { shape, .. }| {
            let same_size = stored.iter().product::<i64>() == shape.iter().product::<i64>();
            <[i64; 3]>::try_from(shape).ok().filter(|_| same_size)
        }));
        return match image {
            Some(shape) => told(&shape, layout),
            None => {
                Err((found(), "images for --layout; --shape C,H,W says how vectors are images".to_owned()))
            }
        };
    }
    if let Some(wanted) = wanted {
        let fits = |layout| as_image(layout).is_some_and(|image| image == wanted.shape);
        return if stored == wanted.shape || fits(Layout::Chw) {
            told(wanted.shape, Layout::Chw)
        } else if fits(Layout::Hwc) {
            noted(wanted.shape, stored, Layout::Hwc)
        } else if stored == [wanted.shape.iter().product::<i64>()] {
            Err((found(), format!("{wanted} (--layout chw or hwc says their order)")))
        } else {
            Err((found(), wanted.to_string()))
        };
    }
    let few = |side: i64| side <= FEW;
    match *stored {
        [dim] => Ok(Arrangement { shape: vec![dim], layout: Layout::Chw, note: Some(vectors(dim)) }),
        [height, width] if !few(height) && !few(width) => told(&[1, height, width], Layout::Chw),
        [channels, height, width] if few(channels) && !few(width) => {
            told(&[channels, height, width], Layout::Chw)
        }
        [height, width, channels] if few(channels) && !few(height) => {
            noted(&[channels, height, width], stored, Layout::Hwc)
        }
        [_, _, _] => Err((found(), "a word on their axes: --layout chw or --layout hwc".to_owned())),
        _ => Err((found(), "a word on their axes: --shape C,H,W".to_owned())),
    }
}

/// The sides of an image in the order of a layout.
fn in_order([channels, height, width]: [i64; 3], layout: Layout) -> [i64; 3] {
    match layout {
        Layout::Chw => [channels, height, width],
        Layout::Hwc => [height, width, channels],
    }
}

fn noted(shape: &[i64], stored: &[i64], layout: Layout) -> Result<Arrangement, (String, String)> {
    let note = format!("items of {} are taken as {}", shape_text(stored), layout.axes());
    Ok(Arrangement { shape: shape.to_vec(), layout, note: Some(note) })
}

/// That a vector is not an image, even where it could be one.
fn vectors(dim: i64) -> String {
    let square = |channels: i64| {
        let side = ((dim / channels) as f64).sqrt().round() as i64;
        (side > FEW && channels * side * side == dim).then_some([channels, side, side])
    };
    let hint = [3, 1, FEW].into_iter().find_map(square).map_or(String::new(), |[channels, side, _]| {
        format!("; --shape {channels},{side},{side} takes them as images")
    });
    format!("items are vectors of {dim} numbers{hint}")
}

/// Values in the order channels, height, width, from height, width, channels.
pub fn planes<T: Copy>(interleaved: &[T], shape: &[i64], out: &mut [T]) {
    let (channels, area) = (shape[0] as usize, (shape[1] * shape[2]) as usize);
    for (channel, plane) in out.chunks_exact_mut(area).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(interleaved.chunks_exact(channels)) {
            *value = pixel[channel];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Stated = Stated { layout: None, shape: None };

    fn network(shape: &[i64]) -> Wanted<'_> {
        Wanted { shape, as_what: "the network takes" }
    }

    fn found(stored: &[i64], stated: Stated, wanted: Option<&[i64]>) -> Option<(Vec<i64>, Layout, bool)> {
        let found = arrange(stored, stated, wanted.map(network)).ok()?;
        Some((found.shape, found.layout, found.note.is_some()))
    }

    #[test]
    fn only_what_is_unambiguous_is_guessed() {
        let (chw, hwc) = (Layout::Chw, Layout::Hwc);
        for (stored, expected) in [
            (&[3, 32, 32][..], Some((vec![3, 32, 32], chw, false))),
            (&[32, 32, 4], Some((vec![4, 32, 32], hwc, true))),
            (&[28, 20, 1], Some((vec![1, 28, 20], hwc, true))),
            (&[28, 20], Some((vec![1, 28, 20], chw, false))),
            (&[3072], Some((vec![3072], chw, true))),
            (&[2], Some((vec![2], chw, true))),
            (&[3, 32, 4], None),
            (&[16, 16, 16], None),
            (&[3, 1024], None),
            (&[1, 3, 32, 32], None),
        ] {
            assert_eq!(found(stored, NOTHING, None), expected, "{stored:?}");
        }
    }

    #[test]
    fn a_network_settles_the_axes_of_arrays_but_not_the_order_of_vectors() {
        let wanted = Some(&[3, 32, 32][..]);
        assert_eq!(found(&[32, 32, 3], NOTHING, wanted), Some((vec![3, 32, 32], Layout::Hwc, true)));
        assert_eq!(found(&[3, 32, 32], NOTHING, wanted), Some((vec![3, 32, 32], Layout::Chw, false)));
        assert_eq!(
            found(&[28, 28], NOTHING, Some(&[1, 28, 28])),
            Some((vec![1, 28, 28], Layout::Chw, false))
        );
        let (_, expected) = arrange(&[3072], NOTHING, wanted.map(network)).expect_err("no order");
        assert_eq!(expected, "3 x 32 x 32 as the network takes (--layout chw or hwc says their order)");
        let hwc = Stated { layout: Some(Layout::Hwc), ..NOTHING };
        assert_eq!(found(&[3072], hwc, wanted), Some((vec![3, 32, 32], Layout::Hwc, false)));
        assert_eq!(found(&[3000], hwc, wanted), None);
        assert_eq!(found(&[3, 32, 32], hwc, wanted), None);
        assert_eq!(found(&[32, 32, 3], hwc, wanted), Some((vec![3, 32, 32], Layout::Hwc, false)));
    }

    #[test]
    fn what_is_stated_holds_or_is_refused() {
        let shape = Some(ImageShape([3, 32, 16]));
        let stated = Stated { layout: None, shape };
        assert_eq!(found(&[1536], stated, None), Some((vec![3, 32, 16], Layout::Chw, false)));
        assert_eq!(found(&[32, 16, 3], stated, None), Some((vec![3, 32, 16], Layout::Hwc, false)));
        assert_eq!(found(&[16, 32, 3], stated, None), None);
        assert_eq!(found(&[1535], stated, None), None);
        let hwc = Stated { layout: Some(Layout::Hwc), shape };
        assert_eq!(found(&[1536], hwc, None), Some((vec![3, 32, 16], Layout::Hwc, false)));
        assert_eq!(found(&[3, 32, 16], hwc, None), None);
    }

    #[test]
    fn vectors_that_could_be_images_are_said_to_be_none() {
        assert!(vectors(3072).ends_with("--shape 3,32,32 takes them as images"));
        assert!(vectors(784).ends_with("--shape 1,28,28 takes them as images"));
        assert_eq!(vectors(10), "items are vectors of 10 numbers");
    }

    #[test]
    fn interleaved_values_become_planes() {
        let mut planar = [0; 12];
        planes(&[1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12], &[3, 2, 2], &mut planar);
        assert_eq!(planar, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }
}
