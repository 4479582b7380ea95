//! Crops and resizes against Pillow.

mod support;

use image::{DynamicImage, ImageFormat};
use ncsn_data::Options;
use support::{bytes, encode, open, shared, write};

/// Source: tests/oracles/resize.py
const ORACLE: &str = include_str!("oracles/resize.json");

#[derive(serde::Deserialize)]
struct Oracle {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    width: u32,
    height: u32,
    channels: u32,
    crop: Option<u32>,
    size: Option<u32>,
    planes: Vec<u8>,
}

fn pixel(x: u32, y: u32, channel: u32) -> u8 {
    ((37 * x + 91 * y + 53 * channel + x * y) % 256) as u8
}

fn fitted(image: &DynamicImage, crop: Option<u32>, size: Option<u32>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.png", &encode(image, ImageFormat::Png));
    bytes(&open(folder.path(), &Options { crop, size, ..Options::default() }).unwrap())
}

#[test]
fn crops_and_resizes_equal_those_of_pillow() {
    let oracle: Oracle = serde_json::from_str(ORACLE).unwrap();
    for case in oracle.cases {
        let Case { width, height, channels, crop, size, planes } = case;
        let image = if channels == 3 {
            let pixel = |x, y| image::Rgb([0, 1, 2].map(|c| pixel(x, y, c)));
            image::RgbImage::from_fn(width, height, pixel).into()
        } else {
            image::GrayImage::from_fn(width, height, |x, y| image::Luma([pixel(x, y, 0)])).into()
        };
        assert_eq!(fitted(&image, crop, size), planes, "{width}×{height}, crop {crop:?}, size {size:?}");
    }
}

/// Source: the preprocessing of the authors' released code, torchvision on Pillow images.
#[test]
#[ignore = "needs ../shared/oracles, images that the authors' preprocessing made"]
fn celeba_and_lsun_preprocessing_equals_the_reference() {
    let path = shared("oracles/misc.safetensors");
    let file = std::fs::read(path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    for (name, crop, size) in
        [("celeba", Some(140), 64), ("lsun_bedroom", None, 128), ("lsun_church", None, 96)]
    {
        let input = tensors.tensor(&format!("pre.{name}.in")).unwrap();
        let [height, width, 3] = input.shape() else { panic!("{:?}", input.shape()) };
        let image = image::RgbImage::from_raw(*width as u32, *height as u32, input.data().to_vec()).unwrap();
        let expected = tensors.tensor(&format!("pre.{name}.out")).unwrap();
        let expected = expected.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        let found = fitted(&image.into(), crop, Some(size));
        let differing = found.iter().zip(expected).filter(|&(&a, b)| f32::from(a) / 255.0 != b).count();
        assert_eq!(differing, 0, "{name}");
    }
}
