//! What can go wrong between a file and its values, each with the value and the limit.

use std::io;

use zip::result::ZipError;

/// One way in which a file is wrong, or asks for what is refused.
///
/// Text taken from the file is escaped and cut to 80 characters, so that printing it is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The operating system, or the decompressor, fails to read.
    #[error("cannot read: {0}")]
    Read(io::Error),
    /// A length that reaches past the end.
    #[error("{needed} bytes needed, {left} left")]
    Truncated {
        /// Length announced.
        needed: u64,
        /// Bytes left.
        left: u64,
    },
    /// A file that unfolds to far more than its size, as a memo bomb does.
    #[error("content needs more than {limit} bytes of memory")]
    Budget {
        /// Bytes allowed for a file of this size.
        limit: u64,
    },
    /// No memory for a storage.
    #[error("no memory for {bytes} bytes")]
    Memory {
        /// Bytes asked for.
        bytes: u64,
    },
    /// Containers inside containers beyond the limit.
    #[error("containers are nested more than {limit} deep")]
    Depth {
        /// Levels allowed.
        limit: usize,
    },
    /// A container that holds itself.
    #[error("a {kind} contains itself")]
    Cycle {
        /// `list`, `tuple` or `dict`.
        kind: &'static str,
    },
    /// First bytes of no form.
    #[error("neither a zip archive nor a pickle: begins with {head:02x?}")]
    Form {
        /// The first bytes.
        head: Vec<u8>,
    },
    /// The tar form of torch before 0.1.10.
    #[error("tar checkpoint of torch before 0.1.10 is not supported")]
    Tar,
    /// A TorchScript program instead of a checkpoint.
    #[error("archive entry {entry} belongs to a TorchScript program, not to a checkpoint")]
    TorchScript {
        /// The entry that gives it away.
        entry: String,
    },
    /// A broken zip directory or entry.
    #[error("cannot unpack: {0}")]
    Archive(ZipError),
    /// An entry that must be there.
    #[error("archive has no entry {entry}")]
    EntryMissing {
        /// Its name.
        entry: String,
    },
    /// Two entries with one name.
    #[error("archive names an entry twice")]
    EntryRepeated,
    /// Not exactly one pickle.
    #[error("archive has {found} entries of the form <name>/data.pkl, expected 1")]
    Pickles {
        /// Number found.
        found: usize,
    },
    /// Numbers stored in another byte order.
    #[error("byte order is {found}, only little is supported")]
    ByteOrder {
        /// The order named by the file.
        found: String,
    },
    /// A format version outside the known ones.
    #[error("format version is {found}, supported: {allowed}")]
    Version {
        /// The version named by the file.
        found: String,
        /// Versions read.
        allowed: &'static str,
    },
    /// A stream that `torch.save` did not write.
    #[error("first object of the stream is {found}, expected torch's magic number")]
    Magic {
        /// Its type.
        found: &'static str,
    },
    /// Content after the last record.
    #[error("{bytes} bytes follow the last record")]
    Trailing {
        /// Their number.
        bytes: u64,
    },
    /// A byte that is no opcode of protocols 0 to 5.
    #[error("0x{code:02x} is no pickle opcode")]
    Opcode {
        /// The byte.
        code: u8,
    },
    /// An opcode that no data need.
    #[error("opcode {name} is not allowed")]
    OpcodeRefused {
        /// Its name in Python's `pickletools`.
        name: &'static str,
    },
    /// An array of protocol 5 whose bytes its writer kept in another place.
    #[error("opcode {name} takes a buffer from outside of the file")]
    OutOfBand {
        /// The opcode's name in Python's `pickletools`.
        name: &'static str,
    },
    /// A class or function outside the list of this crate.
    #[error("global {module}.{name} is not allowed")]
    Global {
        /// Module named by the file.
        module: String,
        /// Name in it.
        name: String,
    },
    /// A listed class or function used otherwise than torch, numpy and Python use it.
    #[error("{callee} with {found} arguments is not allowed here")]
    Call {
        /// Its full name.
        callee: &'static str,
        /// Arguments given.
        found: usize,
    },
    /// A pickle protocol above 5.
    #[error("pickle protocol is {found}, supported: 0 to {limit}")]
    Protocol {
        /// The protocol named by the file.
        found: u8,
        /// Highest known.
        limit: u8,
    },
    /// An opcode that takes more objects than the stack holds above the last mark.
    #[error("pickle stack is empty")]
    StackEmpty,
    /// An opcode that needs a mark where none is left.
    #[error("pickle stack has no mark")]
    NoMark,
    /// A memo slot read before it is written.
    #[error("memo has no entry {key}")]
    Memo {
        /// The slot.
        key: u64,
    },
    /// An object of the wrong type.
    #[error("{what} is {found}, expected {expected}")]
    Type {
        /// What the object stands for.
        what: &'static str,
        /// The type that fits.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// An integer outside its domain.
    #[error("{what} is {value}, allowed: {allowed}")]
    Integer {
        /// What it stands for.
        what: &'static str,
        /// The integer.
        value: i128,
        /// The domain.
        allowed: &'static str,
    },
    /// An integer longer than any that is read.
    #[error("integer has {bytes} bytes, limit {limit}")]
    LongInteger {
        /// Its length.
        bytes: u64,
        /// The longest read.
        limit: u64,
    },
    /// Text that is not UTF-8.
    #[error("text is not utf-8")]
    Utf8,
    /// A number or string of protocol 0 that does not parse.
    #[error("{found:?} is no {expected}")]
    Literal {
        /// Its characters.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// State of an object other than the ignored `_metadata` of a `state_dict`.
    #[error("state of OrderedDict is {found}, allowed: a dict whose one key is _metadata")]
    State {
        /// Its type or first other key.
        found: String,
    },
    /// A persistent id other than torch's storage tuple.
    #[error("persistent id is {found}, expected (storage, class, key, location, size)")]
    PersistentId {
        /// Its type, or its first entry.
        found: String,
    },
    /// A slice of a storage saved as a storage of its own, as torch before 0.4 could.
    #[error("storage {key} is a view of another storage, not supported")]
    StorageView {
        /// Key of the storage.
        key: String,
    },
    /// A storage whose size disagrees between two places of the file.
    #[error("storage {key} has {found} bytes, expected {expected}")]
    StorageSize {
        /// Key of the storage.
        key: String,
        /// Bytes present.
        found: u64,
        /// Bytes announced by its first mention.
        expected: u64,
    },
    /// A storage on two devices.
    #[error("storage {key} is on {found}, before on {expected}")]
    StorageLocation {
        /// Key of the storage.
        key: String,
        /// Second location.
        found: String,
        /// First location.
        expected: String,
    },
    /// A storage that the pickle names and the file lacks.
    #[error("storage {key} is missing")]
    StorageMissing {
        /// Key of the storage.
        key: String,
    },
    /// A storage that no tensor can refer to.
    #[error("storage {key} is not named by the pickle")]
    StorageSurplus {
        /// Key of the storage.
        key: String,
    },
    /// A storage listed twice.
    #[error("storage {key} is listed twice")]
    StorageRepeated {
        /// Key of the storage.
        key: String,
    },
    /// A shape and a stride list of different lengths.
    #[error("tensor has {shape} sizes and {strides} strides")]
    Rank {
        /// Number of sizes.
        shape: usize,
        /// Number of strides.
        strides: usize,
    },
    /// A tensor with more axes than numpy allows, and any network has.
    #[error("tensor has {found} axes, allowed: up to {most}")]
    Axes {
        /// Number of sizes.
        found: usize,
        /// Largest number.
        most: usize,
    },
    /// A tensor with more bytes than an address can reach.
    #[error("tensor of shape {shape:?} is too large to address")]
    Overflow {
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A tensor that reaches past its storage.
    #[error("tensor of shape {shape:?} ends at byte {end} of a storage of {limit} bytes")]
    Bounds {
        /// Its shape.
        shape: Vec<usize>,
        /// End of its last element.
        end: u64,
        /// Size of the storage.
        limit: u64,
    },
    /// An array of elements that are not read.
    #[error("numpy elements {name} are {kind}, read: u1 to u8, i1 to i8, b1, f2, f4, f8")]
    Element {
        /// numpy's name of the type.
        name: String,
        /// What it stands for.
        kind: &'static str,
    },
    /// A byte order of an array that is none.
    #[error("byte order of an array is {found}, allowed: < or >, and | for single bytes")]
    ArrayOrder {
        /// The order named by the file.
        found: String,
    },
    /// An order of axes that is none.
    #[error("order of an array is {found}, allowed: C, F, or K with each axis once")]
    Layout {
        /// The order named by the file.
        found: String,
    },
    /// An array with more or fewer bytes than its shape.
    #[error("array of shape {shape:?} has {found} bytes, expected {expected}")]
    ArraySize {
        /// Its shape.
        shape: Vec<usize>,
        /// Bytes present.
        found: u64,
        /// Product of the shape × bytes of an element.
        expected: u64,
    },
    /// Bytes written as text in another way than Python does.
    #[error("bytes are encoded as {found}, expected latin1")]
    Codec {
        /// The encoding named by the file.
        found: String,
    },
    /// A character that stands for no byte.
    #[error("character {found:?} stands for no byte, allowed: U+0000 to U+00FF")]
    Latin1 {
        /// The character.
        found: char,
    },
    /// An object that [`crate::Value`] cannot hold, such as a bare storage.
    #[error("a {found} is no value")]
    NoValue {
        /// Its type.
        found: &'static str,
    },
    /// Two entries of a dict with one key.
    #[error("dict has key {key} twice")]
    KeyRepeated {
        /// The key.
        key: String,
    },
}

impl From<io::Error> for Fault {
    fn from(reason: io::Error) -> Self {
        Self::Read(reason)
    }
}

impl From<ZipError> for Fault {
    fn from(reason: ZipError) -> Self {
        Self::Archive(reason)
    }
}

/// Text of the file made safe to print: escaped, at most 80 characters.
pub(super) fn shown(text: &str) -> String {
    const LIMIT: usize = 80;
    let mut shown: String = text.chars().take(LIMIT).flat_map(char::escape_debug).collect();
    if text.chars().nth(LIMIT).is_some() {
        shown.push('…');
    }
    shown
}
