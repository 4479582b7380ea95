//! Pictures for what takes no SVG.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// Families that most machines have one of, the first that is there is taken.
const FAMILIES: [&str; 6] = ["DejaVu Sans", "Noto Sans", "Liberation Sans", "Arial", "Helvetica", "Segoe UI"];

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Words cannot be drawn.
    #[error("this machine has no font to write with; an SVG needs none")]
    NoFont,
    /// The text is none of this crate's.
    #[error("no picture that can be drawn: {0}")]
    Svg(String),
}

/// An SVG of this crate as a PNG file's content, in light colours.
///
/// # Arguments
/// * `svg` — what [`Figure::svg`](crate::Figure::svg) or [`beside`](crate::beside) gives
/// * `scale` — pixels per unit; a figure is 720 units wide
///
/// # Errors
/// [`Error::NoFont`]; [`Error::Svg`] for other text.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, Error> {
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_system_fonts();
    let family = family(fonts).ok_or(Error::NoFont)?;
    fonts.set_sans_serif_family(family);
    let tree = Tree::from_str(svg, &options).map_err(|error| Error::Svg(error.to_string()))?;
    let size = tree.size().to_int_size().scale_by(scale);
    let too_large = || Error::Svg(format!("{scale} pixels per unit"));
    let size = size.ok_or_else(too_large)?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(too_large)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| Error::Svg(error.to_string()))
}

/// The family to write with.
fn family(fonts: &fontdb::Database) -> Option<String> {
    let has = |name: &&str| fonts.faces().any(|face| face.families.iter().any(|(family, _)| family == name));
    let usual = FAMILIES.into_iter().find(has).map(str::to_owned);
    usual.or_else(|| Some(fonts.faces().next()?.families.first()?.0.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Axis, Curve, Figure};

    #[test]
    fn a_picture_has_the_colour_of_its_curve_and_words() {
        let curve = Curve::line("one", [(0.0, 0.0), (1.0, 1.0)]);
        let figure = Figure::new("title", Axis::linear("x"), Axis::linear("y"), vec![curve]);
        let bytes = match png(&figure.svg(), 2.0) {
            Err(Error::NoFont) => return eprintln!("NOT CHECKED: this machine has no fonts"),
            bytes => bytes.expect("a picture"),
        };
        let picture = image::load_from_memory(&bytes).expect("a PNG").to_rgb8();
        assert_eq!(picture.dimensions(), (1440, 800));
        let with = |colour: [u8; 3]| picture.pixels().filter(|pixel| pixel.0 == colour).count();
        // The curve is 1,300 pixels long and 4 wide; letters of the title are dark.
        assert!(with([0x00, 0x72, 0xb2]) > 3000 && with([0x22, 0x22, 0x22]) > 100);
        assert!(matches!(png("<p>", 1.0), Err(Error::Svg(_))));
    }
}
