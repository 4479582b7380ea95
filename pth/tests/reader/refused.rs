//! What must fail, and with which words.

use std::io::Cursor;
use std::path::Path;

use ncsn_pth::{self as pickle, Error, Fault};

use crate::fixture;

fn error(name: &str) -> Error {
    pickle::read(&fixture(name)).expect_err(name)
}

/// The message without its folder.
fn message(name: &str) -> String {
    let message = error(name).to_string();
    message.rsplit_once("fixtures/").unwrap().1.to_owned()
}

/// A legacy stream around a pickle.
///
/// Source: `stream` in `make.py`, whose first three pickles of protocol 2 are copied from `small_stream.pth`.
pub fn stream(pickle: &[u8]) -> Vec<u8> {
    let small = std::fs::read(fixture("small_stream.pth")).unwrap();
    let mut stops = small.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at + 1);
    let header = stops.nth(2).unwrap();
    [&small[..header], pickle, b"\x80\x02]."].concat()
}

/// The fault of a pickle in an otherwise sound file.
fn fault(pickle: &[u8]) -> Fault {
    *pickle::parse(Cursor::new(stream(pickle)), Path::new("x.pth")).expect_err("refused").fault
}

/// Source: positions from `pickletools.genops` of Python 3.11.
#[test]
fn forbidden_globals_are_refused_by_name_and_place() {
    for (name, expected) in [
        ("refused_system_global.pth", "global posix.system is not allowed (GLOBAL at byte 5 of data.pkl)"),
        (
            "refused_system_stack_global.pth",
            "global posix.system is not allowed (STACK_GLOBAL at byte 30 of data.pkl)",
        ),
        (
            "refused_system_global_stream.pth",
            "global posix.system is not allowed (GLOBAL at byte 142 of stream)",
        ),
        (
            "refused_eval_stream.pth",
            "global builtins.eval is not allowed (STACK_GLOBAL at byte 166 of stream)",
        ),
        (
            "refused_complex.pth",
            "global torch.ComplexFloatStorage is not allowed (GLOBAL at byte 56 of data.pkl)",
        ),
        (
            "refused_sparse.pth",
            "global torch._utils._rebuild_sparse_tensor is not allowed (GLOBAL at byte 5 of data.pkl)",
        ),
        (
            "refused_storage.pth",
            "global torch.storage.UntypedStorage is not allowed (GLOBAL at byte 20 of data.pkl)",
        ),
    ] {
        assert_eq!(message(name), format!("{name}: {expected}"));
    }
}

#[test]
fn forbidden_globals_are_refused_from_every_opcode() {
    let pickles: [&[u8]; 6] = [
        b"cos\nsystem\n(X\x04\0\0\0true\x85R.",
        b"(X\x04\0\0\0trueios\nsystem\n.",
        b"(cos\nsystem\nX\x04\0\0\0trueo.",
        b"cos\nsystem\n)\x81.",
        b"cos\nsystem\n)}\x92.",
        b"\x8c\x02os\x8c\x06system\x93)R.",
    ];
    for pickle in pickles {
        assert!(
            matches!(fault(pickle), Fault::Global { module, name } if module == "os" && name == "system"),
            "{pickle:?}"
        );
    }
}

/// Source: `pickletools.opcodes` of Python 3.11, those that no data need.
#[test]
fn opcodes_without_use_are_refused_by_name() {
    let opcodes = [
        (&b"Pid\n."[..], "PERSID"),
        (b"\x82\x01.", "EXT1"),
        (b"\x83\x01\x00.", "EXT2"),
        (b"\x84\x01\0\0\0.", "EXT4"),
        (b"\x8f.", "EMPTY_SET"),
        (b"(\x90.", "ADDITEMS"),
        (b"(\x91.", "FROZENSET"),
    ];
    for (pickle, expected) in opcodes {
        assert!(matches!(fault(pickle), Fault::OpcodeRefused { name } if name == expected), "{expected}");
    }
    for (pickle, expected) in [(&b"\x97."[..], "NEXT_BUFFER"), (b"\x98.", "READONLY_BUFFER")] {
        assert!(matches!(fault(pickle), Fault::OutOfBand { name } if name == expected), "{expected}");
    }
    assert!(matches!(fault(b"\xff."), Fault::Opcode { code: 0xff }));
    assert!(matches!(fault(b"\x80\x06N."), Fault::Protocol { found: 6, limit: 5 }));
}

#[test]
fn listed_globals_are_called_only_as_torch_calls_them() {
    let call = |pickle| match fault(pickle) {
        Fault::Call { callee, found } => (callee, found),
        other => panic!("{other}"),
    };
    assert_eq!(call(b"ctorch\nFloatStorage\nK\x01\x85R."), ("FloatStorage", 1));
    assert_eq!(call(b"ctorch._utils\n_rebuild_tensor_v2\n)R."), ("_rebuild_tensor_v2", 0));
    assert_eq!(call(b"ctorch\ndevice\n)\x81."), ("device", 0));
    assert_eq!(call(b"ccollections\nOrderedDict\n]\x85\x81."), ("OrderedDict", 1));
    assert!(matches!(fault(b"X\x01\0\0\0a)R."), Fault::Type { what: "callee", found: "str", .. }));
    assert!(matches!(fault(b"ctorch\nSize\n."), Fault::NoValue { found: "Size" }));
}

#[test]
fn state_other_than_metadata_is_refused() {
    assert!(matches!(fault(b"ccollections\nOrderedDict\n)R}X\x01\0\0\0aNsb."), Fault::State { .. }));
    assert!(matches!(fault(b"ccollections\nOrderedDict\n)RNb."), Fault::State { .. }));
    assert!(matches!(fault(b"}}b."), Fault::Type { found: "dict", .. }));
}

#[test]
fn persistent_ids_other_than_storages_are_refused() {
    let (tag, class) = (&b"(X\x07\0\0\0storage"[..], &b"ctorch\nFloatStorage\n"[..]);
    let rest = &b"X\x01\0\0\x000X\x03\0\0\0cpuK\x04"[..];
    assert!(matches!(fault(b"X\x01\0\0\x000Q."), Fault::PersistentId { .. }));
    assert!(matches!(fault(b")Q."), Fault::PersistentId { .. }));
    assert!(
        matches!(fault(b"(X\x06\0\0\0moduleNNNtQ."), Fault::PersistentId { found } if found == "\"module\"")
    );
    assert!(matches!(fault(&[tag, b"N", rest, b"tQ."].concat()), Fault::PersistentId { .. }));
    assert!(matches!(fault(&[tag, class, rest, b")tQ."].concat()), Fault::StorageView { .. }));
    assert!(
        matches!(fault(&[tag, class, rest, b"tQ."].concat()), Fault::StorageMissing { key } if key == "0")
    );
    let negative = &b"X\x01\0\0\x000X\x03\0\0\0cpuJ\xff\xff\xff\xff"[..];
    assert!(matches!(fault(&[tag, class, negative, b"tQ."].concat()), Fault::Integer { value: -1, .. }));
    let huge = &b"X\x01\0\0\x000X\x03\0\0\0cpu\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"[..];
    assert!(matches!(fault(&[tag, class, huge, b"tQ."].concat()), Fault::Overflow { .. }));
    let large = &b"X\x01\0\0\x000X\x03\0\0\0cpu\x8a\x08\xff\xff\xff\xff\xff\xff\xff\0"[..];
    assert!(matches!(fault(&[tag, class, large, b"tQ."].concat()), Fault::Budget { .. }));
}

#[test]
fn cycles_are_refused() {
    assert!(matches!(*error("refused_cycle.pth").fault, Fault::Cycle { kind: "list" }));
    assert!(matches!(*error("refused_cycle_stream.pth").fault, Fault::Cycle { kind: "list" }));
    // A dict as a value of itself, and a tuple that holds a list of the tuple.
    assert!(matches!(fault(b"}q\0Nh\0s."), Fault::Cycle { kind: "dict" }));
    assert!(matches!(fault(b"]q\0\x85q\x01h\0h\x01a0h\x01."), Fault::Cycle { .. }));
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| [&b"]".repeat(depth)[..], &b"a".repeat(depth - 1), b"."].concat();
    let read = |depth| pickle::parse(Cursor::new(stream(&nested(depth))), Path::new("x.pth"));
    assert!(read(100).is_ok());
    assert!(matches!(*read(101).unwrap_err().fault, Fault::Depth { limit: 100 }));
    assert!(matches!(*read(500_000).unwrap_err().fault, Fault::Depth { limit: 100 }));
}

#[test]
fn bombs_are_refused() {
    assert!(matches!(*error("refused_bomb.pth").fault, Fault::Budget { .. }));
    assert!(matches!(*error("refused_expanded.pth").fault, Fault::Budget { .. }));
    // Tuples that double, and texts of 1 kB referred to 100,000 times.
    let doubled = [&b"N"[..], &b"2\x86".repeat(64), b"."].concat();
    assert!(matches!(fault(&doubled), Fault::Budget { .. }));
    let repeated = [b"]X\0\x04\0\0", &[b'a'; 1024][..], b"q\0a(", &b"h\0".repeat(100_000), b"e."].concat();
    assert!(matches!(fault(&repeated), Fault::Budget { .. }));
    // A storage key of 1 MB, hashed 500,000 times.
    let key = [&b"X\x40\x42\x0f\0"[..], &[b'k'; 1_000_000]].concat();
    let id = [b"(X\x07\0\0\0storagectorch\nFloatStorage\n", &key[..], b"X\x03\0\0\0cpuK\0tq\0"].concat();
    let repeated = [id, b"h\0Q0".repeat(500_000), b".".to_vec()].concat();
    assert!(matches!(fault(&repeated), Fault::Budget { .. }));
}

#[test]
fn lengths_past_the_end_are_refused() {
    for pickle in
        [&b"X\xff\xff\xff\xffa."[..], b"B\xff\xff\xff\x7f.", b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff."]
    {
        assert!(matches!(fault(pickle), Fault::Truncated { .. }), "{pickle:?}");
    }
    assert!(matches!(fault(b"\x95\xff\xff\0\0\0\0\0\0N."), Fault::Truncated { needed: 0xffff, .. }));
    assert!(matches!(fault(b"\x8b\xff\xff\xff\xffN."), Fault::LongInteger { limit: 16, .. }));
}

#[test]
fn broken_stack_programs_are_refused() {
    for pickle in
        [&b"."[..], b"0.", b"2.", b"a.", b"Na.", b"(Na.", b"]s.", b"\x86.", b"N\x86.", b"(NR.", b"}(Nu."]
    {
        assert!(matches!(fault(pickle), Fault::StackEmpty), "{:?}", String::from_utf8_lossy(pickle));
    }
    assert!(matches!(fault(b"t."), Fault::NoMark));
    assert!(matches!(fault(b"h\0."), Fault::Memo { key: 0 }));
    assert!(matches!(fault(b"}Na."), Fault::Type { what: "append target", .. }));
    assert!(matches!(fault(b"]NNs."), Fault::Type { what: "item target", .. }));
    assert!(matches!(fault(b"X\x01\0\0\0\xff."), Fault::Utf8));
    assert!(matches!(fault(b"Iabc\n."), Fault::Literal { expected: "integer", .. }));
}

#[test]
fn keys_must_be_scalars_and_differ() {
    assert!(matches!(fault(b"}]Ns."), Fault::Type { what: "dict key", found: "list", .. }));
    assert!(matches!(fault(b"}K\x01NsK\x01Ns."), Fault::KeyRepeated { .. }));
}

#[test]
fn integers_beyond_64_bits_are_refused() {
    assert!(matches!(fault(b"\x8a\x09\0\0\0\0\0\0\0\0\x01."), Fault::Integer { what: "int", .. }));
}

/// Source: `refused` in `make.py`; position from `pickletools.genops` of Python 3.11.
#[test]
fn damaged_archives_are_refused() {
    for (name, expected) in [
        ("broken_short_storage.pth", "storage 0 has 12 bytes, expected 16"),
        ("broken_no_storage.pth", "storage 0 is missing"),
        ("broken_surplus.pth", "storage 1 is not named by the pickle"),
        ("broken_twice.pth", "archive names an entry twice"),
        ("broken_big_endian.pth", "byte order is big, only little is supported"),
        ("broken_version.pth", "format version is 99, supported: 1 to 10"),
        (
            "broken_bounds.pth",
            "tensor of shape [4] ends at byte 20 of a storage of 16 bytes (REDUCE at byte 157 of data.pkl)",
        ),
        (
            "refused_script.pth",
            "archive entry archive/constants.pkl belongs to a TorchScript program, not to a checkpoint",
        ),
    ] {
        assert_eq!(message(name), format!("{name}: {expected}"));
    }
    assert!(matches!(*error("broken_truncated.pth").fault, Fault::Archive(_)));
}

/// Source: `refused` in `make.py`; the last record is 8 + 16 bytes of the 365 of `small_stream.pth`.
#[test]
fn damaged_streams_are_refused() {
    for (name, expected) in [
        ("broken_truncated_stream.pth", "16 bytes needed, 15 left (storage at byte 341 of stream)"),
        ("broken_trailing_stream.pth", "1 bytes follow the last record"),
        (
            "broken_negative_stream.pth",
            "storage size is -4, allowed: 0 to the size of the file (storage at byte 341 of stream)",
        ),
        (
            "broken_size_stream.pth",
            "storage size is 4611686018427387904, allowed: 0 to the size of the file (storage at byte 341 of stream)",
        ),
    ] {
        assert_eq!(message(name), format!("{name}: {expected}"));
    }
}

#[test]
fn other_formats_are_refused_by_name() {
    let fault = |bytes: &[u8]| *pickle::parse(Cursor::new(bytes.to_vec()), Path::new("x")).unwrap_err().fault;
    let mut tar = vec![0; 1024];
    tar[..6].copy_from_slice(b"pickle");
    tar[257..262].copy_from_slice(b"ustar");
    assert!(matches!(fault(&tar), Fault::Tar));
    assert!(matches!(fault(b""), Fault::Form { .. }));
    assert!(matches!(fault(b"\x93NUMPY"), Fault::Form { head } if head == b"\x93NUM"));
    assert!(matches!(fault(b"PK\x05\x06"), Fault::Form { .. }));
    assert!(matches!(fault(b"PK\x03\x04"), Fault::Archive(_)));
}

#[test]
fn text_of_the_file_cannot_steer_a_terminal() {
    let error = pickle::parse(Cursor::new(stream(b"cos\n\x1b[2Jsystem\n.")), Path::new("x.pth")).unwrap_err();
    assert!(error.to_string().contains(r"global os.\u{1b}[2Jsystem is not allowed"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = error("absent.pth");
    assert!(error.to_string().contains("absent.pth: cannot read: "), "{error}");
}
