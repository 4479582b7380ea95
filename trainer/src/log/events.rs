//! TensorBoard event files: scalars and images, appended as the run goes.
//!
//! A file is a row of records, each a protocol buffer `Event` between its length and two checksums.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};

/// The checksum CRC-32C; iSCSI is where it was first used.
const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// What the first record of every file says.
const FILE_VERSION: &str = "brain.Event:2";

/// Numbers of the protocol buffers' fields, from TensorBoard's `event.proto` and `summary.proto`.
mod field {
    pub mod event {
        pub const WALL_TIME: u64 = 1;
        pub const STEP: u64 = 2;
        pub const FILE_VERSION: u64 = 3;
        pub const SUMMARY: u64 = 5;
        pub const SESSION_LOG: u64 = 7;
    }
    pub mod session_log {
        pub const STATUS: u64 = 1;
        /// Value of the status: a session begins.
        pub const START: u64 = 1;
    }
    pub mod summary {
        pub const VALUE: u64 = 1;
    }
    pub mod value {
        pub const TAG: u64 = 1;
        pub const SIMPLE_VALUE: u64 = 2;
        pub const IMAGE: u64 = 4;
    }
    pub mod image {
        pub const HEIGHT: u64 = 1;
        pub const WIDTH: u64 = 2;
        pub const COLORSPACE: u64 = 3;
        pub const ENCODED_IMAGE_STRING: u64 = 4;
    }
}

/// An event file that is being written; dropping it writes what is buffered and hides errors, so call `flush` first.
#[derive(Debug)]
pub struct Events {
    writer: BufWriter<File>,
    path: PathBuf,
}

impl Events {
    /// A new file `events.out.tfevents.<unix seconds>.<host>.<process>.<unique>` in a folder, with its first record.
    ///
    /// # Arguments
    /// * `folder` — made if it is missing
    /// * `unique` — tells apart files that one process begins in the same second; no `/`
    ///
    /// # Errors
    /// The folder or file cannot be made, or the file exists; the clock is before 1970.
    pub fn create(folder: &Path, unique: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let seconds = since_1970()?.as_secs();
        // Linux keeps the name here; it only tells files of several machines apart.
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "localhost".to_owned());
        let name = format!("events.out.tfevents.{seconds:010}.{}.{}.{unique}", host.trim(), process::id());
        let path = folder.join(name);
        let writer = BufWriter::new(File::create_new(&path)?);
        let mut events = Self { writer, path };
        events.record(None, field::event::FILE_VERSION, FILE_VERSION.as_bytes())?;
        events.flush()?;
        Ok(events)
    }

    /// Where the events go.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one number.
    ///
    /// # Arguments
    /// * `step` — training step, below 2⁶³
    /// * `tag` — name of the curve; `/` groups curves, as in `loss/train`
    /// * `value` — shown as it is, not-a-number included
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f32) -> io::Result<()> {
        let mut message = Message::default();
        message.bytes(field::value::TAG, tag.as_bytes()).float(field::value::SIMPLE_VALUE, value);
        self.summary(step, &message)
    }

    /// Appends one encoded image.
    ///
    /// # Arguments
    /// * `step` — training step, below 2⁶³
    /// * `tag` — name of the row of images
    /// * `width`, `height` — of the image, in pixels
    /// * `channels` — 1 (grey) or 3 (red, green, blue)
    /// * `png` — the whole PNG file
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn image(
        &mut self,
        step: u64,
        tag: &str,
        width: u32,
        height: u32,
        channels: u32,
        png: &[u8],
    ) -> io::Result<()> {
        let mut image = Message::default();
        image
            .integer(field::image::HEIGHT, height.into())
            .integer(field::image::WIDTH, width.into())
            .integer(field::image::COLORSPACE, channels.into())
            .bytes(field::image::ENCODED_IMAGE_STRING, png);
        let mut message = Message::default();
        message.bytes(field::value::TAG, tag.as_bytes()).bytes(field::value::IMAGE, &image.0);
        self.summary(step, &message)
    }

    /// Tells TensorBoard to forget what earlier files of the folder hold of this step and later ones.
    ///
    /// A run that goes on from a checkpoint begins its new file with this.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn restart(&mut self, step: u64) -> io::Result<()> {
        let mut session = Message::default();
        session.integer(field::session_log::STATUS, field::session_log::START);
        self.record(Some(step), field::event::SESSION_LOG, &session.0)
    }

    /// Hands everything to the system; readers see it from then on.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    fn summary(&mut self, step: u64, value: &Message) -> io::Result<()> {
        let mut summary = Message::default();
        summary.bytes(field::summary::VALUE, &value.0);
        self.record(Some(step), field::event::SUMMARY, &summary.0)
    }

    /// Appends an event: the time, the step if any, and one more field.
    fn record(&mut self, step: Option<u64>, number: u64, content: &[u8]) -> io::Result<()> {
        let mut event = Message::default();
        event.double(field::event::WALL_TIME, since_1970()?.as_secs_f64());
        if let Some(step) = step {
            event.integer(field::event::STEP, step);
        }
        event.bytes(number, content);
        let length = (event.0.len() as u64).to_le_bytes();
        self.writer.write_all(&length)?;
        self.writer.write_all(&masked_checksum(&length).to_le_bytes())?;
        self.writer.write_all(&event.0)?;
        self.writer.write_all(&masked_checksum(&event.0).to_le_bytes())
    }
}

/// Fields of a protocol buffer message, one after the other.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    /// Seven bits a byte, the lowest first; a set high bit says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, number: u64, wire_type: u64) {
        self.varint(number << 3 | wire_type);
    }

    fn integer(&mut self, number: u64, value: u64) -> &mut Self {
        self.key(number, 0);
        self.varint(value);
        self
    }

    fn double(&mut self, number: u64, value: f64) -> &mut Self {
        self.key(number, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Texts, bytes and messages within the message.
    fn bytes(&mut self, number: u64, value: &[u8]) -> &mut Self {
        self.key(number, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn float(&mut self, number: u64, value: f32) -> &mut Self {
        self.key(number, 5);
        self.0.extend(value.to_le_bytes());
        self
    }
}

/// The records' checksum: a CRC-32C, rotated and shifted so that checksums of data with checksums in them stay sound.
fn masked_checksum(bytes: &[u8]) -> u32 {
    CRC32C.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn since_1970() -> io::Result<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of a message as it was decoded.
    #[derive(Debug, PartialEq)]
    enum Field {
        Integer(u64),
        Double(f64),
        Bytes(Vec<u8>),
        Float(f32),
    }

    fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
        let (head, tail) = bytes.split_first_chunk::<N>().expect("bytes are missing");
        *bytes = tail;
        *head
    }

    fn take_varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = take(bytes);
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
        }
        panic!("a number of more than 64 bits");
    }

    fn decode(mut bytes: &[u8]) -> Vec<(u64, Field)> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = take_varint(&mut bytes);
            let value = match key & 7 {
                0 => Field::Integer(take_varint(&mut bytes)),
                1 => Field::Double(f64::from_le_bytes(take(&mut bytes))),
                2 => {
                    let length = take_varint(&mut bytes) as usize;
                    let (head, tail) = bytes.split_at(length);
                    bytes = tail;
                    Field::Bytes(head.to_vec())
                }
                5 => Field::Float(f32::from_le_bytes(take(&mut bytes))),
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, value));
        }
        fields
    }

    /// Records of a file, without each event's time, once lengths and checksums agree.
    fn read(path: &Path) -> Vec<Vec<(u64, Field)>> {
        let content = fs::read(path).unwrap();
        let mut bytes = content.as_slice();
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let length = take::<8>(&mut bytes);
            assert_eq!(u32::from_le_bytes(take(&mut bytes)), masked_checksum(&length));
            let (data, tail) = bytes.split_at(u64::from_le_bytes(length) as usize);
            bytes = tail;
            assert_eq!(u32::from_le_bytes(take(&mut bytes)), masked_checksum(data));
            let mut fields = decode(data);
            assert!(matches!(fields.remove(0), (1, Field::Double(time)) if time > 1.7e9));
            records.push(fields);
        }
        records
    }

    /// Events of a file that a closure writes, after the first record.
    fn written(write: impl FnOnce(&mut Events) -> io::Result<()>) -> Vec<Vec<(u64, Field)>> {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::create(folder.path(), "0").unwrap();
        write(&mut events).unwrap();
        events.flush().unwrap();
        let mut records = read(events.path());
        records.remove(0);
        records
    }

    fn within(field: &(u64, Field)) -> Vec<(u64, Field)> {
        match field {
            (_, Field::Bytes(bytes)) => decode(bytes),
            other => panic!("{other:?} is no message"),
        }
    }

    fn text(value: &str) -> Field {
        Field::Bytes(value.as_bytes().to_vec())
    }

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        let found =
            [&[0; 32], &[0xff; 32], ascending.as_slice(), &descending].map(|data| CRC32C.checksum(data));
        // Source: RFC 3720, appendix B.4, whose bytes are in the order of transmission
        assert_eq!(found, [0x8a91_36aa, 0x62a8_ab43, 0x46dd_794e, 0x113f_db5c]);
    }

    #[test]
    fn the_file_begins_with_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let events = Events::create(&folder.path().join("new"), "0").unwrap();
        assert_eq!(read(events.path()), [[(3, text("brain.Event:2"))]]);
    }

    #[test]
    fn the_name_is_one_that_tensorboard_looks_for() {
        let folder = tempfile::tempdir().unwrap();
        let events = Events::create(folder.path(), "part").unwrap();
        let name = events.path().file_name().unwrap().to_str().unwrap().to_owned();
        assert!(
            name.starts_with("events.out.tfevents.") && name.ends_with(&format!(".{}.part", process::id()))
        );
    }

    #[test]
    fn a_scalar_comes_back() {
        let records = written(|events| events.scalar(300, "loss/train", 0.1));
        let [record] = records.as_slice() else { panic!("{} records", records.len()) };
        let value = within(&within(&record[1])[0]);
        assert_eq!(
            (&record[0], value.as_slice()),
            (&(2, Field::Integer(300)), [(1, text("loss/train")), (2, Field::Float(0.1))].as_slice())
        );
    }

    #[test]
    fn a_long_image_comes_back() {
        let png: Vec<u8> = (0..70_000_u32).map(|k| k.wrapping_mul(k) as u8).collect();
        let records = written(|events| events.image(5, "samples", 256, 128, 3, &png));
        let value = within(&within(&records[0][1])[0]);
        let expected = [
            (1, Field::Integer(128)),
            (2, Field::Integer(256)),
            (3, Field::Integer(3)),
            (4, Field::Bytes(png)),
        ];
        assert_eq!((&value[0], within(&value[1])), (&(1, text("samples")), expected.into()));
    }

    #[test]
    fn a_restart_is_a_session_that_starts() {
        let records = written(|events| events.restart(7));
        assert_eq!(
            (&records[0][0], within(&records[0][1])),
            (&(2, Field::Integer(7)), vec![(1, Field::Integer(1))])
        );
    }

    #[test]
    fn the_largest_number_takes_ten_bytes() {
        let mut message = Message::default();
        message.varint(u64::MAX);
        assert_eq!((message.0.len(), take_varint(&mut message.0.as_slice())), (10, u64::MAX));
    }
}
