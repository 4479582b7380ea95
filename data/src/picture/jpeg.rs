//! JPEG by libjpeg-turbo's decoder, so that pixels are those that Pillow and torchvision train on, bit for bit.
//!
//! Decoders differ in how they enlarge subsampled colour: `zune-jpeg`, which the `image` crate uses, differs from
//! libjpeg by up to 5 of 255 in 22 % of the values of CIFAR-10 stored as JPEG, and so does the diameter.

use std::any::Any;
use std::ffi::c_int;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mozjpeg::{ColorSpace, Decompress};
use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr, jpeg_std_error};

use super::exif;
use super::{Changes, Planes, Problem, Stored, check_size, planes};
use crate::guard::guarded;

/// Decodes an image; what libjpeg warns of and would fill with grey is an error here.
pub(super) fn decode(bytes: &[u8]) -> Result<Stored, Problem> {
    // libjpeg reports errors by unwinding from a callback.
    let decoded =
        || catch_unwind(AssertUnwindSafe(|| unguarded(bytes))).unwrap_or_else(|thrown| Err(describe(thrown)));
    guarded(decoded).unwrap_or_else(|panic| Err(Problem::Corrupt(panic)))
}

fn unguarded(bytes: &[u8]) -> Result<Stored, Problem> {
    let corrupt = |e: io::Error| Problem::Corrupt(e.to_string());
    let image = Decompress::with_err(strict()).from_mem(bytes).map_err(corrupt)?;
    let (width, height) = image.size();
    check_size(width, height)?;
    let (space, stored) = match image.color_space() {
        ColorSpace::JCS_GRAYSCALE => (ColorSpace::JCS_GRAYSCALE, 1),
        ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK => (ColorSpace::JCS_CMYK, 4),
        _ => (ColorSpace::JCS_RGB, 3),
    };
    let mut lines = image.to_colorspace(space).map_err(corrupt)?;
    let mut pixels: Vec<u8> = lines.read_scanlines().map_err(corrupt)?;
    lines.finish().map_err(corrupt)?;
    let cmyk = stored == 4;
    if cmyk {
        pixels.as_chunks_mut().0.iter_mut().for_each(ink_to_light);
    }
    if pixels.len() != width * height * stored {
        return Err(Problem::Corrupt(format!("{} values for {width}×{height}×{stored}", pixels.len())));
    }
    let channels = stored.min(3);
    let changes = Changes { cmyk, ..Changes::default() };
    let planes = Planes::Bytes(planes(pixels, stored, channels));
    Ok(Stored::new([channels, height, width], planes, changes).turned(exif::of_jpeg(bytes)))
}

/// Pillow's conversion of CMYK as Adobe stores it, inverted: light = black − black·ink/255.
fn ink_to_light(pixel: &mut [u8; 4]) {
    let black = pixel[3];
    for light in &mut pixel[..3] {
        let product = u32::from(255 - *light) * u32::from(black) + 128;
        // A rounded division by 255.
        *light = black.saturating_sub((((product >> 8) + product) >> 8) as u8);
    }
}

/// The number and kind of a message of libjpeg (jerror.h).
struct Message {
    kind: &'static str,
    code: c_int,
}

fn describe(thrown: Box<dyn Any + Send>) -> Problem {
    match thrown.downcast::<Message>() {
        Ok(message) => Problem::Corrupt(format!("libjpeg {} {}", message.kind, message.code)),
        // A panic that is not libjpeg's goes on.
        Err(other) => resume_unwind(other),
    }
}

/// Error handlers that unwind on errors and warnings alike.
fn strict() -> jpeg_error_mgr {
    // SAFETY: the structure is plain numbers and nullable function pointers, for which zero is a value;
    // jpeg_std_error fills it in.
    let mut handlers = unsafe {
        let mut handlers = std::mem::zeroed();
        jpeg_std_error(&mut handlers);
        handlers
    };
    handlers.error_exit = Some(error);
    handlers.emit_message = Some(message);
    handlers
}

extern "C-unwind" fn error(decoder: &mut jpeg_common_struct) {
    throw("error", decoder);
}

/// Negative levels are warnings: lost or damaged data; the others trace the decoder's steps.
extern "C-unwind" fn message(decoder: &mut jpeg_common_struct, level: c_int) {
    if level < 0 {
        throw("warning", decoder);
    }
}

fn throw(kind: &'static str, decoder: &jpeg_common_struct) -> ! {
    // SAFETY: libjpeg calls its handlers with the decoder they were installed in.
    let code = unsafe { (*decoder.err).msg_code };
    // Unlike a panic, this calls no hook and prints nothing.
    resume_unwind(Box::new(Message { kind, code }))
}
