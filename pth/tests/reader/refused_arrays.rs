//! Arrays that must fail, written by hand.

use std::io::Cursor;
use std::path::Path;

use ncsn_pth::{Fault, Value, parse};

use crate::mutations::survives;
use crate::numpy::elements;

/// `numpy.dtype("u2", False, True)`, without and with its state.
const NATIVE: &[u8] = b"cnumpy\ndtype\n(X\x02\0\0\0u2K\0K\x01tR";
const U2: &[u8] = b"cnumpy\ndtype\n(X\x02\0\0\0u2K\0K\x01tR(K\x03X\x01\0\0\0<NNNK\0K\0K\0tb";
const EMPTY: &[u8] = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tC\x01btR";
/// Two elements of two bytes.
const CONTENT: &[u8] = b"C\x04\x01\0\x02\0";

fn read(parts: &[&[u8]]) -> Result<Value, Fault> {
    parse(Cursor::new(parts.concat()), Path::new("x.pkl")).map_err(|error| *error.fault)
}

fn fault(parts: &[&[u8]]) -> Fault {
    read(parts).expect_err("refused")
}

/// An array of this version, shape and dtype, over the content.
fn array(version: &[u8], shape: &[u8], descr: &[u8], content: &[u8]) -> Result<Value, Fault> {
    read(&[EMPTY, b"(", version, b"(", shape, b"t", descr, b"\x89", content, b"tb."])
}

#[test]
fn the_array_that_the_others_spoil_is_read() {
    let value = array(b"K\x01", b"K\x02", U2, CONTENT).unwrap();
    assert_eq!(elements(&value), ("uint16", &[2][..], &[1, 0, 2, 0][..]));
}

#[test]
fn content_must_have_the_size_of_the_shape() {
    let size = |shape| match array(b"K\x01", shape, U2, CONTENT).unwrap_err() {
        Fault::ArraySize { shape, found, expected } => (shape, found, expected),
        other => panic!("{other}"),
    };
    assert_eq!(size(b"K\x01"), (vec![1], 4, 2));
    assert_eq!(size(b""), (vec![], 4, 2));
    assert_eq!(size(b"K\x02K\0"), (vec![2, 0], 4, 0));
    assert!(matches!(array(b"K\x01", b"K\x03", U2, CONTENT), Err(Fault::Bounds { end: 6, limit: 4, .. })));
    let huge = b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f";
    assert!(matches!(array(b"K\x01", huge, U2, CONTENT), Err(Fault::Overflow { .. })));
    assert!(matches!(
        array(b"K\x01", b"J\xff\xff\xff\xff", U2, CONTENT),
        Err(Fault::Integer { value: -1, .. })
    ));
    assert!(matches!(
        array(b"K\x01", &b"K\x01".repeat(65), U2, b"C\x02ab"),
        Err(Fault::Axes { found: 65, .. })
    ));
    assert!(matches!(
        fault(&[b"cnumpy.core.multiarray\nscalar\n", U2, CONTENT, b"\x86R."]),
        Fault::ArraySize { .. }
    ));
}

#[test]
fn byte_orders_must_be_known() {
    let state = |mark: &[u8]| [NATIVE, b"(K\x03X\x01\0\0\0", mark, b"NNNK\0K\0K\0tb"].concat();
    for mark in [&b"="[..], b"|", b"I"] {
        let fault = array(b"K\x01", b"K\x02", &state(mark), CONTENT).unwrap_err();
        assert!(matches!(fault, Fault::ArrayOrder { found } if found.as_bytes() == mark));
    }
    let fault = array(b"K\x01", b"K\x02", NATIVE, CONTENT).unwrap_err();
    assert!(matches!(fault, Fault::ArrayOrder { found } if found == "unknown"));
}

#[test]
fn states_of_other_versions_and_forms_are_refused() {
    let version =
        |fault| matches!(fault, Fault::Integer { what, value: 9, .. } if what.starts_with("version"));
    assert!(version(array(b"K\x09", b"K\x02", U2, CONTENT).unwrap_err()));
    assert!(version(fault(&[NATIVE, b"(K\x09X\x01\0\0\0<NNNK\0K\0K\0tb."])));
    assert!(matches!(fault(&[EMPTY, b"(K\x01K\x02tb."]), Fault::Type { what: "state of an array", .. }));
    assert!(matches!(fault(&[NATIVE, b"(K\x03tb."]), Fault::Type { what: "state of a dtype", .. }));
    let fields = [NATIVE, b"(K\x03X\x01\0\0\0<N)NK\0K\0K\0tb."];
    assert!(matches!(fault(&fields), Fault::Type { what: "structure of a dtype", found: "tuple", .. }));
}

#[test]
fn parts_of_other_types_are_refused() {
    let list = array(b"K\x01", b"K\x02", U2, b"]").unwrap_err();
    assert!(matches!(list, Fault::Type { what: "content of an array", found: "list", .. }));
    // A `str` of Python 3 is no bytes, even if numpy would encode it; a dtype must be one.
    let text = array(b"K\x01", b"K\x02", U2, b"X\x04\0\0\0abcd").unwrap_err();
    assert!(matches!(text, Fault::Type { what: "content of an array", found: "str", .. }));
    assert!(matches!(array(b"K\x01", b"K\x02", b"N", CONTENT), Err(Fault::Type { found: "None", .. })));
    let class = b"cnumpy.core.multiarray\n_reconstruct\n(ctorch\nSize\n(K\0tC\x01btR.";
    assert!(matches!(fault(&[class]), Fault::Type { what: "class of an array", found: "Size", .. }));
    assert!(matches!(fault(&[EMPTY, b"."]), Fault::NoValue { found: "array without content" }));
    assert!(matches!(fault(&[U2, b"."]), Fault::NoValue { found: "dtype" }));
}

#[test]
fn orders_of_axes_must_have_each_once() {
    let buffer = |order: &[u8], axes: &[u8]| {
        let call = b"cnumpy._core.numeric\n_frombuffer\n(";
        read(&[call, CONTENT, U2, b"(K\x01K\x02tX\x01\0\0\0", order, axes, b"tR."])
    };
    assert_eq!(elements(&buffer(b"K", b"(K\x01K\0t").unwrap()), ("uint16", &[2, 1][..], &[1, 0, 2, 0][..]));
    assert_eq!(elements(&buffer(b"F", b"N").unwrap()).1, [1, 2]);
    for (order, axes) in [
        (b"K", &b""[..]),
        (b"K", b"N"),
        (b"K", b"(K\0K\0t"),
        (b"K", b"(K\0K\x02t"),
        (b"K", b"(K\0t"),
        (b"C", b"(K\x01K\0t"),
        (b"A", b""),
    ] {
        assert!(matches!(buffer(order, axes), Err(Fault::Layout { .. })), "{order:?} {axes:?}");
    }
}

#[test]
fn bytes_in_text_must_be_latin1() {
    let encode = |text: &[u8], codec: &[u8]| {
        let len = [text.len() as u8, 0, 0, 0];
        let name = [codec.len() as u8, 0, 0, 0];
        read(&[b"c_codecs\nencode\nX", &len, text, b"X", &name, codec, b"\x86R."])
    };
    assert!(matches!(encode("é".as_bytes(), b"latin1"), Ok(Value::Bytes(bytes)) if bytes == [0xe9]));
    assert!(matches!(encode("€".as_bytes(), b"latin1"), Err(Fault::Latin1 { found: '€' })));
    assert!(matches!(encode(b"a", b"rot13"), Err(Fault::Codec { found }) if found == "rot13"));
}

/// A text of 1 MB, turned into bytes and arrays a thousand times; a million scalars and many parameters that no value
/// keeps.
#[test]
fn copies_are_paid_for() {
    let text = |code: &[u8]| [code, &1_000_000_u32.to_le_bytes()[..], &[b'a'; 1_000_000], b"q\x01"].concat();
    let encoded = [&text(b"X")[..], b"c_codecs\nencode\nq\x02X\x06\0\0\0latin1q\x030"].concat();
    let calls = b"h\x02h\x01h\x03\x86R0".repeat(1000);
    let refused = [&encoded[..], &calls, b"N."].concat();
    assert!(!survives(&refused));
    assert!(matches!(fault(&[&refused]), Fault::Budget { .. }));

    let raw = [&text(b"T")[..], b"0c__builtin__\nbytearray\nq\x02"].concat();
    let refused = [&raw[..], &b"h\x02h\x01\x85R0".repeat(1000), b"N."].concat();
    assert!(!survives(&refused));
    assert!(matches!(fault(&[&refused]), Fault::Budget { .. }));

    let scalar = [b"cnumpy.core.multiarray\nscalar\nq\0", U2, b"C\x02ab\x86q\x01"].concat();
    let refused = [&scalar[..], &b"h\0h\x01R0".repeat(1_500_000), b"N."].concat();
    assert!(!survives(&refused));
    assert!(matches!(fault(&[&refused]), Fault::Budget { .. }));

    // A tensor of 60 axes and no elements, and the calls that make parameters of it.
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\0tQ";
    let axes = [b"(", &b"K\0".repeat(60)[..], b"t2"].concat();
    let tensor = [b"ctorch._utils\n_rebuild_tensor\n(", &storage[..], b"K\0", &axes, b"tR"].concat();
    let parameter = [b"ctorch._utils\n_rebuild_parameter\nq\0", &tensor[..], b"\x88N\x87q\x01"].concat();
    let refused = [&parameter[..], &b"h\0h\x01R0".repeat(200_000), b"N."].concat();
    assert!(!survives(&refused));
    assert!(matches!(fault(&[&refused]), Fault::Budget { .. }));
}

#[test]
fn a_bare_pickle_has_one_object_and_no_storages() {
    assert!(matches!(fault(&[b"\x80\x02N.N."]), Fault::Trailing { bytes: 2 }));
    let id = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ0N.";
    assert!(matches!(fault(&[id]), Fault::StorageMissing { key } if key == "0"));
}
